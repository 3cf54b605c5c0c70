-- Puts another title and other rules in the place of a draft's, and remembers whose hand it was. The service may delete
-- no rules but by this function, which knows drafts only; a rule that has earned is held by its awards besides. Bug:
-- JF005, no draft of this id.
create or replace function rules.redraft(p_village text, p_rule_book uuid, p_editor uuid, p_title text, p_rules jsonb)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update rules.rule_book
     set title = p_title,
         revision = revision + 1,
         edited_by = case when p_editor = created_by or p_editor = any (edited_by)
                          then edited_by
                          else edited_by || p_editor end
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is revised' using errcode = 'JF005';
  end if;
  delete from rules.rule where village = p_village and rule_book_id = p_rule_book;
  perform rules.fill(p_village, p_rule_book, p_rules);
end
$$;

grant execute on function rules.redraft to jifen_app;
