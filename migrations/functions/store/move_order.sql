-- The next state of a redemption, by somebody who is no kin of its household and did not make all that it showed; its
-- pick-up code is worthless from then on.
-- `p_presented` is what was shown when its goods left, and null for every other state.
create or replace function store.move_order(
  p_village text, p_order uuid, p_state text, p_by uuid, p_at timestamptz, p_presented text
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  o store.redemption;
begin
  select * into strict o from store.redemption where village = p_village and id = p_order for update;
  perform households.refuse_kin(p_village, p_by, o.household_id);
  perform households.refuse_own_proof(p_village, p_by, o.household_id, p_presented);
  update store.redemption
     set state = p_state, since = p_at, pickup_code = null,
         handed_over_at = case when p_presented is null then handed_over_at else p_at end,
         handed_over_by = case when p_presented is null then handed_over_by else p_by end,
         hand_over_presented = coalesce(p_presented, hand_over_presented)
   where village = p_village and id = p_order;
end
$$;

grant execute on function store.move_order to jifen_app;
