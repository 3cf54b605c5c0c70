-- Ends an application: `p_state` is approved, with the household that was entered, rejected or withdrawn. Bugs, for the
-- verb has judged before: an application that is not open; one that may be of the own household, or of kin.
create or replace function households.decide_join(
  p_village text, p_application uuid, p_state text, p_by uuid, p_at timestamptz, p_reason text, p_household uuid
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_state <> 'withdrawn' and exists (
    select from households.join_duplicates(p_village, p_application) d
     where d.household_id is distinct from p_household and households.is_kin(p_village, p_by, d.household_id)) then
    raise exception 'the application may be of the own household or of kin';
  end if;
  update households.join_application
     set state = p_state, decided_by = p_by, decided_at = p_at, reason = p_reason, household_id = p_household
   where village = p_village and id = p_application
     and (state = 'submitted' or state = 'returned' and p_state = 'withdrawn');
  if not found then
    raise exception 'the application is not open';
  end if;
end
$$;

grant execute on function households.decide_join to jifen_app;
