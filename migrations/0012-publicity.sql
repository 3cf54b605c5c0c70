-- Notices, on which a village sees for some days what was awarded before it can be spent; objections to a line, which
-- pause it; appeals against what became of an objection. Who may not decide is told by copies that functions make, and
-- only they may write them: what the service says of itself counts for nothing here.

create schema publicity;
grant usage on schema publicity to jifen_app;

create table publicity.notice (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null check (number ~ '^GS-[0-9]{8}-[0-9]+$'),
  published_by uuid not null,
  published_at timestamptz(3) not null,
  starts_on date not null,
  days integer not null check (days between 3 and 7),
  ends_at timestamptz(3) not null,
  line_count integer not null check (line_count between 1 and 1000),
  state text not null default 'running' check (state in ('running', 'closed')),
  closed_at timestamptz(3),
  constraint notice_pkey primary key (village, id),
  constraint notice_number_key unique (village, number),
  constraint notice_ends check (ends_at = (starts_on + days)::timestamp at time zone 'Asia/Shanghai'),
  constraint notice_closed check ((state = 'closed') = (closed_at is not null) and (closed_at is null or closed_at >= ends_at))
);
comment on table publicity.notice is 'What a village sees for some days before it can be spent.';
comment on column publicity.notice.starts_on is 'The first of its full days.';
comment on column publicity.notice.ends_at is 'The midnight after the last of its days, in Asia/Shanghai.';
create index notice_running on publicity.notice (village, ends_at) where state = 'running';

create table publicity.line (
  village text collate "C" not null,
  award_id uuid not null,
  notice_id uuid not null,
  place integer not null check (place between 1 and 1000),
  entered_by uuid not null,
  decided_by uuid[] not null,
  published_by uuid not null,
  struck_by uuid,
  struck_by_kin boolean,
  struck_at timestamptz(3),
  strike_reason text check (length(strike_reason) between 1 and 200),
  constraint notice_line_pkey primary key (village, award_id),
  constraint notice_line_place_key unique (village, notice_id, place),
  constraint notice_line_notice_fkey foreign key (village, notice_id) references publicity.notice,
  constraint notice_line_award_fkey foreign key (village, award_id) references earning.award,
  constraint notice_line_entered_by_another check (published_by <> entered_by),
  constraint notice_line_decided_by_others check (not (published_by = any (decided_by))),
  constraint notice_line_struck check (num_nonnulls(struck_by, struck_by_kin, struck_at, strike_reason) in (0, 4)),
  constraint notice_line_struck_by_another check (struck_by is null or struck_by <> entered_by),
  constraint notice_line_struck_by_kin check (struck_by is null or not struck_by_kin)
);
comment on table publicity.line is
  'A line of a notice. An award stands on one, once. Who entered, decided and published it are copies, for the checks.';

create table publicity.objection (
  village text collate "C" not null,
  id uuid not null,
  award_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  objector_id uuid not null,
  objector_household_id uuid,
  lodged_by uuid not null,
  lodged_at timestamptz(3) not null,
  state text not null default 'open' check (state in ('open', 'withdrawn', 'dismissed', 'upheld')),
  withdrawn_at timestamptz(3),
  ruled_by uuid,
  ruled_by_kin boolean,
  ruled_at timestamptz(3),
  ruling text check (length(ruling) between 1 and 200),
  hands uuid[],
  constraint objection_pkey primary key (village, id),
  constraint objection_line_fkey foreign key (village, award_id) references publicity.line,
  constraint objection_household_fkey foreign key (village, objector_household_id) references households.household,
  constraint objection_withdrawn check ((state = 'withdrawn') = (withdrawn_at is not null)),
  constraint objection_ruled check (
    num_nonnulls(ruled_by, ruled_by_kin, ruled_at, ruling, hands) = case when state in ('dismissed', 'upheld') then 5 else 0 end),
  constraint objection_second_person check (ruled_by is null or not (ruled_by = any (hands))),
  constraint objection_own_household check (ruled_by is null or not ruled_by_kin)
);
comment on table publicity.objection is 'An objection to a line, and the ruling on it.';
comment on column publicity.objection.objector_id is 'The household or the person that objects.';
comment on column publicity.objection.lodged_by is 'Who entered it: the household itself, or a clerk for it.';
comment on column publicity.objection.hands is 'The people whom the case had gone through when it was ruled on.';
create unique index objection_open_key on publicity.objection (village, award_id, objector_id) where state = 'open';
create index objection_award on publicity.objection (village, award_id);

create table publicity.appeal (
  village text collate "C" not null,
  id uuid not null,
  objection_id uuid not null,
  award_id uuid not null,
  against text not null check (against in ('dismissed', 'upheld')),
  reason text not null check (length(reason) between 1 and 200),
  lodged_by uuid not null,
  lodged_at timestamptz(3) not null,
  state text not null default 'open' check (state in ('open', 'dismissed', 'upheld')),
  heard_by uuid,
  heard_by_kin boolean,
  heard_at timestamptz(3),
  ruling text check (length(ruling) between 1 and 200),
  hands uuid[],
  new_award_id uuid,
  constraint appeal_pkey primary key (village, id),
  constraint appeal_objection_key unique (village, objection_id),
  constraint appeal_objection_fkey foreign key (village, objection_id) references publicity.objection,
  constraint appeal_line_fkey foreign key (village, award_id) references publicity.line,
  constraint appeal_new_award_fkey foreign key (village, new_award_id) references earning.award,
  constraint appeal_heard check (
    num_nonnulls(heard_by, heard_by_kin, heard_at, ruling, hands) = case when state = 'open' then 0 else 5 end),
  constraint appeal_second_person check (heard_by is null or not (heard_by = any (hands))),
  constraint appeal_own_household check (heard_by is null or not heard_by_kin),
  constraint appeal_new_award check (new_award_id is null or (state = 'upheld' and against = 'upheld'))
);
comment on table publicity.appeal is
  'An appeal against a ruling, once; where the objection was upheld, by the household that lost its award, once for '
  'the award.';
comment on column publicity.appeal.new_award_id is 'The award that was made again.';
create unique index appeal_award_key on publicity.appeal (village, award_id) where against = 'upheld';
create index appeal_award on publicity.appeal (village, award_id);

alter table publicity.notice enable row level security;
alter table publicity.notice force row level security;
create policy scope on publicity.notice
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table publicity.line enable row level security;
alter table publicity.line force row level security;
create policy scope on publicity.line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table publicity.objection enable row level security;
alter table publicity.objection force row level security;
create policy scope on publicity.objection
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table publicity.appeal enable row level security;
alter table publicity.appeal force row level security;
create policy scope on publicity.appeal
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select on publicity.notice, publicity.line, publicity.objection, publicity.appeal to jifen_app;
grant update (state, closed_at) on publicity.notice to jifen_app;
grant insert (village, id, award_id, reason, objector_id, objector_household_id, lodged_by, lodged_at),
  update (state, withdrawn_at) on publicity.objection to jifen_app;
grant insert (village, id, objection_id, award_id, against, reason, lodged_by, lodged_at),
  update (new_award_id) on publicity.appeal to jifen_app;
