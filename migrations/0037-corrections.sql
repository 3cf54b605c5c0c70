-- What was entered and corrected afterwards: who, when, which field, from what to what. Nothing of it is changed or goes away.

create schema corrections;
grant usage on schema corrections to jifen_app;

create table corrections.correction (
  village text collate "C" not null,
  id uuid not null,
  subject text not null check (subject ~ '^[a-z][A-Za-z]{0,39}$'),
  subject_id text collate "C" not null check (length(subject_id) between 1 and 40),
  version integer not null check (version >= 2),
  household_id uuid,
  field text not null check (field ~ '^[a-z][A-Za-z0-9]{0,39}$'),
  old_value text,
  new_value text,
  by_user uuid not null,
  at timestamptz(3) not null,
  constraint correction_pkey primary key (village, id),
  constraint correction_version_key unique (village, subject, subject_id, version, field),
  constraint correction_changes check (old_value is distinct from new_value)
);
comment on table corrections.correction is
  'A field of something that was entered, as it was and as it is since. Something that was never corrected has version 1; what is corrected at once has one version.';
comment on column corrections.correction.household_id is
  'The household whose file it belongs to: it sees the correction. Null for what is the village''s.';
create index correction_household on corrections.correction (village, household_id, id) where household_id is not null;

alter table corrections.correction enable row level security;
alter table corrections.correction force row level security;
create policy scope on corrections.correction
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on corrections.correction to jifen_app;

-- Nobody corrects the own file, or that of kin: functions write these, and look.
revoke update (grid, address) on households.household from jifen_app;
revoke update (name, phone, id_last4) on households.member from jifen_app;

grant update (name) on villages.grid to jifen_app;

-- A person belongs to no village, so a corrected name is told among what was done to the account.
alter table identity.user_event
  drop constraint user_event_kind_check,
  add constraint user_event_kind_check check (kind in (
    'passwordChanged', 'passwordReset', 'secondFactorSet', 'secondFactorReset', 'recoveryCodeUsed', 'disabled', 'enabled',
    'nameCorrected')),
  add column old_name text,
  add column new_name text,
  add constraint user_event_name check ((kind = 'nameCorrected') = (old_name is not null and new_name is not null));
