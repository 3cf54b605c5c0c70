-- Whether somebody must keep out of a case: kin of the household whose award it is, which everybody may know. Kin of an
-- objector need not, for whoever is kept out would be told by it who objected; each ruling can be appealed against instead.
create or replace function publicity.is_kin_in(p_village text, p_user uuid, p_award uuid) returns boolean
  language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from earning.award a
     where a.village = p_village and a.id = p_award and households.is_kin(p_village, p_user, a.household_id));
end $$;

grant execute on function publicity.is_kin_in to jifen_app;
