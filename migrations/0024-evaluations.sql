-- Evaluation rounds: each month judges walk the courtyards and score every household, each alone. Closing a round averages
-- the scores and turns grades into awards.

create schema evaluations;
grant usage on schema evaluations to jifen_app;

-- `items` is the sheet, [{name, maxScore}]; `grades` are [{title, averageMin, ruleId, quantity}], the highest first.
create table evaluations.round (
  village text collate "C" not null,
  id uuid not null,
  month text collate "C" not null check (month ~ '^2[0-9]{3}-(0[1-9]|1[0-2])$'),
  title text not null check (length(title) between 1 and 60),
  items jsonb not null,
  grades jsonb not null,
  judges uuid[] not null,
  state text not null default 'planned' check (state in ('planned', 'open', 'closed', 'cancelled')),
  -- Households that were active when it was opened, and those that closing awarded.
  households integer not null default 0,
  awarded integer not null default 0,
  created_by uuid not null,
  created_at timestamptz(3) not null,
  opened_by uuid,
  opened_at timestamptz(3),
  closed_by uuid,
  closed_at timestamptz(3),
  cancelled_by uuid,
  cancelled_at timestamptz(3),
  constraint round_pkey primary key (village, id),
  constraint round_judges check (cardinality(judges) between 3 and 7 and array_position(judges, null) is null),
  -- Who plans a round enters its awards, and judges decide on them.
  constraint round_planner check (not (created_by = any (judges))),
  constraint round_opened check ((opened_by is null) = (opened_at is null)
    and (state <> 'planned' or opened_by is null)
    and (state not in ('open', 'closed') or opened_by is not null)),
  -- Both are there when it is closed, so that NULL lets nothing through.
  constraint round_second_person check (closed_by is null
    or (closed_by <> created_by and not (closed_by = any (judges)))),
  constraint round_closed check ((closed_by is null) = (closed_at is null)
    and (state = 'closed') = (closed_by is not null)),
  constraint round_cancelled check ((cancelled_by is null) = (cancelled_at is null)
    and (state = 'cancelled') = (cancelled_by is not null))
);
create unique index round_standing_key on evaluations.round (village, month, title) where state <> 'cancelled';

-- The households of a round, as they were when it was opened, and what became of each when it was closed: how many judges
-- count, the mean of their totals in hundredths, and the place of its grade among the round's, from 0.
create table evaluations.entrant (
  village text collate "C" not null,
  round_id uuid not null,
  household_id uuid not null,
  outcome text check (outcome in ('awarded', 'refused', 'noGrade', 'tooFewJudges', 'notSeen')),
  judges integer check (judges between 0 and 7),
  average_hundredths integer check (average_hundredths between 0 and 100000),
  grade integer check (grade between 0 and 9),
  award_id uuid,
  refusal text collate "C" check (length(refusal) between 1 and 60),
  constraint entrant_pkey primary key (village, round_id, household_id),
  constraint entrant_round_fkey foreign key (village, round_id) references evaluations.round,
  constraint entrant_household_fkey foreign key (village, household_id) references households.household,
  constraint entrant_award_fkey foreign key (village, award_id) references earning.award,
  constraint entrant_outcome check ((outcome is null) = (judges is null)
    and (coalesce(outcome, '') = 'awarded') = (award_id is not null)
    and (coalesce(outcome, '') = 'refused') = (refusal is not null)
    and (coalesce(outcome, '') in ('awarded', 'refused')) = (grade is not null)
    and (coalesce(outcome, '') in ('awarded', 'refused', 'noGrade')) = (average_hundredths is not null))
);

-- A judge's figures for a household, one for each item of the sheet; null where nobody was at home, which is not zero.
create table evaluations.score (
  village text collate "C" not null,
  round_id uuid not null,
  household_id uuid not null,
  judge_id uuid not null,
  scores integer[],
  total integer check (total between 0 and 1000),
  scored_at timestamptz(3) not null,
  constraint score_pkey primary key (village, round_id, household_id, judge_id),
  constraint score_entrant_fkey foreign key (village, round_id, household_id) references evaluations.entrant,
  constraint score_total check ((scores is null) = (total is null))
);

alter table evaluations.round enable row level security;
alter table evaluations.round force row level security;
create policy scope on evaluations.round
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table evaluations.entrant enable row level security;
alter table evaluations.entrant force row level security;
create policy scope on evaluations.entrant
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table evaluations.score enable row level security;
alter table evaluations.score force row level security;
create policy scope on evaluations.score
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- The only way to write scores: refuses whoever is no judge of the round, a round that is not open, figures beyond the
-- sheet, and the judge's own household or kin. Entries are [{householdId, scores}]; an entry replaces the judge's earlier
-- one. Answers how many were written.
create function evaluations.give_scores(p_village text, p_round uuid, p_judge uuid, p_at timestamptz, p_entries jsonb)
  returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  maxima integer[];
  written integer;
begin
  select array(select (i.item ->> 'maxScore')::integer
                 from jsonb_array_elements(r.items) with ordinality i (item, place) order by i.place)
    into maxima
    from evaluations.round r
   where r.village = p_village and r.id = p_round and r.state = 'open' and p_judge = any (r.judges)
     for share of r;
  if not found then
    raise exception 'only a judge of an open round gives scores' using errcode = 'JF005';
  end if;
  if exists (select from jsonb_to_recordset(p_entries) e ("householdId" uuid)
              where households.is_kin(p_village, p_judge, e."householdId")) then
    raise exception 'nobody scores the own household or kin' using errcode = 'JF005';
  end if;
  if exists (select from jsonb_to_recordset(p_entries) e (scores integer[])
              where e.scores is not null
                and (cardinality(e.scores) <> cardinality(maxima)
                     or exists (select from unnest(e.scores, maxima) s (score, max)
                                 where s.score is null or s.score not between 0 and s.max))) then
    raise exception 'a figure for each item of the sheet, none above its maximum' using errcode = 'JF005';
  end if;
  insert into evaluations.score (village, round_id, household_id, judge_id, scores, total, scored_at)
  select p_village, p_round, e."householdId", p_judge, e.scores, (select sum(s) from unnest(e.scores) s), p_at
    from jsonb_to_recordset(p_entries) e ("householdId" uuid, scores integer[])
      on conflict (village, round_id, household_id, judge_id)
      do update set scores = excluded.scores, total = excluded.total, scored_at = excluded.scored_at;
  get diagnostics written = row_count;
  return written;
end $$;

-- The only way to close a round, with an outcome for each of its households. Refuses a closer to whose own household or
-- kin it would award; that it is neither who planned it nor a judge, a constraint of the round says.
create function evaluations.close_round(p_village text, p_round uuid, p_closer uuid, p_at timestamptz, p_outcomes jsonb)
  returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from jsonb_to_recordset(p_outcomes) o ("householdId" uuid, "awardId" uuid)
              where o."awardId" is not null and households.is_kin(p_village, p_closer, o."householdId")) then
    raise exception 'nobody closes a round that awards to the own household or kin' using errcode = 'JF005';
  end if;
  update evaluations.round r
     set state = 'closed', closed_by = p_closer, closed_at = p_at,
         awarded = (select count(*) from jsonb_to_recordset(p_outcomes) o ("awardId" uuid)
                     where o."awardId" is not null)
   where r.village = p_village and r.id = p_round and r.state = 'open';
  if not found then
    raise exception 'only an open round is closed' using errcode = 'JF005';
  end if;
  update evaluations.entrant e
     set outcome = o.outcome, judges = o.judges, average_hundredths = o."averageHundredths", grade = o.grade,
         award_id = o."awardId", refusal = o.refusal
    from jsonb_to_recordset(p_outcomes) o ("householdId" uuid, outcome text, judges integer,
           "averageHundredths" integer, grade integer, "awardId" uuid, refusal text)
   where e.village = p_village and e.round_id = p_round and e.household_id = o."householdId";
  if exists (select from evaluations.entrant e
              where e.village = p_village and e.round_id = p_round and e.outcome is null) then
    raise exception 'every household of a closed round has an outcome' using errcode = 'JF005';
  end if;
end $$;

revoke all on all functions in schema evaluations from public;
grant execute on function evaluations.give_scores(text, uuid, uuid, timestamptz, jsonb),
  evaluations.close_round(text, uuid, uuid, timestamptz, jsonb) to jifen_app;

grant select, insert on evaluations.round to jifen_app;
grant update (state, households, opened_by, opened_at, cancelled_by, cancelled_at) on evaluations.round to jifen_app;
grant select, insert (village, round_id, household_id) on evaluations.entrant to jifen_app;
grant select on evaluations.score to jifen_app;

-- Signals look at the claims and decisions of some weeks.
create index claim_submitted on claims.claim (village, submitted_at);
create index decision_decided on claims.decision (village, decided_at);
