-- Households, their members and the cards that identify them. Names, phones and the like live here and nowhere else:
-- the ledger knows a household by its id only.

create schema households;
grant usage on schema households to jifen_app;

create table households.household (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null check (number ~ '^[A-Z]?[0-9]{1,8}$'),
  grid integer,
  address text check (length(address) between 1 and 120),
  head_member_id uuid not null,
  state text not null default 'active' check (state in ('active', 'frozen', 'closed')),
  pin_hash text,
  pin_failed_attempts smallint not null default 0 check (pin_failed_attempts >= 0),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  constraint household_pkey primary key (village, id),
  constraint household_number_key unique (village, number),
  constraint household_grid_fkey foreign key (village, grid) references villages.grid
);
comment on table households.household is
  'A household of the village register. Its points stand in the book, under its id.';

create table households.member (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  name text not null check (length(name) between 1 and 60),
  phone text check (phone ~ '^[0-9+-]{5,20}$'),
  id_last4 text check (id_last4 ~ '^[0-9]{3}[0-9X]$'),
  created_at timestamptz(3) not null,
  died_on date,
  constraint member_pkey primary key (village, id),
  constraint member_household_fkey foreign key (village, household_id) references households.household
);
comment on table households.member is 'A person of a household.';
create index member_household on households.member (village, household_id);
-- People are looked for by these, in applications and in rosters.
create index member_person on households.member (village, name, id_last4);
create index member_phone on households.member (village, phone) where phone is not null;
alter table households.household add constraint household_head_fkey
  foreign key (village, head_member_id) references households.member deferrable initially deferred;

create table households.card (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  code_hash bytea not null,
  issued_by uuid not null,
  issued_at timestamptz(3) not null,
  revoked_by uuid,
  revoked_at timestamptz(3),
  constraint card_pkey primary key (village, id),
  constraint card_code_key unique (village, code_hash),
  constraint card_household_fkey foreign key (village, household_id) references households.household
);
comment on table households.card is
  'A card that a household shows. Its code is shown once, when it is issued; only its digest stays.';
create index card_household on households.card (village, household_id);

alter table households.household enable row level security;
alter table households.household force row level security;
create policy scope on households.household
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table households.member enable row level security;
alter table households.member force row level security;
create policy scope on households.member
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table households.card enable row level security;
alter table households.card force row level security;
create policy scope on households.card
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on households.household, households.member, households.card to jifen_app;
grant update (grid, address, head_member_id, state, pin_hash, pin_failed_attempts) on households.household to jifen_app;
grant update (name, phone, id_last4, household_id, died_on) on households.member to jifen_app;
grant update (revoked_by, revoked_at) on households.card to jifen_app;

create table households.kin (
  village text collate "C" not null,
  user_id uuid not null,
  household_id uuid not null,
  relation text not null check (relation in ('own', 'kin')),
  declared_by uuid not null,
  declared_at timestamptz(3) not null,
  ended_by uuid,
  ended_at timestamptz(3),
  constraint kin_pkey primary key (village, user_id, household_id),
  constraint kin_household_fkey foreign key (village, household_id) references households.household,
  constraint kin_ended check ((ended_by is null) = (ended_at is null)),
  -- What somebody must keep out of, only somebody else may strike out.
  constraint kin_end_second_person check (ended_by is null or ended_by <> user_id)
);
comment on table households.kin is
  'Households that a person who works for the village must not decide on: the own one, and those of declared kin.';

create unique index kin_own_key on households.kin (village, user_id) where relation = 'own' and ended_at is null;

alter table households.kin enable row level security;
alter table households.kin force row level security;
create policy scope on households.kin
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert, update (relation, declared_by, declared_at, ended_by, ended_at) on households.kin to jifen_app;
