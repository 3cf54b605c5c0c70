-- Notices, on which a village sees for some days what was awarded before it can be spent; objections to a line, which
-- pause it; appeals against what became of an objection. Who may not decide is told by copies that the functions below
-- make, and only they may write them: what the service says of itself counts for nothing here.

create schema publicity;
grant usage on schema publicity to jifen_app;

create table publicity.notice (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null check (number ~ '^GS-[0-9]{8}-[0-9]+$'),
  published_by uuid not null,
  published_at timestamptz(3) not null,
  -- The first of its full days, and the midnight after the last.
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
create index notice_running on publicity.notice (village, ends_at) where state = 'running';

-- A line of a notice. An award stands on one, once.
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

-- `objector_id` is the household or the person that objects; `lodged_by` whoever entered it, the household itself or a
-- clerk for it. `hands` are the people whom the case went through when it was ruled on.
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
create unique index objection_open_key on publicity.objection (village, award_id, objector_id) where state = 'open';
create index objection_award on publicity.objection (village, award_id);

-- Against a ruling, once; where the objection was upheld, by the household that lost its award, once for the award.
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
  -- The award that was made again.
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

-- Publishes what stands on no notice yet, what waits for it first, at most 1,000 awards; read by group and household. Own
-- ones are left for somebody else to publish, or else nothing is published. Answers how many lines the notice has, and how
-- many it would have had of the publisher's own. One at a time in a village.
create function publicity.publish(p_village text, p_notice uuid, p_publisher uuid, p_starts_on date, p_days integer,
  p_skip_own boolean, p_now timestamptz) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  chosen uuid[];
  own integer;
  day text := to_char(p_starts_on - 1, 'YYYYMMDD');
begin
  perform from villages.village where village = p_village for no key update;
  select array_agg(w.id), count(*) filter (where w.own) into chosen, own
    from (select a.id, a.created_by = p_publisher or p_publisher = any (a.decided_by) as own
            from earning.award a
           where a.village = p_village and a.state in ('pending', 'posted')
             and not exists (select from publicity.line l where l.village = a.village and l.award_id = a.id)
             and (not p_skip_own or not (a.created_by = p_publisher or p_publisher = any (a.decided_by)))
           order by a.state, a.transaction_number
           limit 1000) w;
  if chosen is null or own > 0 then
    return jsonb_build_object('lines', 0, 'own', own);
  end if;
  insert into publicity.notice (village, id, number, published_by, published_at, starts_on, days, ends_at, line_count)
  select p_village, p_notice, format('GS-%s-%s', day, 1 + count(*)), p_publisher, p_now, p_starts_on, p_days,
         (p_starts_on + p_days)::timestamp at time zone 'Asia/Shanghai', cardinality(chosen)
    from publicity.notice n where n.village = p_village and starts_with(n.number, format('GS-%s-', day));
  insert into publicity.line (village, award_id, notice_id, place, entered_by, decided_by, published_by)
  select p_village, a.id, p_notice, row_number() over (order by h.grid, h.number, a.transaction_number), a.created_by,
         a.decided_by, p_publisher
    from unnest(chosen) c (id)
   cross join lateral (select * from earning.award where village = p_village and id = c.id offset 0) a
   cross join lateral (
     select * from households.household where village = p_village and id = a.household_id offset 0) h;
  return jsonb_build_object('lines', cardinality(chosen), 'own', 0);
end $$;

-- Takes a line out, which the caller does to its award too.
create function publicity.strike(p_village text, p_award uuid, p_by uuid, p_reason text, p_now timestamptz) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update publicity.line l
     set struck_by = p_by, struck_at = p_now, strike_reason = p_reason,
         struck_by_kin = (select households.is_kin(p_village, p_by, a.household_id)
                            from earning.award a where a.village = l.village and a.id = l.award_id)
   where l.village = p_village and l.award_id = p_award and l.struck_by is null;
end $$;

-- Whom the case of an award went through before anybody ruled on it.
create function publicity.hands_of(p_village text, p_award uuid) returns uuid[]
  language plpgsql stable set search_path = '' as $$
begin
  return (
    select array_agg(distinct h.id)
      from (select unnest(array[l.entered_by, l.published_by, l.struck_by] || l.decided_by) as id
              from publicity.line l where l.village = p_village and l.award_id = p_award
            union all
            select unnest(array[o.lodged_by, o.objector_id])
              from publicity.objection o where o.village = p_village and o.award_id = p_award
            union all
            select p.lodged_by
              from publicity.appeal p where p.village = p_village and p.award_id = p_award) h
     where h.id is not null);
end $$;

-- Whether somebody must keep out of a case for its households: that of the award, and those that object.
create function publicity.is_kin_in(p_village text, p_user uuid, p_award uuid) returns boolean
  language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from earning.award a
     where a.village = p_village and a.id = p_award and households.is_kin(p_village, p_user, a.household_id))
  or exists (
    select from publicity.objection o
     where o.village = p_village and o.award_id = p_award and households.is_kin(p_village, p_user, o.objector_household_id));
end $$;

-- Rules on an objection; upheld, on all that are open about the award, for it is gone with the first.
create function publicity.rule(p_village text, p_objection uuid, p_by uuid, p_state text, p_ruling text, p_now timestamptz)
  returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  award uuid := (select o.award_id from publicity.objection o where o.village = p_village and o.id = p_objection);
begin
  update publicity.objection o
     set state = p_state, ruled_by = p_by, ruled_at = p_now, ruling = p_ruling,
         ruled_by_kin = publicity.is_kin_in(p_village, p_by, award),
         hands = publicity.hands_of(p_village, award)
   where o.village = p_village and o.award_id = award and o.state = 'open' and (o.id = p_objection or p_state = 'upheld');
end $$;

-- Decides an appeal, for good: by nobody who ruled before.
create function publicity.hear(p_village text, p_appeal uuid, p_by uuid, p_state text, p_ruling text, p_now timestamptz)
  returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update publicity.appeal p
     set state = p_state, heard_by = p_by, heard_at = p_now, ruling = p_ruling,
         heard_by_kin = publicity.is_kin_in(p_village, p_by, p.award_id),
         hands = publicity.hands_of(p_village, p.award_id) || array(
           select o.ruled_by from publicity.objection o
            where o.village = p.village and o.award_id = p.award_id and o.ruled_by is not null)
   where p.village = p_village and p.id = p_appeal and p.state = 'open';
end $$;

revoke all on all functions in schema publicity from public;
grant execute on all functions in schema publicity to jifen_app;
