-- Puts a draft in force by the assembly's resolution. Who may, and how many must agree, the table's own checks say.
-- Bug: JF005, no draft of this id.
create or replace function rules.adopt(
  p_village text, p_rule_book uuid, p_by uuid, p_at timestamptz, p_in_force_from date, p_held_on date, p_present integer,
  p_for integer, p_against integer, p_abstained integer
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update rules.rule_book
     set state = 'adopted', in_force_from = p_in_force_from, held_on = p_held_on, present = p_present,
         votes_for = p_for, votes_against = p_against, abstained = p_abstained, adopted_by = p_by, adopted_at = p_at
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is adopted' using errcode = 'JF005';
  end if;
end
$$;

grant execute on function rules.adopt to jifen_app;
