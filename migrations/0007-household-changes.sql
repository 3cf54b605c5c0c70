-- The life of a household: a member moves, a household splits, merges, moves away or in, loses somebody, is closed or
-- gets another head. One person proposes a change, another agrees; what it moved stands in the book.

create table households.change (
  village text collate "C" not null,
  id uuid not null,
  kind text not null check (kind in ('memberMove', 'split', 'merge', 'moveAway', 'moveIn', 'death', 'close', 'head')),
  household_id uuid not null,
  to_household_id uuid,
  member_ids uuid[] not null default '{}',
  head_member_id uuid,
  died_on date,
  new_number text collate "C" check (new_number ~ '^[A-Z]?[0-9]{1,8}$'),
  new_grid integer,
  new_address text check (length(new_address) between 1 and 120),
  new_head_member_id uuid,
  available_points bigint constraint change_available_points check (available_points between 0 and 9007199254740991),
  honour_points bigint constraint change_honour_points check (honour_points between 0 and 9007199254740991),
  carried boolean,
  other_village text collate "C" check (other_village ~ '^[0-9]{12}$'),
  closing_number bigint,
  closing_hash text check (closing_hash ~ '^[0-9a-f]{64}$'),
  lots jsonb not null default '{}',
  reason text not null check (length(reason) between 1 and 500),
  state text not null default 'proposed' check (state in ('proposed', 'approved', 'rejected', 'withdrawn')),
  proposed_by uuid not null,
  proposed_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  rejection_reason text check (length(rejection_reason) between 1 and 500),
  transaction_number bigint,
  constraint change_pkey primary key (village, id),
  constraint change_household_fkey foreign key (village, household_id) references households.household,
  constraint change_to_household_fkey foreign key (village, to_household_id) references households.household,
  constraint change_grid_fkey foreign key (village, new_grid) references villages.grid,
  constraint change_other_household check (to_household_id is null or to_household_id <> household_id),
  constraint change_other_village check (other_village is null or other_village <> village),
  constraint change_form check (case kind
    when 'memberMove' then to_household_id is not null and cardinality(member_ids) = 1
    when 'split' then new_head_member_id is not null and cardinality(member_ids) > 0
      and num_nulls(available_points, honour_points) = 0 and (to_household_id is not null) = (state = 'approved')
    when 'merge' then to_household_id is not null
    when 'moveAway' then num_nulls(other_village, carried) = 0
    when 'moveIn' then num_nulls(other_village, closing_number, closing_hash, available_points, honour_points) = 0
    when 'death' then cardinality(member_ids) = 1 and died_on is not null
    when 'head' then head_member_id is not null
    else true end),
  constraint change_decided check ((state = 'proposed') = (decided_by is null)
    and (decided_by is null) = (decided_at is null)
    and (state = 'rejected') = (rejection_reason is not null)),
  -- Who decided is there whenever it is decided, so that NULL lets nothing through.
  constraint change_second_person check (state not in ('approved', 'rejected') or decided_by <> proposed_by),
  constraint change_transaction check (transaction_number is null or state = 'approved')
);
comment on table households.change is 'A change of a household that one person proposed, and what became of it.';
comment on column households.change.household_id is 'The household that changes.';
comment on column households.change.member_ids is
  'Who moves, leaves or has died. A merger moves everybody: they are known when it is agreed to.';
comment on column households.change.head_member_id is
  'The head that the household has afterwards, where it gets another one.';
comment on column households.change.new_number is 'Number, group, address and head of what a split makes.';
comment on column households.change.available_points is
  'What goes along, as the two sides of a split signed it or as the other village''s closing says.';
comment on column households.change.carried is
  'Of a household that moves away, whether its points go along; of any other that ends, null.';
comment on column households.change.other_village is 'The village where it goes, or came from.';
comment on column households.change.lots is
  'What of the points that come in expires, by the last day on which it can be spent.';
comment on column households.change.to_household_id is
  'The other one: where a member goes, what a split makes, what stays of a merger, who inherits.';
comment on column households.change.closing_number is
  'Of a household that moves in, the closing transaction in the other village''s book.';
-- What is signed holds for the household as it was: the next change waits until this one is decided.
create unique index change_open_key on households.change (village, household_id) where state = 'proposed';
-- What left another village's book comes into this one once.
create unique index change_closing_key on households.change (village, other_village, closing_number)
  where kind = 'moveIn' and state in ('proposed', 'approved');
create index change_household on households.change (village, household_id, id);
create index change_to_household on households.change (village, to_household_id, id) where to_household_id is not null;

alter table households.change enable row level security;
alter table households.change force row level security;
create policy scope on households.change
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- A decision is recorded by households.decide_change and by nothing else.
grant select, insert (village, id, kind, household_id, to_household_id, member_ids, head_member_id, died_on, new_number,
  new_grid, new_address, new_head_member_id, available_points, honour_points, carried, other_village, closing_number,
  closing_hash, lots, reason, proposed_by, proposed_at) on households.change to jifen_app;
grant update (member_ids) on households.change to jifen_app;
