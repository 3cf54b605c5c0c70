-- Idempotency: the row commits with the effect it remembers, so a crash between commit and answer loses nothing.

create schema http;
grant usage on schema http to jifen_app;

create table http.idempotency (
  village text collate "C" not null check (village = '' or village ~ '^[0-9]{12}$'),
  client uuid not null,
  key text collate "C" not null check (length(key) between 1 and 255),
  fingerprint bytea not null,
  status smallint,
  location text,
  body text,
  created_at timestamptz(3) not null
);
comment on table http.idempotency is
  'The answer to a request that may be repeated, by its client''s key. Outside row-level security: a row is found by '
  'its client''s own key only, and some clients stand above any village.';
comment on column http.idempotency.village is 'Empty for operations that belong to no village.';
comment on column http.idempotency.client is 'The user, or at a kiosk the device.';
comment on column http.idempotency.fingerprint is
  'Digest of the request: the same key with another request is refused.';
-- Only what forgets old answers may read by this, and says so: while the table is young the planner holds it as good as
-- the primary key, and would look for a key among all of its village's.
create index idempotency_created_at on http.idempotency (village, created_at) where created_at > '-infinity';
-- Made last: before the first statistics all indexes look alike to the planner, and of equals it takes the newest.
alter table http.idempotency add constraint idempotency_pkey primary key (village, client, key);

grant select, insert, update, delete on http.idempotency to jifen_app;
