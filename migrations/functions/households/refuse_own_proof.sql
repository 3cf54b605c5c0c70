-- Refuses whoever made all that a household shows: constraint proof_second_person. For functions that record what was
-- handed out, so that no caller can forget to ask.
create or replace function households.refuse_own_proof(
  p_village text, p_user uuid, p_household uuid, p_presented text
) returns void
language plpgsql stable
set search_path = ''
as $$
declare
  proof households.not_own_proof;
begin
  proof := households.is_own_proof(p_village, p_user, p_household, p_presented);
end
$$;

grant execute on function households.refuse_own_proof to jifen_app;
