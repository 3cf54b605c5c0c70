-- Takes a line out, which the caller does to its award too. Not by whoever entered it, or must keep out of it:
-- constraints of the table say so. A line that is out stays as it is.
create or replace function publicity.strike(
  p_village text, p_award uuid, p_by uuid, p_reason text, p_now timestamptz
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update publicity.line l
     set struck_by = p_by, struck_at = p_now, strike_reason = p_reason,
         struck_by_kin = (select households.is_kin(p_village, p_by, a.household_id)
                            from earning.award a where a.village = l.village and a.id = l.award_id)
   where l.village = p_village and l.award_id = p_award and l.struck_by is null;
end $$;

grant execute on function publicity.strike to jifen_app;
