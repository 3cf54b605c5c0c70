-- Writes the draft of a rule book with its rules, [{id, code, …}] as rules.rule has them.
create or replace function rules.draft(
  p_village text, p_rule_book uuid, p_title text, p_by uuid, p_at timestamptz, p_rules jsonb
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into rules.rule_book (village, id, title, created_by, created_at)
  values (p_village, p_rule_book, p_title, p_by, p_at);
  perform rules.fill(p_village, p_rule_book, p_rules);
end
$$;

grant execute on function rules.draft to jifen_app;
