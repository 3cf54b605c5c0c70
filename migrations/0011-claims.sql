-- Claims, and what reviewers make of them.

create schema claims;
grant usage on schema claims to jifen_app;

create table claims.claim (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  unit_points integer not null check (unit_points between 1 and 1000),
  quantity integer not null check (quantity between 1 and 1000),
  custom_points integer check (custom_points between 1 and 1000),
  custom_reason text check (length(custom_reason) between 1 and 200),
  occurred_at timestamptz(3) not null,
  business_date date not null,
  place text check (length(place) between 1 and 100),
  note text check (length(note) between 1 and 200),
  occasion text collate "C" check (length(occasion) between 1 and 80),
  photo_ids uuid[] not null,
  evidence jsonb not null,
  on_behalf boolean not null,
  submitted_by uuid not null,
  submitted_at timestamptz(3) not null,
  review_steps text not null check (review_steps in ('firstReviewAndPanel', 'firstReview', 'panel')),
  panel_size integer not null check (panel_size between 3 and 5),
  second_from_points integer not null check (second_from_points between 1 and 1000000),
  round integer not null default 1 check (round in (1, 2)),
  state text not null check (state in
    ('submitted', 'inPanel', 'awaitingSecond', 'approved', 'returned', 'rejected', 'withdrawn')),
  state_since timestamptz(3) not null,
  taken_by uuid,
  taken_until timestamptz(3),
  passed_by uuid,
  agreed_quantity integer check (agreed_quantity >= 1 and agreed_quantity <= quantity),
  agreed_points integer check (agreed_points between 1 and 1000000),
  confirmed_by uuid,
  constraint claim_pkey primary key (village, id),
  -- So that a decision can carry whose claim it is about.
  constraint claim_parties_key unique (village, id, household_id, submitted_by),
  constraint claim_household_fkey foreign key (village, household_id) references households.household,
  constraint claim_member_fkey foreign key (village, member_id) references households.member,
  constraint claim_rule_fkey foreign key (village, rule_id) references rules.rule,
  constraint claim_on_behalf check (on_behalf = (submitted_by <> household_id)),
  constraint claim_custom check ((custom_points is null) = (custom_reason is null) and (custom_points is null or on_behalf)),
  constraint claim_photos check (cardinality(photo_ids) <= 9),
  constraint claim_evidence check (jsonb_typeof(evidence) = 'array'),
  constraint claim_taken check ((taken_by is null) = (taken_until is null)),
  constraint claim_agreed check ((agreed_quantity is null) = (agreed_points is null)),
  -- Who enters, who reviews and who confirms are different people. Each of these columns may be empty, and then lets the
  -- comparison pass: the next two constraints say when they may not.
  constraint claim_second_person check (passed_by <> submitted_by and confirmed_by <> submitted_by and confirmed_by <> passed_by
    and taken_by <> submitted_by),
  constraint claim_decided check (
    (state <> 'inPanel' or review_steps = 'panel' or passed_by is not null)
    and (state not in ('awaitingSecond', 'approved') or agreed_points is not null)
    and (state not in ('awaitingSecond', 'approved') or review_steps = 'panel' or passed_by is not null)),
  constraint claim_confirmed check (state <> 'approved' or confirmed_by is not null
    or (custom_points is null and coalesce(agreed_points < second_from_points, false)))
);
comment on table claims.claim is
  'What a household says it has done, with what shows it. The points come with an award, which names the claim.';
comment on column claims.claim.custom_points is
  'Set by hand instead of the rule''s, which is never decided without a second person.';
comment on column claims.claim.round is '1, and 2 after it was sent back.';
comment on column claims.claim.taken_by is 'Who looks at it now; nobody else does until `taken_until`.';
comment on column claims.claim.passed_by is 'From here on, what was decided: written by claims.decide alone.';
create index claim_state on claims.claim (village, state, id);
create index claim_household on claims.claim (village, household_id, id);
create index claim_rule on claims.claim (village, rule_id, id);
-- One open claim for an occasion; when it is approved, the award stands in its place.
create unique index claim_open_key on claims.claim (village, household_id, occasion, rule_code, member_id)
  nulls not distinct where occasion is not null and state in ('submitted', 'inPanel', 'awaitingSecond', 'returned');
-- Signals look at the claims and decisions of some weeks.
create index claim_submitted on claims.claim (village, submitted_at);

create table claims.decision (
  village text collate "C" not null,
  claim_id uuid not null,
  number integer not null,
  household_id uuid not null,
  submitted_by uuid not null,
  round integer not null,
  step text not null check (step in ('firstReview', 'panel', 'second')),
  verdict text not null,
  quantity integer check (quantity between 1 and 1000),
  reason text check (length(reason) between 1 and 200),
  decided_by uuid not null,
  decided_at timestamptz(3) not null,
  constraint decision_pkey primary key (village, claim_id, number),
  -- One person has one say: whoever passed a claim does not vote on it, whoever voted does not confirm it.
  constraint decision_person_key unique (village, claim_id, round, decided_by),
  constraint decision_claim_fkey foreign key (village, claim_id, household_id, submitted_by)
    references claims.claim (village, id, household_id, submitted_by),
  -- A person with an account: never a household, never a kiosk.
  constraint decision_person_fkey foreign key (decided_by) references identity."user",
  constraint decision_second_person check (decided_by <> submitted_by and decided_by <> household_id),
  constraint decision_verdict check (case step when 'firstReview' then verdict in ('pass', 'return', 'reject')
    else verdict in ('approve', 'reject') end),
  constraint decision_reason check (verdict in ('pass', 'approve') or reason is not null),
  constraint decision_quantity check (quantity is null or verdict in ('pass', 'approve'))
);
comment on table claims.decision is
  'What one person decided about a claim. Numbered in the order in which it happened.';
comment on column claims.decision.quantity is 'How many of the claimed units, with a yes.';
create unique index decision_first_key on claims.decision (village, claim_id, round) where step = 'firstReview';
create unique index decision_second_key on claims.decision (village, claim_id, round) where step = 'second';
create index decision_decided on claims.decision (village, decided_at);

alter table claims.claim enable row level security;
alter table claims.claim force row level security;
create policy scope on claims.claim
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table claims.decision enable row level security;
alter table claims.decision force row level security;
create policy scope on claims.decision
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select on claims.claim, claims.decision to jifen_app;
grant insert (village, id, household_id, member_id, rule_id, rule_code, unit_points, quantity, custom_points, custom_reason,
  occurred_at, business_date, place, note, occasion, photo_ids, evidence, on_behalf, submitted_by, submitted_at,
  review_steps, panel_size, second_from_points, state, state_since) on claims.claim to jifen_app;
grant update (quantity, note, photo_ids, evidence, round, state, state_since, taken_by, taken_until)
  on claims.claim to jifen_app;
