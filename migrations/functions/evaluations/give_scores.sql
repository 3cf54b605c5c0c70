-- The only way to write scores. Entries are [{householdId, scores}]; an entry replaces the judge's earlier one. Answers
-- how many were written. The verb has judged before, so all of these are bugs, JF005: somebody who is no judge of the
-- round, a round that is not open, figures beyond the sheet, the judge's own household or kin.
create or replace function evaluations.give_scores(
  p_village text, p_round uuid, p_judge uuid, p_at timestamptz, p_entries jsonb
) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  maxima integer[];
  written integer;
begin
  select array(select (i.item ->> 'maxScore')::integer
                 from jsonb_array_elements(r.items) with ordinality i (item, place) order by i.place)
    into maxima
    from evaluations.round r
   where r.village = p_village and r.id = p_round and r.state = 'open' and p_judge = any (r.judges)
     for share of r;
  if not found then
    raise exception 'only a judge of an open round gives scores' using errcode = 'JF005';
  end if;
  if exists (select from jsonb_to_recordset(p_entries) e ("householdId" uuid)
              where households.is_kin(p_village, p_judge, e."householdId")) then
    raise exception 'nobody scores the own household or kin' using errcode = 'JF005';
  end if;
  if exists (select from jsonb_to_recordset(p_entries) e (scores integer[])
              where e.scores is not null
                and (cardinality(e.scores) <> cardinality(maxima)
                     or exists (select from unnest(e.scores, maxima) s (score, max)
                                 where s.score is null or s.score not between 0 and s.max))) then
    raise exception 'a figure for each item of the sheet, none above its maximum' using errcode = 'JF005';
  end if;
  insert into evaluations.score (village, round_id, household_id, judge_id, scores, total, scored_at)
  select p_village, p_round, e."householdId", p_judge, e.scores, (select sum(s) from unnest(e.scores) s), p_at
    from jsonb_to_recordset(p_entries) e ("householdId" uuid, scores integer[])
      on conflict (village, round_id, household_id, judge_id)
      do update set scores = excluded.scores, total = excluded.total, scored_at = excluded.scored_at;
  get diagnostics written = row_count;
  return written;
end $$;

grant execute on function evaluations.give_scores to jifen_app;
