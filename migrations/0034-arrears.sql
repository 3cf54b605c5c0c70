-- What a household owes ends: it is paid from the next points, or by the household itself, or two people waive it. When a
-- household ends, it goes along or is waived.

create table earning.arrears_waiver (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  points bigint not null check (points between 1 and 1000000),
  reason text not null check (length(reason) between 1 and 200),
  state text not null default 'proposed' check (state in ('proposed', 'posted', 'rejected')),
  proposed_by uuid not null,
  proposed_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  rejection_reason text check (length(rejection_reason) between 1 and 200),
  transaction_number bigint,
  constraint arrears_waiver_pkey primary key (village, id),
  constraint arrears_waiver_household_fkey foreign key (village, household_id) references households.household,
  constraint arrears_waiver_second_person check (decided_by is null or decided_by <> proposed_by),
  constraint arrears_waiver_decided check (
    (state = 'proposed') = (decided_by is null) and (state = 'proposed') = (decided_at is null)
    and (state = 'rejected') = (rejection_reason is not null)
    and (state = 'posted') = (transaction_number is not null))
);
comment on table earning.arrears_waiver is
  'A proposal to waive points that a household owes. One person proposes, another decides; one open proposal at a time.';
create unique index arrears_waiver_open_key on earning.arrears_waiver (village, household_id) where state = 'proposed';

alter table earning.arrears_waiver enable row level security;
alter table earning.arrears_waiver force row level security;
create policy scope on earning.arrears_waiver
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- A proposal is locked before it is decided, for which PostgreSQL asks for the right to update some column.
grant select, update (rejection_reason) on earning.arrears_waiver to jifen_app;

alter table households.change
  add column arrears text check (arrears in ('carry', 'waive')),
  add column arrears_points bigint
    constraint change_arrears_points check (arrears_points between 0 and 9007199254740991),
  -- Nobody is left to owe when nobody takes the household on, and no other village collects for this one.
  add constraint change_arrears check (
    (arrears is null or kind in ('merge', 'moveAway', 'death', 'close'))
    and (arrears is distinct from 'carry' or to_household_id is not null)
    and (arrears_points is null or kind = 'split'));
comment on column households.change.arrears is
  'What becomes of points that the household owes when it ends: who takes it on owes them, or they are waived.';
comment on column households.change.arrears_points is
  'Of a split, what of the points that the household owes goes along.';
grant insert (arrears, arrears_points) on households.change to jifen_app;
