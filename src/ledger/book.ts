// The book as people leaf through it: its accounts, their entries, its transactions.

import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { AccountKey, Asset } from './accounts.ts';
import { account } from './tables.ts';

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

/** An instant as RFC 3339 in UTC with three decimals, as every answer writes it. */
export function instantText(column: SQL): SQL {
  return sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
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

/** Entries of an account in the order of the book, or the newest first, from after the entry `after`. */
export async function listEntries(
  db: Db,
  village: string,
  of: AccountView,
  query: { newestFirst: boolean; after?: { number: number; line: number } | undefined; limit: number },
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
      from (select * from ledger.entry where village = ${village} and account = ${of.number} ${start}
             order by ${order} limit ${query.limit}) e
     cross join lateral (select * from ledger.transaction where village = ${village} and number = e.number offset 0) t
     cross join lateral (
       select code from ledger.account where village = ${village} and number = e.counter_account offset 0) c
     order by ${query.newestFirst ? sql`e.number desc, e.line desc` : sql`e.number, e.line`}`,
  );
}

/** A transaction as it is hashed: its canonical text can be made from this and nothing else. */
export interface TransactionView {
  village: string;
  number: number;
  id: string;
  kind: string;
  cause: string;
  businessDate: string;
  occurredAt: string;
  postedAt: string;
  actorId: string;
  approverId: string | null;
  reverses: number | null;
  memo: string | null;
  frozen: Record<string, string>;
  transfers: { from: string; to: string; asset: Asset; amount: number }[];
  leafHash: string;
  hash: string;
}

/** The columns of a `TransactionView`, of `ledger.transaction t`. */
export const transactionColumns: SQL = sql`
  t.village, t.number, t.id, t.kind, t.cause, t.business_date::text as "businessDate",
  ${instantText(sql`t.occurred_at`)} as "occurredAt", ${instantText(sql`t.posted_at`)} as "postedAt",
  t.actor as "actorId", t.approver as "approverId", t.reverses, t.memo, t.frozen,
  (select json_agg(json_build_object('from', f.code, 'to', g.code, 'asset', r.asset, 'amount', r.amount)
                   order by r.line)
     from ledger.transfer r
     join ledger.account f on f.village = t.village and f.number = r.from_account
     join ledger.account g on g.village = t.village and g.number = r.to_account
    where r.village = t.village and r.number = t.number) as transfers,
  encode(t.leaf_hash, 'hex') as "leafHash", encode(t.hash, 'hex') as hash`;

/** Transactions by number, or the newest first, from after `after`. Business days are half-open. */
export async function listTransactions(
  db: Db,
  village: string,
  query: {
    kind?: string | undefined;
    businessFrom?: string | undefined;
    businessTo?: string | undefined;
    fromNumber?: number | undefined;
    newestFirst: boolean;
    after?: number | undefined;
    limit: number;
  },
): Promise<TransactionView[]> {
  const conditions = [sql`t.village = ${village}`];
  if (query.kind !== undefined) conditions.push(sql`t.kind = ${query.kind}`);
  if (query.businessFrom !== undefined) conditions.push(sql`t.business_date >= ${query.businessFrom}`);
  if (query.businessTo !== undefined) conditions.push(sql`t.business_date < ${query.businessTo}`);
  if (query.fromNumber !== undefined) conditions.push(sql`t.number >= ${query.fromNumber}`);
  if (query.after !== undefined)
    conditions.push(query.newestFirst ? sql`t.number < ${query.after}` : sql`t.number > ${query.after}`);
  return rowsOf<TransactionView>(
    db,
    sql`
    select ${transactionColumns}
      from ledger.transaction t
     where ${sql.join(conditions, sql` and `)}
     order by t.number ${query.newestFirst ? sql`desc` : sql``}
     limit ${query.limit}`,
  );
}

/** A transaction with the balances of its accounts after it, and the number of what reversed it. @throws Refusal `not-found` */
export async function getTransaction(
  db: Db,
  village: string,
  number: number,
): Promise<TransactionView & { balances: Record<string, number>; reversedBy: number | null }> {
  return one(
    await rowsOf<TransactionView & { balances: Record<string, number>; reversedBy: number | null }>(
      db,
      sql`
      select ${transactionColumns},
             (select json_object_agg(a.code || ' ' || a.asset, e.balance)
                from (select distinct on (account) account, balance
                        from ledger.entry
                       where village = ${village} and number = ${number}
                       order by account, seq desc) e
                join ledger.account a on a.village = ${village} and a.number = e.account) as balances,
             (select u.number from ledger.transaction u where u.village = ${village} and u.reverses = t.number)
               as "reversedBy"
        from ledger.transaction t
       where t.village = ${village} and t.number = ${number}`,
    ),
  );
}
