-- Whom the case of an award went through before anybody ruled on it.
create or replace function publicity.hands_of(p_village text, p_award uuid) returns uuid[]
  language plpgsql stable set search_path = '' as $$
begin
  return (
    select array_agg(distinct h.id)
      from (select unnest(array[l.entered_by, l.published_by, l.struck_by] || l.decided_by) as id
              from publicity.line l where l.village = p_village and l.award_id = p_award
            union all
            select unnest(array[o.lodged_by, o.objector_id])
              from publicity.objection o where o.village = p_village and o.award_id = p_award
            union all
            select p.lodged_by
              from publicity.appeal p where p.village = p_village and p.award_id = p_award) h
     where h.id is not null);
end $$;

grant execute on function publicity.hands_of to jifen_app;
