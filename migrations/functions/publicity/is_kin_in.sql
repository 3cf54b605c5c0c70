-- Whether somebody must keep out of a case for its households: that of the award, and those that object.
create or replace function publicity.is_kin_in(p_village text, p_user uuid, p_award uuid) returns boolean
  language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from earning.award a
     where a.village = p_village and a.id = p_award and households.is_kin(p_village, p_user, a.household_id))
  or exists (
    select from publicity.objection o
     where o.village = p_village and o.award_id = p_award and households.is_kin(p_village, p_user, o.objector_household_id));
end $$;

grant execute on function publicity.is_kin_in to jifen_app;
