-- What verbs alone held until now, the database holds too: an adopted rule book never changes, whoever answered an
-- application's questions does not decide on it, and whose kin somebody is does not end with the household's number.

-- ── Rule books ───────────────────────────────────────────────────────────────────────────────────────────────────────

-- Books and rules are written by the functions below, which know drafts only. To lock a row one needs the right to change
-- some column: that of a day which only a discarded book has.
revoke insert, update on rules.rule_book, rules.rule from jifen_app;
grant update (discarded_at) on rules.rule_book to jifen_app;

-- Puts rules in a book; for the functions below alone.
create function rules.fill(p_village text, p_rule_book uuid, p_rules jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into rules.rule (village, rule_book_id, id, code, category, title, title_en, points, direction, unit, cap_times,
                          cap_period, cap_scope, evidence, excludes, highest_only_group, honour, publicity)
  select p_village, p_rule_book, r.id, r.code, r.category, r.title, r.title_en, r.points, r.direction, r.unit, r.cap_times,
         r.cap_period, r.cap_scope, r.evidence, r.excludes, r.highest_only_group, r.honour, r.publicity
    from pg_catalog.jsonb_populate_recordset(null::rules.rule, p_rules) r;
end
$$;

create function rules.draft(
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

-- Puts a draft in force by the assembly's resolution. Who may, and how many must agree, the table's own checks say.
create function rules.adopt(
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

create function rules.discard(p_village text, p_rule_book uuid, p_by uuid, p_at timestamptz) returns void
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

revoke all on function rules.fill, rules.draft, rules.adopt, rules.discard from public;
grant execute on function rules.draft, rules.adopt, rules.discard to jifen_app;

-- ── Applications ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- Everybody who answered, and may have corrected what it says: `resubmitted_by` remembers the last one only.
alter table households.join_application
  add column edited_by uuid[] not null default '{}';
alter table households.join_application
  -- As for rule books: a null would make the second check come to NULL, and pass.
  add constraint join_application_editors_known check (array_position(edited_by, null) is null),
  add constraint join_application_editors check (state not in ('approved', 'rejected') or not (decided_by = any (edited_by)));
grant update (edited_by) on households.join_application to jifen_app;

-- ── Kin ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- As in 0019. Beyond it, whoever keeps out of a household keeps out of the one to which its people or its points go:
-- else a merger or a split would let somebody review the own household under another number.
create or replace function households.decide_change(p_village text, p_change uuid, p_state text, p_user uuid,
  p_at timestamptz, p_reason text, p_to_household uuid, p_transaction bigint) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c households.change;
begin
  select * into c from households.change
   where village = p_village and id = p_change and state = 'proposed' for update;
  if not found then
    raise exception 'no open change %', p_change using errcode = 'JF006';
  end if;
  if p_state in ('approved', 'rejected') and (households.is_kin(p_village, p_user, c.household_id)
      or c.to_household_id is not null and households.is_kin(p_village, p_user, c.to_household_id)) then
    raise exception 'the change % is about kin of %', p_change, p_user using errcode = 'JF007';
  end if;
  c.to_household_id := coalesce(c.to_household_id, p_to_household);
  update households.change
     set state = p_state, decided_by = p_user, decided_at = p_at, rejection_reason = p_reason,
         to_household_id = c.to_household_id, transaction_number = p_transaction
   where village = p_village and id = p_change;
  if p_state = 'approved' and c.to_household_id is not null then
    insert into households.kin as k (village, user_id, household_id, relation, declared_by, declared_at)
    select village, user_id, c.to_household_id, 'kin', p_user, p_at
      from households.kin
     where village = p_village and household_id = c.household_id and ended_at is null
    on conflict on constraint kin_pkey do update
      set relation = 'kin', declared_by = p_user, declared_at = p_at, ended_by = null, ended_at = null
      where k.ended_at is not null;
  end if;
end
$$;
