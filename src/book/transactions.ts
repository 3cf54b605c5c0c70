// The transactions of a book, as people leaf through them.

import { type SQL, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import type { Asset } from '../ledger/accounts.ts';

/** An instant as RFC 3339 in UTC with three decimals, as every answer writes it. */
export function instantText(column: SQL): SQL {
  return sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
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
