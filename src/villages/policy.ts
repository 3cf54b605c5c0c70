import { and, asc, desc, eq, gt, like, lte, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { defaultPolicy, type LaterSettings, type PolicySettings } from './policy-settings.ts';
import { getVillage } from './read.ts';
import { policy as policyTable } from './tables.ts';

export interface PolicyView extends PolicySettings {
  /** First day it holds; null for the defaults. */
  validFrom: string | null;
}

/** The policy in force on a day. */
export async function policyOn(db: Db, village: string, day: Temporal.PlainDate): Promise<PolicyView> {
  const [row] = await db
    .select()
    .from(policyTable)
    .where(and(eq(policyTable.village, village), lte(policyTable.validFrom, day.toString())))
    .orderBy(desc(policyTable.validFrom))
    .limit(1);
  // A setting that came after the policy was adopted has its default.
  return row === undefined
    ? { ...defaultPolicy, validFrom: null }
    : { ...defaultPolicy, ...row.policy, validFrom: row.validFrom };
}

/** The policy in force on a day, and those that follow it, by first day. */
export async function listPoliciesFrom(db: Db, village: string, day: Temporal.PlainDate): Promise<PolicyView[]> {
  const rows = await db
    .select()
    .from(policyTable)
    .where(and(eq(policyTable.village, village), gt(policyTable.validFrom, day.toString())))
    .orderBy(asc(policyTable.validFrom));
  const later = rows.map(row => ({ ...defaultPolicy, ...row.policy, validFrom: row.validFrom }));
  return [await policyOn(db, village, day), ...later];
}

/** Whether a village under the prefix asks all of its staff for a second factor on a day. */
export async function asksSecondFactor(db: Db, prefix: string, day: Temporal.PlainDate): Promise<boolean> {
  const latest = db
    .selectDistinctOn([policyTable.village], { policy: policyTable.policy })
    .from(policyTable)
    .where(and(like(policyTable.village, `${prefix}%`), lte(policyTable.validFrom, day.toString())))
    .orderBy(policyTable.village, desc(policyTable.validFrom))
    .as('latest');
  const [asking] = await db
    .select({ policy: latest.policy })
    .from(latest)
    .where(sql`${latest.policy} @> '{"secondFactorForAllStaff": true}'`)
    .limit(1);
  return asking !== undefined;
}

/**
 * Sets what holds from a day on. It never reaches back: the day lies after today, or, for a village without a policy, on
 * or after the day it opened.
 * @throws Refusal `business-date-refused` (facts: `earliest`, `latest`) | `already-exists` | `out-of-bounds`
 */
export async function setPolicy(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { validFrom: string } & Omit<PolicySettings, LaterSettings> & Partial<Pick<PolicySettings, LaterSettings>>,
  now: Temporal.Instant,
): Promise<PolicyView> {
  const { validFrom, ...decided } = input;
  const settings = { ...defaultPolicy, ...decided };
  refuseInconsistent(settings);
  const { openedOn } = await getVillage(tx, village);
  const [any] = await tx.select().from(policyTable).where(eq(policyTable.village, village)).limit(1);
  const earliest = any === undefined ? openedOn : dayOf(now).add({ days: 1 }).toString();
  if (validFrom < earliest) throw new Refusal('business-date-refused', { earliest, latest: null });
  await tx.insert(policyTable).values({ village, validFrom, policy: settings, setBy: actor.id, setAt: iso(now) });
  return { ...settings, validFrom };
}

/** What a schema cannot say: publicity is nothing or 3 to 7 days, and a day of exchange ends after it begins. */
function refuseInconsistent(settings: PolicySettings): void {
  const days = settings.directAwardPublicityDays;
  if (days !== 0 && (days < 3 || days > 7)) {
    throw new Refusal('out-of-bounds', { field: 'directAwardPublicityDays', min: 3, max: 7 });
  }
  if ((settings.yearEnd === 'cap') !== (settings.yearEndCapPoints !== null)) {
    throw new Refusal('out-of-bounds', { field: 'yearEndCapPoints', min: 1, max: 1 });
  }
  if ((settings.issuingFund === null) !== (settings.issuingBudgetFen === null)) {
    throw new Refusal('out-of-bounds', { field: 'issuingBudgetFen', min: 1, max: 1 });
  }
  settings.exchangeDays.forEach((day, index) => {
    const field = `exchangeDays/${index}`;
    if ((day.weekday === null) === (day.dayOfMonth === null))
      throw new Refusal('out-of-bounds', { field, min: 1, max: 1 });
    if (day.opens >= day.closes)
      throw new Refusal('out-of-bounds', { field: `${field}/closes`, min: day.opens, max: '24:00' });
  });
}
