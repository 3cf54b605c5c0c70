-- Goods that somebody else fetched for a household: who it was is kept, and nobody fetches for a whole street.

create table store.proxy_pickup (
  village text collate "C" not null,
  redemption_id uuid not null,
  household_id uuid not null,
  name text not null check (length(name) between 1 and 40),
  name_folded text collate "C" not null generated always as (households.folded(name)) stored,
  relation text not null check (length(relation) between 1 and 20),
  fetched_on date not null,
  recorded_by uuid not null,
  recorded_at timestamptz(3) not null,
  constraint proxy_pickup_pkey primary key (village, redemption_id),
  constraint proxy_pickup_redemption_fkey foreign key (village, redemption_id) references store.redemption,
  constraint proxy_pickup_household_fkey foreign key (village, household_id) references households.household
);
comment on table store.proxy_pickup is
  'Who fetched the goods of a redemption in place of its household. Only ever added to.';
create index proxy_pickup_person on store.proxy_pickup (village, fetched_on, name_folded);
create index proxy_pickup_household on store.proxy_pickup (village, household_id);

alter table store.proxy_pickup enable row level security;
alter table store.proxy_pickup force row level security;
create policy scope on store.proxy_pickup
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select, insert on store.proxy_pickup to jifen_app;
