-- A village's rule books: adopted, dated lists of what earns or costs points. An adopted book is never changed; the next
-- one takes its place from its own date on.

create schema rules;
grant usage on schema rules to jifen_app;

create table rules.rule_book (
  village text collate "C" not null references villages.village,
  id uuid not null,
  title text not null check (length(title) between 1 and 60),
  state text not null default 'draft' check (state in ('draft', 'adopted', 'discarded')),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  in_force_from date,
  held_on date,
  present integer,
  votes_for integer,
  votes_against integer,
  abstained integer,
  adopted_by uuid,
  adopted_at timestamptz(3),
  revision integer not null default 1 check (revision between 1 and 1000000),
  edited_by uuid[] not null default '{}',
  discarded_by uuid,
  discarded_at timestamptz(3),
  constraint rule_book_pkey primary key (village, id),
  constraint rule_book_in_force_key unique (village, in_force_from),
  constraint rule_book_second_person check (adopted_by is null or adopted_by <> created_by),
  -- All of the adoption is there, or none of it: a check that comes to NULL would pass.
  constraint rule_book_resolution check (
    num_nonnulls(in_force_from, held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at)
      = case state when 'adopted' then 8 else 0 end),
  constraint rule_book_votes check (votes_for is null
    or (votes_against >= 0 and abstained >= 0 and votes_for > votes_against
        and votes_for + votes_against + abstained <= present)),
  constraint rule_book_discarded check (
    num_nonnulls(discarded_by, discarded_at) = case state when 'discarded' then 2 else 0 end),
  -- A null among the editors would make the second check come to NULL, and pass.
  constraint rule_book_editors_known check (array_position(edited_by, null) is null),
  constraint rule_book_editors check (adopted_by is null or not (adopted_by = any (edited_by)))
);
comment on table rules.rule_book is
  'A dated list of what earns or costs points. Holds from `in_force_from` until the next adopted one''s. Never without '
  'the assembly''s resolution, and never on the word of whoever drafted it; a draft is revised as a whole, or given '
  'up.';
comment on column rules.rule_book.revision is
  'Counts the revisions of a draft: whoever adopts it can say which one was read.';
comment on column rules.rule_book.edited_by is
  'Who has revised it beside the one who drafted it: none of them may put it in force.';

create table rules.rule (
  village text collate "C" not null,
  rule_book_id uuid not null,
  id uuid not null,
  code text collate "C" not null check (code ~ '^[A-Z][A-Z0-9]{1,11}$'),
  category text not null check (length(category) between 1 and 20),
  title text not null check (length(title) between 1 and 60),
  title_en text check (length(title_en) between 1 and 120),
  points integer not null check (points between 1 and 1000),
  direction text not null check (direction in ('award', 'deduction')),
  unit text not null check (length(unit) between 1 and 20),
  cap_times integer check (cap_times between 1 and 10000),
  cap_period text check (cap_period in ('day', 'week', 'month', 'year', 'once')),
  cap_scope text not null check (cap_scope in ('household', 'member')),
  evidence text[] not null,
  excludes text[] not null,
  highest_only_group text check (highest_only_group ~ '^[A-Z][A-Z0-9]{1,11}$'),
  honour boolean not null,
  publicity text not null check (publicity in ('required', 'exempt')),
  on_behalf boolean not null default true,
  constraint rule_pkey primary key (village, id),
  constraint rule_code_key unique (village, rule_book_id, code),
  constraint rule_book_fkey foreign key (village, rule_book_id) references rules.rule_book,
  constraint rule_cap check ((cap_times is null) = (cap_period is null))
);
comment on table rules.rule is 'What earns or costs points, and how many for each unit.';
comment on column rules.rule.points is 'Of a deduction positive too: the direction says which way they go.';
comment on column rules.rule.on_behalf is
  'Whether the village''s staff may claim it for a household. Most may be: elders have no phone. What a household has '
  'to show by itself may not.';

alter table rules.rule_book enable row level security;
alter table rules.rule_book force row level security;
create policy scope on rules.rule_book
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table rules.rule enable row level security;
alter table rules.rule force row level security;
create policy scope on rules.rule
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- Books and rules are written by functions, which know drafts only. To lock a row one needs the right to change some
-- column: that of a day which only a discarded book has.
grant select on rules.rule_book, rules.rule to jifen_app;
grant update (discarded_at) on rules.rule_book to jifen_app;
