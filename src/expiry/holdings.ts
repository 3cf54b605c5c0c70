import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { householdAccount, issued } from '../ledger/accounts.ts';
import type { Lots } from '../ledger/transactions.ts';
import type { run } from './tables.ts';

/** What a run takes, and until when. */
export type Rule = Pick<typeof run.$inferSelect, 'rule' | 'throughOn' | 'capPoints'>;

/** What a household can spend. */
interface Holding {
  householdId: string;
  available: number;
  lots: Lots;
  /** What of it was earned after the last day, which a year end leaves alone. */
  earnedAfter: number;
}

/** What a rule takes of a holding, never more than is there. Preview and posting both ask here, so they cannot differ. */
export function dueOf({ rule, throughOn, capPoints }: Rule, holding: Holding): number {
  if (rule === 'lots') {
    const due = Object.entries(holding.lots).filter(([day]) => day <= throughOn);
    return due.reduce((sum, [, points]) => sum + points, 0);
  }
  // What was there before is spent before what came after.
  const old = Math.max(0, holding.available - holding.earnedAfter);
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
  // Each row by its key, hence `offset 0`: in a young book a join would read all of it for every household.
  // Awards of the new year and what was released from the notice board in it, less what of them was reversed.
  const earnedAfter =
    rule.rule === 'lots'
      ? sql`0`
      : sql`coalesce((
          select sum(e.amount)
            from (select * from ledger.entry
                   where village = ${village} and account = a.number and number >= first.number offset 0) e
           cross join lateral (
             select code from ledger.account where village = ${village} and number = e.counter_account offset 0) c
           cross join lateral (
             select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
            left join lateral (
             select * from ledger.transaction where village = ${village} and number = t.reverses offset 0) o on true
           where (c.code = ${issued} or c.code like '%:pending')
             and coalesce(o.business_date, t.business_date) > ${rule.throughOn}), 0)::bigint`;
  const [seen] = await rowsOf<{ bookNumber: number; holdings: Holding[] }>(
    db,
    sql`
    with first as materialized (
      select coalesce(min(number), 9223372036854775807) as number from ledger.transaction
       where village = ${village} and business_date > ${rule.throughOn}),
    holding as (
      select split_part(a.code, ':', 2) as "householdId", a.balance as available, a.lots, ${earnedAfter} as "earnedAfter"
        from ledger.account a, first
       where a.village = ${village} and ${accounts} and a.asset = 'PTS')
    select b.number as "bookNumber",
           (select coalesce(json_agg(h order by h."householdId"), '[]') from holding h) as holdings
      from ledger.book b where b.village = ${village}`,
  );
  return seen!;
}
