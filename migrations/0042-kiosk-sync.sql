-- What each kiosk was told of its village, so that it can be told what has changed since.

create table kiosks.sync_version (
  village text collate "C" not null,
  kiosk_id uuid not null,
  version bigint not null check (version > 0),
  tag bytea not null check (length(tag) = 9),
  taken_at timestamptz(3) not null,
  constraint sync_version_pkey primary key (village, kiosk_id, version),
  constraint sync_version_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk
);
comment on table kiosks.sync_version is
  'Each state of the village that a kiosk was told, in order. A cursor names one; once it is gone, the kiosk starts afresh.';
comment on column kiosks.sync_version.tag is
  'Random. After a database was restored the numbers are given out again, and a cursor from before it must not fit.';

create table kiosks.sync_entry (
  village text collate "C" not null,
  kiosk_id uuid not null,
  collection text collate "C" not null check (length(collection) between 1 and 40),
  id text collate "C" not null check (length(id) between 1 and 60),
  digest bytea check (length(digest) = 16),
  version bigint not null,
  constraint sync_entry_pkey primary key (village, kiosk_id, collection, id),
  constraint sync_entry_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk
);
comment on table kiosks.sync_entry is
  'Every entry that a kiosk was told, as a digest, and the version in which it last changed. Without a digest: it is gone, '
  'and kiosks with an older version are told so.';

alter table kiosks.sync_version enable row level security;
alter table kiosks.sync_version force row level security;
create policy scope on kiosks.sync_version
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table kiosks.sync_entry enable row level security;
alter table kiosks.sync_entry force row level security;
create policy scope on kiosks.sync_entry
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert, delete on kiosks.sync_version, kiosks.sync_entry to jifen_app;
grant update (digest, version) on kiosks.sync_entry to jifen_app;
