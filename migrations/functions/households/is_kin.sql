-- Whether a person must keep out of a household's affairs. The functions that record decisions ask it, so that no
-- caller can forget to.
create or replace function households.is_kin(p_village text, p_user uuid, p_household uuid) returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return exists (
    select from households.kin k
     where k.village = p_village and k.user_id = p_user and k.household_id = p_household and k.ended_at is null);
end
$$;

grant execute on function households.is_kin to jifen_app;
