import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import type { Kind } from '../ledger/causes.ts';
import type { Report } from './findings.ts';

interface Difference {
  place: string;
  expected: string;
  found: string;
}

/** Of each comparison: a village whose records are wrong from the beginning is wrong a thousand times. */
const differencesMax = 24;

/**
 * Compares what is on record outside the book with the book, both ways: awards and their releases and reversals, orders and
 * what is set aside for them, returns, stock documents, expired points and changes of households. A record that was
 * changed, added or deleted behind the service's back has no transaction that says the same.
 */
export async function reconcileRecords(db: Db, village: string, report: Report): Promise<void> {
  for (const differences of comparisons(village)) {
    const rows = await rowsOf<Difference>(db, sql`${differences} order by place limit ${differencesMax}`);
    for (const { place, expected, found } of rows) report('records', place, expected, found);
  }
}

/** Each answers place, expected (what the record says) and found (what the book says). */
function comparisons(village: string): SQL[] {
  const posted = (...kinds: Kind[]) => postedOf(village, kinds);
  return [
    sql`
    with posted as materialized (${posted('award', 'publicityRelease', 'reversal')}), a as (select * from earning.award where village = ${village}),
    compared as (
      select coalesce(a.id::text, split_part(p.cause, ':', 2)) as id,
             case when a.id is not null then format('transaction %s: %s points under %s to household %s for %s, entered by %s',
               a.transaction_number, a.points, a.rule_code, a.household_id, a.business_date, a.created_by) end as record,
             case when p.number is not null then format('transaction %s: %s points under %s to household %s for %s, entered by %s',
               p.number, p.issued, p.frozen ->> 'ruleCode', p.household, p.business_date, p.actor) end as book
        from a full join (select * from posted where kind = 'award') p on p.cause = 'award:' || a.id
      union all
      select a.id::text,
             case when a.release_number is not null then format('released by transaction %s', a.release_number) end,
             case when p.number is not null then format('released by transaction %s', p.number) end
        from a full join (select * from posted where kind = 'publicityRelease') p
                 on p.cause = 'award:' || a.id || ':release'
      union all
      select a.id::text,
             case when a.state = 'reversed' then format('reversed by transaction %s', a.reversal_number) end,
             case when p.number is not null then format('reversed by transaction %s', p.number) end
        from a left join posted p on p.reverses = a.transaction_number)
    select 'award ' || coalesce(id, '?') as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with posted as materialized (
      ${posted('redemptionHold', 'redemptionFulfil', 'redemption', 'offlineRedemption', 'redemptionRelease')}),
    booked as (
      select split_part(cause, ':', 2) as id, min(coalesce(frozen ->> 'householdId', household)) as household,
             min(points) filter (where reverses is null) as points,
             bool_or(kind = 'redemptionHold') as is_held, bool_or(kind in ('redemption', 'offlineRedemption', 'redemptionFulfil')) as is_out,
             bool_or(kind = 'redemptionRelease') as is_released
        from posted group by 1),
    compared as (
      select coalesce(r.id::text, b.id) as id,
             case when r.id is not null then format('%s points of household %s, %s', r.points, r.household_id,
               case when r.state = 'reserved' then 'set aside'
                    when r.state in ('fulfilled', 'returned') then 'handed over' else 'released' end) end as record,
             case when b.id is not null then format('%s points of household %s, %s', b.points, b.household,
               case when b.is_out then 'handed over' when b.is_released then 'released' else 'set aside' end) end as book
        from (select * from store.redemption where village = ${village}) r full join booked b on b.id = r.id::text)
    select 'redemption ' || id as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with posted as materialized (${posted('redemptionReturn')}),
    compared as (
      select coalesce(r.id::text, split_part(p.cause, ':', 2)) as id,
             case when r.id is not null then format('%s points', r.points) end as record,
             case when p.number is not null then format('%s points', p.redeemed) end as book
        from (select * from store.return where village = ${village} and state = 'approved') r
        full join posted p on p.cause = 'return:' || r.id)
    select 'return ' || id as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with posted as materialized (${posted('stockReceipt', 'stockIssue', 'stockTransfer', 'stockWriteOff', 'stockCount')}),
    compared as (
      select coalesce(d.id::text, split_part(p.cause, ':', 2)) as id,
             case when d.id is not null then format('%s of %s pieces from %s to %s', d.kind, d.pieces, d.source, d.target) end
               as record,
             case when p.number is not null then format('%s of %s pieces from %s to %s', p.kind, p.pieces, p.source, p.target)
               end as book
        from (select d.id,
                     case when d.type in ('receipt', 'purchase', 'donation') then 'stockReceipt'
                          when d.type in ('countShortage', 'countSurplus') then 'stockCount'
                          else 'stock' || upper(left(d.type, 1)) || substr(d.type, 2) end as kind,
                     case when d.type in ('receipt', 'purchase', 'donation') then 'supply:' || d.id
                          when d.type = 'countSurplus' then 'countDifference' else 'shelf:' || d.store_id end as source,
                     case when d.type in ('receipt', 'purchase', 'donation', 'countSurplus') then 'shelf:' || d.store_id
                          when d.type = 'issue' then 'handedOut' when d.type = 'transfer' then 'shelf:' || d.to_store_id
                          when d.type = 'writeOff' then 'lost' else 'countDifference' end as target,
                     sum(l.quantity) as pieces
                from store.stock_document d join store.stock_line l on l.village = d.village and l.document_id = d.id
               where d.village = ${village} and d.state = 'posted' group by d.village, d.id) d
        full join posted p on p.cause = 'stockDocument:' || d.id)
    select 'stock document ' || id as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with posted as materialized (${posted('expiry', 'yearEnd')}),
    compared as (
      select coalesce(l.transaction_number, p.number) as number,
             case when l.run_id is not null then format('%s points of household %s expired', l.taken, l.household_id) end
               as record,
             case when p.number is not null then format('%s points of household %s expired', p.points, p.household) end
               as book
        from (select * from expiry.line where village = ${village} and transaction_number is not null) l
        full join posted p on p.number = l.transaction_number
       -- What comes back too late is taken at once, without a run: its cause names the order or the return.
       where l.run_id is not null or split_part(p.cause, ':', 2) not in (
         select id::text from store.redemption where village = ${village}
          union all select id::text from store.return where village = ${village}
          union all select id::text from offline.allowance where village = ${village}))
    select 'transaction ' || number as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with compared as (
      select coalesce('allowance:' || a.kiosk_id || ':' || a.household_id, b.code) as code,
             coalesce(a.points, 0) as record, coalesce(b.balance, 0) as book
        from (select kiosk_id, household_id, sum(points - spent_points) as points
                from offline.allowance where village = ${village} and ended_at is null group by 1, 2) a
        full join (select code, balance from ledger.account where village = ${village} and code like 'allowance:%') b
          on b.code = 'allowance:' || a.kiosk_id || ':' || a.household_id)
    select code as place, record || ' points' as expected, book || ' points' as found
      from compared where record <> book`,

    sql`
    with posted as materialized (${posted('householdSplit', 'householdMerge', 'inheritance', 'lapse', 'householdMoveOut')}),
    compared as (
      select coalesce(c.id::text, split_part(p.cause, ':', 2)) as id,
             case when c.id is not null then format('transaction %s', c.transaction_number) end as record,
             case when p.number is not null then format('transaction %s', p.number) end as book
        from (select * from households.change where village = ${village} and transaction_number is not null) c
        full join posted p on p.cause = 'householdChange:' || c.id
       where c.kind is distinct from 'moveIn')
    select 'household change ' || id as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with posted as materialized (${posted('arrearsWaiver')}),
    compared as (
      select coalesce(w.id::text, split_part(p.cause, ':', 2)) as id,
             case when w.id is not null then format('transaction %s: %s points of household %s waived',
               w.transaction_number, w.points, w.household_id) end as record,
             case when p.number is not null then format('transaction %s: %s points of household %s waived',
               p.number, p.points, p.household) end as book
        from (select * from earning.arrears_waiver where village = ${village} and state = 'posted') w
        full join posted p on p.cause = 'arrearsWaiver:' || w.id)
    select 'arrears waiver ' || id as place, coalesce(record, 'none') as expected, coalesce(book, 'none') as found
      from compared where record is distinct from book`,

    sql`
    with account as (select code, asset, balance from ledger.account where village = ${village}),
    ordered as (
      select r.store_id, l.goods_id, sum(l.quantity) as pieces
        from store.redemption r join store.redemption_line l on l.village = r.village and l.redemption_id = r.id
       where r.village = ${village} and r.state = 'reserved' group by r.store_id, l.goods_id),
    compared as (
      select 'points set aside' as what,
             (select coalesce(sum(points), 0) from store.redemption where village = ${village} and state = 'reserved') as record,
             (select coalesce(sum(balance), 0) from account where asset = 'PTS' and code like 'household:%:held') as book
      union all
      select format('goods %s set aside at store %s', coalesce(o.goods_id::text, substr(a.asset, 5)),
                    coalesce(o.store_id::text, substr(a.code, 10))),
             coalesce(o.pieces, 0), coalesce(a.balance, 0)
        from ordered o
        join store.goods g on g.village = ${village} and g.id = o.goods_id and not g.is_service
        full join (select * from account where code like 'reserved:%') a
          on a.code = 'reserved:' || o.store_id and a.asset = 'SKU:' || o.goods_id)
    select what as place, record::text as expected, book::text as found from compared where record <> book`,
  ];
}

/**
 * Transactions of these kinds with what their lines come to: `points` (PTS in all), `issued` (PTS from the source),
 * `redeemed` (PTS that come back from the sink), `pieces` of goods, and the household whose account they touch first.
 */
function postedOf(village: string, kinds: Kind[]): SQL {
  return sql`
    select t.number, t.kind, t.cause, t.business_date, t.actor, t.reverses, t.frozen, l.*
      from ledger.transaction t
     cross join lateral (
       select coalesce(sum(l.amount) filter (where l.asset = 'PTS'), 0) as points,
              coalesce(sum(l.amount) filter (where l.asset = 'PTS' and f.code = 'issued'), 0) as issued,
              coalesce(sum(l.amount) filter (where l.asset = 'PTS' and f.code = 'redeemed'), 0) as redeemed,
              coalesce(sum(l.amount) filter (where l.asset like 'SKU:%'), 0) as pieces,
              min(f.code) as source, min(g.code) as target,
              split_part((array_agg(case when f.code like 'household:%' then f.code else g.code end order by l.line)
                           filter (where f.code like 'household:%' or g.code like 'household:%'))[1], ':', 2) as household
         from (select * from ledger.transfer where village = ${village} and number = t.number offset 0) l
        cross join lateral (
          select code from ledger.account where village = ${village} and number = l.from_account offset 0) f
        cross join lateral (
          select code from ledger.account where village = ${village} and number = l.to_account offset 0) g) l
     where t.village = ${village} and t.kind = any(${sql.param(kinds)}::text[])`;
}
