-- The only way to close a round, with an outcome for each of its households: [{householdId, outcome, judges,
-- averageHundredths, grade, awardId, refusal}]. Bugs, JF005: a round that is not open, a household without an outcome,
-- a closer to whose own household or kin it would award; that it is neither who planned it nor a judge, a constraint of
-- the round says.
create or replace function evaluations.close_round(
  p_village text, p_round uuid, p_closer uuid, p_at timestamptz, p_outcomes jsonb
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from jsonb_to_recordset(p_outcomes) o ("householdId" uuid, "awardId" uuid)
              where o."awardId" is not null and households.is_kin(p_village, p_closer, o."householdId")) then
    raise exception 'nobody closes a round that awards to the own household or kin' using errcode = 'JF005';
  end if;
  update evaluations.round r
     set state = 'closed', closed_by = p_closer, closed_at = p_at,
         awarded = (select count(*) from jsonb_to_recordset(p_outcomes) o ("awardId" uuid)
                     where o."awardId" is not null)
   where r.village = p_village and r.id = p_round and r.state = 'open';
  if not found then
    raise exception 'only an open round is closed' using errcode = 'JF005';
  end if;
  update evaluations.entrant e
     set outcome = o.outcome, judges = o.judges, average_hundredths = o."averageHundredths", grade = o.grade,
         award_id = o."awardId", refusal = o.refusal
    from jsonb_to_recordset(p_outcomes) o ("householdId" uuid, outcome text, judges integer,
           "averageHundredths" integer, grade integer, "awardId" uuid, refusal text)
   where e.village = p_village and e.round_id = p_round and e.household_id = o."householdId";
  if exists (select from evaluations.entrant e
              where e.village = p_village and e.round_id = p_round and e.outcome is null) then
    raise exception 'every household of a closed round has an outcome' using errcode = 'JF005';
  end if;
end $$;

grant execute on function evaluations.close_round to jifen_app;
