-- Enters a proposal to waive points that a household owes, by somebody who is no kin of it.
create or replace function earning.propose_waiver(
  p_village text, p_waiver uuid, p_household uuid, p_points bigint, p_reason text, p_by uuid, p_at timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, p_household);
  insert into earning.arrears_waiver (village, id, household_id, points, reason, state, proposed_by, proposed_at)
  values (p_village, p_waiver, p_household, p_points, p_reason, 'proposed', p_by, p_at);
end
$$;

grant execute on function earning.propose_waiver to jifen_app;
