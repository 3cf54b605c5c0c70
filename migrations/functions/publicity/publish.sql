-- Publishes what stands on no notice yet, what waits for it first, at most 1,000 awards; read by group and household.
-- Own ones are left for somebody else to publish (`p_skip_own`), or else nothing is published. Answers {lines, own}:
-- how many lines the notice has, and how many it would have had of the publisher's own. One at a time in a village.
-- A notice is chosen from what was never released: what was, stood on one. Whether an award stands on one is asked by
-- its key, hence `offset 0`: else all the lines that the village ever published are read.
create or replace function publicity.publish(
  p_village text, p_notice uuid, p_publisher uuid, p_starts_on date, p_days integer, p_skip_own boolean, p_now timestamptz
) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  chosen uuid[];
  own integer;
  day text := to_char(p_starts_on - 1, 'YYYYMMDD');
begin
  perform from villages.village where village = p_village for no key update;
  select array_agg(w.id), count(*) filter (where w.own) into chosen, own
    from (select a.id, a.created_by = p_publisher or p_publisher = any (a.decided_by) as own
            from earning.award a
           where a.village = p_village
             and (a.state = 'pending' or (a.state = 'posted' and a.release_number is null))
             and not exists (
               select from (select * from publicity.line where village = a.village and award_id = a.id offset 0) l)
             and (not p_skip_own or not (a.created_by = p_publisher or p_publisher = any (a.decided_by)))
           order by a.state, a.transaction_number
           limit 1000) w;
  if chosen is null or own > 0 then
    return jsonb_build_object('lines', 0, 'own', own);
  end if;
  insert into publicity.notice (village, id, number, published_by, published_at, starts_on, days, ends_at, line_count)
  select p_village, p_notice, format('GS-%s-%s', day, 1 + count(*)), p_publisher, p_now, p_starts_on, p_days,
         (p_starts_on + p_days)::timestamp at time zone 'Asia/Shanghai', cardinality(chosen)
    from publicity.notice n where n.village = p_village and starts_with(n.number, format('GS-%s-', day));
  insert into publicity.line (village, award_id, notice_id, place, entered_by, decided_by, published_by)
  select p_village, a.id, p_notice, row_number() over (order by h.grid, h.number, a.transaction_number), a.created_by,
         a.decided_by, p_publisher
    from unnest(chosen) c (id)
   cross join lateral (select * from earning.award where village = p_village and id = c.id offset 0) a
   cross join lateral (
     select * from households.household where village = p_village and id = a.household_id offset 0) h;
  return jsonb_build_object('lines', cardinality(chosen), 'own', 0);
end $$;

grant execute on function publicity.publish to jifen_app;
