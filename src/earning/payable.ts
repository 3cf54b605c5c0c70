import { sql } from 'drizzle-orm';
import { rowsOf, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type PolicySettings, yearlyPointsMax } from '../villages/policy-settings.ts';
import { explain } from './award.ts';
import { type Unreversed, unreversed } from './award-row.ts';
import { holderOf, limitsOf, occasionKey } from './caps.ts';
import { type AwardLine, awardMaxPoints, type RuleInBook, type ValidAward } from './validate-award.ts';

/*
 * What is refused when it is asked for, because whoever decides on it last could only be refused: it is then too late for
 * the one who asked, and those who decided have decided for nothing.
 */

/**
 * Refuses what nobody could ever be given: more than the rule's cap, or than the money of a year.
 * @param at where quantity and points stand in what was sent, before their names
 * @throws Refusal `out-of-bounds` (facts: `field`, `min`, `max`)
 */
export function refuseUnpayable(
  { rule, points, policy }: { rule: Pick<RuleInBook, 'capTimes'>; points: number; policy: PolicySettings },
  quantity: number,
  at = '',
): void {
  if (rule.capTimes !== null && quantity > rule.capTimes) {
    throw new Refusal('out-of-bounds', { field: `${at}quantity`, min: 1, max: rule.capTimes });
  }
  const max = Math.min(awardMaxPoints, yearlyPointsMax(policy) ?? awardMaxPoints);
  if (points > max) throw new Refusal('out-of-bounds', { field: `${at}points`, min: Math.min(1, max), max });
}

/**
 * Refuses what the book would refuse as it stands now, if others decided on it today: an occasion that was paid, an award
 * that excludes this one, a cap or the money of the year that is used up. What other open claims ask for does not count.
 * Nothing is locked: the book asks again when the award is made.
 * @throws Refusal `award-duplicate` | `rule-exclusive` (facts: `awardId`) | `cap-reached` (facts: `cap`, `used`, `limit`,
 *   `resetsOn`) | `budget-exhausted` (facts: `used`, `limit`)
 */
export async function refuseUsedUp(
  tx: Tx,
  village: string,
  line: Pick<AwardLine, 'householdId' | 'memberId' | 'quantity' | 'occasion'>,
  { rule, points, policy, businessDate }: ValidAward,
): Promise<void> {
  const { householdId, memberId = null, quantity, occasion } = line;
  const limits = limitsOf(
    rule,
    { householdId, memberId, occasion: occasion ?? null, businessDate, quantity, points, direct: false },
    policy,
  );
  const keys = limits.map(({ key }) => key);
  const rows = await rowsOf<{ key: string; used: number }>(
    tx,
    sql`select key, used from ledger.limit_use where village = ${village} and key = any(${sql.param(keys)}::text[])`,
  );
  const usedOf = new Map(rows.map(({ key, used }) => [key, Number(used)]));
  const full = limits.find(({ key, use, max }) => (usedOf.get(key) ?? 0) + use > max);
  if (full === undefined) return;
  const row = { holderId: holderOf(rule, line), occasionKey: occasion === undefined ? '' : occasionKey(occasion) };
  const conflicts = occasion === undefined ? [] : await rowsOf<Unreversed>(tx, unreversed([{ village, ...row }])!);
  const facts = { cap: full.key, used: usedOf.get(full.key)!, limit: full.max };
  throw explain({ row, rule, businessDate }, new Refusal(full.code, facts), conflicts);
}
