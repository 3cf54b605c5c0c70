-- Members of households that people of an application may be, by their place in it, counted from 0: the same person
-- (households.same_person), or only the same phone, or the same name in the same group. Names are compared folded. At most
-- 100, the likeliest first.
create or replace function households.join_duplicates(p_village text, p_application uuid)
returns table (household_id uuid, member_id uuid, place integer, likeness text)
language plpgsql stable
set search_path = ''
as $$
begin
  return query
    select m.household_id, m.id, p.place,
           case when m.name_folded = p.name and households.same_person(m.id_last4, m.phone, p.id_last4, p.phone) then 'person'
                when m.phone = p.phone then 'phone'
                else 'nameAndGrid' end
      from households.join_application a
     cross join lateral (
       select n.place::integer - 1 as place, households.folded(n.value ->> 'name') as name,
              n.value ->> 'idLast4' as id_last4, coalesce(n.value ->> 'phone', a.phone) as phone
         from jsonb_array_elements(a.members) with ordinality n(value, place)) p
      join households.member m on m.village = a.village and (m.name_folded = p.name or m.phone = p.phone)
      join households.household h
        on h.village = m.village and h.id = m.household_id and h.state <> 'closed' and h.id is distinct from a.household_id
     where a.village = p_village and a.id = p_application
       and (m.phone = p.phone or h.grid = a.grid or households.same_person(m.id_last4, m.phone, p.id_last4, p.phone))
     order by (m.name_folded = p.name and households.same_person(m.id_last4, m.phone, p.id_last4, p.phone)) desc,
              p.place, m.id
     limit 100;
end
$$;

grant execute on function households.join_duplicates to jifen_app;
