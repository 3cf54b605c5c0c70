-- How members of staff prove who they are: one-time passwords, a second factor, and roles that somebody else has to agree to.

alter table identity.user
  add column one_time_until timestamptz(3),
  add column disabled_by uuid,
  add column disabled_as text,
  add constraint user_disabled check ((state = 'disabled') = (disabled_by is not null)),
  add constraint user_disabled_as check ((disabled_by is null) = (disabled_as is null));
comment on column identity.user.one_time_until is
  'Somebody else has chosen the password: it opens nothing but its own change, and nothing at all from then on.';
comment on column identity.user.disabled_as is
  'The highest role that whoever disabled the person held over them: nobody below it lets the person in again.';

create table identity.second_factor (
  user_id uuid not null references identity.user,
  sealed_secret bytea,
  next_sealed_secret bytea,
  last_step bigint not null default 0,
  set_at timestamptz(3),
  constraint second_factor_pkey primary key (user_id),
  constraint second_factor_set check ((sealed_secret is null) = (set_at is null)),
  constraint second_factor_some check (sealed_secret is not null or next_sealed_secret is not null)
);
comment on table identity.second_factor is
  'The secret that a person''s verification codes come from (TOTP, RFC 6238), sealed with a key that is not in the database.';
comment on column identity.second_factor.next_sealed_secret is
  'One that was handed out and counts from the moment that its first code is shown.';
comment on column identity.second_factor.last_step is
  'Period of 30 seconds of the last code that was taken: none counts twice (RFC 6238, section 5.2).';

create table identity.recovery_code (
  user_id uuid not null references identity.user,
  hash bytea not null,
  used_at timestamptz(3),
  constraint recovery_code_pkey primary key (user_id, hash)
);
comment on table identity.recovery_code is 'Codes that stand in for a lost phone, each for one sign-in. Only digests are kept.';

create table identity.user_event (
  id uuid not null,
  user_id uuid not null references identity.user,
  kind text not null check (kind in (
    'passwordChanged', 'passwordReset', 'secondFactorSet', 'secondFactorReset', 'recoveryCodeUsed', 'disabled', 'enabled')),
  by_user uuid not null,
  at timestamptz(3) not null,
  constraint user_event_pkey primary key (id),
  constraint user_event_second_person check ((kind in ('passwordChanged', 'secondFactorSet', 'recoveryCodeUsed')) = (by_user = user_id))
);
comment on table identity.user_event is 'What was done to an account, by whom. Only ever added to.';
create index user_event_user on identity.user_event (user_id, at);

alter table identity.grant
  add column proposed boolean not null default false,
  add column confirmed_by uuid,
  add column confirmed_at timestamptz(3),
  add constraint grant_until check (until > granted_at),
  add constraint grant_confirmed check ((confirmed_by is null) = (confirmed_at is null) and not (proposed and confirmed_by is not null)),
  add constraint grant_confirmed_by_another check (confirmed_by <> all (array[user_id, granted_by]));
comment on column identity.grant.proposed is
  'Counts for nothing until somebody above whoever proposed it has confirmed it.';

alter table identity.session add column successor_nonce bytea;
comment on column identity.session.successor_nonce is
  'What the successor is derived from, together with the token itself: asked twice, the service hands out the same one.';

grant select, insert on identity.user_event to jifen_app;
grant select, insert, update, delete on identity.second_factor, identity.recovery_code to jifen_app;
grant update (one_time_until, disabled_by, disabled_as) on identity.user to jifen_app;
grant update (proposed, confirmed_by, confirmed_at) on identity.grant to jifen_app;
grant update (successor_nonce) on identity.session to jifen_app;
