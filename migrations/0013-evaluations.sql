-- Evaluation rounds: each month judges walk the courtyards and score every household, each alone. Closing a round averages
-- the scores and turns grades into awards.

create schema evaluations;
grant usage on schema evaluations to jifen_app;

create table evaluations.round (
  village text collate "C" not null,
  id uuid not null,
  month text collate "C" not null check (month ~ '^2[0-9]{3}-(0[1-9]|1[0-2])$'),
  title text not null check (length(title) between 1 and 60),
  items jsonb not null,
  grades jsonb not null,
  judges uuid[] not null,
  state text not null default 'planned' check (state in ('planned', 'open', 'closed', 'cancelled')),
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
comment on table evaluations.round is 'A month''s walk of the judges through the courtyards.';
comment on column evaluations.round.households is 'Households that were active when it was opened.';
comment on column evaluations.round.awarded is 'Households that closing it awarded.';
comment on column evaluations.round.items is 'The sheet, [{name, maxScore}].';
comment on column evaluations.round.grades is '[{title, averageMin, ruleId, quantity}], the highest first.';
create unique index round_standing_key on evaluations.round (village, month, title) where state <> 'cancelled';

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
comment on table evaluations.entrant is
  'A household of a round, as it was when the round was opened, and what became of it when it was closed.';
comment on column evaluations.entrant.judges is 'How many judges count.';
comment on column evaluations.entrant.average_hundredths is 'The mean of their totals.';
comment on column evaluations.entrant.grade is 'The place of its grade among the round''s, from 0.';

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
comment on table evaluations.score is 'A judge''s figures for a household.';
comment on column evaluations.score.scores is
  'One for each item of the sheet; null where nobody was at home, which is not zero.';

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

grant select, insert on evaluations.round to jifen_app;
grant update (state, households, opened_by, opened_at, cancelled_by, cancelled_at) on evaluations.round to jifen_app;
grant select, insert (village, round_id, household_id) on evaluations.entrant to jifen_app;
grant select on evaluations.score to jifen_app;
