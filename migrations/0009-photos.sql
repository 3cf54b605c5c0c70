-- Photos that show what was done. The picture itself lies in the photo store; here is what is known of it.
create schema photos;
grant usage on schema photos to jifen_app;

create table photos.photo (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid,
  sha256 bytea not null check (length(sha256) = 32),
  bytes integer not null check (bytes > 0),
  width integer not null check (width between 1 and 20000),
  height integer not null check (height between 1 and 20000),
  views bigint[] not null check (cardinality(views) between 1 and 32),
  captured_at timestamptz(3),
  captured_latitude_microdegrees integer check (captured_latitude_microdegrees between -90000000 and 90000000),
  captured_longitude_microdegrees integer check (captured_longitude_microdegrees between -180000000 and 180000000),
  uploaded_by uuid not null,
  uploaded_at timestamptz(3) not null,
  removed_at timestamptz(3),
  constraint photo_pkey primary key (village, id),
  constraint photo_household_fkey foreign key (village, household_id) references households.household,
  constraint photo_captured_place check ((captured_latitude_microdegrees is null) = (captured_longitude_microdegrees is null))
);
comment on table photos.photo is 'A photo that shows what was done.';
comment on column photos.photo.views is
  'Perceptual hashes of the picture and of cuts of it; turned and mirrored ones follow from a hash when two are '
  'compared.';
comment on column photos.photo.captured_at is
  'What the camera wrote, which anybody can edit: a hint, never a proof. So is the place, in millionths of a degree.';

create index photo_sha256 on photos.photo (village, sha256);
create index photo_household on photos.photo (village, household_id, uploaded_at);
-- The same file of the same household is one photo while it stands: a second upload of it, at the same moment even, is
-- answered the first. A photo that was removed may come again.
create unique index photo_standing_key on photos.photo (village, household_id, sha256) where removed_at is null;

alter table photos.photo enable row level security;
alter table photos.photo force row level security;
create policy scope on photos.photo
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

create table photos.use (
  sha256 bytea not null check (length(sha256) = 32),
  village text collate "C" not null,
  photo_id uuid not null,
  claim_id uuid,
  used_at timestamptz(3) not null,
  constraint use_pkey primary key (sha256)
);
comment on table photos.use is
  'The bytes of one photo pay once in the whole deployment. Outside the village rule, for it must see every village: '
  'it tells that a photo was used, and to whoever may not look there, not where.';
comment on column photos.use.claim_id is 'Null where the use was given back.';

grant select, insert on photos.photo, photos.use to jifen_app;
grant update (removed_at) on photos.photo to jifen_app;
grant update (village, photo_id, claim_id, used_at) on photos.use to jifen_app;
