// The accounts of a book and their entries, as people leaf through them.

import { and, eq, gt, sql } from 'drizzle-orm';
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
  // The page is cut before it is joined: an account may have a hundred thousand entries.
  return rowsOf<EntryView>(
    db,
    sql`
    select ${of.code} as "accountCode", e.asset, e.seq, e.number as "transactionNumber", e.line, t.kind, e.amount,
           e.balance, c.code as "counterAccountCode", t.business_date::text as "businessDate",
           ${instantText(sql`t.occurred_at`)} as "occurredAt", ${instantText(sql`t.posted_at`)} as "postedAt",
           t.cause, t.memo, t.frozen ->> 'ruleCode' as "ruleCode"
      from (select * from ledger.entry e where village = ${village} and account = ${of.number} ${start} ${within(village, query.span)}
             order by ${order} limit ${query.limit}) e
     cross join lateral (select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
     cross join lateral (
       select code from ledger.account where village = ${village} and number = e.counter_account offset 0) c
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
