-- Records what became of a change: `p_state` is approved, rejected or withdrawn. Whoever keeps out of the household
-- keeps out of the one to which its people or its points go: else a merger or a split would let somebody review the own
-- household under another number. Nobody agrees to their own proposal, says a constraint of the table. Bugs: JF006, no
-- open change of this id; JF007, about the own household or that of kin.
create or replace function households.decide_change(p_village text, p_change uuid, p_state text, p_user uuid,
  p_at timestamptz, p_reason text, p_to_household uuid, p_transaction bigint) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c households.change;
begin
  select * into c from households.change
   where village = p_village and id = p_change and state = 'proposed' for update;
  if not found then
    raise exception 'no open change %', p_change using errcode = 'JF006';
  end if;
  if p_state in ('approved', 'rejected') and (households.is_kin(p_village, p_user, c.household_id)
      or c.to_household_id is not null and households.is_kin(p_village, p_user, c.to_household_id)) then
    raise exception 'the change % is about kin of %', p_change, p_user using errcode = 'JF007';
  end if;
  c.to_household_id := coalesce(c.to_household_id, p_to_household);
  update households.change
     set state = p_state, decided_by = p_user, decided_at = p_at, rejection_reason = p_reason,
         to_household_id = c.to_household_id, transaction_number = p_transaction
   where village = p_village and id = p_change;
  if p_state = 'approved' and c.to_household_id is not null then
    insert into households.kin as k (village, user_id, household_id, relation, declared_by, declared_at)
    select village, user_id, c.to_household_id, 'kin', p_user, p_at
      from households.kin
     where village = p_village and household_id = c.household_id and ended_at is null
    on conflict on constraint kin_pkey do update
      set relation = 'kin', declared_by = p_user, declared_at = p_at, ended_by = null, ended_at = null
      where k.ended_at is not null;
  end if;
end
$$;

grant execute on function households.decide_change to jifen_app;
