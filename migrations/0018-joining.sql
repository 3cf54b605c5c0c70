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
  -- Name, phone, idLast4, isMinor and guardian of each; the first is the head.
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
    or (decided_by <> created_by and decided_by is distinct from resubmitted_by))
);
create index join_application_state on households.join_application (village, state, id);

-- People are looked for by these, in applications and in rosters.
create index member_person on households.member (village, name, id_last4);
create index member_phone on households.member (village, phone) where phone is not null;

alter table households.join_application enable row level security;
alter table households.join_application force row level security;
create policy scope on households.join_application
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- What a decision leaves is written by `decide_join` alone.
grant select, insert (village, id, channel, grid, address, phone, members, consent_by, created_by, created_at),
  update (state, grid, address, phone, members, consent_by, question, returned_by, returned_at, answer, resubmitted_by,
    resubmitted_at)
  on households.join_application to jifen_app;

-- Members of households that people of an application may be, by their place in it, counted from 0: the same person
-- (name and end of the ID number), or only the same phone, or the same name in the same group.
create function households.join_duplicates(p_village text, p_application uuid)
returns table (household_id uuid, member_id uuid, place integer, likeness text)
language plpgsql stable
set search_path = ''
as $$
begin
  return query
    select m.household_id, m.id, p.place::integer - 1,
           case when m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4' then 'person'
                when m.phone = coalesce(p.value ->> 'phone', a.phone) then 'phone'
                else 'nameAndGrid' end
      from households.join_application a
     cross join lateral jsonb_array_elements(a.members) with ordinality p(value, place)
      join households.member m
        on m.village = a.village and (m.name = p.value ->> 'name' or m.phone = coalesce(p.value ->> 'phone', a.phone))
      join households.household h
        on h.village = m.village and h.id = m.household_id and h.state <> 'closed' and h.id is distinct from a.household_id
     where a.village = p_village and a.id = p_application
       and (m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4'
         or m.phone = coalesce(p.value ->> 'phone', a.phone)
         or m.name = p.value ->> 'name' and h.grid = a.grid)
     order by (m.name = p.value ->> 'name' and m.id_last4 = p.value ->> 'idLast4') is true desc, p.place, m.id
     limit 100;
end
$$;

revoke all on function households.join_duplicates from public;
grant execute on function households.join_duplicates to jifen_app;

-- Ends an application. Nobody decides on what may be the household of their own, or of kin.
create function households.decide_join(
  p_village text, p_application uuid, p_state text, p_by uuid, p_at timestamptz, p_reason text, p_household uuid
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_state <> 'withdrawn' and exists (
    select from households.join_duplicates(p_village, p_application) d
     where d.household_id is distinct from p_household and households.is_kin(p_village, p_by, d.household_id)) then
    raise exception 'the application may be of the own household or of kin';
  end if;
  update households.join_application
     set state = p_state, decided_by = p_by, decided_at = p_at, reason = p_reason, household_id = p_household
   where village = p_village and id = p_application
     and (state = 'submitted' or state = 'returned' and p_state = 'withdrawn');
  if not found then
    raise exception 'the application is not open';
  end if;
end
$$;

revoke all on function households.decide_join from public;
grant execute on function households.decide_join to jifen_app;

-- What somebody must keep out of, only somebody else may strike out.
alter table households.kin
  add constraint kin_end_second_person check (ended_by is null or ended_by <> user_id);

-- A roster that somebody sent. The file itself goes as soon as it is settled, or when nobody has come back for it.
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
  -- How often a job has begun on it: a file that ends the process each time comes to an end too.
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
-- Read a piece at a time.
alter table households.roster_import alter column content set storage external;

-- What is wrong with the rows of a roster. Row 1 holds the names of the columns; a mistake of the file stands there.
create table households.roster_mistake (
  village text collate "C" not null,
  import_id uuid not null,
  row integer not null check (row >= 1),
  column_name text collate "C" not null,
  code text collate "C" not null,
  -- A row or a number that the sentence names; never a name or a phone.
  facts jsonb not null,
  constraint roster_mistake_pkey primary key (village, import_id, row, column_name, code),
  constraint roster_mistake_import_fkey foreign key (village, import_id) references households.roster_import
);

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
