-- How a household comes into the register: by an application that a second person approves, or with a roster that is read
-- from a file and checked row by row.

create table households.join_application (
  village text collate "C" not null,
  id uuid not null,
  state text not null default 'submitted'
    check (state in ('submitted', 'returned', 'approved', 'rejected', 'withdrawn')),
  channel text not null check (channel in ('kiosk', 'staff')),
  grid integer,
  address text check (length(address) between 1 and 120),
  phone text check (phone ~ '^[0-9+-]{5,20}$'),
  members jsonb not null check (jsonb_typeof(members) = 'array' and jsonb_array_length(members) between 1 and 30),
  consent_by text not null check (length(consent_by) between 1 and 60),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  question text check (length(question) between 1 and 200),
  returned_by uuid,
  returned_at timestamptz(3),
  answer text check (length(answer) between 1 and 200),
  resubmitted_by uuid,
  resubmitted_at timestamptz(3),
  decided_by uuid,
  decided_at timestamptz(3),
  reason text check (length(reason) between 1 and 200),
  household_id uuid,
  edited_by uuid[] not null default '{}',
  constraint join_application_pkey primary key (village, id),
  constraint join_application_grid_fkey foreign key (village, grid) references villages.grid,
  constraint join_application_household_fkey foreign key (village, household_id) references households.household,
  constraint join_application_returned check ((question is null) = (returned_by is null)
    and (question is null) = (returned_at is null) and (state <> 'returned' or question is not null)),
  constraint join_application_resubmitted check ((resubmitted_by is null) = (resubmitted_at is null)),
  constraint join_application_decided check ((state in ('approved', 'rejected', 'withdrawn')) = (decided_by is not null)
    and (decided_by is null) = (decided_at is null)),
  constraint join_application_approved check ((state = 'approved') = (household_id is not null)),
  constraint join_application_rejected check (state <> 'rejected' or reason is not null),
  -- Who entered it, or what it now says, does not decide on it; `decided_by` is there by the constraint above.
  constraint join_application_second_person check (state not in ('approved', 'rejected')
    or (decided_by <> created_by and decided_by is distinct from resubmitted_by)),
  -- A null among the editors would make the second check come to NULL, and pass.
  constraint join_application_editors_known check (array_position(edited_by, null) is null),
  constraint join_application_editors check (state not in ('approved', 'rejected') or not (decided_by = any (edited_by)))
);
comment on table households.join_application is 'A household that asks to be entered in the register.';
comment on column households.join_application.members is
  'Name, phone, idLast4, isMinor and guardian of each; the first is the head.';
comment on column households.join_application.edited_by is
  'Everybody who answered a question, and may have corrected what it says: `resubmitted_by` is the last one only.';
create index join_application_state on households.join_application (village, state, id);

alter table households.join_application enable row level security;
alter table households.join_application force row level security;
create policy scope on households.join_application
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- What a decision leaves is written by households.decide_join alone.
grant select, insert (village, id, channel, grid, address, phone, members, consent_by, created_by, created_at),
  update (state, grid, address, phone, members, consent_by, question, returned_by, returned_at, answer, resubmitted_by,
    resubmitted_at, edited_by)
  on households.join_application to jifen_app;

create table households.roster_import (
  village text collate "C" not null,
  id uuid not null,
  state text not null default 'received'
    check (state in ('received', 'checking', 'reported', 'committing', 'done', 'failed')),
  dry_run boolean not null,
  format text not null check (format in ('csv', 'xlsx')),
  bytes integer not null check (bytes between 0 and 20971520),
  content bytea,
  encoding text,
  ignored_columns text[] not null default '{}',
  attempts integer not null default 0 check (attempts >= 0),
  rows integer not null default 0 check (rows >= 0),
  households integer not null default 0 check (households >= 0),
  good integer not null default 0 check (good >= 0),
  already_there integer not null default 0 check (already_there >= 0),
  mistakes integer not null default 0 check (mistakes >= 0),
  entered integer not null default 0 check (entered >= 0),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  reported_at timestamptz(3),
  committed_by uuid,
  committed_at timestamptz(3),
  ended_at timestamptz(3),
  constraint roster_import_pkey primary key (village, id),
  constraint roster_import_committed check ((committed_by is null) = (committed_at is null)
    and (state not in ('committing', 'done') or committed_by is not null)),
  constraint roster_import_ended check ((state in ('done', 'failed')) = (ended_at is not null)),
  constraint roster_import_content check ((content is not null) = (state not in ('done', 'failed')))
);
comment on table households.roster_import is
  'A roster that somebody sent. The file itself goes as soon as it is settled, or when nobody has come back for it.';
comment on column households.roster_import.attempts is
  'How often a job has begun on it: a file that ends the process each time comes to an end too.';
-- Read a piece at a time.
alter table households.roster_import alter column content set storage external;

create table households.roster_mistake (
  village text collate "C" not null,
  import_id uuid not null,
  row integer not null check (row >= 1),
  column_name text collate "C" not null,
  code text collate "C" not null,
  facts jsonb not null,
  constraint roster_mistake_pkey primary key (village, import_id, row, column_name, code),
  constraint roster_mistake_import_fkey foreign key (village, import_id) references households.roster_import
);
comment on table households.roster_mistake is
  'What is wrong with the rows of a roster. Row 1 holds the names of the columns; a mistake of the file stands there.';
comment on column households.roster_mistake.facts is 'A row or a number that the sentence names; never a name or a phone.';

alter table households.roster_import enable row level security;
alter table households.roster_import force row level security;
create policy scope on households.roster_import
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table households.roster_mistake enable row level security;
alter table households.roster_mistake force row level security;
create policy scope on households.roster_mistake
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on households.roster_import, households.roster_mistake to jifen_app;
grant update (state, content, encoding, ignored_columns, attempts, rows, households, good, already_there, mistakes, entered,
  reported_at, committed_by, committed_at, ended_at) on households.roster_import to jifen_app;
