-- A draft of a rule book is revised as a whole, or given up; an adopted book is neither.
alter table rules.rule_book drop constraint rule_book_state_check;
alter table rules.rule_book
  -- Counts the revisions of a draft: whoever adopts it can say which one was read.
  add column revision integer not null default 1 check (revision between 1 and 1000000),
  -- Who has revised it beside the one who drafted it: none of them may put it in force.
  add column edited_by uuid[] not null default '{}',
  add column discarded_by uuid,
  add column discarded_at timestamptz(3);
alter table rules.rule_book
  add constraint rule_book_state_check check (state in ('draft', 'adopted', 'discarded')),
  add constraint rule_book_discarded check (
    num_nonnulls(discarded_by, discarded_at) = case state when 'discarded' then 2 else 0 end),
  -- A null among the editors would make the second check come to NULL, and pass.
  add constraint rule_book_editors_known check (array_position(edited_by, null) is null),
  add constraint rule_book_editors check (adopted_by is null or not (adopted_by = any (edited_by)));

grant update (discarded_by, discarded_at) on rules.rule_book to jifen_app;

-- Puts another title and other rules in the place of a draft's, and remembers whose hand it was. The service may delete no
-- rules but by this function, which knows drafts only; a rule that has earned is held by its awards besides.
create function rules.redraft(p_village text, p_rule_book uuid, p_editor uuid, p_title text, p_rules jsonb) returns void
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
  insert into rules.rule (village, rule_book_id, id, code, category, title, title_en, points, direction, unit, cap_times,
                          cap_period, cap_scope, evidence, excludes, highest_only_group, honour, publicity)
  select p_village, p_rule_book, r.id, r.code, r.category, r.title, r.title_en, r.points, r.direction, r.unit, r.cap_times,
         r.cap_period, r.cap_scope, r.evidence, r.excludes, r.highest_only_group, r.honour, r.publicity
    from jsonb_populate_recordset(null::rules.rule, p_rules) r;
end
$$;

revoke all on function rules.redraft from public;
grant execute on function rules.redraft to jifen_app;
