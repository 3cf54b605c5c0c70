-- Rules on an objection: `p_state` is dismissed or upheld; upheld, on all that are open about the award, for it is gone
-- with the first. By nobody whom the case went through, or who must keep out of it: constraints of the table say so.
create or replace function publicity.rule(
  p_village text, p_objection uuid, p_by uuid, p_state text, p_ruling text, p_now timestamptz
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  award uuid := (select o.award_id from publicity.objection o where o.village = p_village and o.id = p_objection);
begin
  update publicity.objection o
     set state = p_state, ruled_by = p_by, ruled_at = p_now, ruling = p_ruling,
         ruled_by_kin = publicity.is_kin_in(p_village, p_by, award),
         hands = publicity.hands_of(p_village, award)
   where o.village = p_village and o.award_id = award and o.state = 'open' and (o.id = p_objection or p_state = 'upheld');
end $$;

grant execute on function publicity.rule to jifen_app;
