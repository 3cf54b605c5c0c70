-- Enters a redemption, a row of its table as JSON, by somebody who is no kin of its household and did not make all that
-- it showed. False: its pick-up code or its op is taken.
create or replace function store.place_order(p_village text, p_order jsonb) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  o store.redemption := jsonb_populate_record(null::store.redemption, p_order || jsonb_build_object('village', p_village));
begin
  perform households.refuse_kin(p_village, o.created_by, o.household_id);
  perform households.refuse_own_proof(p_village, o.created_by, o.household_id, o.presented);
  insert into store.redemption select o.* on conflict do nothing;
  return found;
end
$$;

grant execute on function store.place_order to jifen_app;
