-- Households are frozen for a while, and a price list that nobody has bought by yet is withdrawn.

create table households.freeze (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  frozen_by uuid not null,
  frozen_at timestamptz(3) not null,
  frozen_number bigint not null check (frozen_number >= 0),
  unfreeze_reason text check (length(unfreeze_reason) between 1 and 200),
  unfrozen_by uuid,
  unfrozen_at timestamptz(3),
  unfrozen_number bigint check (unfrozen_number >= frozen_number),
  constraint freeze_pkey primary key (village, id),
  constraint freeze_household_fkey foreign key (village, household_id) references households.household,
  constraint freeze_ended check (num_nulls(unfreeze_reason, unfrozen_by, unfrozen_at, unfrozen_number) in (0, 4))
);
comment on table households.freeze is
  'When and why a household could neither earn nor spend. Written by `households.set_state` alone.';
comment on column households.freeze.frozen_number is
  'The last transaction in the book by then: a statement through a later one tells of it, however often it is made.';
create unique index freeze_open_key on households.freeze (village, household_id) where unfrozen_at is null;
create index freeze_household on households.freeze (village, household_id, frozen_at);
alter table households.freeze enable row level security;
alter table households.freeze force row level security;
create policy scope on households.freeze
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select on households.freeze to jifen_app;
-- Nobody freezes, unfreezes or closes the own household, or that of kin: `households.set_state` looks.
revoke update (state) on households.household from jifen_app;

alter table store.price_list
  add column withdrawn_by uuid,
  add column withdrawn_at timestamptz(3),
  add constraint price_list_withdrawn check ((withdrawn_by is null) = (withdrawn_at is null)),
  add constraint price_list_withdrawn_in_time check ((withdrawn_at at time zone 'Asia/Shanghai')::date < valid_from),
  drop constraint price_list_valid_from_key;
comment on table store.price_list is
  'Prices hold from their day until the next list''s. Published as they are written and never changed, but withdrawn before they hold.';
-- Another list may take the day of one that was withdrawn, and be the first.
create unique index price_list_valid_from_key on store.price_list (village, valid_from) where withdrawn_at is null;
drop index store.price_list_first_key;
create unique index price_list_first_key on store.price_list (village) where is_first and withdrawn_at is null;
grant update (withdrawn_by, withdrawn_at) on store.price_list to jifen_app;
