// The accounts of a book and their entries, as people leaf through them.

import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { AccountKey, Asset } from '../ledger/accounts.ts';
import { account } from '../ledger/tables.ts';
import { instantText } from './transactions.ts';

export interface AccountView {
  number: number;
  code: string;
  asset: Asset;
  floor: number | null;
  balance: number;
  entries: number;
}

const accountColumns = {
  number: account.number,
  code: account.code,
  asset: account.asset,
  floor: account.floor,
  balance: account.balance,
  entries: account.entries,
};

/** Accounts of the book by number, from after `after`. */
export async function listAccounts(
  db: Db,
  village: string,
  query: { prefix?: string | undefined; asset?: string | undefined; after?: number | undefined; limit: number },
): Promise<AccountView[]> {
  return db
    .select(accountColumns)
    .from(account)
    .where(
      and(
        eq(account.village, village),
        query.prefix === undefined ? undefined : sql`starts_with(${account.code}, ${query.prefix})`,
        query.asset === undefined ? undefined : eq(account.asset, query.asset as Asset),
        query.after === undefined ? undefined : gt(account.number, query.after),
      ),
    )
    .orderBy(account.number)
    .limit(query.limit);
}

/** @throws Refusal `not-found` */
export async function getAccount(db: Db, village: string, number: number): Promise<AccountView> {
  return one(
    await db
      .select(accountColumns)
      .from(account)
      .where(and(eq(account.village, village), eq(account.number, number))),
  );
}

/** @throws Refusal `not-found` */
export async function getAccountByCode(db: Db, village: string, key: AccountKey): Promise<AccountView> {
  return one(
    await db
      .select(accountColumns)
      .from(account)
      .where(and(eq(account.village, village), eq(account.code, key.code), eq(account.asset, key.asset))),
  );
}

export interface EntryView {
  accountCode: string;
  asset: Asset;
  seq: number;
  transactionNumber: number;
  line: number;
  kind: string;
  amount: number;
  balance: number;
  counterAccountCode: string;
  businessDate: string;
  occurredAt: string;
  postedAt: string;
  cause: string;
  memo: string | null;
  ruleCode: string | null;
}

/** Entries between numbers of the book, or between instants at which they happened; half-open. */
export interface EntrySpan {
  fromNumber?: number | undefined;
  toNumber?: number | undefined;
  occurredFrom?: string | undefined;
  occurredTo?: string | undefined;
}

/** Entries of an account in the order of the book, or the newest first, from after the entry `after`. */
export async function listEntries(
  db: Db,
  village: string,
  of: AccountView,
  query: {
    newestFirst: boolean;
    after?: { number: number; line: number } | undefined;
    span?: EntrySpan;
    limit: number;
  },
): Promise<EntryView[]> {
  const order = query.newestFirst ? sql`number desc, line desc` : sql`number, line`;
  const beyond = query.newestFirst ? sql`<` : sql`>`;
  const start =
    query.after === undefined ? sql`` : sql`and (number, line) ${beyond} (${query.after.number}, ${query.after.line})`;
  /** Keys of a page of what left the account, or came to it. */
  const keys = (side: SQL, isOut: boolean) => sql`(
    select number, line, ${sql.raw(String(isOut))} as is_out
      from ledger.transfer e
     where village = ${village} and ${side} = ${of.number} ${start} ${within(village, query.span)}
     order by ${order} limit ${query.limit})`;
  // The page is cut before anything is joined, and from the keys alone, which each index has in the order of the book: under
  // row-level security the planner takes an account for one row, would read all of it, and sort.
  return rowsOf<EntryView>(
    db,
    sql`
    select ${of.code} as "accountCode", r.asset, case when is_out then r.from_seq else r.to_seq end as seq,
           r.number as "transactionNumber", r.line, t.kind, case when is_out then -r.amount else r.amount end as amount,
           case when is_out then r.from_balance else r.to_balance end as balance, c.code as "counterAccountCode",
           t.business_date::text as "businessDate", ${instantText(sql`t.occurred_at`)} as "occurredAt",
           ${instantText(sql`t.posted_at`)} as "postedAt", t.cause, t.memo, t.frozen ->> 'ruleCode' as "ruleCode"
      from (select * from (${keys(sql`from_account`, true)} union all ${keys(sql`to_account`, false)}) both_sides
             order by ${order} limit ${query.limit}) e
     cross join lateral (
       select * from ledger.transfer where village = ${village} and number = e.number and line = e.line offset 0) r
     cross join lateral (select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
     cross join lateral (
       select code from ledger.account
        where village = ${village} and number = case when is_out then r.to_account else r.from_account end offset 0) c
     order by ${query.newestFirst ? sql`e.number desc, e.line desc` : sql`e.number, e.line`}`,
  );
}

function within(village: string, span: EntrySpan = {}) {
  const { fromNumber, toNumber, occurredFrom, occurredTo } = span;
  const occurred = [
    ...(occurredFrom === undefined ? [] : [sql`occurred_at >= ${occurredFrom}`]),
    ...(occurredTo === undefined ? [] : [sql`occurred_at < ${occurredTo}`]),
  ];
  return sql.join([
    ...(fromNumber === undefined ? [] : [sql` and e.number >= ${fromNumber}`]),
    ...(toNumber === undefined ? [] : [sql` and e.number < ${toNumber}`]),
    ...(occurred.length === 0
      ? []
      : [
          sql` and (select ${sql.join(occurred, sql` and `)} from ledger.transaction o
                     where o.village = ${village} and o.number = e.number)`,
        ]),
  ]);
}
