-- Awards: that a household gained points under a rule, for an occasion; and their reversal, by two people. What an award
-- moved stands in the book under `transaction_number`.

create schema earning;
grant usage on schema earning to jifen_app;

-- `pending` while the notice board has it, `posted` once its points can be spent, `reversed` for good.
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
  constraint award_pkey primary key (village, id),
  constraint award_number_key unique (village, number),
  constraint award_transaction_key unique (village, transaction_number),
  constraint award_household_fkey foreign key (village, household_id) references households.household,
  constraint award_member_fkey foreign key (village, member_id) references households.member,
  constraint award_rule_fkey foreign key (village, rule_id) references rules.rule,
  constraint award_reversed check ((state = 'reversed') = (reversal_number is not null))
);
create index award_household on earning.award (village, household_id, transaction_number);
-- One occasion pays once while it stands. The race is decided under the pen, by a limit of the same words; this is the
-- wall behind it, and how the award that came first is found.
create unique index award_standing_key on earning.award (village, household_id, occasion, rule_code, member_id)
  nulls not distinct where state in ('pending', 'posted');

-- One person proposes, another decides; one open proposal at a time.
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
grant update (state, reversal_number) on earning.award to jifen_app;
grant update (state, decided_by, decided_at, rejection_reason, reversal_number) on earning.reversal to jifen_app;
