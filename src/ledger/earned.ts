import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { householdAccount, issued } from './accounts.ts';
import { shareOf } from './lots.ts';

/**
 * Points of a household by the calendar year in which they were earned; the rest came earlier, or nobody knows when. When
 * a household changes, its points take their years along: what of the moved points was earned when is a term of the
 * transaction, and so is what both sides then have.
 */
export type Earned = Record<string, number>;

/** What a household can spend, and what it earned in which year: more than it still has, if it has spent some. */
interface Earnings {
  available: number;
  earned: Earned;
}

/** The terms of a transaction that moves points from or to a household. */
export type EarnedTerms = Partial<Record<'earned' | 'earnedFrom' | 'earnedTo', string>>;

/**
 * What of the spendable points is left of each year. What was there before is spent before what came after, so the
 * latest years are left.
 */
export function leftOf({ available, earned }: Earnings): Earned {
  const left: Earned = {};
  let room = available;
  for (const [year, points] of Object.entries(earned).sort(([a], [b]) => b.localeCompare(a))) {
    const some = Math.min(room, Math.max(0, points));
    if (some > 0) left[year] = some;
    room -= some;
  }
  return left;
}

/**
 * The terms of a move of `points` in `year`, which take as much along of every year, or `moved`. A side that is no
 * household of this book is undefined.
 */
export function earnedTerms(
  year: string,
  points: number,
  { from, to, moved }: { from?: Earnings; to?: Earnings; moved?: Earned },
): EarnedTerms {
  const source = from && leftOf(from);
  const share = within(moved ?? shareOf(source!, from!.available, points), source);
  const text = (earned: Earned) => earnedText({ [year]: 0, ...earned });
  return {
    earned: text(share),
    ...(source && { earnedFrom: text(plus(source, share, -1)) }),
    ...(to && { earnedTo: text(plus(leftOf(to), share, 1)) }),
  };
}

/** Points by year as they are frozen in a transaction, `2026=5,2027=20`, or null for none. */
export function earnedOf(frozen: string | null): Earned {
  return Object.fromEntries((frozen?.split(',') ?? []).map(part => [part.slice(0, 4), Number(part.slice(5))]));
}

function earnedText(earned: Earned): string {
  const years = Object.entries(earned).sort(([a], [b]) => a.localeCompare(b));
  return years.map(([year, points]) => `${year}=${points}`).join(',');
}

function within(wanted: Earned, there: Earned | undefined): Earned {
  if (there === undefined) return wanted;
  return Object.fromEntries(Object.entries(wanted).map(([year, points]) => [year, Math.min(points, there[year] ?? 0)]));
}

function plus(earned: Earned, others: Earned, sign: 1 | -1): Earned {
  const sum = { ...earned };
  for (const [year, points] of Object.entries(others)) sum[year] = (sum[year] ?? 0) + sign * points;
  return sum;
}

/**
 * What an account, `a` in the statement around this, has earned by year: awards, and what was released from the notice
 * board, less what of them was taken back, each in the year of its business date; since the account's last change of
 * household, if any, whose terms say what it had then. Nothing before the transaction `first.number` is read. A query of
 * one row, `earned`.
 */
export function earningsOf(village: string) {
  // Each row by its key, hence `offset 0`: in a young book a join would read all of it for every household.
  return sql`
    with e as materialized (
      select e.number, e.amount, c.code, coalesce(o.business_date, t.business_date) as business_date,
             case when e.amount < 0 then t.frozen ->> 'earnedFrom' else t.frozen ->> 'earnedTo' end as terms
        from (select * from ledger.entry
               where village = ${village} and account = a.number and number >= first.number offset 0) e
       cross join lateral (
         select code from ledger.account where village = ${village} and number = e.counter_account offset 0) c
       cross join lateral (
         select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
        left join lateral (
         select * from ledger.transaction where village = ${village} and number = t.reverses offset 0) o on true),
    change as materialized (select number, terms from e where terms is not null order by number desc limit 1),
    part as (
      select to_char(business_date, 'YYYY') as year, amount from e
       where (code = ${issued} or code like '%:pending') and number > coalesce((select number from change), 0)
       union all
      select split_part(part, '=', 1), split_part(part, '=', 2)::bigint
        from change, string_to_table(change.terms, ',') part)
    select coalesce(json_object_agg(year, points), '{}') as earned
      from (select year, sum(amount)::bigint as points from part group by year) by_year`;
}

/** What a household can spend and has earned in which year, as of the book's last number. */
export async function earningsOfHousehold(db: Db, village: string, householdId: string): Promise<Earnings> {
  const [row] = await rowsOf<Earnings>(
    db,
    sql`
    select a.balance as available, y.earned
      from ledger.account a
     cross join (select 1::bigint as number) first
     cross join lateral (${earningsOf(village)}) y
     where a.village = ${village} and a.code = ${householdAccount(householdId, 'available')} and a.asset = 'PTS'`,
  );
  return row ?? { available: 0, earned: {} };
}

/** Whether the spendable points of a household have moved to or from another one after transaction `number`. */
export async function hasChangedSince(db: Db, village: string, householdId: string, number: number): Promise<boolean> {
  const [row] = await rowsOf<{ changed: boolean }>(
    db,
    sql`
    select exists (
      select from (select * from ledger.account
                    where village = ${village} and code = ${householdAccount(householdId, 'available')} offset 0) a
       cross join lateral (
         select * from ledger.entry where village = ${village} and account = a.number and number > ${number} offset 0) e
       cross join lateral (
         select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
       where t.frozen ?| array['earnedFrom', 'earnedTo']) as changed`,
  );
  return row!.changed;
}
