-- Puts rules in a book; for rules.draft and rules.redraft alone.
create or replace function rules.fill(p_village text, p_rule_book uuid, p_rules jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into rules.rule (village, rule_book_id, id, code, category, title, title_en, points, direction, unit, cap_times,
                          cap_period, cap_scope, evidence, excludes, highest_only_group, honour, publicity, on_behalf)
  select p_village, p_rule_book, r.id, r.code, r.category, r.title, r.title_en, r.points, r.direction, r.unit, r.cap_times,
         r.cap_period, r.cap_scope, r.evidence, r.excludes, r.highest_only_group, r.honour, r.publicity,
         coalesce(r.on_behalf, true)
    from pg_catalog.jsonb_populate_recordset(null::rules.rule, p_rules) r;
end
$$;
