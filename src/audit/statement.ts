import { type SQL, sql } from 'drizzle-orm';
import { getHouseholdAccount } from '../book/pages.ts';
import { instantText } from '../book/transactions.ts';
import { type Db, one, rowsOf } from '../db/database.ts';
import { type FreezeOnPaper, freezesWithin } from '../households/freezes.ts';
import { maskName } from '../households/masking.ts';
import { getHouseholdRow, getMember } from '../households/read.ts';
import type { HouseholdPurpose } from '../ledger/accounts.ts';
import { getBook } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { getVillage } from '../villages/read.ts';
import type { Period } from './period.ts';

/** What a statement has other than its entries. */
export interface StatementFrame extends Period {
  village: string;
  villageName: string;
  householdId: string;
  householdNumber: string;
  /** Masked for everybody: a statement is handed around. */
  headName: string;
  account: HouseholdPurpose;
  accountNumber: number;
  accountCode: string;
  asset: string;
  /** The statement knows the book through this transaction and nothing after it. */
  throughNumber: number;
  /** Hash of the book there: whoever keeps it can tell later whether the book was rewritten. */
  throughHash: string;
  /** When that transaction was posted; null in an empty book. */
  throughPostedAt: string | null;
  opening: number;
  received: number;
  spent: number;
  closing: number;
  entryCount: number;
  freezes: FreezeOnPaper[];
}

export interface StatementEntry {
  transactionNumber: number;
  line: number;
  businessDate: string;
  occurredAt: string;
  postedAt: string;
  kind: string;
  counterAccountCode: string;
  amount: number;
  balance: number;
  cause: string;
  memo: string | null;
  ruleCode: string | null;
}

/** Longest statement as a document that is made whole. */
export const statementEntriesMax = 5_000;

/**
 * The frame of a statement of one household account over a period of business days, as the book stood after
 * `throughNumber` (its last transaction unless told).
 * @throws Refusal `not-found` | `out-of-bounds`
 */
export async function statementFrame(
  db: Db,
  key: { village: string; householdId: string; account: HouseholdPurpose },
  period: Period,
  asked: number | undefined,
): Promise<StatementFrame> {
  const { village, householdId, account } = key;
  const { number: last } = await getBook(db, village);
  const throughNumber = asked ?? last;
  if (throughNumber > last) throw new Refusal('out-of-bounds', { field: 'throughNumber', min: 0, max: last });
  const household = await getHouseholdRow(db, village, householdId);
  const head = await getMember(db, village, household.headMemberId);
  const { number: accountNumber, code, asset } = await getHouseholdAccount(db, village, householdId, account);
  const sums = one(
    await rowsOf<{ opening: number; received: number; spent: number; entryCount: number }>(
      db,
      sql`
      select coalesce(sum(amount) filter (where business_date < ${period.from}), 0)::bigint as opening,
             coalesce(sum(amount) filter (where business_date >= ${period.from} and amount > 0), 0)::bigint as received,
             coalesce(-sum(amount) filter (where business_date >= ${period.from} and amount < 0), 0)::bigint as spent,
             count(*) filter (where business_date >= ${period.from}) as "entryCount"
        from ${entriesThrough(village, accountNumber, throughNumber)}
       where business_date < ${period.to}`,
    ),
  );
  return {
    ...period,
    village,
    villageName: (await getVillage(db, village)).name,
    householdId,
    householdNumber: household.number,
    headName: maskName(head.name),
    account,
    accountNumber,
    accountCode: code,
    asset,
    throughNumber,
    ...(await bookAt(db, village, throughNumber)),
    ...sums,
    closing: sums.opening + sums.received - sums.spent,
    freezes: await freezesWithin(db, { village, householdId }, period, throughNumber),
  };
}

/** Entries of a statement by business day, and within a day in the order of the book, with the balance made anew. */
export function statementEntries(frame: StatementFrame): SQL {
  const { village, accountNumber, throughNumber, opening, from, to } = frame;
  return sql`
    select number as "transactionNumber", line, business_date::text as "businessDate",
           ${instantText(sql`occurred_at`)} as "occurredAt", ${instantText(sql`posted_at`)} as "postedAt", kind,
           c.code as "counterAccountCode", amount,
           ${opening}::bigint + (sum(amount) over (order by business_date, number, line))::bigint as balance,
           cause, memo, frozen ->> 'ruleCode' as "ruleCode"
      from ${entriesThrough(village, accountNumber, throughNumber)}
     cross join lateral (
       select code from ledger.account where village = ${village} and number = e.counter_account offset 0) c
     where business_date >= ${from} and business_date < ${to}
     order by business_date, number, line`;
}

/**
 * Entries of an account with their transactions. Each transaction is looked up by itself, hence `offset 0`: the planner
 * takes a village for one row, and joins that begin elsewhere took half a minute for ten thousand entries.
 */
function entriesThrough(village: string, account: number, throughNumber: number): SQL {
  return sql`(
        select e.number, e.line, e.amount, e.counter_account, t.*
          from ledger.entry e
         cross join lateral (
           select business_date, occurred_at, posted_at, kind, cause, memo, frozen
             from ledger.transaction where village = ${village} and number = e.number offset 0) t
         where e.village = ${village} and e.account = ${account} and e.number <= ${throughNumber}) e`;
}

/** Hash of the book after its transaction `number`, and when that was posted. */
async function bookAt(db: Db, village: string, number: number) {
  const [row] = await rowsOf<{ throughHash: string; throughPostedAt: string }>(
    db,
    sql`
    select encode(hash, 'hex') as "throughHash", ${instantText(sql`posted_at`)} as "throughPostedAt"
      from ledger.transaction where village = ${village} and number = ${number}`,
  );
  return row ?? { throughHash: emptyBookHash, throughPostedAt: null };
}

/** SHA-256 of nothing: where every chain starts. */
const emptyBookHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
