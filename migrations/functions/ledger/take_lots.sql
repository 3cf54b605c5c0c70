-- Which dated points leave when `amount` leaves an account with this balance: first the wanted ones, as far as they
-- exist, then those that expire first. Points wanted beyond the dated ones come from those that never expire; null wants
-- nothing in particular.
create or replace function ledger.take_lots(lots jsonb, balance bigint, wanted jsonb, amount bigint) returns jsonb
  immutable parallel safe language sql
return (
  with there as (
    select key as day, value::bigint as points from jsonb_each_text(lots)
     union all
    select 'infinity', balance - ledger.dated(lots)),
  asked as (
    select there.day, least(points, coalesce(w.value::bigint, greatest(0, amount - ledger.dated(wanted)))) as first, points
      from there left join jsonb_each_text(wanted) w on w.key = there.day
     where w.key is not null or (there.day = 'infinity' and wanted is not null)),
  queue as (
    select day, points, sum(points) over (order by rank, day collate "C") - points as before
      from (select 0 as rank, day, first as points from asked
             union all
            select 1, there.day, there.points - coalesce(asked.first, 0)
              from there left join asked on asked.day = there.day) q)
  select coalesce(jsonb_object_agg(day, points) filter (where day <> 'infinity' and points > 0), '{}')
    from (select day, sum(greatest(0, least(points, amount - before))) as points from queue group by day) taken);
