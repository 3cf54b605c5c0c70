-- Points that end: by their date, or by a village's year end. A run is previewed, announced, agreed to by a second person
-- and then posted by a job, household by household; what it moved stands in the book.

create schema expiry;
grant usage on schema expiry to jifen_app;

create table expiry.run (
  village text collate "C" not null,
  id uuid not null,
  kind text not null check (kind in ('yearEnd', 'lots')),
  through_on date not null,
  rule text not null check (rule in ('clear', 'cap', 'lots')),
  cap_points integer check (cap_points between 0 and 1000000),
  book_number bigint not null,
  households integer not null,
  available bigint not null,
  expiring bigint not null,
  state text not null default 'previewed' check (state in ('previewed', 'announced', 'posting', 'posted', 'cancelled')),
  previewed_by uuid not null,
  previewed_at timestamptz(3) not null,
  announced_by uuid,
  announced_at timestamptz(3),
  due_on date,
  approved_by uuid,
  approved_at timestamptz(3),
  cancelled_by uuid,
  cancelled_at timestamptz(3),
  settled integer not null default 0,
  taken bigint not null default 0,
  posted_at timestamptz(3),
  constraint run_pkey primary key (village, id),
  constraint run_rule check ((kind = 'lots') = (rule = 'lots') and (rule = 'cap') = (cap_points is not null)),
  constraint run_year_end check (kind = 'lots' or to_char(through_on, 'MM-DD') = '12-31'),
  constraint run_announced check ((announced_by is null) = (announced_at is null)
    and (announced_by is null) = (due_on is null)
    and (state <> 'previewed' or announced_by is null)
    and (state not in ('announced', 'posting', 'posted') or announced_by is not null)),
  constraint run_due check (due_on is null or due_on > through_on),
  constraint run_approved check ((approved_by is null) = (approved_at is null)
    and (state in ('posting', 'posted')) = (approved_by is not null)),
  -- Both are there when it is approved, so that NULL lets nothing through.
  constraint run_second_person check (approved_by is null or approved_by <> announced_by),
  constraint run_cancelled check ((cancelled_by is null) = (cancelled_at is null)
    and (state = 'cancelled') = (cancelled_by is not null)),
  constraint run_posted check ((state = 'posted') = (posted_at is not null))
);
comment on table expiry.run is
  'A run that takes points which have ended: previewed, announced, approved by a second person, posted by a job.';
comment on column expiry.run.through_on is
  'The last day on which the points could be spent: of the year, or of the latest lots.';
comment on column expiry.run.rule is
  'What it takes of what is spendable, as the preview found it: all, all above the cap, or the lots up to the last day.';
comment on column expiry.run.book_number is 'How far the book had come when it was previewed.';
comment on column expiry.run.due_on is 'The first day on which it may be posted.';
comment on column expiry.run.settled is 'Households that the posting has come to.';
comment on column expiry.run.taken is 'What the posting has taken so far.';
-- One run for a year, and one for a day of lots.
create unique index run_standing_key on expiry.run (village, kind, through_on) where state <> 'cancelled';

create table expiry.line (
  village text collate "C" not null,
  run_id uuid not null,
  household_id uuid not null,
  available bigint not null check (available >= 0),
  expiring bigint not null check (expiring between 0 and available),
  taken bigint check (taken >= 0),
  transaction_number bigint,
  constraint line_pkey primary key (village, run_id, household_id),
  constraint line_run_fkey foreign key (village, run_id) references expiry.run,
  constraint line_household_fkey foreign key (village, household_id) references households.household,
  constraint line_taken check ((transaction_number is null) = (coalesce(taken, 0) = 0))
);
comment on table expiry.line is 'What a household has and would lose, as the preview found it; and what was taken.';
create index line_unsettled on expiry.line (village, run_id, household_id) where taken is null;

alter table expiry.run enable row level security;
alter table expiry.run force row level security;
create policy scope on expiry.run
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table expiry.line enable row level security;
alter table expiry.line force row level security;
create policy scope on expiry.line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on expiry.run, expiry.line to jifen_app;
grant update (state, announced_by, announced_at, due_on, approved_by, approved_at, cancelled_by, cancelled_at, settled,
  taken, posted_at) on expiry.run to jifen_app;
grant update (taken, transaction_number) on expiry.line to jifen_app;
