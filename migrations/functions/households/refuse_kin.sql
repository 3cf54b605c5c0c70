-- Refuses whoever must keep out of a household's affairs: constraint own_household. For functions that record what
-- somebody did to a household, so that no caller can forget to ask. A household that acts for itself is nobody's kin.
create or replace function households.refuse_kin(p_village text, p_user uuid, p_household uuid) returns void
language plpgsql stable
set search_path = ''
as $$
declare
  kin households.not_kin;
begin
  kin := households.is_kin(p_village, p_user, p_household);
end
$$;

grant execute on function households.refuse_kin to jifen_app;
