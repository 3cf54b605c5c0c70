-- Awards, and their reversal by two people. What an award moved stands in the book.

create schema earning;
grant usage on schema earning to jifen_app;

-- An award is made of a rule in force, a household and a member that were read in its own database transaction. None of
-- these is ever deleted (only the rules of drafts are, and no award names one), so foreign keys could never fire. Each
-- asked a question for every award, and one locked the rule that all clerks of a village award by: a tenth of what a credit
-- cost PostgreSQL. Nor has `number` a key: it is made of the day and of the transaction's number, which is unique. Every
-- index here is another place to be found for each credit.
create table earning.award (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null check (number ~ '^A-[0-9]{8}-[0-9]+$'),
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  rule_book_id uuid not null,
  quantity integer not null check (quantity between 1 and 1000),
  points integer not null check (points between 1 and 1000000),
  occasion text collate "C" not null check (length(occasion) between 1 and 80),
  occurred_at timestamptz(3) not null,
  business_date date not null,
  back_entry boolean not null,
  note text check (length(note) between 1 and 200),
  state text not null check (state in ('pending', 'posted', 'reversed')),
  batch_id uuid,
  created_by uuid not null,
  created_at timestamptz(3) not null,
  transaction_number bigint not null,
  reversal_number bigint,
  claim_id uuid,
  round_id uuid,
  decided_by uuid[] not null default '{}',
  release_number bigint,
  constraint award_pkey primary key (village, id),
  constraint award_transaction_key unique (village, transaction_number),
  constraint award_reversed check ((state = 'reversed') = (reversal_number is not null)),
  constraint award_second_person check (not (created_by = any (decided_by))),
  constraint award_origin check (num_nonnulls(claim_id, round_id) <= 1),
  constraint award_decided check (num_nonnulls(claim_id, round_id) = 0 or cardinality(decided_by) > 0),
  constraint award_released check (release_number is null or state <> 'pending')
);
comment on table earning.award is 'That a household gained points under a rule, for an occasion.';
comment on column earning.award.occasion is
  'What it was for, in words of the village; the id of the award where nothing was named.';
comment on column earning.award.state is
  '`pending` while the notice board has it, `posted` once its points can be spent, `reversed` for good.';
comment on column earning.award.created_by is 'Who entered it.';
comment on column earning.award.transaction_number is 'What it moved, in the book.';
comment on column earning.award.decided_by is 'Who decided on it.';
comment on column earning.award.release_number is
  'The transaction that made its points spendable when its publicity had ended.';
create index award_household on earning.award (village, household_id, transaction_number);
create unique index award_claim_key on earning.award (village, claim_id) where claim_id is not null;
create index award_pending on earning.award (village, transaction_number) where state = 'pending';
-- One occasion pays once while it stands. The race is decided under the book's lock, by a limit of the same words; this is
-- the wall behind it, and how the award that came first is found. An award that names no event is an event of its own,
-- under an id that nobody could name before: there is no other to find.
create unique index award_standing_key on earning.award (village, household_id, occasion, rule_code, member_id)
  nulls not distinct where state in ('pending', 'posted') and occasion <> id::text;

create table earning.reversal (
  village text collate "C" not null,
  id uuid not null,
  award_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  state text not null default 'proposed' check (state in ('proposed', 'posted', 'rejected')),
  proposed_by uuid not null,
  proposed_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  rejection_reason text check (length(rejection_reason) between 1 and 200),
  reversal_number bigint,
  constraint reversal_pkey primary key (village, id),
  constraint reversal_award_fkey foreign key (village, award_id) references earning.award,
  constraint reversal_second_person check (decided_by is null or decided_by <> proposed_by),
  constraint reversal_decided check (
    (state = 'proposed') = (decided_by is null) and (state = 'proposed') = (decided_at is null)
    and (state = 'rejected') = (rejection_reason is not null)
    and (state = 'posted') = (reversal_number is not null))
);
comment on table earning.reversal is
  'A proposal to reverse an award. One person proposes, another decides; one open proposal at a time.';
create unique index reversal_open_key on earning.reversal (village, award_id) where state in ('proposed', 'posted');

alter table earning.award enable row level security;
alter table earning.award force row level security;
create policy scope on earning.award
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table earning.reversal enable row level security;
alter table earning.reversal force row level security;
create policy scope on earning.reversal
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on earning.award, earning.reversal to jifen_app;
grant update (state, reversal_number, release_number) on earning.award to jifen_app;
grant update (state, decided_by, decided_at, rejection_reason, reversal_number) on earning.reversal to jifen_app;
