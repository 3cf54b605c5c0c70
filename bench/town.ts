import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso, systemClock } from '../src/calendar.ts';
import { type Database, rowsOf, type Tx } from '../src/db/database.ts';
import { none } from '../src/db/scope.ts';
import type { RuleInBook } from '../src/earning/validate-award.ts';
import type { Actor } from '../src/http/route.ts';
import { createFirstAdmin } from '../src/identity/first-admin.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import type { Sealer } from '../src/identity/sealing.ts';
import { newTotpSecret, setSecondFactor } from '../src/identity/second-factor.ts';
import { createUser } from '../src/identity/users.ts';
import { householdAccounts } from '../src/ledger/accounts.ts';
import { openAccounts } from '../src/ledger/post.ts';
import { adoptRuleBook } from '../src/rules/adopt.ts';
import { draftRuleBook } from '../src/rules/draft.ts';
import type { RuleDraft } from '../src/rules/rule-draft.ts';
import { createDivision, openVillage } from '../src/villages/open.ts';
import { setPolicy } from '../src/villages/policy.ts';
import { defaultPolicy, type PolicySettings } from '../src/villages/policy-settings.ts';
import { manyClients } from './race.ts';

/** Everything lies in this city; a grant over it reaches every village. */
export const city = '5202';
export const password = 'for this measurement only';
/** Of the verification codes of those whose role asks for them, in base32. */
export const totpSecret = newTotpSecret();

const allDay = [1, 2, 3, 4, 5, 6, 7].map(weekday => ({ weekday, dayOfMonth: null, opens: '00:00', closes: '23:59' }));

/** Caps that are checked every time and never reached, points that expire, a store that is open. */
export const policy: PolicySettings = {
  ...defaultPolicy,
  directAwardPublicityDays: 0,
  householdDayMaxPoints: 1_000_000,
  expiryMonths: 24,
  redemptionsPerDay: 1_000_000,
  exchangeDays: allDay,
};

/** The four counties of the city: villages are opened in them in turn. */
const counties = ['520201', '520203', '520204', '520281'];

export interface Village {
  village: string;
  rule: RuleInBook;
  households: string[];
}

/** Who does things in the villages, as the verbs want to know them. */
export interface Staff {
  admin: Actor;
  supervisor: Actor;
  secretary: Actor;
  clerk: Actor;
  /** Logins of clerks of the whole city, one for each client. */
  clerks: string[];
}

/** Fills an empty database: a city, its counties and villages with households and a rule to award by. */
export async function fillTown(
  database: Database,
  sealer: Sealer,
  size: { villages: number; households: number },
): Promise<{ staff: Staff; villages: Village[]; openedOn: string }> {
  const now = systemClock.now();
  const openedOn = dayOf(now).subtract({ years: 1 }).toString();
  const staff = await database.inTransaction(none, tx => makeStaff(tx, sealer, now));
  await database.inTransaction(none, async tx => {
    await divide(tx, '520000000000', 'province', null);
    await divide(tx, '520200000000', 'city', '520000000000');
    for (const county of counties) {
      await divide(tx, `${county}000000`, 'county', '520200000000');
      await divide(tx, `${county}101000`, 'town', `${county}000000`);
    }
  });
  const codes = Array.from({ length: size.villages }, (_, n) => {
    const place = String(Math.floor(n / counties.length) + 1).padStart(3, '0');
    return `${counties[n % counties.length]}101${place}`;
  });
  const open = (village: string) =>
    database.inTransaction(village, tx => openOne(tx, staff, { village, openedOn, households: size.households }, now));
  const villages: Village[] = [];
  // Four at a time: there are two cores.
  for (let n = 0; n < codes.length; n += 4) villages.push(...(await Promise.all(codes.slice(n, n + 4).map(open))));
  return { staff, villages, openedOn };
}

async function makeStaff(tx: Tx, sealer: Sealer, now: Temporal.Instant): Promise<Staff> {
  const passwordHash = await hashSecret(password);
  const adminId = await createFirstAdmin(tx, { login: 'admin', name: 'admin', passwordHash, oneTimeUntil: null }, now);
  const admin = actorFor(adminId, 'platformAdmin', '');
  const appoint = async (
    by: Actor,
    login: string,
    grant: { role: 'supervisor' | 'villageAdmin' | 'clerk'; prefix: string },
  ) =>
    actorFor(
      (await createUser(tx, by, { login, name: login, passwordHash, oneTimeUntil: null, grant }, now)).id,
      grant.role,
      city,
    );
  const anyVillage = `${counties[0]}101001`;
  const supervisor = await appoint(admin, 'supervisor', { role: 'supervisor', prefix: city });
  const secretary = await appoint(admin, 'secretary', { role: 'villageAdmin', prefix: anyVillage });
  for (const { id } of [supervisor, secretary]) await setSecondFactor(tx, sealer, { id, secret: totpSecret }, now);
  const clerks = Array.from({ length: manyClients }, (_, n) => `clerk${n}`);
  const actors: Actor[] = [];
  for (const login of clerks) {
    const clerk = await appoint(secretary, login, { role: 'clerk', prefix: anyVillage });
    // No verb grants a clerk more than a village; here each client stands for the clerks of all of them.
    await tx.execute(sql`
      insert into identity.grant (id, user_id, role, prefix, granted_by, granted_at)
      values (${randomUUIDv7()}, ${clerk.id}, 'clerk', ${city}, ${admin.id}, ${iso(now)})`);
    actors.push(clerk);
  }
  return { admin, supervisor, secretary, clerk: actors[0]!, clerks };
}

function divide(
  tx: Tx,
  code: string,
  level: 'province' | 'city' | 'county' | 'town' | 'village',
  parentCode: string | null,
) {
  return createDivision(tx, { code, level, parentCode, name: code, kind: level, provisional: true, households: null });
}

async function openOne(
  tx: Tx,
  staff: Staff,
  options: { village: string; openedOn: string; households: number },
  now: Temporal.Instant,
): Promise<Village> {
  const { village, openedOn } = options;
  await divide(tx, village, 'village', `${village.slice(0, 9)}000`);
  await openVillage(tx, staff.admin, { village, openedOn }, now);
  await setPolicy(tx, staff.secretary, village, { ...policy, validFrom: openedOn }, now);
  const book = await draftRuleBook(tx, staff.secretary, village, { title: 'bench', rules: [sweeping] }, now);
  const resolution = { heldOn: openedOn, present: 3, votesFor: 3, votesAgainst: 0, abstained: 0 };
  const adoption = { inForceFrom: openedOn, resolution };
  const { rules } = await adoptRuleBook(tx, staff.supervisor, { village, ruleBookId: book.id }, adoption, now);
  const households = await enrolMany(tx, staff.clerk, village, options.households, now);
  const rule = { ...rules[0]!, ruleBookTitle: book.title, inForceFrom: openedOn, inForceTo: null };
  return { village, rule, households };
}

/** A rule with honour, whose cap is checked every time and never reached. */
const sweeping: RuleDraft = {
  code: 'ENV01',
  category: '环境卫生',
  title: '清扫',
  titleEn: null,
  points: 1,
  direction: 'award',
  unit: '次',
  capTimes: 10_000,
  capPeriod: 'day',
  capScope: 'household',
  evidence: ['count'],
  excludes: [],
  highestOnlyGroup: null,
  honour: true,
  publicity: 'required',
};

/** As `enrol` would, in one statement: a hundred thousand households one by one would take minutes. */
async function enrolMany(
  tx: Tx,
  actor: Actor,
  village: string,
  count: number,
  now: Temporal.Instant,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    sql`
    with newcomer as materialized (
      select uuidv7() as id, uuidv7() as head, 'H' || lpad(n::text, 5, '0') as number from generate_series(1, ${count}::integer) n),
    entered as (
      insert into households.household (village, id, number, head_member_id, created_by, created_at)
      select ${village}, id, number, head, ${actor.id}::uuid, ${iso(now)}::timestamptz from newcomer returning id),
    heads as (
      insert into households.member (village, id, household_id, name, created_at)
      select ${village}, head, id, '某人', ${iso(now)}::timestamptz from newcomer)
    select id from entered order by id`,
  );
  const ids = rows.map(row => row.id);
  await openAccounts(tx, village, ids.flatMap(householdAccounts));
  return ids;
}

function actorFor(id: string, role: Actor['grants'][number][0], prefix: string): Actor {
  return {
    kind: 'staff',
    id,
    client: id,
    sessionId: id,
    grants: [[role, prefix]],
    kioskId: null,
    householdId: null,
    level: null,
  };
}
