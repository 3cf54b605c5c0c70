-- Idempotency: the row commits with the effect it remembers, so a crash between commit and answer loses nothing.

create schema http;
grant usage on schema http to jifen_app;

-- `village` is '' for operations that belong to no village. The client is the user, or at a kiosk the device.
-- Outside row-level security: a row is found by its client's own key only, and some clients stand above any village.
create table http.idempotency (
  village text collate "C" not null check (village = '' or village ~ '^[0-9]{12}$'),
  client uuid not null,
  key text collate "C" not null check (length(key) between 1 and 255),
  fingerprint bytea not null,
  status smallint,
  location text,
  body text,
  created_at timestamptz(3) not null,
  constraint idempotency_pkey primary key (village, client, key)
);
create index idempotency_created_at on http.idempotency (village, created_at);
grant select, insert, update, delete on http.idempotency to jifen_app;
