-- Enters a card that somebody issues, who is no kin of the household.
create or replace function households.issue_card(
  p_village text, p_card uuid, p_household uuid, p_code_hash bytea, p_by uuid, p_at timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, p_household);
  insert into households.card (village, id, household_id, code_hash, issued_by, issued_at)
  values (p_village, p_card, p_household, p_code_hash, p_by, p_at);
end
$$;

grant execute on function households.issue_card to jifen_app;
