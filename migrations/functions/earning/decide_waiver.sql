-- Records what became of a proposal to waive what a household owes, by somebody who is no kin of it. `p_number` is the
-- transaction that waived the points, `p_reason` why nothing was.
create or replace function earning.decide_waiver(
  p_village text, p_waiver uuid, p_state text, p_by uuid, p_at timestamptz, p_reason text, p_number bigint
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, household_id)
     from earning.arrears_waiver where village = p_village and id = p_waiver;
  update earning.arrears_waiver
     set state = p_state, decided_by = p_by, decided_at = p_at, rejection_reason = p_reason, transaction_number = p_number
   where village = p_village and id = p_waiver and state = 'proposed';
end
$$;

grant execute on function earning.decide_waiver to jifen_app;
