-- Writes what of a household's file is corrected: the members of `p_to` among number, grid and address, where null clears.
-- By somebody who is no kin of it. What it was before, `corrections.correction` keeps.
create or replace function households.correct_household(p_village text, p_household uuid, p_to jsonb, p_by uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, p_household);
  update households.household
     set number = coalesce(p_to ->> 'number', number),
         grid = case when p_to ? 'grid' then (p_to ->> 'grid')::integer else grid end,
         address = case when p_to ? 'address' then p_to ->> 'address' else address end
   where village = p_village and id = p_household;
end
$$;

grant execute on function households.correct_household to jifen_app;
