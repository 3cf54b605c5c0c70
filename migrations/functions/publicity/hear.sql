-- Decides an appeal, for good: `p_state` is dismissed or upheld. By nobody whom the case went through, or who must keep
-- out of it: constraints of the table say so, of what is copied here. One that is not open stays as it is.
create or replace function publicity.hear(
  p_village text, p_appeal uuid, p_by uuid, p_state text, p_ruling text, p_now timestamptz
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update publicity.appeal p
     set state = p_state, heard_by = p_by, heard_at = p_now, ruling = p_ruling,
         heard_by_kin = publicity.is_kin_in(p_village, p_by, p.award_id),
         hands = publicity.hands_of(p_village, p.award_id) || array(
           select o.ruled_by from publicity.objection o
            where o.village = p.village and o.award_id = p.award_id and o.ruled_by is not null)
   where p.village = p_village and p.id = p_appeal and p.state = 'open';
end $$;

grant execute on function publicity.hear to jifen_app;
