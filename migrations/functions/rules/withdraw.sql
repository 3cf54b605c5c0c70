-- Takes back an adopted book before the day from which it holds, as a check of the table says: it has earned nobody
-- anything. It stays readable, and another may take its day. Bug: JF005, no adopted book of this id.
create or replace function rules.withdraw(p_village text, p_rule_book uuid, p_by uuid, p_at timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update rules.rule_book
     set state = 'withdrawn', intended_from = in_force_from, in_force_from = null, withdrawn_by = p_by, withdrawn_at = p_at
   where village = p_village and id = p_rule_book and state = 'adopted';
  if not found then
    raise exception 'only an adopted book is withdrawn' using errcode = 'JF005';
  end if;
end
$$;

grant execute on function rules.withdraw to jifen_app;
