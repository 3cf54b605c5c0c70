-- Freezes an active household, unfreezes a frozen one (`p_state` active) or closes an active one, by somebody who is no kin of
-- it. Of a freeze it is written down who, when, why and after which transaction, for which the caller holds the book. Bug:
-- a household that is in no state for it.
create or replace function households.set_state(
  p_village text, p_household uuid, p_state text, p_by uuid, p_at timestamptz, p_reason text
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  last_number bigint;
begin
  perform households.refuse_kin(p_village, p_by, p_household);
  update households.household
     set state = p_state
   where village = p_village and id = p_household
     and state = case p_state when 'active' then 'frozen' else 'active' end;
  if not found then
    raise exception 'the household % does not become %', p_household, p_state;
  end if;
  select number into strict last_number from ledger.book where village = p_village;
  if p_state = 'frozen' then
    insert into households.freeze (village, id, household_id, reason, frozen_by, frozen_at, frozen_number)
    values (p_village, gen_random_uuid(), p_household, p_reason, p_by, p_at, last_number);
  elsif p_state = 'active' then
    update households.freeze
       set unfreeze_reason = p_reason, unfrozen_by = p_by, unfrozen_at = p_at, unfrozen_number = last_number
     where village = p_village and household_id = p_household and unfrozen_at is null;
  end if;
end
$$;

grant execute on function households.set_state to jifen_app;
