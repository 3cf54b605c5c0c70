-- Whether all that a household shows a person was made by that very person: the PIN that they set last, a card that they
-- issued and nobody revoked. With such a PIN or card alone, one account would earn points and take the goods. A PIN of
-- somebody else's, or a card of somebody else's beside an own PIN, is proof. Kiosks ask nobody: `p_user` is the household.
create or replace function households.is_own_proof(p_village text, p_user uuid, p_household uuid, p_presented text)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return coalesce(p_presented in ('pin', 'card', 'cardAndPin'), false)
     and (p_presented = 'card' or coalesce((
           select e.by_user = p_user from households.pin_event e
            where e.village = p_village and e.household_id = p_household and e.kind = 'set'
            order by e.at desc, e.id desc limit 1), false))
     and (p_presented = 'pin' or exists (
           select from households.card c
            where c.village = p_village and c.household_id = p_household and c.issued_by = p_user
              and c.revoked_at is null));
end
$$;

grant execute on function households.is_own_proof to jifen_app;
