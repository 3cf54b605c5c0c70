import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { householdAccount } from '../ledger/accounts.ts';
import { type Earned, earningsOf, leftOf } from '../ledger/earned.ts';
import type { Lots } from '../ledger/transactions.ts';
import type { run } from './tables.ts';

/** What a run takes, and until when. */
export type Rule = Pick<typeof run.$inferSelect, 'rule' | 'throughOn' | 'capPoints'>;

/** What a household can spend. */
interface Holding {
  householdId: string;
  available: number;
  lots: Lots;
  /** What was earned in which year. */
  earned: Earned;
}

/** What a rule takes of a holding, never more than is there. Preview and posting both ask here, so they cannot differ. */
export function dueOf({ rule, throughOn, capPoints }: Rule, holding: Holding): number {
  if (rule === 'lots') {
    const due = Object.entries(holding.lots).filter(([day]) => day <= throughOn);
    return due.reduce((sum, [, points]) => sum + points, 0);
  }
  // What was earned after the last day is left alone: it is of a later year.
  const later = Object.entries(leftOf(holding)).filter(([year]) => year > throughOn.slice(0, 4));
  const old = holding.available - later.reduce((sum, [, points]) => sum + points, 0);
  return rule === 'clear' ? old : Math.max(0, old - capPoints!);
}

/**
 * Holdings of a village's households, or of some, and the number of the book they are as of; all seen at one moment,
 * by household id.
 */
export async function holdingsOf(
  db: Db,
  village: string,
  rule: Rule,
  householdIds?: readonly string[],
): Promise<{ bookNumber: number; holdings: Holding[] }> {
  const accounts =
    householdIds === undefined
      ? sql`code >= 'household:' and code < 'household;' and code like '%:available'`
      : sql`code = any(${sql.param(householdIds.map(id => householdAccount(id, 'available')))}::text[])`;
  const earned = rule.rule === 'lots' ? sql`select '{}'::json as earned` : earningsOf(village);
  const [seen] = await rowsOf<{ bookNumber: number; holdings: Holding[] }>(
    db,
    sql`
    with first as materialized (
      select coalesce(min(number), 9223372036854775807) as number from ledger.transaction
       where village = ${village} and business_date > ${rule.throughOn}),
    holding as (
      select split_part(a.code, ':', 2) as "householdId", a.balance as available, a.lots, y.earned
        from ledger.account a
       cross join first
       cross join lateral (${earned}) y
       where a.village = ${village} and ${accounts} and a.asset = 'PTS')
    select b.number as "bookNumber",
           (select coalesce(json_agg(h order by h."householdId"), '[]') from holding h) as holdings
      from ledger.book b where b.village = ${village}`,
  );
  return seen!;
}
