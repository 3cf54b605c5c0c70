-- Members of households that people of an application may be, by their place in it, counted from 0: the same person
-- (name and end of the ID number), or only the same phone, or the same name in the same group. At most 100, the
-- likeliest first.
create or replace function households.join_duplicates(p_village text, p_application uuid)
returns table (household_id uuid, member_id uuid, place integer, likeness text)
language plpgsql stable
set search_path = ''
as $$
begin
  return query
    select m.household_id, m.id, p.place::integer - 1,
           case when m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4' then 'person'
                when m.phone = coalesce(p.value ->> 'phone', a.phone) then 'phone'
                else 'nameAndGrid' end
      from households.join_application a
     cross join lateral jsonb_array_elements(a.members) with ordinality p(value, place)
      join households.member m
        on m.village = a.village and (m.name = p.value ->> 'name' or m.phone = coalesce(p.value ->> 'phone', a.phone))
      join households.household h
        on h.village = m.village and h.id = m.household_id and h.state <> 'closed' and h.id is distinct from a.household_id
     where a.village = p_village and a.id = p_application
       and (m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4'
         or m.phone = coalesce(p.value ->> 'phone', a.phone)
         or m.name = p.value ->> 'name' and h.grid = a.grid)
     order by (m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4') is true desc, p.place, m.id
     limit 100;
end
$$;

grant execute on function households.join_duplicates to jifen_app;
