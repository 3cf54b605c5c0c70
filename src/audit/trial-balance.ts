import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { getBook } from '../ledger/read.ts';
import type { Period } from './period.ts';

interface Movement {
  asset: string;
  opening: number;
  in: number;
  out: number;
  closing: number;
}

interface TrialBalanceRow extends Movement {
  /** Code of an account, or what accounts of one kind have in common: `household:available`, `shelf`. */
  account: string;
  accounts: number;
}

/**
 * Opening, movement and closing of every account, or of every class of accounts, by business day. In each asset the
 * openings, and the closings, come to nothing, and what went out came in.
 */
export async function trialBalance(
  db: Db,
  village: string,
  period: Period,
  query: { detail: 'class' | 'account'; limit: number; cursor?: string | undefined },
): Promise<Period & { throughNumber: number; totals: Movement[] } & Page<TrialBalanceRow>> {
  const { detail, limit, cursor } = query;
  const filters = { list: 'trial balance', village, ...period, detail };
  const start = after<[string, string]>(cursor, filters);
  const sums = sql`sum(opening)::bigint as opening, sum("in")::bigint as "in", sum(out)::bigint as out,
    sum(opening + "in" - out)::bigint as closing`;
  const accountOf = sql`lateral (
    select code, asset from ledger.account where village = ${village} and number = m.account offset 0) a`;
  const rows = await rowsOf<TrialBalanceRow>(
    db,
    sql`
    with moved as (${movements(village, period)})
    select * from (
      select ${detail === 'account' ? sql`a.code` : classOf} as account, a.asset, count(*) as accounts, ${sums}
        from moved m, ${accountOf}
       group by 1, 2) r
     where ${start === undefined ? sql`true` : sql`(account, asset) > (${start[0]}, ${start[1]})`}
     order by account, asset
     limit ${limit + 1}`,
  );
  const totals = await rowsOf<Movement>(
    db,
    sql`
    with moved as (${movements(village, period)})
    select a.asset, ${sums}
      from moved m, ${accountOf}
     group by a.asset
     order by a.asset`,
  );
  const { number } = await getBook(db, village);
  return { ...period, throughNumber: number, totals, ...page(rows, limit, filters, row => [row.account, row.asset]) };
}

/** Of every account; those that did not move have zeros. Nothing is joined but by a key: see `statistics 0` in 0001. */
function movements(village: string, { from, to }: Period): SQL {
  return sql`
    select account, sum(opening) as opening, sum("in") as "in", sum(out) as out
      from (select e.account,
                   case when t.business_date < ${from} then e.amount else 0 end as opening,
                   case when t.business_date >= ${from} and e.amount > 0 then e.amount else 0 end as "in",
                   case when t.business_date >= ${from} and e.amount < 0 then -e.amount else 0 end as out
              from ledger.entry e
             cross join lateral (
               select business_date from ledger.transaction where village = ${village} and number = e.number offset 0) t
             where e.village = ${village} and t.business_date < ${to}
             union all
            select number, 0, 0, 0 from ledger.account where village = ${village}) e
     group by account`;
}

/** The first word of a code, and what of a household's the account is; whose it is stands between. */
const classOf: SQL = sql`case when a.code like 'household:%' then 'household:' || split_part(a.code, ':', 3)
  else split_part(a.code, ':', 1) end collate "C"`;
