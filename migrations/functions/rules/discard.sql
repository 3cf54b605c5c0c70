-- Gives a draft up. Bug: JF005, no draft of this id.
create or replace function rules.discard(p_village text, p_rule_book uuid, p_by uuid, p_at timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update rules.rule_book
     set state = 'discarded', discarded_by = p_by, discarded_at = p_at
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is given up' using errcode = 'JF005';
  end if;
end
$$;

grant execute on function rules.discard to jifen_app;
