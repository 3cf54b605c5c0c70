-- What a found card, a stolen kiosk and a guessed PIN can do.

alter table kiosks.kiosk
  add column wrong_pins integer not null default 0,
  add column wrong_pins_since timestamptz(3),
  drop constraint kiosk_state_reason_check,
  add constraint kiosk_state_reason_check check (state_reason in ('unknownCards', 'wrongPins'));
comment on column kiosks.kiosk.wrong_pins is 'Within an hour, whatever households they were tried at.';

create table households.pin_event (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  kind text not null check (kind in ('set', 'unlocked')),
  by_user uuid not null,
  at timestamptz(3) not null,
  constraint pin_event_pkey primary key (village, id),
  constraint pin_event_household_fkey foreign key (village, household_id) references households.household
);
comment on table households.pin_event is
  'Who set or unlocked the PIN of a household: shown to the household, for a clerk could do it unseen. Only ever added to.';
create index pin_event_household on households.pin_event (village, household_id, at);
alter table households.pin_event enable row level security;
alter table households.pin_event force row level security;
create policy scope on households.pin_event
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- Written by `households.set_pin`. What the columns told of the last one stands there now of each.
alter table households.household drop column pin_set_by, drop column pin_set_at;
grant select on households.pin_event to jifen_app;
grant update (wrong_pins, wrong_pins_since) on kiosks.kiosk to jifen_app;
