-- Writes what of a person is corrected: the members of `p_to` among name, phone and idLast4, where null clears. By somebody
-- who is no kin of the household: with another's phone or ID number one is taken for that person. What it was before,
-- `corrections.correction` keeps.
create or replace function households.correct_member(p_village text, p_member uuid, p_to jsonb, p_by uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, m.household_id)
     from households.member m where m.village = p_village and m.id = p_member;
  update households.member
     set name = coalesce(p_to ->> 'name', name),
         phone = case when p_to ? 'phone' then p_to ->> 'phone' else phone end,
         id_last4 = case when p_to ? 'idLast4' then p_to ->> 'idLast4' else id_last4 end
   where village = p_village and id = p_member;
end
$$;

grant execute on function households.correct_member to jifen_app;
