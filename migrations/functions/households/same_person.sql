-- Whether two people of one name (as it is compared) are one: the same end of the ID number, or, where one of them has none,
-- the same phone.
create or replace function households.same_person(p_id_last4 text, p_phone text, p_other_id_last4 text, p_other_phone text)
returns boolean
language sql immutable parallel safe
return coalesce(p_id_last4 = p_other_id_last4, p_phone = p_other_phone, false);

grant execute on function households.same_person to jifen_app;
