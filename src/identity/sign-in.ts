import { and, eq, gt, isNull, lt, not, or, sql } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import { type Database, rowsOf, type Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import type { PendingAction, Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { grantsOf } from './guard.ts';
import { verifySecret } from './passwords.ts';
import type { Sealer } from './sealing.ts';
import { hasSecondFactor, isSecondFactorCompulsory, takeCode } from './second-factor.ts';
import { lifetimes, rotate, type SessionRow, startSession } from './sessions.ts';
import { signIn as attempts, user } from './tables.ts';
import { accessTokenSeconds, type Tokens } from './tokens.ts';

const triesMax = 5;
const lockMinutes = 15;
/** At all addresses together that are new to a name: many of them must not add up to a search for its password. */
const triesElsewhereMax = 50;
const knownDays = 30;
/** Stands for all addresses that are new to a name, in the place of one. */
const elsewhere = '';
/** Stands for all addresses where a name's second factor is tried, after its right password: no address has this form. */
const secondFactorTries = 'code';

/** A name as it was typed, in lower case, and the address that it was typed at. */
interface From {
  login: string;
  address: string;
}

interface SignedIn {
  accessToken: string;
  accessExpiresInSeconds: number;
  refreshToken: string;
  refreshExpiresInSeconds: number;
  user: { id: string; login: string; name: string };
  grants: { role: Role; prefix: string }[];
  /** What has to be done before anything else can be; null when nothing has. */
  pendingAction: PendingAction | null;
}

interface Deps {
  database: Database;
  clock: Clock;
  tokens: Tokens;
  sealer: Sealer;
  /** Whether a village under the prefix asks all of its staff for a second factor. */
  villagesAskSecondFactor: (prefix: string, now: Temporal.Instant) => Promise<boolean>;
}

/**
 * Signs a person in by name and password, and by a verification code once the person has a second factor.
 * @throws Refusal `sign-in-failed` | `sign-in-locked` (facts: `until`) | `second-factor-required` | `second-factor-wrong` |
 *   `expired`: a one-time password, too late (facts: `what`, `expiredAt`) | `unavailable`
 */
export async function signIn(
  deps: Deps,
  input: { login: string; password: string; code?: string | undefined; address: string },
): Promise<SignedIn> {
  const { database, clock, sealer } = deps;
  const login = input.login.toLowerCase();
  const from = { login, address: input.address };
  await countTry(deps, from);

  const person = await database.inSnapshot(none, async db => {
    const [row] = await db.select().from(user).where(eq(user.login, login));
    return row;
  });
  const right = await verifySecret(input.password, person?.passwordHash);
  if (!right || person === undefined || person.state !== 'active') throw new Refusal('sign-in-failed');

  const now = clock.now();
  if (person.oneTimeUntil !== null && Temporal.Instant.compare(person.oneTimeUntil, now) <= 0) {
    throw new Refusal('expired', { what: 'oneTimePassword', expiredAt: person.oneTimeUntil });
  }

  const secondFactor = await database.inSnapshot(none, db => hasSecondFactor(db, person.id));
  if (secondFactor && input.code !== undefined) await countCode(deps, login);
  const started = await database.inTransaction(none, async tx => {
    if (secondFactor) await takeCode(tx, sealer, person.id, input.code, now);
    await forgetTries(tx, from, now);
    await forgetCodes(tx, login);
    const grants = await grantsOf(tx, person.id, now);
    const who = { kind: 'staff' as const, subject: person.id, village: null, device: null };
    return { person, secondFactor, grants, ...(await startSession(tx, who, now)) };
  });
  return signedIn(deps, started, now);
}

/**
 * Counts a try at a name's password before the password is looked at: a thousand guesses at once are still five. Counted
 * by name and address, so that nobody can lock out who sits elsewhere; and once more for all addresses at which the name
 * has not succeeded lately, so that many addresses are no way around. Where its owner has signed in before, that second
 * count does not matter.
 * @throws Refusal `sign-in-locked` (facts: `until`)
 */
export async function countTry({ database, clock }: Pick<Deps, 'database' | 'clock'>, from: From): Promise<void> {
  const now = clock.now();
  await database.inTransaction(none, async tx => {
    const { known } = await count(tx, from, triesMax, now);
    if (!known) await count(tx, { ...from, address: elsewhere }, triesElsewhereMax, now);
  });
}

/**
 * Counts a try at a person's second factor before the code is looked at, wherever it comes from: only who has the password
 * gets here, and with many addresses a million codes would soon be tried.
 * @throws Refusal `sign-in-locked` (facts: `until`)
 */
export async function countCode({ database, clock }: Pick<Deps, 'database' | 'clock'>, login: string): Promise<void> {
  await database.inTransaction(none, tx => count(tx, { login, address: secondFactorTries }, triesMax, clock.now()));
}

/** A right code forgets the wrong ones. */
export async function forgetCodes(tx: Tx, login: string): Promise<void> {
  await tx.delete(attempts).where(and(eq(attempts.login, login), eq(attempts.address, secondFactorTries)));
}

/** Answers whether the name has succeeded there lately. @throws Refusal `sign-in-locked` (facts: `until`) */
async function count(
  tx: Tx,
  { login, address }: From,
  max: number,
  now: Temporal.Instant,
): Promise<{ known: boolean }> {
  const [counted] = await rowsOf<{ known: boolean }>(
    tx,
    sql`
    insert into identity.sign_in as s (login, address, failed_attempts, tried_at) values (${login}, ${address}, 1, ${iso(now)})
    on conflict (login, address) do update
      set failed_attempts = case when s.locked_until is null then s.failed_attempts + 1 else 1 end,
          locked_until = case when s.locked_until is null and s.failed_attempts + 1 >= ${max}
                              then ${iso(now.add({ minutes: lockMinutes }))}::timestamptz end,
          tried_at = excluded.tried_at
    where s.locked_until is null or s.locked_until <= ${iso(now)}::timestamptz
    returning coalesce(s.succeeded_at > ${daysBefore(now, knownDays)}::timestamptz, false) as known`,
  );
  if (counted !== undefined) return counted;
  const [lock] = await tx
    .select()
    .from(attempts)
    .where(and(eq(attempts.login, login), eq(attempts.address, address)));
  throw new Refusal('sign-in-locked', { until: lock?.lockedUntil ?? null });
}

/**
 * A right password forgets the wrong ones there, and makes the address one that the name is known at. Of the tries at new
 * addresses it takes back its own alone: the others may be somebody else's.
 */
export async function forgetTries(tx: Tx, { login, address }: From, now: Temporal.Instant): Promise<void> {
  await tx.execute(sql`
    update identity.sign_in
       set failed_attempts = greatest(failed_attempts - 1, 0)
     where login = ${login} and address = ${elsewhere}
       and not exists (select from identity.sign_in here
                        where here.login = ${login} and here.address = ${address}
                          and here.succeeded_at > ${daysBefore(now, knownDays)}::timestamptz)`);
  await tx
    .update(attempts)
    .set({ failedAttempts: 0, lockedUntil: null, succeededAt: iso(now) })
    .where(and(eq(attempts.login, login), eq(attempts.address, address)));
}

/** Forgets tries of more than a day ago: anybody may type any name, and each makes a row. */
export async function forgetOldTries({ database, clock }: Pick<Deps, 'database' | 'clock'>): Promise<void> {
  const now = clock.now();
  const known = gt(attempts.succeededAt, daysBefore(now, knownDays));
  await database.inTransaction(none, async tx => {
    await tx
      .delete(attempts)
      .where(and(lt(attempts.triedAt, daysBefore(now, 1)), or(isNull(attempts.succeededAt), not(known))));
    await tx
      .update(attempts)
      .set({ failedAttempts: 0, lockedUntil: null })
      .where(lt(attempts.triedAt, daysBefore(now, 1)));
  });
}

function daysBefore(now: Temporal.Instant, days: number): string {
  return iso(now.subtract({ hours: 24 * days }));
}

/**
 * Exchanges a refresh token for a new pair.
 * @throws Refusal `unauthenticated` | `token-expired` | `session-revoked` (facts: `reason`)
 */
export async function refresh(deps: Deps, refreshToken: string): Promise<SignedIn> {
  const { database, clock } = deps;
  const outcome = await database.inTransaction(none, async tx => {
    const rotated = await rotate(tx, 'staff', refreshToken, clock.now());
    if ('reused' in rotated) return null;
    const [person] = await tx.select().from(user).where(eq(user.id, rotated.session.subject));
    const grants = await grantsOf(tx, rotated.session.subject, clock.now());
    if (person === undefined || person.state !== 'active') throw new Refusal('session-revoked', { reason: 'disabled' });
    return { person, secondFactor: await hasSecondFactor(tx, person.id), grants, ...rotated };
  });
  if (outcome === null) throw new Refusal('session-revoked', { reason: 'refreshReused' });
  return signedIn(deps, outcome, clock.now());
}

interface Started {
  person: typeof user.$inferSelect;
  secondFactor: boolean;
  grants: [Role, string][];
  session: SessionRow;
  refreshToken: string;
}

async function signedIn(deps: Deps, started: Started, now: Temporal.Instant): Promise<SignedIn> {
  const { person, grants } = started;
  const pendingAction = await pendingActionOf(deps, started, now);
  const accessToken = deps.tokens.sign(
    {
      kind: 'staff',
      id: person.id,
      client: person.id,
      sessionId: started.session.id,
      grants,
      kioskId: null,
      householdId: null,
      level: null,
      ...(pendingAction !== null && { pendingAction }),
    },
    accessTokenSeconds,
  );
  return {
    accessToken,
    accessExpiresInSeconds: accessTokenSeconds,
    refreshToken: started.refreshToken,
    refreshExpiresInSeconds: lifetimes.staff.idleSeconds,
    user: { id: person.id, login: person.login, name: person.name },
    grants: grants.map(([role, prefix]) => ({ role, prefix })),
    pendingAction,
  };
}

/** Asked with every new token: whom a role is given, or whose village changes its mind, is asked within 15 minutes. */
async function pendingActionOf(deps: Deps, started: Started, now: Temporal.Instant): Promise<PendingAction | null> {
  const { person, secondFactor, grants } = started;
  if (person.oneTimeUntil !== null) return 'changePassword';
  if (secondFactor) return null;
  if (isSecondFactorCompulsory(grants.map(([role]) => role))) return 'setUpSecondFactor';
  for (const prefix of new Set(grants.map(([, prefix]) => prefix))) {
    if (await deps.villagesAskSecondFactor(prefix, now)) return 'setUpSecondFactor';
  }
  return null;
}
