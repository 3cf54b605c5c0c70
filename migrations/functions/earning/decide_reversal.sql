-- Records what became of a proposal to reverse an award, by somebody who is no kin of its household. `p_number` is the
-- transaction that took the points back, `p_reason` why nothing was.
create or replace function earning.decide_reversal(
  p_village text, p_reversal uuid, p_state text, p_by uuid, p_at timestamptz, p_reason text, p_number bigint
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, a.household_id)
     from earning.reversal r join earning.award a on a.village = r.village and a.id = r.award_id
    where r.village = p_village and r.id = p_reversal;
  update earning.reversal
     set state = p_state, decided_by = p_by, decided_at = p_at, rejection_reason = p_reason, reversal_number = p_number
   where village = p_village and id = p_reversal and state = 'proposed';
end
$$;

grant execute on function earning.decide_reversal to jifen_app;
