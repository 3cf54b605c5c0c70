-- Divisions from province to village, and what a village has decided about itself.

create schema villages;
grant usage on schema villages to jifen_app;

create table villages.division (
  code text collate "C" not null check (code ~ '^[0-9]{12}$'),
  level text not null check (level in ('province', 'city', 'county', 'town', 'village')),
  parent_code text collate "C" references villages.division,
  name text not null check (length(name) between 1 and 60),
  kind text not null check (length(kind) between 1 and 20),
  provisional boolean not null default false,
  households integer check (households >= 0),
  constraint division_pkey primary key (code),
  constraint division_parent check ((level = 'province') = (parent_code is null))
);
comment on table villages.division is
  'The tree of places. A reference table: it holds no village''s affairs and is read by everybody.';
create index division_parent_code on villages.division (parent_code, code);

create table villages.village (
  village text collate "C" not null references villages.division,
  opened_on date not null,
  opened_by uuid not null,
  created_at timestamptz(3) not null,
  constraint village_pkey primary key (village)
);
comment on table villages.village is
  'A division of level village that keeps a book here: a reference table too, for that is no secret.';

create table villages.grid (
  village text collate "C" not null references villages.village,
  number integer not null check (number between 1 and 999),
  name text not null check (length(name) between 1 and 40),
  constraint grid_pkey primary key (village, number)
);
comment on table villages.grid is 'A group of households of a village (网格).';

create table villages.policy (
  village text collate "C" not null references villages.village,
  valid_from date not null,
  policy jsonb not null,
  set_by uuid not null,
  set_at timestamptz(3) not null,
  constraint policy_pkey primary key (village, valid_from)
);
comment on table villages.policy is
  'What a village has decided about itself. Holds from its date until the next one''s; it is never changed, and never '
  'reaches back.';

alter table villages.grid enable row level security;
alter table villages.grid force row level security;
create policy scope on villages.grid
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table villages.policy enable row level security;
alter table villages.policy force row level security;
create policy scope on villages.policy
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on villages.division, villages.village, villages.grid, villages.policy to jifen_app;
