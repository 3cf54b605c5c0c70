-- Who may sign in, what they were granted, and where they are signed in. These tables belong to no village: a person may
-- hold grants in several, and a grant is judged before any village is looked at.

create schema identity;
grant usage on schema identity to jifen_app;

create table identity.user (
  id uuid not null,
  login text not null check (login ~ '^[a-z0-9][a-z0-9._-]{1,63}$'),
  name text not null check (length(name) between 1 and 60),
  password_hash text not null,
  state text not null default 'active' check (state in ('active', 'disabled')),
  created_by uuid,
  created_at timestamptz(3) not null,
  constraint user_pkey primary key (id),
  constraint user_login_key unique (login)
);
comment on table identity.user is 'A person who may sign in with a name and a password.';

create table identity.sign_in (
  login text not null,
  failed_attempts integer not null,
  locked_until timestamptz(3),
  tried_at timestamptz(3) not null,
  constraint sign_in_pkey primary key (login)
);
comment on table identity.sign_in is
  'Wrong passwords, by the name that was typed: kept for unknown names too, so that a lock does not tell who exists.';

create table identity.grant (
  id uuid not null,
  user_id uuid not null references identity.user,
  role text not null,
  prefix text collate "C" not null check (prefix ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$'),
  granted_by uuid,
  granted_at timestamptz(3) not null,
  until timestamptz(3),
  ended_by uuid,
  ended_at timestamptz(3),
  constraint grant_pkey primary key (id),
  constraint grant_second_person check (granted_by is null or granted_by <> user_id),
  constraint grant_end_second_person check (ended_by is null or ended_by <> user_id),
  constraint grant_empty_prefix check ((prefix = '') = (role = 'platformAdmin'))
);
comment on table identity.grant is
  'A role over a part of the country, by the prefix of its codes. Nobody changes their own rights: only the first '
  'administrator, made by the operator''s command, has no grantor.';
create unique index grant_open_key on identity.grant (user_id, role, prefix) where ended_at is null;

create table identity.session (
  id uuid not null,
  kind text not null check (kind in ('staff', 'kiosk', 'household')),
  subject uuid not null,
  village text collate "C",
  device uuid,
  refresh_hash bytea,
  successor_hash bytea,
  created_at timestamptz(3) not null,
  used_at timestamptz(3) not null,
  idle_seconds integer not null,
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  ended_reason text,
  constraint session_pkey primary key (id),
  constraint session_village check ((kind = 'staff') = (village is null))
);
comment on table identity.session is 'One sign-in of a person, a kiosk or a household at a kiosk.';
comment on column identity.session.device is 'What a household stands at: its sign-in ends with the device''s.';
comment on column identity.session.refresh_hash is 'Digest of the refresh token in use.';
comment on column identity.session.successor_hash is
  'Digest of the one that was handed out for it and has not been used yet.';
create index session_subject on identity.session (subject) where ended_at is null;
-- The households at a device are found by it, when it is retired or the next one steps up.
create index session_device on identity.session (device) where ended_at is null;
create unique index session_refresh on identity.session (refresh_hash);
create unique index session_successor on identity.session (successor_hash);

create table identity.spent_refresh (
  hash bytea not null,
  session_id uuid not null references identity.session,
  constraint spent_refresh_pkey primary key (hash)
);
comment on table identity.spent_refresh is
  'Refresh tokens that have been succeeded. Shown again, one of these ends the whole sign-in.';

grant select, insert on identity.user, identity.grant, identity.session, identity.spent_refresh to jifen_app;
grant update (name, password_hash, state) on identity.user to jifen_app;
grant select, insert, update, delete on identity.sign_in to jifen_app;
grant update (ended_by, ended_at) on identity.grant to jifen_app;
grant update (refresh_hash, successor_hash, used_at, ended_at, ended_reason) on identity.session to jifen_app;
