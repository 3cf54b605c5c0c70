-- Kiosks: tablets at the store where a household stands, shows its card and spends its points. A kiosk is bound to one
-- village by pairing (shaped after RFC 8628): the device shows a short code, and a village administrator approves it.

create schema kiosks;
grant usage on schema kiosks to jifen_app;

create table kiosks.pairing (
  device_code_hash bytea not null,
  user_code text collate "C" not null check (user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$'),
  app_version text not null check (length(app_version) between 1 and 40),
  model text not null check (length(model) between 1 and 60),
  serial text not null check (length(serial) between 1 and 60),
  state text not null check (state in ('pending', 'approved', 'denied')),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  village text collate "C" check (village ~ '^[0-9]{12}$'),
  kiosk_id uuid,
  decided_by uuid,
  decided_at timestamptz(3),
  session_id uuid,
  constraint pairing_pkey primary key (device_code_hash),
  constraint pairing_decided check (
    case state when 'pending' then num_nonnulls(village, kiosk_id, decided_by, decided_at, session_id) = 0
               when 'denied' then num_nonnulls(village, decided_by, decided_at) = 3 and num_nonnulls(kiosk_id, session_id) = 0
               else num_nonnulls(village, kiosk_id, decided_by, decided_at) = 4 end)
);
comment on table kiosks.pairing is
  'A device that asks to be bound to a village. Outside row-level security: it belongs to none until somebody approves '
  'it. Found by the digest of a code that only the device has, or by the code on its screen while it waits; a decided '
  'one only by its own village.';
comment on column kiosks.pairing.session_id is
  'The sign-in that the last approved answer held: void as soon as the answer is asked for again.';
create unique index pairing_open_key on kiosks.pairing (user_code) where state = 'pending';
create index pairing_decided_code on kiosks.pairing (village, user_code) where state <> 'pending';
create index pairing_expires_at on kiosks.pairing (expires_at);

create table kiosks.pairing_try (
  address text collate "C" not null,
  since timestamptz(3) not null,
  tries integer not null,
  constraint pairing_try_pkey primary key (address)
);
comment on table kiosks.pairing_try is
  'Pairings asked for by one address within the hour. Outside row-level security, as they belong to no village.';

create table kiosks.kiosk (
  village text collate "C" not null,
  id uuid not null,
  code text collate "C" not null check (code ~ '^K[0-9]{2,4}$'),
  name text not null check (length(name) between 1 and 40),
  store_id uuid not null,
  state text not null check (state in ('active', 'suspended', 'retired')),
  state_reason text check (state_reason in ('unknownCards')),
  state_since timestamptz(3) not null,
  app_version text not null,
  model text not null,
  serial text not null,
  paired_by uuid not null,
  paired_at timestamptz(3) not null,
  seen_at timestamptz(3),
  unknown_cards integer not null default 0,
  unknown_cards_since timestamptz(3),
  constraint kiosk_pkey primary key (village, id),
  constraint kiosk_code_key unique (village, code),
  constraint kiosk_store_fkey foreign key (village, store_id) references store.store
);
comment on table kiosks.kiosk is 'A device that is bound to a store of a village.';
comment on column kiosks.kiosk.state_reason is 'Why it stands so, where the service itself has decided it.';

create table kiosks.unknown_number (
  village text collate "C" not null,
  number text collate "C" not null,
  failed_attempts integer not null,
  constraint unknown_number_pkey primary key (village, number)
);
comment on table kiosks.unknown_number is
  'Wrong PINs for household numbers that nobody has: they are counted too, so that the count does not tell who exists.';

alter table kiosks.kiosk enable row level security;
alter table kiosks.kiosk force row level security;
create policy scope on kiosks.kiosk
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table kiosks.unknown_number enable row level security;
alter table kiosks.unknown_number force row level security;
create policy scope on kiosks.unknown_number
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- Pairings are no history: the kiosk keeps who made it. They are swept away a day after they ended.
grant select, insert, delete on kiosks.pairing, kiosks.pairing_try to jifen_app;
grant update (state, expires_at, village, kiosk_id, decided_by, decided_at, session_id) on kiosks.pairing to jifen_app;
grant update (since, tries) on kiosks.pairing_try to jifen_app;
grant select, insert on kiosks.kiosk, kiosks.unknown_number to jifen_app;
grant update (state, state_reason, state_since, seen_at, unknown_cards, unknown_cards_since) on kiosks.kiosk to jifen_app;
grant update (failed_attempts) on kiosks.unknown_number to jifen_app;
