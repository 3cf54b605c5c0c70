-- Enters a proposal to reverse an award, by somebody who is no kin of its household.
create or replace function earning.propose_reversal(
  p_village text, p_reversal uuid, p_award uuid, p_reason text, p_by uuid, p_at timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, a.household_id)
     from earning.award a where a.village = p_village and a.id = p_award;
  insert into earning.reversal (village, id, award_id, reason, state, proposed_by, proposed_at)
  values (p_village, p_reversal, p_award, p_reason, 'proposed', p_by, p_at);
end
$$;

grant execute on function earning.propose_reversal to jifen_app;
