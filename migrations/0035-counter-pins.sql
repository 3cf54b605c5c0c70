-- PINs that staff enter at a counter, by who enters them: a few wrong ones at each household reach no household's own bound.

create table store.pin_try (
  village text collate "C" not null,
  id uuid not null,
  user_id uuid not null,
  household_id uuid not null,
  tried_at timestamptz(3) not null,
  was_right boolean not null default false,
  constraint pin_try_pkey primary key (village, id),
  constraint pin_try_household_fkey foreign key (village, household_id) references households.household
);
comment on table store.pin_try is
  'A PIN that staff entered for a household. Written before it is looked at, and wrong until it has turned out to be right.';
create index pin_try_wrong on store.pin_try (village, user_id, tried_at) where not was_right;

alter table store.pin_try enable row level security;
alter table store.pin_try force row level security;
create policy scope on store.pin_try
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select, insert on store.pin_try to jifen_app;
grant update (was_right) on store.pin_try to jifen_app;
