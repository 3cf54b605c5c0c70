// What an account had at a number of its book, or at an instant.

import { sql } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { Asset } from '../ledger/accounts.ts';
import { balanceThrough, getBook } from '../ledger/read.ts';
import { malformed, Refusal } from '../refusals.ts';
import type { AccountView } from './entries.ts';

/** At most one of them: none means now. */
interface Moment {
  /** Number of a transaction of the book; 0 is the empty book. */
  through?: number | undefined;
  /** The book as it stood at an instant. */
  postedAt?: string | undefined;
  /** What had happened by an instant and counts for its day or an earlier one, whenever it was entered. */
  occurredAt?: string | undefined;
}

interface BalanceView {
  accountNumber: number;
  code: string;
  asset: Asset;
  balance: number;
  /** The transactions up to this number were looked at. */
  throughNumber: number;
}

/**
 * The balance of an account at a moment.
 * @throws Refusal `validation-failed` (two moments) | `out-of-bounds` (facts: `max`; beyond the end of the book)
 */
export async function balanceAt(db: Db, village: string, of: AccountView, moment: Moment): Promise<BalanceView> {
  const { through, postedAt, occurredAt } = moment;
  if ([through, postedAt, occurredAt].filter(moment => moment !== undefined).length > 1) {
    const detail = {
      zh: '截至笔号、入账时间、发生时间只能选填一项。',
      en: 'Provide at most one of through, postedAt and occurredAt.',
    };
    throw malformed('/query', 'maxProperties', detail);
  }
  const { number: last } = await getBook(db, village);
  if (through !== undefined && through > last) {
    throw new Refusal('out-of-bounds', { field: 'through', min: 0, max: last });
  }
  const throughNumber = through ?? (postedAt === undefined ? last : await numberAt(db, village, postedAt, 'after'));
  const balance =
    occurredAt === undefined
      ? await balanceThrough(db, village, of, throughNumber)
      : await balanceOccurred(db, village, of, occurredAt);
  return { accountNumber: of.number, code: of.code, asset: of.asset, balance, throughNumber };
}

/**
 * Number of the last transaction that was posted before an instant, or at it too (`after` it, the book stands so); 0
 * when there is none. The time of a book never runs backwards, so its numbers are searched by halves: 23 looks for eight
 * million transactions, and no index but that of the numbers.
 */
export async function numberAt(db: Db, village: string, instant: string, when: 'before' | 'after'): Promise<number> {
  const early = when === 'before' ? sql`<` : sql`<=`;
  const { number } = one(
    await rowsOf<{ number: number }>(
      db,
      sql`
      with recursive search as (
        select 0::bigint as low, number as high from ledger.book where village = ${village}
         union all
        select case when t.posted_at ${early} ${instant} then s.middle else s.low end,
               case when t.posted_at ${early} ${instant} then s.high else s.middle - 1 end
          from (select low, high, (low + high + 1) / 2 as middle from search where low < high) s
         cross join lateral (
           select posted_at from ledger.transaction where village = ${village} and number = s.middle offset 0) t)
      select low as number from search where low = high`,
    ),
  );
  return number;
}

/**
 * Every entry is looked at: what was entered late may stand anywhere. What happened before its business day counts from that
 * day on, as in a statement.
 */
async function balanceOccurred(db: Db, village: string, of: AccountView, instant: string): Promise<number> {
  const day = dayOf(Temporal.Instant.from(instant)).toString();
  const { balance } = one(
    await rowsOf<{ balance: number }>(
      db,
      sql`
      select coalesce(sum(e.amount), 0)::bigint as balance
        from ledger.entry e
        join ledger.transaction t on t.village = ${village} and t.number = e.number
       where e.village = ${village} and e.account = ${of.number} and t.occurred_at <= ${instant}
         and t.business_date <= ${day}`,
    ),
  );
  return balance;
}
