-- Sets a PIN, or leaves it as it is (`p_pin_hash` null), and forgets the wrong ones: by somebody who has seen the
-- household and is no kin of it. Who that was is written down.
create or replace function households.set_pin(
  p_village text, p_household uuid, p_pin_hash text, p_by uuid, p_at timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, p_household);
  update households.household
     set pin_hash = coalesce(p_pin_hash, pin_hash), pin_failed_attempts = 0
   where village = p_village and id = p_household;
  insert into households.pin_event (village, id, household_id, kind, by_user, at)
  values (p_village, gen_random_uuid(), p_household,
          case when p_pin_hash is null then 'unlocked' else 'set' end, p_by, p_at);
end
$$;

grant execute on function households.set_pin to jifen_app;
