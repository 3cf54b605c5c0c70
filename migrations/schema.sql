-- What the migrations add up to, written from the catalogue by: npm run schema

create schema audit;
grant usage on schema audit to jifen_app;

create schema claims;
grant usage on schema claims to jifen_app;

create schema earning;
grant usage on schema earning to jifen_app;

create schema evaluations;
grant usage on schema evaluations to jifen_app;

create schema expiry;
grant usage on schema expiry to jifen_app;

create schema households;
grant usage on schema households to jifen_app;

create schema http;
grant usage on schema http to jifen_app;

create schema identity;
grant usage on schema identity to jifen_app;

create schema kiosks;
grant usage on schema kiosks to jifen_app;

create schema ledger;
grant usage on schema ledger to jifen_app;

create schema photos;
grant usage on schema photos to jifen_app;

create schema publicity;
grant usage on schema publicity to jifen_app;

create schema rules;
grant usage on schema rules to jifen_app;

create schema store;
grant usage on schema store to jifen_app;

create schema villages;
grant usage on schema villages to jifen_app;

-- audit.checkpoint
create table audit.checkpoint (
  village text collate "C" not null,
  size bigint not null,
  name text collate "C" not null,
  root bytea not null,
  public_key bytea not null,
  note text not null,
  made_at timestamp(3) with time zone not null,
  constraint checkpoint_pkey PRIMARY KEY (village, size),
  constraint checkpoint_note CHECK (starts_with(note, (((((name || '
'::text) || size) || '
'::text) || encode(root, 'base64'::text)) || '

'::text))),
  constraint checkpoint_public_key CHECK ((length(public_key) = 32)),
  constraint checkpoint_root CHECK ((length(root) = 32)),
  constraint checkpoint_size CHECK ((size >= 0))
);
alter table audit.checkpoint enable row level security;
alter table audit.checkpoint force row level security;
create policy scope on audit.checkpoint using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.checkpoint to jifen_app;

-- audit.subtree
create table audit.subtree (
  village text collate "C" not null,
  start bigint not null,
  root bytea not null,
  constraint subtree_pkey PRIMARY KEY (village, start),
  constraint subtree_root CHECK ((length(root) = 32)),
  constraint subtree_start CHECK (((start >= 0) AND ((start % (256)::bigint) = 0)))
);
alter table audit.subtree enable row level security;
alter table audit.subtree force row level security;
create policy scope on audit.subtree using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.subtree to jifen_app;

-- claims.claim
create table claims.claim (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  unit_points integer not null,
  quantity integer not null,
  custom_points integer,
  custom_reason text,
  occurred_at timestamp(3) with time zone not null,
  business_date date not null,
  place text,
  note text,
  occasion text collate "C",
  photo_ids uuid[] not null,
  evidence jsonb not null,
  on_behalf boolean not null,
  submitted_by uuid not null,
  submitted_at timestamp(3) with time zone not null,
  review_steps text not null,
  panel_size integer not null,
  second_from_points integer not null,
  round integer not null default 1,
  state text not null,
  state_since timestamp(3) with time zone not null,
  taken_by uuid,
  taken_until timestamp(3) with time zone,
  passed_by uuid,
  agreed_quantity integer,
  agreed_points integer,
  confirmed_by uuid,
  constraint claim_pkey PRIMARY KEY (village, id),
  constraint claim_parties_key UNIQUE (village, id, household_id, submitted_by),
  constraint claim_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint claim_member_fkey FOREIGN KEY (village, member_id) REFERENCES households.member(village, id),
  constraint claim_rule_fkey FOREIGN KEY (village, rule_id) REFERENCES rules.rule(village, id),
  constraint claim_agreed CHECK (((agreed_quantity IS NULL) = (agreed_points IS NULL))),
  constraint claim_agreed_points_check CHECK (((agreed_points >= 1) AND (agreed_points <= 1000000))),
  constraint claim_check CHECK (((agreed_quantity >= 1) AND (agreed_quantity <= quantity))),
  constraint claim_confirmed CHECK (((state <> 'approved'::text) OR (confirmed_by IS NOT NULL) OR ((custom_points IS NULL) AND COALESCE((agreed_points < second_from_points), false)))),
  constraint claim_custom CHECK ((((custom_points IS NULL) = (custom_reason IS NULL)) AND ((custom_points IS NULL) OR on_behalf))),
  constraint claim_custom_points_check CHECK (((custom_points >= 1) AND (custom_points <= 1000))),
  constraint claim_custom_reason_check CHECK (((length(custom_reason) >= 1) AND (length(custom_reason) <= 200))),
  constraint claim_decided CHECK ((((state <> 'inPanel'::text) OR (review_steps = 'panel'::text) OR (passed_by IS NOT NULL)) AND ((state <> ALL (ARRAY['awaitingSecond'::text, 'approved'::text])) OR (agreed_points IS NOT NULL)) AND ((state <> ALL (ARRAY['awaitingSecond'::text, 'approved'::text])) OR (review_steps = 'panel'::text) OR (passed_by IS NOT NULL)))),
  constraint claim_evidence CHECK ((jsonb_typeof(evidence) = 'array'::text)),
  constraint claim_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint claim_occasion_check CHECK (((length(occasion) >= 1) AND (length(occasion) <= 80))),
  constraint claim_on_behalf CHECK ((on_behalf = (submitted_by <> household_id))),
  constraint claim_panel_size_check CHECK (((panel_size >= 3) AND (panel_size <= 5))),
  constraint claim_photos CHECK ((cardinality(photo_ids) <= 9)),
  constraint claim_place_check CHECK (((length(place) >= 1) AND (length(place) <= 100))),
  constraint claim_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000))),
  constraint claim_review_steps_check CHECK ((review_steps = ANY (ARRAY['firstReviewAndPanel'::text, 'firstReview'::text, 'panel'::text]))),
  constraint claim_round_check CHECK ((round = ANY (ARRAY[1, 2]))),
  constraint claim_second_from_points_check CHECK (((second_from_points >= 1) AND (second_from_points <= 1000000))),
  constraint claim_second_person CHECK (((passed_by <> submitted_by) AND (confirmed_by <> submitted_by) AND (confirmed_by <> passed_by) AND (taken_by <> submitted_by))),
  constraint claim_state_check CHECK ((state = ANY (ARRAY['submitted'::text, 'inPanel'::text, 'awaitingSecond'::text, 'approved'::text, 'returned'::text, 'rejected'::text, 'withdrawn'::text]))),
  constraint claim_taken CHECK (((taken_by IS NULL) = (taken_until IS NULL))),
  constraint claim_unit_points_check CHECK (((unit_points >= 1) AND (unit_points <= 1000)))
);
CREATE INDEX claim_household ON claims.claim USING btree (village, household_id, id);
CREATE UNIQUE INDEX claim_open_key ON claims.claim USING btree (village, household_id, occasion, rule_code, member_id) NULLS NOT DISTINCT WHERE ((occasion IS NOT NULL) AND (state = ANY (ARRAY['submitted'::text, 'inPanel'::text, 'awaitingSecond'::text, 'returned'::text])));
CREATE INDEX claim_rule ON claims.claim USING btree (village, rule_id, id);
CREATE INDEX claim_state ON claims.claim USING btree (village, state, id);
CREATE INDEX claim_submitted ON claims.claim USING btree (village, submitted_at);
alter table claims.claim enable row level security;
alter table claims.claim force row level security;
create policy scope on claims.claim using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on claims.claim to jifen_app;
grant insert (quantity, note, photo_ids, evidence, state, state_since), update (quantity, note, photo_ids, evidence, state, state_since) on claims.claim to jifen_app;
grant update (round, taken_by, taken_until) on claims.claim to jifen_app;
grant insert (village, id, household_id, member_id, rule_id, rule_code, unit_points, custom_points, custom_reason, occurred_at, business_date, place, occasion, on_behalf, submitted_by, submitted_at, review_steps, panel_size, second_from_points) on claims.claim to jifen_app;

-- claims.decision
create table claims.decision (
  village text collate "C" not null,
  claim_id uuid not null,
  number integer not null,
  household_id uuid not null,
  submitted_by uuid not null,
  round integer not null,
  step text not null,
  verdict text not null,
  quantity integer,
  reason text,
  decided_by uuid not null,
  decided_at timestamp(3) with time zone not null,
  constraint decision_pkey PRIMARY KEY (village, claim_id, number),
  constraint decision_person_key UNIQUE (village, claim_id, round, decided_by),
  constraint decision_claim_fkey FOREIGN KEY (village, claim_id, household_id, submitted_by) REFERENCES claims.claim(village, id, household_id, submitted_by),
  constraint decision_person_fkey FOREIGN KEY (decided_by) REFERENCES identity."user"(id),
  constraint decision_quantity CHECK (((quantity IS NULL) OR (verdict = ANY (ARRAY['pass'::text, 'approve'::text])))),
  constraint decision_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000))),
  constraint decision_reason CHECK (((verdict = ANY (ARRAY['pass'::text, 'approve'::text])) OR (reason IS NOT NULL))),
  constraint decision_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint decision_second_person CHECK (((decided_by <> submitted_by) AND (decided_by <> household_id))),
  constraint decision_step_check CHECK ((step = ANY (ARRAY['firstReview'::text, 'panel'::text, 'second'::text]))),
  constraint decision_verdict CHECK (
CASE step
    WHEN 'firstReview'::text THEN (verdict = ANY (ARRAY['pass'::text, 'return'::text, 'reject'::text]))
    ELSE (verdict = ANY (ARRAY['approve'::text, 'reject'::text]))
END)
);
CREATE INDEX decision_decided ON claims.decision USING btree (village, decided_at);
CREATE UNIQUE INDEX decision_first_key ON claims.decision USING btree (village, claim_id, round) WHERE (step = 'firstReview'::text);
CREATE UNIQUE INDEX decision_second_key ON claims.decision USING btree (village, claim_id, round) WHERE (step = 'second'::text);
alter table claims.decision enable row level security;
alter table claims.decision force row level security;
create policy scope on claims.decision using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on claims.decision to jifen_app;

-- earning.award
create table earning.award (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null,
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  rule_book_id uuid not null,
  quantity integer not null,
  points integer not null,
  occasion text collate "C" not null,
  occurred_at timestamp(3) with time zone not null,
  business_date date not null,
  back_entry boolean not null,
  note text,
  state text not null,
  batch_id uuid,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  transaction_number bigint not null,
  reversal_number bigint,
  claim_id uuid,
  round_id uuid,
  decided_by uuid[] not null default '{}'::uuid[],
  release_number bigint,
  constraint award_pkey PRIMARY KEY (village, id),
  constraint award_transaction_key UNIQUE (village, transaction_number),
  constraint award_decided CHECK (((num_nonnulls(claim_id, round_id) = 0) OR (cardinality(decided_by) > 0))),
  constraint award_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint award_number_check CHECK ((number ~ '^A-[0-9]{8}-[0-9]+$'::text)),
  constraint award_occasion_check CHECK (((length(occasion) >= 1) AND (length(occasion) <= 80))),
  constraint award_origin CHECK ((num_nonnulls(claim_id, round_id) <= 1)),
  constraint award_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint award_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000))),
  constraint award_released CHECK (((release_number IS NULL) OR (state <> 'pending'::text))),
  constraint award_reversed CHECK (((state = 'reversed'::text) = (reversal_number IS NOT NULL))),
  constraint award_second_person CHECK ((NOT (created_by = ANY (decided_by)))),
  constraint award_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'posted'::text, 'reversed'::text])))
);
CREATE UNIQUE INDEX award_claim_key ON earning.award USING btree (village, claim_id) WHERE (claim_id IS NOT NULL);
CREATE INDEX award_household ON earning.award USING btree (village, household_id, transaction_number);
CREATE INDEX award_pending ON earning.award USING btree (village, transaction_number) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX award_standing_key ON earning.award USING btree (village, household_id, occasion, rule_code, member_id) NULLS NOT DISTINCT WHERE ((state = ANY (ARRAY['pending'::text, 'posted'::text])) AND (occasion <> (id)::text));
alter table earning.award enable row level security;
alter table earning.award force row level security;
create policy scope on earning.award using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on earning.award to jifen_app;
grant update (state, reversal_number, release_number) on earning.award to jifen_app;

-- earning.reversal
create table earning.reversal (
  village text collate "C" not null,
  id uuid not null,
  award_id uuid not null,
  reason text not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  rejection_reason text,
  reversal_number bigint,
  constraint reversal_pkey PRIMARY KEY (village, id),
  constraint reversal_award_fkey FOREIGN KEY (village, award_id) REFERENCES earning.award(village, id),
  constraint reversal_decided CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((state = 'proposed'::text) = (decided_at IS NULL)) AND ((state = 'rejected'::text) = (rejection_reason IS NOT NULL)) AND ((state = 'posted'::text) = (reversal_number IS NOT NULL)))),
  constraint reversal_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint reversal_rejection_reason_check CHECK (((length(rejection_reason) >= 1) AND (length(rejection_reason) <= 200))),
  constraint reversal_second_person CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
  constraint reversal_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'posted'::text, 'rejected'::text])))
);
CREATE UNIQUE INDEX reversal_open_key ON earning.reversal USING btree (village, award_id) WHERE (state = ANY (ARRAY['proposed'::text, 'posted'::text]));
alter table earning.reversal enable row level security;
alter table earning.reversal force row level security;
create policy scope on earning.reversal using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on earning.reversal to jifen_app;
grant update (state, decided_by, decided_at, rejection_reason, reversal_number) on earning.reversal to jifen_app;

-- evaluations.entrant
create table evaluations.entrant (
  village text collate "C" not null,
  round_id uuid not null,
  household_id uuid not null,
  outcome text,
  judges integer,
  average_hundredths integer,
  grade integer,
  award_id uuid,
  refusal text collate "C",
  constraint entrant_pkey PRIMARY KEY (village, round_id, household_id),
  constraint entrant_award_fkey FOREIGN KEY (village, award_id) REFERENCES earning.award(village, id),
  constraint entrant_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint entrant_round_fkey FOREIGN KEY (village, round_id) REFERENCES evaluations.round(village, id),
  constraint entrant_average_hundredths_check CHECK (((average_hundredths >= 0) AND (average_hundredths <= 100000))),
  constraint entrant_grade_check CHECK (((grade >= 0) AND (grade <= 9))),
  constraint entrant_judges_check CHECK (((judges >= 0) AND (judges <= 7))),
  constraint entrant_outcome CHECK ((((outcome IS NULL) = (judges IS NULL)) AND ((COALESCE(outcome, ''::text) = 'awarded'::text) = (award_id IS NOT NULL)) AND ((COALESCE(outcome, ''::text) = 'refused'::text) = (refusal IS NOT NULL)) AND ((COALESCE(outcome, ''::text) = ANY (ARRAY['awarded'::text, 'refused'::text])) = (grade IS NOT NULL)) AND ((COALESCE(outcome, ''::text) = ANY (ARRAY['awarded'::text, 'refused'::text, 'noGrade'::text])) = (average_hundredths IS NOT NULL)))),
  constraint entrant_outcome_check CHECK ((outcome = ANY (ARRAY['awarded'::text, 'refused'::text, 'noGrade'::text, 'tooFewJudges'::text, 'notSeen'::text]))),
  constraint entrant_refusal_check CHECK (((length(refusal) >= 1) AND (length(refusal) <= 60)))
);
alter table evaluations.entrant enable row level security;
alter table evaluations.entrant force row level security;
create policy scope on evaluations.entrant using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on evaluations.entrant to jifen_app;
grant insert (village, round_id, household_id) on evaluations.entrant to jifen_app;

-- evaluations.round
create table evaluations.round (
  village text collate "C" not null,
  id uuid not null,
  month text collate "C" not null,
  title text not null,
  items jsonb not null,
  grades jsonb not null,
  judges uuid[] not null,
  state text not null default 'planned'::text,
  households integer not null default 0,
  awarded integer not null default 0,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  opened_by uuid,
  opened_at timestamp(3) with time zone,
  closed_by uuid,
  closed_at timestamp(3) with time zone,
  cancelled_by uuid,
  cancelled_at timestamp(3) with time zone,
  constraint round_pkey PRIMARY KEY (village, id),
  constraint round_cancelled CHECK ((((cancelled_by IS NULL) = (cancelled_at IS NULL)) AND ((state = 'cancelled'::text) = (cancelled_by IS NOT NULL)))),
  constraint round_closed CHECK ((((closed_by IS NULL) = (closed_at IS NULL)) AND ((state = 'closed'::text) = (closed_by IS NOT NULL)))),
  constraint round_judges CHECK ((((cardinality(judges) >= 3) AND (cardinality(judges) <= 7)) AND (array_position(judges, NULL::uuid) IS NULL))),
  constraint round_month_check CHECK ((month ~ '^2[0-9]{3}-(0[1-9]|1[0-2])$'::text)),
  constraint round_opened CHECK ((((opened_by IS NULL) = (opened_at IS NULL)) AND ((state <> 'planned'::text) OR (opened_by IS NULL)) AND ((state <> ALL (ARRAY['open'::text, 'closed'::text])) OR (opened_by IS NOT NULL)))),
  constraint round_planner CHECK ((NOT (created_by = ANY (judges)))),
  constraint round_second_person CHECK (((closed_by IS NULL) OR ((closed_by <> created_by) AND (NOT (closed_by = ANY (judges)))))),
  constraint round_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'open'::text, 'closed'::text, 'cancelled'::text]))),
  constraint round_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60)))
);
CREATE UNIQUE INDEX round_standing_key ON evaluations.round USING btree (village, month, title) WHERE (state <> 'cancelled'::text);
alter table evaluations.round enable row level security;
alter table evaluations.round force row level security;
create policy scope on evaluations.round using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on evaluations.round to jifen_app;
grant update (state, households, opened_by, opened_at, cancelled_by, cancelled_at) on evaluations.round to jifen_app;

-- evaluations.score
create table evaluations.score (
  village text collate "C" not null,
  round_id uuid not null,
  household_id uuid not null,
  judge_id uuid not null,
  scores integer[],
  total integer,
  scored_at timestamp(3) with time zone not null,
  constraint score_pkey PRIMARY KEY (village, round_id, household_id, judge_id),
  constraint score_entrant_fkey FOREIGN KEY (village, round_id, household_id) REFERENCES evaluations.entrant(village, round_id, household_id),
  constraint score_total CHECK (((scores IS NULL) = (total IS NULL))),
  constraint score_total_check CHECK (((total >= 0) AND (total <= 1000)))
);
alter table evaluations.score enable row level security;
alter table evaluations.score force row level security;
create policy scope on evaluations.score using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on evaluations.score to jifen_app;

-- expiry.line
create table expiry.line (
  village text collate "C" not null,
  run_id uuid not null,
  household_id uuid not null,
  available bigint not null,
  expiring bigint not null,
  taken bigint,
  transaction_number bigint,
  constraint line_pkey PRIMARY KEY (village, run_id, household_id),
  constraint line_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint line_run_fkey FOREIGN KEY (village, run_id) REFERENCES expiry.run(village, id),
  constraint line_available_check CHECK ((available >= 0)),
  constraint line_check CHECK (((expiring >= 0) AND (expiring <= available))),
  constraint line_taken CHECK (((transaction_number IS NULL) = (COALESCE(taken, (0)::bigint) = 0))),
  constraint line_taken_check CHECK ((taken >= 0))
);
CREATE INDEX line_unsettled ON expiry.line USING btree (village, run_id, household_id) WHERE (taken IS NULL);
alter table expiry.line enable row level security;
alter table expiry.line force row level security;
create policy scope on expiry.line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on expiry.line to jifen_app;
grant update (taken, transaction_number) on expiry.line to jifen_app;

-- expiry.run
create table expiry.run (
  village text collate "C" not null,
  id uuid not null,
  kind text not null,
  through_on date not null,
  rule text not null,
  cap_points integer,
  book_number bigint not null,
  households integer not null,
  available bigint not null,
  expiring bigint not null,
  state text not null default 'previewed'::text,
  previewed_by uuid not null,
  previewed_at timestamp(3) with time zone not null,
  announced_by uuid,
  announced_at timestamp(3) with time zone,
  due_on date,
  approved_by uuid,
  approved_at timestamp(3) with time zone,
  cancelled_by uuid,
  cancelled_at timestamp(3) with time zone,
  settled integer not null default 0,
  taken bigint not null default 0,
  posted_at timestamp(3) with time zone,
  constraint run_pkey PRIMARY KEY (village, id),
  constraint run_announced CHECK ((((announced_by IS NULL) = (announced_at IS NULL)) AND ((announced_by IS NULL) = (due_on IS NULL)) AND ((state <> 'previewed'::text) OR (announced_by IS NULL)) AND ((state <> ALL (ARRAY['announced'::text, 'posting'::text, 'posted'::text])) OR (announced_by IS NOT NULL)))),
  constraint run_approved CHECK ((((approved_by IS NULL) = (approved_at IS NULL)) AND ((state = ANY (ARRAY['posting'::text, 'posted'::text])) = (approved_by IS NOT NULL)))),
  constraint run_cancelled CHECK ((((cancelled_by IS NULL) = (cancelled_at IS NULL)) AND ((state = 'cancelled'::text) = (cancelled_by IS NOT NULL)))),
  constraint run_cap_points_check CHECK (((cap_points >= 0) AND (cap_points <= 1000000))),
  constraint run_due CHECK (((due_on IS NULL) OR (due_on > through_on))),
  constraint run_kind_check CHECK ((kind = ANY (ARRAY['yearEnd'::text, 'lots'::text]))),
  constraint run_posted CHECK (((state = 'posted'::text) = (posted_at IS NOT NULL))),
  constraint run_rule CHECK ((((kind = 'lots'::text) = (rule = 'lots'::text)) AND ((rule = 'cap'::text) = (cap_points IS NOT NULL)))),
  constraint run_rule_check CHECK ((rule = ANY (ARRAY['clear'::text, 'cap'::text, 'lots'::text]))),
  constraint run_second_person CHECK (((approved_by IS NULL) OR (approved_by <> announced_by))),
  constraint run_state_check CHECK ((state = ANY (ARRAY['previewed'::text, 'announced'::text, 'posting'::text, 'posted'::text, 'cancelled'::text]))),
  constraint run_year_end CHECK (((kind = 'lots'::text) OR (to_char((through_on)::timestamp with time zone, 'MM-DD'::text) = '12-31'::text)))
);
CREATE UNIQUE INDEX run_standing_key ON expiry.run USING btree (village, kind, through_on) WHERE (state <> 'cancelled'::text);
alter table expiry.run enable row level security;
alter table expiry.run force row level security;
create policy scope on expiry.run using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on expiry.run to jifen_app;
grant update (state, announced_by, announced_at, due_on, approved_by, approved_at, cancelled_by, cancelled_at, settled, taken, posted_at) on expiry.run to jifen_app;

-- households.card
create table households.card (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  code_hash bytea not null,
  issued_by uuid not null,
  issued_at timestamp(3) with time zone not null,
  revoked_by uuid,
  revoked_at timestamp(3) with time zone,
  constraint card_pkey PRIMARY KEY (village, id),
  constraint card_code_key UNIQUE (village, code_hash),
  constraint card_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id)
);
CREATE INDEX card_household ON households.card USING btree (village, household_id);
alter table households.card enable row level security;
alter table households.card force row level security;
create policy scope on households.card using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.card to jifen_app;
grant update (revoked_by, revoked_at) on households.card to jifen_app;

-- households.change
create table households.change (
  village text collate "C" not null,
  id uuid not null,
  kind text not null,
  household_id uuid not null,
  to_household_id uuid,
  member_ids uuid[] not null default '{}'::uuid[],
  head_member_id uuid,
  died_on date,
  new_number text collate "C",
  new_grid integer,
  new_address text,
  new_head_member_id uuid,
  available_points bigint,
  honour_points bigint,
  carried boolean,
  other_village text collate "C",
  closing_number bigint,
  closing_hash text,
  lots jsonb not null default '{}'::jsonb,
  reason text not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  rejection_reason text,
  transaction_number bigint,
  constraint change_pkey PRIMARY KEY (village, id),
  constraint change_grid_fkey FOREIGN KEY (village, new_grid) REFERENCES villages.grid(village, number),
  constraint change_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint change_to_household_fkey FOREIGN KEY (village, to_household_id) REFERENCES households.household(village, id),
  constraint change_available_points CHECK (((available_points >= 0) AND (available_points <= '9007199254740991'::bigint))),
  constraint change_closing_hash_check CHECK ((closing_hash ~ '^[0-9a-f]{64}$'::text)),
  constraint change_decided CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)) AND ((state = 'rejected'::text) = (rejection_reason IS NOT NULL)))),
  constraint change_form CHECK (
CASE kind
    WHEN 'memberMove'::text THEN ((to_household_id IS NOT NULL) AND (cardinality(member_ids) = 1))
    WHEN 'split'::text THEN ((new_head_member_id IS NOT NULL) AND (cardinality(member_ids) > 0) AND (num_nulls(available_points, honour_points) = 0) AND ((to_household_id IS NOT NULL) = (state = 'approved'::text)))
    WHEN 'merge'::text THEN (to_household_id IS NOT NULL)
    WHEN 'moveAway'::text THEN (num_nulls(other_village, carried) = 0)
    WHEN 'moveIn'::text THEN (num_nulls(other_village, closing_number, closing_hash, available_points, honour_points) = 0)
    WHEN 'death'::text THEN ((cardinality(member_ids) = 1) AND (died_on IS NOT NULL))
    WHEN 'head'::text THEN (head_member_id IS NOT NULL)
    ELSE true
END),
  constraint change_honour_points CHECK (((honour_points >= 0) AND (honour_points <= '9007199254740991'::bigint))),
  constraint change_kind_check CHECK ((kind = ANY (ARRAY['memberMove'::text, 'split'::text, 'merge'::text, 'moveAway'::text, 'moveIn'::text, 'death'::text, 'close'::text, 'head'::text]))),
  constraint change_new_address_check CHECK (((length(new_address) >= 1) AND (length(new_address) <= 120))),
  constraint change_new_number_check CHECK ((new_number ~ '^[A-Z]?[0-9]{1,8}$'::text)),
  constraint change_other_household CHECK (((to_household_id IS NULL) OR (to_household_id <> household_id))),
  constraint change_other_village CHECK (((other_village IS NULL) OR (other_village <> village))),
  constraint change_other_village_check CHECK ((other_village ~ '^[0-9]{12}$'::text)),
  constraint change_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint change_rejection_reason_check CHECK (((length(rejection_reason) >= 1) AND (length(rejection_reason) <= 500))),
  constraint change_second_person CHECK (((state <> ALL (ARRAY['approved'::text, 'rejected'::text])) OR (decided_by <> proposed_by))),
  constraint change_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text]))),
  constraint change_transaction CHECK (((transaction_number IS NULL) OR (state = 'approved'::text)))
);
CREATE UNIQUE INDEX change_closing_key ON households.change USING btree (village, other_village, closing_number) WHERE ((kind = 'moveIn'::text) AND (state = ANY (ARRAY['proposed'::text, 'approved'::text])));
CREATE INDEX change_household ON households.change USING btree (village, household_id, id);
CREATE UNIQUE INDEX change_open_key ON households.change USING btree (village, household_id) WHERE (state = 'proposed'::text);
CREATE INDEX change_to_household ON households.change USING btree (village, to_household_id, id) WHERE (to_household_id IS NOT NULL);
alter table households.change enable row level security;
alter table households.change force row level security;
create policy scope on households.change using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households.change to jifen_app;
grant insert (member_ids), update (member_ids) on households.change to jifen_app;
grant insert (village, id, kind, household_id, to_household_id, head_member_id, died_on, new_number, new_grid, new_address, new_head_member_id, available_points, honour_points, carried, other_village, closing_number, closing_hash, lots, reason, proposed_by, proposed_at) on households.change to jifen_app;

-- households.household
create table households.household (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null,
  grid integer,
  address text,
  head_member_id uuid not null,
  state text not null default 'active'::text,
  pin_hash text,
  pin_failed_attempts smallint not null default 0,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint household_pkey PRIMARY KEY (village, id),
  constraint household_number_key UNIQUE (village, number),
  constraint household_grid_fkey FOREIGN KEY (village, grid) REFERENCES villages.grid(village, number),
  constraint household_head_fkey FOREIGN KEY (village, head_member_id) REFERENCES households.member(village, id) DEFERRABLE INITIALLY DEFERRED,
  constraint household_address_check CHECK (((length(address) >= 1) AND (length(address) <= 120))),
  constraint household_number_check CHECK ((number ~ '^[A-Z]?[0-9]{1,8}$'::text)),
  constraint household_pin_failed_attempts_check CHECK ((pin_failed_attempts >= 0)),
  constraint household_state_check CHECK ((state = ANY (ARRAY['active'::text, 'frozen'::text, 'closed'::text])))
);
alter table households.household enable row level security;
alter table households.household force row level security;
create policy scope on households.household using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.household to jifen_app;
grant update (grid, address, head_member_id, state, pin_hash, pin_failed_attempts) on households.household to jifen_app;

-- households.join_application
create table households.join_application (
  village text collate "C" not null,
  id uuid not null,
  state text not null default 'submitted'::text,
  channel text not null,
  grid integer,
  address text,
  phone text,
  members jsonb not null,
  consent_by text not null,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  question text,
  returned_by uuid,
  returned_at timestamp(3) with time zone,
  answer text,
  resubmitted_by uuid,
  resubmitted_at timestamp(3) with time zone,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  reason text,
  household_id uuid,
  edited_by uuid[] not null default '{}'::uuid[],
  constraint join_application_pkey PRIMARY KEY (village, id),
  constraint join_application_grid_fkey FOREIGN KEY (village, grid) REFERENCES villages.grid(village, number),
  constraint join_application_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint join_application_address_check CHECK (((length(address) >= 1) AND (length(address) <= 120))),
  constraint join_application_answer_check CHECK (((length(answer) >= 1) AND (length(answer) <= 200))),
  constraint join_application_approved CHECK (((state = 'approved'::text) = (household_id IS NOT NULL))),
  constraint join_application_channel_check CHECK ((channel = ANY (ARRAY['kiosk'::text, 'staff'::text]))),
  constraint join_application_consent_by_check CHECK (((length(consent_by) >= 1) AND (length(consent_by) <= 60))),
  constraint join_application_decided CHECK ((((state = ANY (ARRAY['approved'::text, 'rejected'::text, 'withdrawn'::text])) = (decided_by IS NOT NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
  constraint join_application_editors CHECK (((state <> ALL (ARRAY['approved'::text, 'rejected'::text])) OR (NOT (decided_by = ANY (edited_by))))),
  constraint join_application_editors_known CHECK ((array_position(edited_by, NULL::uuid) IS NULL)),
  constraint join_application_members_check CHECK (((jsonb_typeof(members) = 'array'::text) AND ((jsonb_array_length(members) >= 1) AND (jsonb_array_length(members) <= 30)))),
  constraint join_application_phone_check CHECK ((phone ~ '^[0-9+-]{5,20}$'::text)),
  constraint join_application_question_check CHECK (((length(question) >= 1) AND (length(question) <= 200))),
  constraint join_application_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint join_application_rejected CHECK (((state <> 'rejected'::text) OR (reason IS NOT NULL))),
  constraint join_application_resubmitted CHECK (((resubmitted_by IS NULL) = (resubmitted_at IS NULL))),
  constraint join_application_returned CHECK ((((question IS NULL) = (returned_by IS NULL)) AND ((question IS NULL) = (returned_at IS NULL)) AND ((state <> 'returned'::text) OR (question IS NOT NULL)))),
  constraint join_application_second_person CHECK (((state <> ALL (ARRAY['approved'::text, 'rejected'::text])) OR ((decided_by <> created_by) AND (decided_by IS DISTINCT FROM resubmitted_by)))),
  constraint join_application_state_check CHECK ((state = ANY (ARRAY['submitted'::text, 'returned'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text])))
);
CREATE INDEX join_application_state ON households.join_application USING btree (village, state, id);
alter table households.join_application enable row level security;
alter table households.join_application force row level security;
create policy scope on households.join_application using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households.join_application to jifen_app;
grant insert (grid, address, phone, members, consent_by), update (grid, address, phone, members, consent_by) on households.join_application to jifen_app;
grant update (state, question, returned_by, returned_at, answer, resubmitted_by, resubmitted_at, edited_by) on households.join_application to jifen_app;
grant insert (village, id, channel, created_by, created_at) on households.join_application to jifen_app;

-- households.kin
create table households.kin (
  village text collate "C" not null,
  user_id uuid not null,
  household_id uuid not null,
  relation text not null,
  declared_by uuid not null,
  declared_at timestamp(3) with time zone not null,
  ended_by uuid,
  ended_at timestamp(3) with time zone,
  constraint kin_pkey PRIMARY KEY (village, user_id, household_id),
  constraint kin_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint kin_end_second_person CHECK (((ended_by IS NULL) OR (ended_by <> user_id))),
  constraint kin_ended CHECK (((ended_by IS NULL) = (ended_at IS NULL))),
  constraint kin_relation_check CHECK ((relation = ANY (ARRAY['own'::text, 'kin'::text])))
);
CREATE UNIQUE INDEX kin_own_key ON households.kin USING btree (village, user_id) WHERE ((relation = 'own'::text) AND (ended_at IS NULL));
alter table households.kin enable row level security;
alter table households.kin force row level security;
create policy scope on households.kin using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.kin to jifen_app;
grant update (relation, declared_by, declared_at, ended_by, ended_at) on households.kin to jifen_app;

-- households.member
create table households.member (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  name text not null,
  phone text,
  id_last4 text,
  created_at timestamp(3) with time zone not null,
  died_on date,
  constraint member_pkey PRIMARY KEY (village, id),
  constraint member_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint member_id_last4_check CHECK ((id_last4 ~ '^[0-9]{3}[0-9X]$'::text)),
  constraint member_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint member_phone_check CHECK ((phone ~ '^[0-9+-]{5,20}$'::text))
);
CREATE INDEX member_household ON households.member USING btree (village, household_id);
CREATE INDEX member_person ON households.member USING btree (village, name, id_last4);
CREATE INDEX member_phone ON households.member USING btree (village, phone) WHERE (phone IS NOT NULL);
alter table households.member enable row level security;
alter table households.member force row level security;
create policy scope on households.member using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.member to jifen_app;
grant update (household_id, name, phone, id_last4, died_on) on households.member to jifen_app;

-- households.roster_import
create table households.roster_import (
  village text collate "C" not null,
  id uuid not null,
  state text not null default 'received'::text,
  dry_run boolean not null,
  format text not null,
  bytes integer not null,
  content bytea,
  encoding text,
  ignored_columns text[] not null default '{}'::text[],
  attempts integer not null default 0,
  rows integer not null default 0,
  households integer not null default 0,
  good integer not null default 0,
  already_there integer not null default 0,
  mistakes integer not null default 0,
  entered integer not null default 0,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  reported_at timestamp(3) with time zone,
  committed_by uuid,
  committed_at timestamp(3) with time zone,
  ended_at timestamp(3) with time zone,
  constraint roster_import_pkey PRIMARY KEY (village, id),
  constraint roster_import_already_there_check CHECK ((already_there >= 0)),
  constraint roster_import_attempts_check CHECK ((attempts >= 0)),
  constraint roster_import_bytes_check CHECK (((bytes >= 0) AND (bytes <= 20971520))),
  constraint roster_import_committed CHECK ((((committed_by IS NULL) = (committed_at IS NULL)) AND ((state <> ALL (ARRAY['committing'::text, 'done'::text])) OR (committed_by IS NOT NULL)))),
  constraint roster_import_content CHECK (((content IS NOT NULL) = (state <> ALL (ARRAY['done'::text, 'failed'::text])))),
  constraint roster_import_ended CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
  constraint roster_import_entered_check CHECK ((entered >= 0)),
  constraint roster_import_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'xlsx'::text]))),
  constraint roster_import_good_check CHECK ((good >= 0)),
  constraint roster_import_households_check CHECK ((households >= 0)),
  constraint roster_import_mistakes_check CHECK ((mistakes >= 0)),
  constraint roster_import_rows_check CHECK ((rows >= 0)),
  constraint roster_import_state_check CHECK ((state = ANY (ARRAY['received'::text, 'checking'::text, 'reported'::text, 'committing'::text, 'done'::text, 'failed'::text])))
);
alter table households.roster_import enable row level security;
alter table households.roster_import force row level security;
create policy scope on households.roster_import using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.roster_import to jifen_app;
grant update (state, content, encoding, ignored_columns, attempts, rows, households, good, already_there, mistakes, entered, reported_at, committed_by, committed_at, ended_at) on households.roster_import to jifen_app;

-- households.roster_mistake
create table households.roster_mistake (
  village text collate "C" not null,
  import_id uuid not null,
  "row" integer not null,
  column_name text collate "C" not null,
  code text collate "C" not null,
  facts jsonb not null,
  constraint roster_mistake_pkey PRIMARY KEY (village, import_id, "row", column_name, code),
  constraint roster_mistake_import_fkey FOREIGN KEY (village, import_id) REFERENCES households.roster_import(village, id),
  constraint roster_mistake_row_check CHECK (("row" >= 1))
);
alter table households.roster_mistake enable row level security;
alter table households.roster_mistake force row level security;
create policy scope on households.roster_mistake using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.roster_mistake to jifen_app;

-- http.idempotency
create table http.idempotency (
  village text collate "C" not null,
  client uuid not null,
  key text collate "C" not null,
  fingerprint bytea not null,
  status smallint,
  location text,
  body text,
  created_at timestamp(3) with time zone not null,
  constraint idempotency_pkey PRIMARY KEY (village, client, key),
  constraint idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
  constraint idempotency_village_check CHECK (((village = ''::text) OR (village ~ '^[0-9]{12}$'::text)))
);
CREATE INDEX idempotency_created_at ON http.idempotency USING btree (village, created_at) WHERE (created_at > '-infinity'::timestamp with time zone);
grant delete, insert, select, update on http.idempotency to jifen_app;

-- identity."grant"
create table identity."grant" (
  id uuid not null,
  user_id uuid not null,
  role text not null,
  prefix text collate "C" not null,
  granted_by uuid,
  granted_at timestamp(3) with time zone not null,
  until timestamp(3) with time zone,
  ended_by uuid,
  ended_at timestamp(3) with time zone,
  constraint grant_pkey PRIMARY KEY (id),
  constraint grant_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id),
  constraint grant_empty_prefix CHECK (((prefix = ''::text) = (role = 'platformAdmin'::text))),
  constraint grant_end_second_person CHECK (((ended_by IS NULL) OR (ended_by <> user_id))),
  constraint grant_prefix_check CHECK ((prefix ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$'::text)),
  constraint grant_second_person CHECK (((granted_by IS NULL) OR (granted_by <> user_id)))
);
CREATE UNIQUE INDEX grant_open_key ON identity."grant" USING btree (user_id, role, prefix) WHERE (ended_at IS NULL);
grant insert, select on identity."grant" to jifen_app;
grant update (ended_by, ended_at) on identity."grant" to jifen_app;

-- identity."user"
create table identity."user" (
  id uuid not null,
  login text not null,
  name text not null,
  password_hash text not null,
  state text not null default 'active'::text,
  created_by uuid,
  created_at timestamp(3) with time zone not null,
  constraint user_pkey PRIMARY KEY (id),
  constraint user_login_key UNIQUE (login),
  constraint user_login_check CHECK ((login ~ '^[a-z0-9][a-z0-9._-]{1,63}$'::text)),
  constraint user_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint user_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);
grant insert, select on identity."user" to jifen_app;
grant update (name, password_hash, state) on identity."user" to jifen_app;

-- identity.session
create table identity.session (
  id uuid not null,
  kind text not null,
  subject uuid not null,
  village text collate "C",
  device uuid,
  refresh_hash bytea,
  successor_hash bytea,
  created_at timestamp(3) with time zone not null,
  used_at timestamp(3) with time zone not null,
  idle_seconds integer not null,
  expires_at timestamp(3) with time zone not null,
  ended_at timestamp(3) with time zone,
  ended_reason text,
  constraint session_pkey PRIMARY KEY (id),
  constraint session_kind_check CHECK ((kind = ANY (ARRAY['staff'::text, 'kiosk'::text, 'household'::text]))),
  constraint session_village CHECK (((kind = 'staff'::text) = (village IS NULL)))
);
CREATE INDEX session_device ON identity.session USING btree (device) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_refresh ON identity.session USING btree (refresh_hash);
CREATE INDEX session_subject ON identity.session USING btree (subject) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_successor ON identity.session USING btree (successor_hash);
grant insert, select on identity.session to jifen_app;
grant update (refresh_hash, successor_hash, used_at, ended_at, ended_reason) on identity.session to jifen_app;

-- identity.sign_in
create table identity.sign_in (
  login text not null,
  failed_attempts integer not null,
  locked_until timestamp(3) with time zone,
  tried_at timestamp(3) with time zone not null,
  constraint sign_in_pkey PRIMARY KEY (login)
);
grant delete, insert, select, update on identity.sign_in to jifen_app;

-- identity.spent_refresh
create table identity.spent_refresh (
  hash bytea not null,
  session_id uuid not null,
  constraint spent_refresh_pkey PRIMARY KEY (hash),
  constraint spent_refresh_session_id_fkey FOREIGN KEY (session_id) REFERENCES identity.session(id)
);
grant insert, select on identity.spent_refresh to jifen_app;

-- kiosks.kiosk
create table kiosks.kiosk (
  village text collate "C" not null,
  id uuid not null,
  code text collate "C" not null,
  name text not null,
  store_id uuid not null,
  state text not null,
  state_reason text,
  state_since timestamp(3) with time zone not null,
  app_version text not null,
  model text not null,
  serial text not null,
  paired_by uuid not null,
  paired_at timestamp(3) with time zone not null,
  seen_at timestamp(3) with time zone,
  unknown_cards integer not null default 0,
  unknown_cards_since timestamp(3) with time zone,
  constraint kiosk_pkey PRIMARY KEY (village, id),
  constraint kiosk_code_key UNIQUE (village, code),
  constraint kiosk_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint kiosk_code_check CHECK ((code ~ '^K[0-9]{2,4}$'::text)),
  constraint kiosk_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint kiosk_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'retired'::text]))),
  constraint kiosk_state_reason_check CHECK ((state_reason = 'unknownCards'::text))
);
alter table kiosks.kiosk enable row level security;
alter table kiosks.kiosk force row level security;
create policy scope on kiosks.kiosk using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on kiosks.kiosk to jifen_app;
grant update (state, state_reason, state_since, seen_at, unknown_cards, unknown_cards_since) on kiosks.kiosk to jifen_app;

-- kiosks.pairing
create table kiosks.pairing (
  device_code_hash bytea not null,
  user_code text collate "C" not null,
  app_version text not null,
  model text not null,
  serial text not null,
  state text not null,
  created_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone not null,
  village text collate "C",
  kiosk_id uuid,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  session_id uuid,
  constraint pairing_pkey PRIMARY KEY (device_code_hash),
  constraint pairing_app_version_check CHECK (((length(app_version) >= 1) AND (length(app_version) <= 40))),
  constraint pairing_decided CHECK (
CASE state
    WHEN 'pending'::text THEN (num_nonnulls(village, kiosk_id, decided_by, decided_at, session_id) = 0)
    WHEN 'denied'::text THEN ((num_nonnulls(village, decided_by, decided_at) = 3) AND (num_nonnulls(kiosk_id, session_id) = 0))
    ELSE (num_nonnulls(village, kiosk_id, decided_by, decided_at) = 4)
END),
  constraint pairing_model_check CHECK (((length(model) >= 1) AND (length(model) <= 60))),
  constraint pairing_serial_check CHECK (((length(serial) >= 1) AND (length(serial) <= 60))),
  constraint pairing_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text]))),
  constraint pairing_user_code_check CHECK ((user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$'::text)),
  constraint pairing_village_check CHECK ((village ~ '^[0-9]{12}$'::text))
);
CREATE INDEX pairing_decided_code ON kiosks.pairing USING btree (village, user_code) WHERE (state <> 'pending'::text);
CREATE INDEX pairing_expires_at ON kiosks.pairing USING btree (expires_at);
CREATE UNIQUE INDEX pairing_open_key ON kiosks.pairing USING btree (user_code) WHERE (state = 'pending'::text);
grant delete, insert, select on kiosks.pairing to jifen_app;
grant update (state, expires_at, village, kiosk_id, decided_by, decided_at, session_id) on kiosks.pairing to jifen_app;

-- kiosks.pairing_try
create table kiosks.pairing_try (
  address text collate "C" not null,
  since timestamp(3) with time zone not null,
  tries integer not null,
  constraint pairing_try_pkey PRIMARY KEY (address)
);
grant delete, insert, select on kiosks.pairing_try to jifen_app;
grant update (since, tries) on kiosks.pairing_try to jifen_app;

-- kiosks.unknown_number
create table kiosks.unknown_number (
  village text collate "C" not null,
  number text collate "C" not null,
  failed_attempts integer not null,
  constraint unknown_number_pkey PRIMARY KEY (village, number)
);
alter table kiosks.unknown_number enable row level security;
alter table kiosks.unknown_number force row level security;
create policy scope on kiosks.unknown_number using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on kiosks.unknown_number to jifen_app;
grant update (failed_attempts) on kiosks.unknown_number to jifen_app;

-- ledger.account
create table ledger.account (
  village text collate "C" not null,
  number integer not null,
  code text collate "C" not null,
  asset text collate "C" not null,
  floor bigint,
  balance bigint not null default 0,
  entries bigint not null default 0,
  lots jsonb not null default '{}'::jsonb,
  constraint account_pkey PRIMARY KEY (village, number),
  constraint account_code_key UNIQUE (village, code, asset),
  constraint account_asset_form CHECK (((asset = ANY (ARRAY['PTS'::text, 'HON'::text, 'MIN'::text, 'CNY'::text])) OR (asset ~ '^SKU:[0-9a-f-]{36}$'::text))),
  constraint account_code_form CHECK ((((length(code) >= 1) AND (length(code) <= 150)) AND (code !~ '[^A-Za-z0-9:-]'::text))),
  constraint account_entries_check CHECK ((entries >= 0)),
  constraint account_floor CHECK (((floor IS NULL) OR (balance >= floor))),
  constraint account_lots CHECK (((lots = '{}'::jsonb) OR ledger.lots_fit(account.*))),
  constraint account_number_check CHECK ((number > 0))
) with (fillfactor=70);
alter table ledger.account enable row level security;
alter table ledger.account force row level security;
create policy scope on ledger.account using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.account to jifen_app;

-- ledger.book
create table ledger.book (
  village text collate "C" not null,
  number bigint not null default 0,
  head bytea not null default sha256('\x'::bytea),
  accounts integer not null default 0,
  posted_at timestamp(3) with time zone not null default '-infinity'::timestamp with time zone,
  constraint book_pkey PRIMARY KEY (village),
  constraint book_number_check CHECK ((number >= 0)),
  constraint book_village_check CHECK ((village ~ '^[0-9]{12}$'::text))
) with (fillfactor=50);
alter table ledger.book enable row level security;
alter table ledger.book force row level security;
create policy scope on ledger.book using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.book to jifen_app;

-- ledger.limit_use
create table ledger.limit_use (
  village text collate "C" not null,
  key text collate "C" not null,
  used bigint not null,
  max bigint not null,
  constraint limit_use_pkey PRIMARY KEY (village, key),
  constraint limit_use_max CHECK (((used >= 0) AND (used <= max)))
) with (fillfactor=70);
alter table ledger.limit_use enable row level security;
alter table ledger.limit_use force row level security;
create policy scope on ledger.limit_use using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.limit_use to jifen_app;

-- ledger.transaction
create table ledger.transaction (
  village text collate "C" not null,
  number bigint not null,
  id uuid not null,
  kind text not null,
  cause text collate "C" not null,
  business_date date not null,
  occurred_at timestamp(3) with time zone not null,
  posted_at timestamp(3) with time zone not null,
  actor uuid not null,
  approver uuid,
  reverses bigint,
  memo text,
  frozen jsonb not null,
  leaf_hash bytea not null,
  hash bytea not null,
  constraint transaction_pkey PRIMARY KEY (village, number),
  constraint transaction_cause_key UNIQUE (village, kind, cause),
  constraint transaction_cause_form CHECK ((((length(cause) >= 1) AND (length(cause) <= 200)) AND (cause !~ '[^A-Za-z0-9:._-]'::text))),
  constraint transaction_kind_form CHECK ((((length(kind) >= 1) AND (length(kind) <= 40)) AND (kind !~ '[^A-Za-z]'::text))),
  constraint transaction_number_check CHECK ((number > 0)),
  constraint transaction_second_person CHECK (((approver IS NULL) OR (approver <> actor)))
);
CREATE INDEX transaction_business_date ON ledger.transaction USING btree (village, business_date, number);
CREATE UNIQUE INDEX transaction_reverses_key ON ledger.transaction USING btree (village, reverses) WHERE (reverses IS NOT NULL);
alter table ledger.transaction enable row level security;
alter table ledger.transaction force row level security;
create policy scope on ledger.transaction using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transaction FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transaction to jifen_app;

-- ledger.transfer
create table ledger.transfer (
  village text collate "C" not null,
  number bigint not null,
  line smallint not null,
  asset text collate "C" not null,
  amount bigint not null,
  from_account integer not null,
  to_account integer not null,
  from_balance bigint not null,
  to_balance bigint not null,
  from_seq bigint not null,
  to_seq bigint not null,
  constraint transfer_pkey PRIMARY KEY (village, number, line),
  constraint transfer_amount CHECK ((((amount >= 1) AND (amount <= '10000000000'::bigint)) AND ((amount <= 1000000) OR (asset = 'CNY'::text)))),
  constraint transfer_two_accounts CHECK ((from_account <> to_account))
);
CREATE INDEX transfer_from ON ledger.transfer USING btree (village, from_account, number, line);
CREATE INDEX transfer_to ON ledger.transfer USING btree (village, to_account, number, line);
alter table ledger.transfer enable row level security;
alter table ledger.transfer force row level security;
create policy scope on ledger.transfer using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transfer to jifen_app;

-- photos.photo
create table photos.photo (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid,
  sha256 bytea not null,
  bytes integer not null,
  width integer not null,
  height integer not null,
  views bigint[] not null,
  captured_at timestamp(3) with time zone,
  captured_latitude_microdegrees integer,
  captured_longitude_microdegrees integer,
  uploaded_by uuid not null,
  uploaded_at timestamp(3) with time zone not null,
  removed_at timestamp(3) with time zone,
  constraint photo_pkey PRIMARY KEY (village, id),
  constraint photo_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint photo_bytes_check CHECK ((bytes > 0)),
  constraint photo_captured_latitude_microdegrees_check CHECK (((captured_latitude_microdegrees >= '-90000000'::integer) AND (captured_latitude_microdegrees <= 90000000))),
  constraint photo_captured_longitude_microdegrees_check CHECK (((captured_longitude_microdegrees >= '-180000000'::integer) AND (captured_longitude_microdegrees <= 180000000))),
  constraint photo_captured_place CHECK (((captured_latitude_microdegrees IS NULL) = (captured_longitude_microdegrees IS NULL))),
  constraint photo_height_check CHECK (((height >= 1) AND (height <= 20000))),
  constraint photo_sha256_check CHECK ((length(sha256) = 32)),
  constraint photo_views_check CHECK (((cardinality(views) >= 1) AND (cardinality(views) <= 32))),
  constraint photo_width_check CHECK (((width >= 1) AND (width <= 20000)))
);
CREATE INDEX photo_household ON photos.photo USING btree (village, household_id, uploaded_at);
CREATE INDEX photo_sha256 ON photos.photo USING btree (village, sha256);
CREATE UNIQUE INDEX photo_standing_key ON photos.photo USING btree (village, household_id, sha256) WHERE (removed_at IS NULL);
alter table photos.photo enable row level security;
alter table photos.photo force row level security;
create policy scope on photos.photo using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on photos.photo to jifen_app;
grant update (removed_at) on photos.photo to jifen_app;

-- photos.use
create table photos.use (
  sha256 bytea not null,
  village text collate "C" not null,
  photo_id uuid not null,
  claim_id uuid,
  used_at timestamp(3) with time zone not null,
  constraint use_pkey PRIMARY KEY (sha256),
  constraint use_sha256_check CHECK ((length(sha256) = 32))
);
grant insert, select on photos.use to jifen_app;
grant update (village, photo_id, claim_id, used_at) on photos.use to jifen_app;

-- publicity.appeal
create table publicity.appeal (
  village text collate "C" not null,
  id uuid not null,
  objection_id uuid not null,
  award_id uuid not null,
  against text not null,
  reason text not null,
  lodged_by uuid not null,
  lodged_at timestamp(3) with time zone not null,
  state text not null default 'open'::text,
  heard_by uuid,
  heard_by_kin boolean,
  heard_at timestamp(3) with time zone,
  ruling text,
  hands uuid[],
  new_award_id uuid,
  constraint appeal_pkey PRIMARY KEY (village, id),
  constraint appeal_objection_key UNIQUE (village, objection_id),
  constraint appeal_line_fkey FOREIGN KEY (village, award_id) REFERENCES publicity.line(village, award_id),
  constraint appeal_new_award_fkey FOREIGN KEY (village, new_award_id) REFERENCES earning.award(village, id),
  constraint appeal_objection_fkey FOREIGN KEY (village, objection_id) REFERENCES publicity.objection(village, id),
  constraint appeal_against_check CHECK ((against = ANY (ARRAY['dismissed'::text, 'upheld'::text]))),
  constraint appeal_heard CHECK ((num_nonnulls(heard_by, heard_by_kin, heard_at, ruling, hands) =
CASE
    WHEN (state = 'open'::text) THEN 0
    ELSE 5
END)),
  constraint appeal_new_award CHECK (((new_award_id IS NULL) OR ((state = 'upheld'::text) AND (against = 'upheld'::text)))),
  constraint appeal_own_household CHECK (((heard_by IS NULL) OR (NOT heard_by_kin))),
  constraint appeal_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint appeal_ruling_check CHECK (((length(ruling) >= 1) AND (length(ruling) <= 200))),
  constraint appeal_second_person CHECK (((heard_by IS NULL) OR (NOT (heard_by = ANY (hands))))),
  constraint appeal_state_check CHECK ((state = ANY (ARRAY['open'::text, 'dismissed'::text, 'upheld'::text])))
);
CREATE INDEX appeal_award ON publicity.appeal USING btree (village, award_id);
CREATE UNIQUE INDEX appeal_award_key ON publicity.appeal USING btree (village, award_id) WHERE (against = 'upheld'::text);
alter table publicity.appeal enable row level security;
alter table publicity.appeal force row level security;
create policy scope on publicity.appeal using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on publicity.appeal to jifen_app;
grant update (new_award_id) on publicity.appeal to jifen_app;
grant insert (village, id, objection_id, award_id, against, reason, lodged_by, lodged_at) on publicity.appeal to jifen_app;

-- publicity.line
create table publicity.line (
  village text collate "C" not null,
  award_id uuid not null,
  notice_id uuid not null,
  place integer not null,
  entered_by uuid not null,
  decided_by uuid[] not null,
  published_by uuid not null,
  struck_by uuid,
  struck_by_kin boolean,
  struck_at timestamp(3) with time zone,
  strike_reason text,
  constraint notice_line_pkey PRIMARY KEY (village, award_id),
  constraint notice_line_place_key UNIQUE (village, notice_id, place),
  constraint notice_line_award_fkey FOREIGN KEY (village, award_id) REFERENCES earning.award(village, id),
  constraint notice_line_notice_fkey FOREIGN KEY (village, notice_id) REFERENCES publicity.notice(village, id),
  constraint line_place_check CHECK (((place >= 1) AND (place <= 1000))),
  constraint line_strike_reason_check CHECK (((length(strike_reason) >= 1) AND (length(strike_reason) <= 200))),
  constraint notice_line_decided_by_others CHECK ((NOT (published_by = ANY (decided_by)))),
  constraint notice_line_entered_by_another CHECK ((published_by <> entered_by)),
  constraint notice_line_struck CHECK ((num_nonnulls(struck_by, struck_by_kin, struck_at, strike_reason) = ANY (ARRAY[0, 4]))),
  constraint notice_line_struck_by_another CHECK (((struck_by IS NULL) OR (struck_by <> entered_by))),
  constraint notice_line_struck_by_kin CHECK (((struck_by IS NULL) OR (NOT struck_by_kin)))
);
alter table publicity.line enable row level security;
alter table publicity.line force row level security;
create policy scope on publicity.line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on publicity.line to jifen_app;

-- publicity.notice
create table publicity.notice (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null,
  published_by uuid not null,
  published_at timestamp(3) with time zone not null,
  starts_on date not null,
  days integer not null,
  ends_at timestamp(3) with time zone not null,
  line_count integer not null,
  state text not null default 'running'::text,
  closed_at timestamp(3) with time zone,
  constraint notice_pkey PRIMARY KEY (village, id),
  constraint notice_number_key UNIQUE (village, number),
  constraint notice_closed CHECK ((((state = 'closed'::text) = (closed_at IS NOT NULL)) AND ((closed_at IS NULL) OR (closed_at >= ends_at)))),
  constraint notice_days_check CHECK (((days >= 3) AND (days <= 7))),
  constraint notice_ends CHECK ((ends_at = (((starts_on + days))::timestamp without time zone AT TIME ZONE 'Asia/Shanghai'::text))),
  constraint notice_line_count_check CHECK (((line_count >= 1) AND (line_count <= 1000))),
  constraint notice_number_check CHECK ((number ~ '^GS-[0-9]{8}-[0-9]+$'::text)),
  constraint notice_state_check CHECK ((state = ANY (ARRAY['running'::text, 'closed'::text])))
);
CREATE INDEX notice_running ON publicity.notice USING btree (village, ends_at) WHERE (state = 'running'::text);
alter table publicity.notice enable row level security;
alter table publicity.notice force row level security;
create policy scope on publicity.notice using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on publicity.notice to jifen_app;
grant update (state, closed_at) on publicity.notice to jifen_app;

-- publicity.objection
create table publicity.objection (
  village text collate "C" not null,
  id uuid not null,
  award_id uuid not null,
  reason text not null,
  objector_id uuid not null,
  objector_household_id uuid,
  lodged_by uuid not null,
  lodged_at timestamp(3) with time zone not null,
  state text not null default 'open'::text,
  withdrawn_at timestamp(3) with time zone,
  ruled_by uuid,
  ruled_by_kin boolean,
  ruled_at timestamp(3) with time zone,
  ruling text,
  hands uuid[],
  constraint objection_pkey PRIMARY KEY (village, id),
  constraint objection_household_fkey FOREIGN KEY (village, objector_household_id) REFERENCES households.household(village, id),
  constraint objection_line_fkey FOREIGN KEY (village, award_id) REFERENCES publicity.line(village, award_id),
  constraint objection_own_household CHECK (((ruled_by IS NULL) OR (NOT ruled_by_kin))),
  constraint objection_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint objection_ruled CHECK ((num_nonnulls(ruled_by, ruled_by_kin, ruled_at, ruling, hands) =
CASE
    WHEN (state = ANY (ARRAY['dismissed'::text, 'upheld'::text])) THEN 5
    ELSE 0
END)),
  constraint objection_ruling_check CHECK (((length(ruling) >= 1) AND (length(ruling) <= 200))),
  constraint objection_second_person CHECK (((ruled_by IS NULL) OR (NOT (ruled_by = ANY (hands))))),
  constraint objection_state_check CHECK ((state = ANY (ARRAY['open'::text, 'withdrawn'::text, 'dismissed'::text, 'upheld'::text]))),
  constraint objection_withdrawn CHECK (((state = 'withdrawn'::text) = (withdrawn_at IS NOT NULL)))
);
CREATE INDEX objection_award ON publicity.objection USING btree (village, award_id);
CREATE UNIQUE INDEX objection_open_key ON publicity.objection USING btree (village, award_id, objector_id) WHERE (state = 'open'::text);
alter table publicity.objection enable row level security;
alter table publicity.objection force row level security;
create policy scope on publicity.objection using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on publicity.objection to jifen_app;
grant update (state, withdrawn_at) on publicity.objection to jifen_app;
grant insert (village, id, award_id, reason, objector_id, objector_household_id, lodged_by, lodged_at) on publicity.objection to jifen_app;

-- rules.rule
create table rules.rule (
  village text collate "C" not null,
  rule_book_id uuid not null,
  id uuid not null,
  code text collate "C" not null,
  category text not null,
  title text not null,
  title_en text,
  points integer not null,
  direction text not null,
  unit text not null,
  cap_times integer,
  cap_period text,
  cap_scope text not null,
  evidence text[] not null,
  excludes text[] not null,
  highest_only_group text,
  honour boolean not null,
  publicity text not null,
  on_behalf boolean not null default true,
  constraint rule_pkey PRIMARY KEY (village, id),
  constraint rule_code_key UNIQUE (village, rule_book_id, code),
  constraint rule_book_fkey FOREIGN KEY (village, rule_book_id) REFERENCES rules.rule_book(village, id),
  constraint rule_cap CHECK (((cap_times IS NULL) = (cap_period IS NULL))),
  constraint rule_cap_period_check CHECK ((cap_period = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'year'::text, 'once'::text]))),
  constraint rule_cap_scope_check CHECK ((cap_scope = ANY (ARRAY['household'::text, 'member'::text]))),
  constraint rule_cap_times_check CHECK (((cap_times >= 1) AND (cap_times <= 10000))),
  constraint rule_category_check CHECK (((length(category) >= 1) AND (length(category) <= 20))),
  constraint rule_code_check CHECK ((code ~ '^[A-Z][A-Z0-9]{1,11}$'::text)),
  constraint rule_direction_check CHECK ((direction = ANY (ARRAY['award'::text, 'deduction'::text]))),
  constraint rule_highest_only_group_check CHECK ((highest_only_group ~ '^[A-Z][A-Z0-9]{1,11}$'::text)),
  constraint rule_points_check CHECK (((points >= 1) AND (points <= 1000))),
  constraint rule_publicity_check CHECK ((publicity = ANY (ARRAY['required'::text, 'exempt'::text]))),
  constraint rule_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60))),
  constraint rule_title_en_check CHECK (((length(title_en) >= 1) AND (length(title_en) <= 120))),
  constraint rule_unit_check CHECK (((length(unit) >= 1) AND (length(unit) <= 20)))
);
alter table rules.rule enable row level security;
alter table rules.rule force row level security;
create policy scope on rules.rule using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on rules.rule to jifen_app;

-- rules.rule_book
create table rules.rule_book (
  village text collate "C" not null,
  id uuid not null,
  title text not null,
  state text not null default 'draft'::text,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  in_force_from date,
  held_on date,
  present integer,
  votes_for integer,
  votes_against integer,
  abstained integer,
  adopted_by uuid,
  adopted_at timestamp(3) with time zone,
  revision integer not null default 1,
  edited_by uuid[] not null default '{}'::uuid[],
  discarded_by uuid,
  discarded_at timestamp(3) with time zone,
  constraint rule_book_pkey PRIMARY KEY (village, id),
  constraint rule_book_in_force_key UNIQUE (village, in_force_from),
  constraint rule_book_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village),
  constraint rule_book_discarded CHECK ((num_nonnulls(discarded_by, discarded_at) =
CASE state
    WHEN 'discarded'::text THEN 2
    ELSE 0
END)),
  constraint rule_book_editors CHECK (((adopted_by IS NULL) OR (NOT (adopted_by = ANY (edited_by))))),
  constraint rule_book_editors_known CHECK ((array_position(edited_by, NULL::uuid) IS NULL)),
  constraint rule_book_resolution CHECK ((num_nonnulls(in_force_from, held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at) =
CASE state
    WHEN 'adopted'::text THEN 8
    ELSE 0
END)),
  constraint rule_book_revision_check CHECK (((revision >= 1) AND (revision <= 1000000))),
  constraint rule_book_second_person CHECK (((adopted_by IS NULL) OR (adopted_by <> created_by))),
  constraint rule_book_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'adopted'::text, 'discarded'::text]))),
  constraint rule_book_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60))),
  constraint rule_book_votes CHECK (((votes_for IS NULL) OR ((votes_against >= 0) AND (abstained >= 0) AND (votes_for > votes_against) AND (((votes_for + votes_against) + abstained) <= present))))
);
alter table rules.rule_book enable row level security;
alter table rules.rule_book force row level security;
create policy scope on rules.rule_book using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on rules.rule_book to jifen_app;
grant update (discarded_at) on rules.rule_book to jifen_app;

-- store.goods
create table store.goods (
  village text collate "C" not null,
  id uuid not null,
  sku text collate "C" not null,
  name text not null,
  name_en text,
  unit text not null,
  barcode text collate "C",
  category text not null,
  is_service boolean not null,
  min_stock integer not null,
  cost_fen bigint,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  archived_by uuid,
  archived_at timestamp(3) with time zone,
  constraint goods_pkey PRIMARY KEY (village, id),
  constraint goods_barcode_key UNIQUE (village, barcode),
  constraint goods_sku_key UNIQUE (village, sku),
  constraint goods_archived CHECK (((archived_by IS NULL) = (archived_at IS NULL))),
  constraint goods_barcode_check CHECK ((barcode ~ '^[0-9]{13}$'::text)),
  constraint goods_category_check CHECK (((length(category) >= 1) AND (length(category) <= 30))),
  constraint goods_cost_fen_check CHECK (((cost_fen >= 0) AND (cost_fen <= '10000000000'::bigint))),
  constraint goods_min_stock_check CHECK (((min_stock >= 0) AND (min_stock <= 1000000))),
  constraint goods_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint goods_name_en_check CHECK (((length(name_en) >= 1) AND (length(name_en) <= 80))),
  constraint goods_service_stock CHECK (((NOT is_service) OR (min_stock = 0))),
  constraint goods_sku_check CHECK ((sku ~ '^[A-Za-z0-9._-]{1,20}$'::text)),
  constraint goods_unit_check CHECK (((length(unit) >= 1) AND (length(unit) <= 10)))
);
alter table store.goods enable row level security;
alter table store.goods force row level security;
create policy scope on store.goods using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.goods to jifen_app;
grant update (archived_by, archived_at) on store.goods to jifen_app;

-- store.price
create table store.price (
  village text collate "C" not null,
  price_list_id uuid not null,
  goods_id uuid not null,
  points integer not null,
  constraint price_pkey PRIMARY KEY (village, price_list_id, goods_id),
  constraint price_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint price_list_fkey FOREIGN KEY (village, price_list_id) REFERENCES store.price_list(village, id),
  constraint price_points_check CHECK (((points >= 1) AND (points <= 100000)))
);
alter table store.price enable row level security;
alter table store.price force row level security;
create policy scope on store.price using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.price to jifen_app;

-- store.price_list
create table store.price_list (
  village text collate "C" not null,
  id uuid not null,
  valid_from date not null,
  is_first boolean not null,
  published_by uuid not null,
  published_at timestamp(3) with time zone not null,
  constraint price_list_pkey PRIMARY KEY (village, id),
  constraint price_list_valid_from_key UNIQUE (village, valid_from)
);
CREATE UNIQUE INDEX price_list_first_key ON store.price_list USING btree (village) WHERE is_first;
alter table store.price_list enable row level security;
alter table store.price_list force row level security;
create policy scope on store.price_list using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.price_list to jifen_app;

-- store.redemption
create table store.redemption (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  store_id uuid not null,
  kiosk_id uuid,
  price_list_id uuid not null,
  points integer not null,
  mode text not null,
  presented text not null,
  state text not null,
  since timestamp(3) with time zone not null,
  pickup_code text collate "C",
  expires_at timestamp(3) with time zone,
  handed_over_at timestamp(3) with time zone,
  handed_over_by uuid,
  business_date date not null,
  occurred_at timestamp(3) with time zone not null,
  back_entry boolean not null,
  op_id uuid,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint redemption_pkey PRIMARY KEY (village, id),
  constraint redemption_op_key UNIQUE (village, op_id),
  constraint redemption_pickup_code_key UNIQUE (village, pickup_code),
  constraint redemption_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint redemption_price_list_fkey FOREIGN KEY (village, price_list_id) REFERENCES store.price_list(village, id),
  constraint redemption_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint redemption_back_entry CHECK (((NOT back_entry) OR (expires_at IS NULL))),
  constraint redemption_expiry CHECK (((state <> ALL (ARRAY['reserved'::text, 'expired'::text])) OR (expires_at IS NOT NULL))),
  constraint redemption_handed_over CHECK ((((state = ANY (ARRAY['fulfilled'::text, 'returned'::text])) = (handed_over_at IS NOT NULL)) AND ((handed_over_at IS NULL) = (handed_over_by IS NULL)))),
  constraint redemption_mode_check CHECK ((mode = ANY (ARRAY['counter'::text, 'pickup'::text]))),
  constraint redemption_pickup_code_check CHECK ((pickup_code ~ '^[0-9]{8}$'::text)),
  constraint redemption_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint redemption_presented_check CHECK ((presented = ANY (ARRAY['card'::text, 'cardAndPin'::text, 'pin'::text, 'slip'::text]))),
  constraint redemption_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'fulfilled'::text, 'cancelled'::text, 'expired'::text, 'returned'::text]))),
  constraint redemption_waiting CHECK (((state = 'reserved'::text) = (pickup_code IS NOT NULL)))
);
CREATE INDEX redemption_business_date ON store.redemption USING btree (village, business_date, id);
CREATE INDEX redemption_expires_at ON store.redemption USING btree (village, expires_at) WHERE (state = 'reserved'::text);
CREATE INDEX redemption_household ON store.redemption USING btree (village, household_id, id);
alter table store.redemption enable row level security;
alter table store.redemption force row level security;
create policy scope on store.redemption using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.redemption to jifen_app;
grant update (state, since, pickup_code, handed_over_at, handed_over_by) on store.redemption to jifen_app;

-- store.redemption_line
create table store.redemption_line (
  village text collate "C" not null,
  redemption_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  quantity integer not null,
  unit_points integer not null,
  constraint redemption_line_pkey PRIMARY KEY (village, redemption_id, line),
  constraint redemption_line_goods_key UNIQUE (village, redemption_id, goods_id),
  constraint redemption_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint redemption_line_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint redemption_line_line_check CHECK (((line >= 1) AND (line <= 20))),
  constraint redemption_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100))),
  constraint redemption_line_unit_points_check CHECK (((unit_points >= 1) AND (unit_points <= 100000)))
);
alter table store.redemption_line enable row level security;
alter table store.redemption_line force row level security;
create policy scope on store.redemption_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.redemption_line to jifen_app;

-- store.return
create table store.return (
  village text collate "C" not null,
  id uuid not null,
  redemption_id uuid not null,
  reason text not null,
  restock boolean not null,
  points integer not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  decision_note text,
  constraint return_pkey PRIMARY KEY (village, id),
  constraint return_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint return_decided CHECK ((((state = 'proposed'::text) AND (decided_by IS NULL) AND (decided_at IS NULL)) OR ((state <> 'proposed'::text) AND (decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
  constraint return_decision_note_check CHECK (((length(decision_note) >= 1) AND (length(decision_note) <= 200))),
  constraint return_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint return_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint return_second_person CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
  constraint return_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text])))
);
CREATE UNIQUE INDEX return_standing_key ON store.return USING btree (village, redemption_id) WHERE (state <> 'rejected'::text);
alter table store.return enable row level security;
alter table store.return force row level security;
create policy scope on store.return using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.return to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.return to jifen_app;

-- store.return_line
create table store.return_line (
  village text collate "C" not null,
  return_id uuid not null,
  goods_id uuid not null,
  quantity integer not null,
  constraint return_line_pkey PRIMARY KEY (village, return_id, goods_id),
  constraint return_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint return_line_return_fkey FOREIGN KEY (village, return_id) REFERENCES store.return(village, id),
  constraint return_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100)))
);
alter table store.return_line enable row level security;
alter table store.return_line force row level security;
create policy scope on store.return_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.return_line to jifen_app;

-- store.stock_document
create table store.stock_document (
  village text collate "C" not null,
  id uuid not null,
  type text not null,
  store_id uuid not null,
  reason text not null,
  state text not null default 'draft'::text,
  drafted_by uuid not null,
  drafted_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  decision_note text,
  constraint stock_document_pkey PRIMARY KEY (village, id),
  constraint stock_document_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint stock_document_decided CHECK ((((state = 'draft'::text) AND (decided_by IS NULL) AND (decided_at IS NULL)) OR ((state <> 'draft'::text) AND (decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
  constraint stock_document_decision_note_check CHECK (((length(decision_note) >= 1) AND (length(decision_note) <= 200))),
  constraint stock_document_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint stock_document_second_person CHECK (((decided_by IS NULL) OR (decided_by <> drafted_by))),
  constraint stock_document_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'posted'::text, 'rejected'::text]))),
  constraint stock_document_type_check CHECK ((type = ANY (ARRAY['receipt'::text, 'writeOff'::text])))
);
alter table store.stock_document enable row level security;
alter table store.stock_document force row level security;
create policy scope on store.stock_document using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_document to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.stock_document to jifen_app;

-- store.stock_line
create table store.stock_line (
  village text collate "C" not null,
  document_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  quantity integer not null,
  cost_fen bigint,
  expires_on date,
  constraint stock_line_pkey PRIMARY KEY (village, document_id, line),
  constraint stock_line_document_fkey FOREIGN KEY (village, document_id) REFERENCES store.stock_document(village, id),
  constraint stock_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint stock_line_cost_fen_check CHECK (((cost_fen >= 0) AND (cost_fen <= '10000000000'::bigint))),
  constraint stock_line_line_check CHECK (((line >= 1) AND (line <= 200))),
  constraint stock_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100000)))
);
alter table store.stock_line enable row level security;
alter table store.stock_line force row level security;
create policy scope on store.stock_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_line to jifen_app;

-- store.store
create table store.store (
  village text collate "C" not null,
  id uuid not null,
  name text not null,
  place text,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint store_pkey PRIMARY KEY (village, id),
  constraint store_name_key UNIQUE (village, name),
  constraint store_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint store_place_check CHECK (((length(place) >= 1) AND (length(place) <= 120)))
);
alter table store.store enable row level security;
alter table store.store force row level security;
create policy scope on store.store using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.store to jifen_app;

-- villages.division
create table villages.division (
  code text collate "C" not null,
  level text not null,
  parent_code text collate "C",
  name text not null,
  kind text not null,
  provisional boolean not null default false,
  households integer,
  constraint division_pkey PRIMARY KEY (code),
  constraint division_parent_code_fkey FOREIGN KEY (parent_code) REFERENCES villages.division(code),
  constraint division_code_check CHECK ((code ~ '^[0-9]{12}$'::text)),
  constraint division_households_check CHECK ((households >= 0)),
  constraint division_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 20))),
  constraint division_level_check CHECK ((level = ANY (ARRAY['province'::text, 'city'::text, 'county'::text, 'town'::text, 'village'::text]))),
  constraint division_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint division_parent CHECK (((level = 'province'::text) = (parent_code IS NULL)))
);
CREATE INDEX division_parent_code ON villages.division USING btree (parent_code, code);
grant insert, select on villages.division to jifen_app;

-- villages.grid
create table villages.grid (
  village text collate "C" not null,
  number integer not null,
  name text not null,
  constraint grid_pkey PRIMARY KEY (village, number),
  constraint grid_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village),
  constraint grid_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint grid_number_check CHECK (((number >= 1) AND (number <= 999)))
);
alter table villages.grid enable row level security;
alter table villages.grid force row level security;
create policy scope on villages.grid using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on villages.grid to jifen_app;

-- villages.policy
create table villages.policy (
  village text collate "C" not null,
  valid_from date not null,
  policy jsonb not null,
  set_by uuid not null,
  set_at timestamp(3) with time zone not null,
  constraint policy_pkey PRIMARY KEY (village, valid_from),
  constraint policy_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village)
);
alter table villages.policy enable row level security;
alter table villages.policy force row level security;
create policy scope on villages.policy using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on villages.policy to jifen_app;

-- villages.village
create table villages.village (
  village text collate "C" not null,
  opened_on date not null,
  opened_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint village_pkey PRIMARY KEY (village),
  constraint village_village_fkey FOREIGN KEY (village) REFERENCES villages.division(code)
);
grant insert, select on villages.village to jifen_app;

-- ledger.entry
create view ledger.entry with (security_invoker=true) as
 SELECT transfer.village,
    transfer.from_account AS account,
    transfer.from_seq AS seq,
    transfer.number,
    transfer.line,
    transfer.asset,
    - transfer.amount AS amount,
    transfer.from_balance AS balance,
    transfer.to_account AS counter_account
   FROM ledger.transfer
UNION ALL
 SELECT transfer.village,
    transfer.to_account AS account,
    transfer.to_seq AS seq,
    transfer.number,
    transfer.line,
    transfer.asset,
    transfer.amount,
    transfer.to_balance AS balance,
    transfer.from_account AS counter_account
   FROM ledger.transfer;
grant select on ledger.entry to jifen_app;

-- ledger.lot
create view ledger.lot with (security_invoker=true) as
 SELECT a.village,
    a.number AS account,
    l.key::date AS expires_on,
    l.value::bigint AS points
   FROM ledger.account a,
    LATERAL jsonb_each_text(a.lots) l(key, value)
UNION ALL
 SELECT account.village,
    account.number AS account,
    'infinity'::date AS expires_on,
    account.balance - ledger.dated(account.lots) AS points
   FROM ledger.account
  WHERE ledger.carries_lots(account.asset, account.floor) AND account.balance > ledger.dated(account.lots);
grant select on ledger.lot to jifen_app;

-- audit.cell(text)
CREATE OR REPLACE FUNCTION audit.cell(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (CASE WHEN (value ~ '^[-=+@\t\r＝＋－＠]'::text) THEN ''''::text ELSE ''::text END || regexp_replace(value, '[\r\n]+'::text, ' '::text, 'g'::text));
grant execute on function audit.cell(text) to jifen_app;

-- claims.decide(text,uuid,text,text,integer,text,uuid,timestamp with time zone)
CREATE OR REPLACE FUNCTION claims.decide(p_village text, p_claim uuid, p_step text, p_verdict text, p_quantity integer, p_reason text, p_user uuid, p_at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  wanted text := case p_step when 'second' then 'supervisor' else 'reviewer' end;
begin
  perform from identity."grant" g
    where g.user_id = p_user and g.role = wanted and starts_with(p_village, g.prefix) and g.ended_at is null
      and (g.until is null or g.until > p_at) and (wanted = 'reviewer' or length(g.prefix) < 12);
  if not found then
    return jsonb_build_object('refusal', 'forbidden', 'facts', jsonb_build_object('requiredRoles', jsonb_build_array(wanted)));
  end if;
  return claims.decide_step(p_village, p_claim, p_step, p_verdict, p_quantity, p_reason, p_user, p_at);
end
$function$;
grant execute on function claims.decide(text,uuid,text,text,integer,text,uuid,timestamp with time zone) to jifen_app;

-- claims.decide_step(text,uuid,text,text,integer,text,uuid,timestamp with time zone)
CREATE OR REPLACE FUNCTION claims.decide_step(p_village text, p_claim uuid, p_step text, p_verdict text, p_quantity integer, p_reason text, p_user uuid, p_at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  c claims.claim;
  earlier text;
  votes integer; yes integer; least integer; majority integer;
  next text; agreed integer; points integer;
begin
  perform from claims.claim where village = p_village and id = p_claim for update;
  select * into c from claims.claim where village = p_village and id = p_claim;
  if c.id is null then
    return jsonb_build_object('refusal', 'not-found', 'facts', jsonb_build_object());
  end if;

  if p_user = c.submitted_by then
    return jsonb_build_object('refusal', 'second-person-required', 'facts', jsonb_build_object('firstUserId', p_user));
  end if;
  if households.is_kin(p_village, p_user, c.household_id) then
    return jsonb_build_object('refusal', 'own-household', 'facts', jsonb_build_object());
  end if;
  if p_step is distinct from (case c.state when 'submitted' then 'firstReview' when 'inPanel' then 'panel'
                                           when 'awaitingSecond' then 'second' end) then
    return jsonb_build_object('refusal', 'wrong-state', 'facts', jsonb_build_object('state', c.state, 'since', c.state_since,
      'allowedFrom', jsonb_build_array(case p_step when 'firstReview' then 'submitted' when 'panel' then 'inPanel'
                                                   when 'second' then 'awaitingSecond' end)));
  end if;
  select step into earlier from claims.decision
   where village = p_village and claim_id = p_claim and decided_by = p_user and (round = c.round or step <> p_step)
   order by number desc limit 1;
  if earlier = p_step then
    return jsonb_build_object('refusal', 'already-exists', 'facts', jsonb_build_object('field', 'claimId'));
  elsif earlier is not null then
    return jsonb_build_object('refusal', 'second-person-required', 'facts', jsonb_build_object('firstUserId', p_user));
  end if;
  if p_step = 'firstReview' and c.taken_by <> p_user and c.taken_until > p_at then
    return jsonb_build_object('refusal', 'review-taken', 'facts', jsonb_build_object('until', c.taken_until));
  end if;
  if p_verdict = 'return' and c.round > 1 then
    return jsonb_build_object('refusal', 'out-of-bounds', 'facts', jsonb_build_object('field', 'returns', 'min', 0, 'max', 1));
  end if;
  if p_quantity > c.quantity then
    return jsonb_build_object('refusal', 'out-of-bounds', 'facts',
      jsonb_build_object('field', 'quantity', 'min', 1, 'max', c.quantity));
  end if;

  insert into claims.decision (village, claim_id, number, household_id, submitted_by, round, step, verdict, quantity, reason,
                               decided_by, decided_at)
  select p_village, p_claim, count(*) + 1, c.household_id, c.submitted_by, c.round, p_step, p_verdict,
         case when p_verdict in ('pass', 'approve') and p_step <> 'second' then coalesce(p_quantity, c.quantity) end,
         p_reason, p_user, p_at
    from claims.decision where village = p_village and claim_id = p_claim;

  if p_step = 'panel' then
    select count(*), count(*) filter (where verdict = 'approve'), min(quantity) into votes, yes, least
      from claims.decision where village = p_village and claim_id = p_claim and round = c.round and step = 'panel';
    majority := c.panel_size / 2 + 1;
    if votes * 3 >= c.panel_size * 2 then
      if yes >= majority then agreed := least;
      elsif votes - yes > c.panel_size - majority then next := 'rejected';
      end if;
    end if;
  elsif p_verdict = 'reject' then next := 'rejected';
  elsif p_verdict = 'return' then next := 'returned';
  elsif p_step = 'second' then next := 'approved';
  elsif c.review_steps = 'firstReview' then agreed := coalesce(p_quantity, c.quantity);
  else next := 'inPanel';
  end if;
  if agreed is not null then
    points := coalesce(c.custom_points, c.unit_points * agreed);
    next := case when c.custom_points is not null or points >= c.second_from_points then 'awaitingSecond' else 'approved' end;
  end if;

  update claims.claim
     set state = coalesce(next, state),
         state_since = case when next is null then state_since else p_at end,
         taken_by = null,
         taken_until = null,
         passed_by = case when p_verdict = 'pass' then p_user else passed_by end,
         agreed_quantity = coalesce(agreed, agreed_quantity),
         agreed_points = coalesce(points, agreed_points),
         confirmed_by = case when p_step = 'second' and p_verdict = 'approve' then p_user else confirmed_by end
   where village = p_village and id = p_claim;
  return jsonb_build_object('state', coalesce(next, c.state));
end $function$;

-- evaluations.close_round(text,uuid,uuid,timestamp with time zone,jsonb)
CREATE OR REPLACE FUNCTION evaluations.close_round(p_village text, p_round uuid, p_closer uuid, p_at timestamp with time zone, p_outcomes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
grant execute on function evaluations.close_round(text,uuid,uuid,timestamp with time zone,jsonb) to jifen_app;

-- evaluations.give_scores(text,uuid,uuid,timestamp with time zone,jsonb)
CREATE OR REPLACE FUNCTION evaluations.give_scores(p_village text, p_round uuid, p_judge uuid, p_at timestamp with time zone, p_entries jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
grant execute on function evaluations.give_scores(text,uuid,uuid,timestamp with time zone,jsonb) to jifen_app;

-- households.decide_change(text,uuid,text,uuid,timestamp with time zone,text,uuid,bigint)
CREATE OR REPLACE FUNCTION households.decide_change(p_village text, p_change uuid, p_state text, p_user uuid, p_at timestamp with time zone, p_reason text, p_to_household uuid, p_transaction bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  c households.change;
begin
  select * into c from households.change
   where village = p_village and id = p_change and state = 'proposed' for update;
  if not found then
    raise exception 'no open change %', p_change using errcode = 'JF006';
  end if;
  if p_state in ('approved', 'rejected') and (households.is_kin(p_village, p_user, c.household_id)
      or c.to_household_id is not null and households.is_kin(p_village, p_user, c.to_household_id)) then
    raise exception 'the change % is about kin of %', p_change, p_user using errcode = 'JF007';
  end if;
  c.to_household_id := coalesce(c.to_household_id, p_to_household);
  update households.change
     set state = p_state, decided_by = p_user, decided_at = p_at, rejection_reason = p_reason,
         to_household_id = c.to_household_id, transaction_number = p_transaction
   where village = p_village and id = p_change;
  if p_state = 'approved' and c.to_household_id is not null then
    insert into households.kin as k (village, user_id, household_id, relation, declared_by, declared_at)
    select village, user_id, c.to_household_id, 'kin', p_user, p_at
      from households.kin
     where village = p_village and household_id = c.household_id and ended_at is null
    on conflict on constraint kin_pkey do update
      set relation = 'kin', declared_by = p_user, declared_at = p_at, ended_by = null, ended_at = null
      where k.ended_at is not null;
  end if;
end
$function$;
grant execute on function households.decide_change(text,uuid,text,uuid,timestamp with time zone,text,uuid,bigint) to jifen_app;

-- households.decide_join(text,uuid,text,uuid,timestamp with time zone,text,uuid)
CREATE OR REPLACE FUNCTION households.decide_join(p_village text, p_application uuid, p_state text, p_by uuid, p_at timestamp with time zone, p_reason text, p_household uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function households.decide_join(text,uuid,text,uuid,timestamp with time zone,text,uuid) to jifen_app;

-- households.is_kin(text,uuid,uuid)
CREATE OR REPLACE FUNCTION households.is_kin(p_village text, p_user uuid, p_household uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return exists (
    select from households.kin k
     where k.village = p_village and k.user_id = p_user and k.household_id = p_household and k.ended_at is null);
end
$function$;
grant execute on function households.is_kin(text,uuid,uuid) to jifen_app;

-- households.join_duplicates(text,uuid)
CREATE OR REPLACE FUNCTION households.join_duplicates(p_village text, p_application uuid)
 RETURNS TABLE(household_id uuid, member_id uuid, place integer, likeness text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;
grant execute on function households.join_duplicates(text,uuid) to jifen_app;

-- ledger.add_lots(jsonb,jsonb,integer)
CREATE OR REPLACE FUNCTION ledger.add_lots(lots jsonb, others jsonb, sign integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
declare
  day text;
  points bigint;
begin
  while others <> '{}' loop
    day := ledger.first_day(others);
    points := coalesce((lots ->> day)::bigint, 0) + sign * (others ->> day)::bigint;
    lots := case when points = 0 then lots - day else lots || jsonb_build_object(day, points) end;
    others := others - day;
  end loop;
  return lots;
end $function$;

-- ledger.amount_max(text)
CREATE OR REPLACE FUNCTION ledger.amount_max(asset text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE asset WHEN 'CNY'::text THEN '10000000000'::bigint ELSE (1000000)::bigint END;
grant execute on function ledger.amount_max(text) to jifen_app;

-- ledger.canonical(ledger.transaction,text)
CREATE OR REPLACE FUNCTION ledger.canonical(t ledger.transaction, lines text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ledger.canonical(t, ledger.frozen_text((t).frozen), lines);
grant execute on function ledger.canonical(ledger.transaction,text) to jifen_app;

-- ledger.canonical(ledger.transaction,text,text)
CREATE OR REPLACE FUNCTION ledger.canonical(t ledger.transaction, frozen_text text, lines text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ((((((((((((((((((((((('jifen/1
village '::text || (t).village) || '
number '::text) || (t).number) || '
id '::text) || (t).id) || '
kind '::text) || (t).kind) || '
cause '::text) || ledger.escape((t).cause)) || '
businessDate '::text) || to_char(((t).business_date)::timestamp with time zone, 'YYYY-MM-DD'::text)) || '
occurredAt '::text) || to_char(((t).occurred_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text)) || '
postedAt '::text) || to_char(((t).posted_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text)) || '
actor '::text) || (t).actor) || COALESCE(('
approver '::text || (t).approver), ''::text)) || COALESCE(('
reverses '::text || (t).reverses), ''::text)) || COALESCE(('
memo '::text || ledger.escape((t).memo)), ''::text)) || frozen_text) || lines) || '
'::text);

-- ledger.carries_lots(text,bigint)
CREATE OR REPLACE FUNCTION ledger.carries_lots(asset text, floor bigint)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((asset = 'PTS'::text) AND (floor IS NOT NULL));
grant execute on function ledger.carries_lots(text,bigint) to jifen_app;

-- ledger.chain(bytea,bytea)
create aggregate ledger.chain(bytea,bytea) (sfunc = ledger.link, stype = bytea);

-- ledger.dated(jsonb)
CREATE OR REPLACE FUNCTION ledger.dated(lots jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
declare
  points bigint := 0;
  day text;
begin
  while lots <> '{}' loop
    day := ledger.first_day(lots);
    points := points + (lots ->> day)::bigint;
    lots := lots - day;
  end loop;
  return points;
end $function$;
grant execute on function ledger.dated(jsonb) to jifen_app;

-- ledger.drafted(jsonb,jsonb,text,bigint,timestamp with time zone,jsonb)
CREATE OR REPLACE FUNCTION ledger.drafted(command jsonb, event jsonb, village text, number bigint, posted_at timestamp with time zone, frozen jsonb)
 RETURNS ledger.transaction
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ROW((village COLLATE "C"), number, ((command ->> 'id'::text))::uuid, (event ->> 'kind'::text), ((command ->> 'cause'::text) COLLATE "C"), ((event ->> 'businessDate'::text))::date, ((event ->> 'occurredAt'::text))::timestamp(3) with time zone, (posted_at)::timestamp(3) with time zone, ((event ->> 'actor'::text))::uuid, ((event ->> 'approver'::text))::uuid, ((command ->> 'reverses'::text))::bigint, (event ->> 'memo'::text), frozen, NULL::bytea, NULL::bytea)::ledger.transaction;

-- ledger.escape(text)
CREATE OR REPLACE FUNCTION ledger.escape(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN replace(replace(replace(value, '\'::text, '\\'::text), ''::text, '\r'::text), '
'::text, '\n'::text);
grant execute on function ledger.escape(text) to jifen_app;

-- ledger.first_day(jsonb)
CREATE OR REPLACE FUNCTION ledger.first_day(lots jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (jsonb_path_query_first(lots, '$.keyvalue()."key"'::jsonpath) #>> '{}'::text[]);
grant execute on function ledger.first_day(jsonb) to jifen_app;

-- ledger.floor_of(text)
CREATE OR REPLACE FUNCTION ledger.floor_of(code text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN ((code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside)$'::text) OR (code ~ '^(supply|abroad):'::text) OR (code ~ '^household:[^:]+:arrears$'::text)) THEN NULL::integer ELSE 0 END;
grant execute on function ledger.floor_of(text) to jifen_app;

-- ledger.frozen_text(jsonb)
CREATE OR REPLACE FUNCTION ledger.frozen_text(frozen jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE((SELECT string_agg(((('
frozen '::text || jsonb_each_text.key) || ' '::text) || ledger.escape(jsonb_each_text.value)), ''::text ORDER BY (jsonb_each_text.key COLLATE "C")) AS string_agg FROM jsonb_each_text(frozen_text.frozen) jsonb_each_text(key, value)), ''::text);

-- ledger.leaf(text)
CREATE OR REPLACE FUNCTION ledger.leaf(canonical text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN sha256(('\x00'::bytea || convert_to(canonical, 'UTF8'::name)));
grant execute on function ledger.leaf(text) to jifen_app;

-- ledger.link(bytea,bytea,bytea)
CREATE OR REPLACE FUNCTION ledger.link(hash bytea, head bytea, leaf bytea)
 RETURNS bytea
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
begin
  return sha256(coalesce(hash, head) || leaf);
end $function$;

-- ledger.lots_fit(ledger.account)
CREATE OR REPLACE FUNCTION ledger.lots_fit(a ledger.account)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
begin
  return ledger.carries_lots(a.asset, a.floor) and ledger.dated(a.lots) <= a.balance
    and not jsonb_path_exists(a.lots,
          '$.keyvalue() ? (!(@.key like_regex "^[0-9]{4}-[0-9]{2}-[0-9]{2}$") || !(@.value > 0))');
end $function$;

-- ledger.lots_of_text(text)
CREATE OR REPLACE FUNCTION ledger.lots_of_text(lots text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(split_part(l.l, '='::text, 1), (split_part(l.l, '='::text, 2))::bigint), '{}'::jsonb) AS "coalesce" FROM string_to_table(lots_of_text.lots, ','::text) l(l));

-- ledger.lots_text(jsonb)
CREATE OR REPLACE FUNCTION ledger.lots_text(lots jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN replace(translate((lots)::text, '{}" '::text, ''::text), ':'::text, '='::text);

-- ledger.mirrors(text[],integer[],jsonb[])
CREATE OR REPLACE FUNCTION ledger.mirrors(p_villages text[], p_books integer[], p_commands jsonb[])
 RETURNS TABLE(item integer, mirror jsonb, obstacle jsonb)
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return query
  select k.n,
         k.c || jsonb_build_object(
           'transfers', coalesce((
             select jsonb_agg(jsonb_build_object('from', f.code, 'to', g.code, 'asset', r.asset, 'amount', r.amount,
                                'lots', ledger.lots_of_text(o.frozen ->> ('lots:' || r.line))) order by r.line desc)
               from (select * from ledger.transfer where village = o.village and number = o.number offset 0) r,
                    lateral (select * from ledger.account where village = r.village and number = r.to_account offset 0) f,
                    lateral (select * from ledger.account where village = r.village and number = r.from_account offset 0) g),
             '[]'),
           'limits', coalesce((
             select jsonb_agg(jsonb_build_object('key', substr(x.key, 7), 'use', -split_part(x.value, '/', 1)::bigint,
                                'max', split_part(x.value, '/', 2)::bigint))
               from jsonb_each_text(o.frozen) x where x.key like 'limit:%'),
             '[]')),
         case when o.number is null then ledger.refused('not-found', jsonb_build_object('transactionNumber', k.reverses))
              when r.number is not null or o.reverses is not null
                then ledger.refused('already-reversed', jsonb_build_object('reversalNumber', coalesce(r.number, o.number)))
         end
    from (select u.n::integer, p_villages[u.b] as village, u.c, (u.c ->> 'reverses')::bigint as reverses
            from unnest(p_books, p_commands) with ordinality u(b, c, n)
           where u.c ->> 'reverses' is not null offset 0) k
    left join lateral (select * from ledger.transaction
                        where village = k.village and number = k.reverses offset 0) o on true
    left join lateral (select number from ledger.transaction
                        where village = o.village and reverses = o.number offset 0) r on true;
end $function$;

-- ledger.open_accounts(text,jsonb)
CREATE OR REPLACE FUNCTION ledger.open_accounts(p_village text, p_accounts jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  opened integer;
begin
  perform from ledger.book where village = p_village for update;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;
  insert into ledger.account (village, number, code, asset, floor)
  select p_village, b.accounts + row_number() over (order by n.ord), n.code, n.asset, ledger.floor_of(n.code)
    from ledger.book b,
         (select a.value ->> 'code' as code, a.value ->> 'asset' as asset, min(a.ord) as ord
            from jsonb_array_elements(p_accounts) with ordinality a(value, ord) group by 1, 2) n
   where b.village = p_village
     and not exists (select from ledger.account e
                      where e.village = p_village and e.code = n.code and e.asset = n.asset);
  get diagnostics opened = row_count;
  update ledger.book set accounts = accounts + opened where village = p_village;
end $function$;
grant execute on function ledger.open_accounts(text,jsonb) to jifen_app;

-- ledger.open_book(text)
CREATE OR REPLACE FUNCTION ledger.open_book(p_village text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.book (village) values (p_village) on conflict do nothing;
end $function$;
grant execute on function ledger.open_book(text) to jifen_app;

-- ledger.post(text,jsonb,boolean)
CREATE OR REPLACE FUNCTION ledger.post(p_village text, p_commands jsonb, p_atomic boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  lists jsonb := jsonb_build_array(jsonb_build_object('village', p_village, 'commands', p_commands));
  results jsonb;
begin
  if not p_atomic then
    return ledger.post_each(lists);
  end if;
  begin
    results := ledger.post_each(lists);
    if results @> '[{"status": "refused"}]' then
      raise exception 'undo' using errcode = 'JF004';
    end if;
  exception when sqlstate 'JF004' then
    select jsonb_agg(case when e.value ->> 'status' = 'posted' then '{"status": "undone"}' else e.value end order by ord)
      into results from jsonb_array_elements(results) with ordinality e(value, ord);
  end;
  return results;
end $function$;
grant execute on function ledger.post(text,jsonb,boolean) to jifen_app;

-- ledger.post_books(jsonb)
CREATE OR REPLACE FUNCTION ledger.post_books(p_lists jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
RETURN ledger.post_each(p_lists);
grant execute on function ledger.post_books(jsonb) to jifen_app;

-- ledger.post_each(jsonb)
CREATE OR REPLACE FUNCTION ledger.post_each(p_lists jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  -- The books, in the order of their villages, as they stand after the commands so far, and the moment of this call in each.
  villages text[]; numbers bigint[]; numbers_before bigint[]; heads bytea[]; instants timestamptz[];
  -- The commands in order; the book of each; the one that says what it has in common with others; the first of this call
  -- that has its cause; the number that its cause has in the book, at first as found, then as given; what is reversed;
  -- what stands against it from the start.
  commands jsonb[]; books integer[]; events integer[]; kinds text[]; causes text[]; twins integer[];
  given bigint[]; reverses bigint[]; one_person boolean[]; against jsonb[];
  -- Every account that is named, and what it has after the commands so far.
  account_books integer[]; accounts integer[]; account_rows tid[]; floors bigint[]; balances bigint[]; dated jsonb[];
  seqs bigint[]; seqs_before bigint[];
  -- Every line of the commands: which it belongs to, its accounts by their place above, and what it leaves behind.
  line_of integer[]; lines integer[]; froms integer[]; tos integer[]; assets text[]; amounts bigint[]; wanted jsonb[];
  from_codes text[]; to_codes text[];
  from_balances bigint[]; to_balances bigint[]; from_seqs bigint[]; to_seqs bigint[]; moves jsonb[];
  -- Every limit that is named, and every use of one.
  limit_books integer[]; limits text[]; limit_rows tid[]; taken bigint[]; maxes bigint[]; taken_before bigint[]; maxes_before bigint[];
  use_of integer[]; used_limits integer[]; uses bigint[]; use_maxes bigint[];
  -- The commands that are posted, in order, their hashes and answers; those whose cause has posted before.
  made integer[] := '{}'; is_made boolean[] := '{}'; hashes bytea[]; made_answers jsonb[]; again integer[] := '{}';
  item integer; pen integer; src integer; dst integer; i integer; j integer; x bigint; y bigint;
  first_line integer; next_line integer := 1; first_use integer; next_use integer := 1;
  reversed_now jsonb := '{}'; other bigint;          -- the reversals of this very call, by `<book> <number>` of their originals
  moved jsonb;                                       -- the lots that a line moves
  is_odd boolean; refusal text; facts jsonb;
  answers jsonb[];
begin
  villages := array(select distinct p_lists #>> array[l::text, 'village'] as village
                      from generate_series(0, jsonb_array_length(p_lists) - 1) l order by village);
  -- The pens, several in one order, by everybody. What else is read under them is read by later statements, never by the
  -- one that waited, which would still see it as it was before.
  -- A book's time never runs backwards, whatever the machine's clock does.
  select array_agg(village), array_agg(number), array_agg(head),
         array_agg(greatest(date_trunc('milliseconds', clock_timestamp()), posted_at))
    into villages, numbers, heads, instants
    from (select * from ledger.book where village = any (villages) order by village for update) pens;
  numbers_before := numbers;

  -- What is compared with a column under row-level security must be a column itself: of `->>` the planner cannot know
  -- that it tells nobody anything, and would compare it only after it had read the whole village.
  with command as (
    select row_number() over () as n, b, c,
           (row_number() over () + coalesce((c ->> 'as')::integer + 1 - place, 0))::integer as event,
           w ->> 'kind' as kind, c ->> 'cause' as cause, (c ->> 'reverses')::bigint as reverses,
           (c ->> 'as')::integer not between 0 and place - 2 or w ->> 'kind' is null as odd,
           (w ->> 'approver')::uuid = (w ->> 'actor')::uuid as is_one
      from (select l.b, e.place, e.value as c, coalesce(l.commands -> (e.value ->> 'as')::integer, e.value) as w
              from (select array_position(villages, p_lists #>> array[l::text, 'village']) as b,
                           p_lists #> array[l::text, 'commands'] as commands
                      from generate_series(0, jsonb_array_length(p_lists) - 1) l offset 0) l,
                   jsonb_array_elements(l.commands) with ordinality e(value, place) offset 0) k)
  select array_agg(c), array_agg(b), array_agg(event), array_agg(k.reverses), array_agg(is_one), array_agg(kind),
         array_agg(cause), array_agg(number), bool_or(odd)
    into commands, books, events, reverses, one_person, kinds, causes, given, is_odd
    from (select k.*, e.number
            from command k
            left join lateral (select number from ledger.transaction
                                where village = villages[k.b] and kind = k.kind and cause = k.cause limit 1) e on true
           order by k.n) k;
  if array_position(books, null) is not null then
    raise exception 'no book for every village of %', jsonb_path_query_array(p_lists, '$[*].village')
      using errcode = 'JF002';
  end if;
  if is_odd then
    raise exception 'a command says its kind, or is `as` one before it that does' using errcode = 'JF003';
  end if;

  if exists (select from unnest(books, kinds, causes) k(b, kind, cause) group by b, kind, cause having count(*) > 1) then
    twins := array(select min(n) over (partition by b, kind, cause)
                     from unnest(books, kinds, causes) with ordinality k(b, kind, cause, n) order by n);
  end if;
  if cardinality(array_remove(reverses, null)) > 0 then
    for item, moved, facts in select * from ledger.mirrors(villages, books, commands) loop
      commands[item] := moved;
      against[item] := facts;
    end loop;
  end if;

  -- Lines and accounts. Each row by its key, hence `limit 1` and `offset 0`: a join would read all accounts of a village
  -- for one transfer.
  with line as materialized (
    select k.n, x.ord, k.b, x.value ->> 'from' as f, x.value ->> 'to' as g, x.value ->> 'asset' as asset,
           (x.value ->> 'amount')::bigint as amount, x.value -> 'lots' as wanted
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'transfers') with ordinality x(value, ord)),
  place as materialized (
    select row_number() over () as place, named.b, a.*
      from (select b, f as code, asset from line union select b, g, asset from line) named,
           lateral (select ctid, * from ledger.account
                     where village = villages[named.b] and account.code = named.code and asset = named.asset limit 1) a)
  select a.*, l.*
    into account_books, accounts, account_rows, floors, balances, seqs, dated,
         line_of, lines, froms, tos, assets, amounts, wanted, from_codes, to_codes, is_odd
    from (select array_agg(b), array_agg(number), array_agg(ctid), array_agg(floor), array_agg(balance), array_agg(entries),
                 array_agg(lots)
            from place) a,
         (select array_agg(n), array_agg(ord), array_agg(from_place), array_agg(to_place), array_agg(asset),
                 array_agg(amount), array_agg(s.wanted), array_agg(s.f), array_agg(s.g),
                 bool_or(s.f is null or s.g is null or asset is null or amount is null)
            from (select line.*, p.place as from_place, q.place as to_place
                    from line
                    left join place p on p.b = line.b and p.code = line.f and p.asset = line.asset
                    left join place q on q.b = line.b and q.code = line.g and q.asset = line.asset
                   order by line.n, line.ord) s) l;
  if is_odd then
    raise exception 'a transfer needs all of its parts' using errcode = 'JF003';
  end if;
  seqs_before := seqs;
  from_balances := array_fill(null::bigint, array[coalesce(cardinality(line_of), 0)]);
  to_balances := from_balances;
  from_seqs := from_balances;
  to_seqs := from_balances;
  moves := array_fill(null::jsonb, array[coalesce(cardinality(line_of), 0)]);

  -- Limits. One that is named twice by a command is used twice, and the narrower maximum holds.
  with use as materialized (
    select k.n, min(x.ord) as ord, k.b, x.value ->> 'key' as key, sum((x.value ->> 'use')::bigint)::bigint as use,
           min((x.value ->> 'max')::bigint) as max
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'limits') with ordinality x(value, ord)
     group by k.n, k.b, x.value ->> 'key'),
  place as materialized (
    select row_number() over () as place, named.*, u.ctid as row, coalesce(u.used, 0) as used,
           coalesce(u.max, named.use_max) as max
      from (select b, key, max(max) as use_max from use group by b, key) named
      left join lateral (select ctid, * from ledger.limit_use
                          where village = villages[named.b] and limit_use.key = named.key limit 1) u on true)
  select a.*, u.*
    into limit_books, limits, limit_rows, taken, maxes, use_of, used_limits, uses, use_maxes
    from (select array_agg(b), array_agg(key), array_agg(row), array_agg(place.used), array_agg(max) from place) a,
         (select array_agg(n), array_agg(place), array_agg(use), array_agg(max)
            from (select use.n, place.place, use.use, use.max
                    from use join place on place.b = use.b and place.key = use.key
                   order by use.n, use.ord, use.key collate "C") s) u;
  taken_before := taken;
  maxes_before := maxes;

  for item in 1 .. coalesce(cardinality(commands), 0) loop
    pen := books[item];
    first_line := next_line;
    while line_of[next_line] = item loop next_line := next_line + 1; end loop;
    first_use := next_use;
    while use_of[next_use] = item loop next_use := next_use + 1; end loop;

    if first_line = next_line and against[item] is null then
      raise exception 'a transaction needs a transfer' using errcode = 'JF003';
    end if;
    if against[item] ->> 'code' = 'not-found' then
      answers[item] := against[item];
      continue;
    end if;
    -- One cause posts once, for ever. What this call gave it, its first command of that cause has.
    if given[item] is null and twins[item] is not null then given[item] := given[twins[item]]; end if;
    if given[item] is not null then
      again := again || item;
      continue;
    end if;
    -- Reversed at most once, and a reversal is never reversed.
    if reverses[item] is not null then
      other := reversed_now -> (pen || ' ' || reverses[item]);
      if other is not null then
        against[item] := ledger.refused('already-reversed', jsonb_build_object('reversalNumber', other));
      end if;
      if against[item] is not null then
        answers[item] := against[item];
        continue;
      end if;
    end if;
    if one_person[item] then
      answers[item] := ledger.refused(
        'second-person-required', jsonb_build_object('firstUserId', (commands[events[item]] ->> 'actor')::uuid));
      continue;
    end if;

    -- Limits; to give back is never refused.
    refusal := null;
    for i in first_use .. next_use - 1 loop
      exit when reverses[item] is not null;
      j := used_limits[i];
      if uses[i] < 1 then
        raise exception 'a limit is used at least once' using errcode = 'JF003';
      end if;
      if taken[j] + uses[i] > use_maxes[i] then
        refusal := coalesce((select l.value ->> 'code' from jsonb_array_elements(commands[item] -> 'limits') l
                              where l.value ->> 'key' = limits[j] limit 1), 'cap-reached');
        facts := jsonb_build_object('cap', limits[j], 'used', taken[j], 'use', uses[i], 'limit', use_maxes[i]);
        exit;
      end if;
    end loop;

    -- Floors, line by line; the first that cannot be refuses the command, and the lines before it are taken back.
    i := first_line;
    while refusal is null and i < next_line loop
      src := froms[i];
      dst := tos[i];
      if src is null or dst is null then
        refusal := 'not-found';
        facts := jsonb_build_object(
          'accountCode', case when src is null then from_codes[i] else to_codes[i] end, 'asset', assets[i]);
      elsif src = dst then
        raise exception 'an account pays itself: %', from_codes[i] using errcode = 'JF003';
      elsif amounts[i] not between 1 and ledger.amount_max(assets[i]) then
        refusal := 'out-of-bounds';
        facts := jsonb_build_object('field', 'amount', 'asset', assets[i], 'min', 1, 'max', ledger.amount_max(assets[i]));
      elsif greatest(balances[dst] + amounts[i], amounts[i] - balances[src]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := 'out-of-bounds';
        facts := jsonb_build_object(
          'field', 'balance', 'asset', assets[i], 'min', -9007199254740991, 'max', 9007199254740991);
      elsif balances[src] - amounts[i] < floors[src] then
        refusal := case when reverses[item] is not null then 'reversal-arrears'
                     when assets[i] = 'PTS' and from_codes[i] like 'household:%' then 'insufficient-points'
                     when assets[i] like 'SKU:%' then 'insufficient-stock'
                     else 'insufficient-balance' end;
        -- Asked of the account in all; what the lines before took of it is still its own.
        select jsonb_build_object('accountCode', from_codes[i], 'asset', assets[i],
                 'available', balances[src] - floors[src]
                   + coalesce(sum(case src when froms[s] then amounts[s] else -amounts[s] end)
                                filter (where s < i and src in (froms[s], tos[s])), 0),
                 'required', sum(amounts[s]) filter (where froms[s] = src))
          into facts
          from generate_series(first_line, next_line - 1) s;
      else
        moved := '{}';
        if ledger.carries_lots(assets[i], floors[src]) then
          if dated[src] <> '{}' then
            moved := ledger.take_lots(dated[src], balances[src], wanted[i], amounts[i]);
            dated[src] := ledger.add_lots(dated[src], moved, -1);
          end if;
        elsif wanted[i] is not null and ledger.carries_lots(assets[i], floors[dst]) then
          moved := wanted[i];
          if ledger.dated(moved) > amounts[i] then
            raise exception 'lots of more than a line moves: %', moved using errcode = 'JF003';
          end if;
        end if;
        if moved <> '{}' and ledger.carries_lots(assets[i], floors[dst]) then
          dated[dst] := case dated[dst] when '{}' then moved else ledger.add_lots(dated[dst], moved, 1) end;
        end if;
        moves[i] := moved;
        x := balances[src] - amounts[i];
        y := balances[dst] + amounts[i];
        balances[src] := x;
        balances[dst] := y;
        from_balances[i] := x;
        to_balances[i] := y;
        x := seqs[src] + 1;
        y := seqs[dst] + 1;
        seqs[src] := x;
        seqs[dst] := y;
        from_seqs[i] := x;
        to_seqs[i] := y;
        i := i + 1;
      end if;
    end loop;
    if refusal is not null then
      for s in reverse i - 1 .. first_line loop
        src := froms[s];
        dst := tos[s];
        balances[src] := balances[src] + amounts[s];
        balances[dst] := balances[dst] - amounts[s];
        seqs[src] := seqs[src] - 1;
        seqs[dst] := seqs[dst] - 1;
        moved := moves[s];
        if moved <> '{}' then
          if ledger.carries_lots(assets[s], floors[src]) then dated[src] := ledger.add_lots(dated[src], moved, 1); end if;
          if ledger.carries_lots(assets[s], floors[dst]) then dated[dst] := ledger.add_lots(dated[dst], moved, -1); end if;
        end if;
      end loop;
      answers[item] := ledger.refused(refusal, facts);
      continue;
    end if;

    -- Nothing stands against it.
    for i in first_use .. next_use - 1 loop
      j := used_limits[i];
      x := taken[j] + uses[i];
      taken[j] := x;
      if reverses[item] is null then maxes[j] := use_maxes[i]; end if;
    end loop;
    x := numbers[pen] + 1;
    numbers[pen] := x;
    given[item] := x;
    if twins[item] is not null then given[twins[item]] := x; end if;
    made := made || item;
    is_made[item] := true;
    if reverses[item] is not null then
      reversed_now := reversed_now || jsonb_build_object(pen || ' ' || reverses[item], x);
    end if;
  end loop;

  if commands is not null then
    -- The text of a transaction ends with what is frozen, which includes what it used of its limits and the lots that it
    -- moved, so that both can be counted again from the pen, and with its lines. All names are in their order: what a caller
    -- freezes comes before, between and after these two, and is made into text once for the commands that have it in common.
    with given_frozen as (
      select k.n, f.key collate "C" as key, E'\nfrozen ' || f.key || ' ' || ledger.escape(f.value #>> '{}') as text,
             translate(f.key, E' \t\n\x0b\f\r', '') <> f.key or jsonb_typeof(f.value) <> 'string'
             or f.key >= 'limit:' and f.key < 'limit;' or f.key >= 'lots:' and f.key < 'lots;' as odd
        from unnest(commands) with ordinality k(c, n), jsonb_each(k.c -> 'frozen') f),
    event as materialized (
      select n, string_agg(text, '' order by key) filter (where key < 'limit:') as before,
             string_agg(text, '' order by key) filter (where key > 'limit:' and key < 'lots:') as between,
             string_agg(text, '' order by key) filter (where key > 'lots:') as after, bool_or(odd) as odd
        from given_frozen group by n),
    part as (
      select u.n, 1 as what, 'limit:' || limits[place] as key, use || '/' || max as value, 0 as line
        from unnest(use_of, used_limits, uses, use_maxes) u(n, place, use, max)
       union all
      select l.n, 2, 'lots:' || line, ledger.lots_text(l.lots), 0
        from unnest(line_of, lines, moves) l(n, line, lots) where l.lots <> '{}'
       union all
      select l.n, 3, 'line ' || asset || ' ' || amount || ' ' || f || ' ' || g, '', l.line
        from unnest(line_of, lines, assets, amounts, from_codes, to_codes) l(n, line, asset, amount, f, g)),
    tail as (
      select n, jsonb_object_agg(key, value) filter (where what < 3) as frozen,
             string_agg(E'\nfrozen ' || key || ' ' || value, '' order by what, line, key) filter (where what = 1) as limits,
             string_agg(E'\nfrozen ' || key || ' ' || value, '' order by what, line, key) filter (where what = 2) as lots,
             string_agg(E'\n' || key, '' order by what, line, key) filter (where what = 3) as lines
        from (select n, what, key collate "C" as key, value, line from part) part group by n),
    leaf as (
      select m.n, books[m.n] as b,
             coalesce(event.before, '') || coalesce(tail.limits, '') || coalesce(event.between, '') || coalesce(tail.lots, '')
               || coalesce(event.after, '') || tail.lines as text,
             (ledger.drafted(m.c, m.e, villages[books[m.n]], given[m.n], instants[books[m.n]],
                             coalesce(m.e -> 'frozen', '{}') || coalesce(tail.frozen, '{}'))).*
        from (select m.n, commands[m.n] as c, events[m.n] as event, commands[events[m.n]] as e
                from unnest(made) m(n) offset 0) m
        join tail on tail.n = m.n
        left join event on event.n = m.event offset 0),
    post as materialized (
      select t.*, ledger.chain(heads[t.b], t.leaf_hash) over (partition by t.b order by t.n) as hash
        from (select l.n, l.b, l.village, l.number, l.id, l.kind, l.cause, l.business_date, l.occurred_at, l.posted_at,
                     l.actor, l.approver, l.reverses, l.memo, l.frozen,
                     sha256('\x00'::bytea || convert_to(ledger.canonical(
                       row(l.village, l.number, l.id, l.kind, l.cause, l.business_date, l.occurred_at, l.posted_at, l.actor,
                           l.approver, l.reverses, l.memo, l.frozen, null, null)::ledger.transaction,
                       l.text, ''), 'UTF8')) as leaf_hash
                from leaf l offset 0) t),
    written as (
      insert into ledger.transaction
      select p.village, p.number, p.id, p.kind, p.cause, p.business_date, p.occurred_at, p.posted_at, p.actor, p.approver,
             p.reverses, p.memo, p.frozen, p.leaf_hash, p.hash
        from post p)
    select array_agg(hash), array_agg(answer), (select bool_or(odd) from event) into hashes, made_answers, is_odd
      from (select hash,
                   jsonb_build_object('status', 'posted', 'number', number, 'id', id,
                     'hash', encode(hash, 'hex'), 'postedAt', posted_at) as answer
              from post order by n) p;
    if is_odd then
      -- A name with a blank, or a value that is not text, would let two transactions share one canonical text.
      raise exception 'what is frozen is text under one word, and limits and lots are the ledger''s' using errcode = 'JF003';
    end if;
  end if;

  if made <> '{}' then
    for i in 1 .. cardinality(made) loop
      item := made[i];
      heads[books[item]] := hashes[i];
      answers[item] := made_answers[i];
    end loop;

    insert into ledger.transfer
    select villages[books[l.n]], given[l.n], l.line, l.asset, l.amount, accounts[l.f], accounts[l.g],
           l.from_balance, l.to_balance, l.from_seq, l.to_seq
      from unnest(line_of, lines, assets, amounts, froms, tos, from_balances, to_balances, from_seqs, to_seqs)
             l(n, line, asset, amount, f, g, from_balance, to_balance, from_seq, to_seq)
     where is_made[l.n];
    insert into ledger.limit_use (village, key, used, max)
    select villages[u.b], u.key, u.used, u.max
      from unnest(limit_books, limits, limit_rows, taken, maxes) u(b, key, place, used, max) where u.place is null and u.used > 0;
    -- Where they were read, under the same pen: nobody else changes them.
    update ledger.limit_use l set used = u.used, max = u.max
      from unnest(limit_books, limit_rows, taken, maxes, taken_before, maxes_before) u(b, place, used, max, before, max_before)
     where l.ctid = u.place and l.village = villages[u.b] and (u.used, u.max) <> (u.before, u.max_before);
    get diagnostics i = row_count;
    update ledger.account a set balance = u.balance, entries = u.entries, lots = u.lots
      from unnest(account_books, account_rows, balances, seqs, seqs_before, dated) u(b, place, balance, entries, before, lots)
     where a.ctid = u.place and a.village = villages[u.b] and u.entries <> u.before;
    get diagnostics j = row_count;
    if i <> (select count(*) from unnest(limit_rows, taken, maxes, taken_before, maxes_before) u(place, used, max, before, max_before)
              where place is not null and (u.used, u.max) <> (u.before, u.max_before))
       or j <> (select count(*) from unnest(seqs, seqs_before) u(entries, before) where u.entries <> u.before) then
      raise exception 'what was read was changed by somebody who had no pen' using errcode = 'JF002';
    end if;
    update ledger.book b set number = u.number, head = u.head, posted_at = u.posted_at
      from unnest(villages, numbers, heads, instants, numbers_before) u(village, number, head, posted_at, before)
     where b.village = u.village and u.number <> u.before;
  end if;

  -- The same content is a replay, other content a refusal. Lots are not content: what they were was decided when it was
  -- posted.
  if again <> '{}' then
    for item, facts in
      select a.n,
             case when ledger.leaf(ledger.canonical(
                         ledger.drafted(commands[a.n] || jsonb_build_object('id', e.id), commands[events[a.n]], e.village,
                           e.number, e.posted_at,
                           coalesce(commands[events[a.n]] -> 'frozen', '{}') || coalesce(u.frozen, '{}') || lots.frozen),
                         l.text)) = e.leaf_hash
                  then jsonb_build_object('status', 'replayed', 'number', e.number, 'id', e.id,
                         'hash', encode(e.hash, 'hex'), 'postedAt', e.posted_at)
                  else ledger.refused('cause-reused', jsonb_build_object('transactionNumber', e.number)) end
        from unnest(again) a(n)
       cross join lateral (select * from ledger.transaction
                            where village = villages[books[a.n]] and number = given[a.n] offset 0) e
       cross join lateral (select coalesce(jsonb_object_agg(key, value), '{}') as frozen
                             from jsonb_each(e.frozen) where key like 'lots:%') lots
        left join (select l.n, string_agg(E'\nline ' || asset || ' ' || amount || ' ' || f || ' ' || g, '' order by line) as text
                     from unnest(line_of, lines, assets, amounts, from_codes, to_codes) l(n, line, asset, amount, f, g)
                    group by l.n) l on l.n = a.n
        left join (select u.n, jsonb_object_agg('limit:' || limits[place], use || '/' || max) as frozen
                     from unnest(use_of, used_limits, uses, use_maxes) u(n, place, use, max) group by u.n) u on u.n = a.n
    loop
      answers[item] := facts;
    end loop;
  end if;
  return coalesce(to_jsonb(answers), '[]');
end $function$;

-- ledger.refuse_change()
CREATE OR REPLACE FUNCTION ledger.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'the book is never changed: post a reversal instead' using errcode = 'JF001';
end $function$;

-- ledger.refused(text,jsonb)
CREATE OR REPLACE FUNCTION ledger.refused(code text, facts jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('status', 'refused', 'code', code, 'facts', facts);

-- ledger.take_lots(jsonb,bigint,jsonb,bigint)
CREATE OR REPLACE FUNCTION ledger.take_lots(lots jsonb, balance bigint, wanted jsonb, amount bigint)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (WITH there AS (SELECT jsonb_each_text.key AS day, (jsonb_each_text.value)::bigint AS points FROM jsonb_each_text(take_lots.lots) jsonb_each_text(key, value) UNION ALL SELECT 'infinity'::text, (take_lots.balance - ledger.dated(take_lots.lots))), asked AS (SELECT there.day, LEAST(there.points, COALESCE((w.value)::bigint, GREATEST((0)::bigint, (take_lots.amount - ledger.dated(take_lots.wanted))))) AS first, there.points FROM (there LEFT JOIN jsonb_each_text(take_lots.wanted) w(key, value) ON ((w.key = there.day))) WHERE ((w.key IS NOT NULL) OR ((there.day = 'infinity'::text) AND (take_lots.wanted IS NOT NULL)))), queue AS (SELECT q.day, q.points, (sum(q.points) OVER (ORDER BY q.rank, (q.day COLLATE "C")) - (q.points)::numeric) AS before FROM (SELECT 0 AS rank, asked.day, asked.first AS points FROM asked UNION ALL SELECT 1, there.day, (there.points - COALESCE(asked.first, (0)::bigint)) FROM (there LEFT JOIN asked ON ((asked.day = there.day)))) q) SELECT COALESCE(jsonb_object_agg(taken.day, taken.points) FILTER (WHERE ((taken.day <> 'infinity'::text) AND (taken.points > (0)::numeric))), '{}'::jsonb) AS "coalesce" FROM (SELECT queue.day, sum(GREATEST((0)::numeric, LEAST((queue.points)::numeric, ((take_lots.amount)::numeric - queue.before)))) AS points FROM queue GROUP BY queue.day) taken);

-- ledger.take_pen(text)
CREATE OR REPLACE FUNCTION ledger.take_pen(p_village text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform from ledger.book where village = p_village for update;
end $function$;
grant execute on function ledger.take_pen(text) to jifen_app;

-- publicity.hands_of(text,uuid)
CREATE OR REPLACE FUNCTION publicity.hands_of(p_village text, p_award uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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
end $function$;
grant execute on function publicity.hands_of(text,uuid) to jifen_app;

-- publicity.hear(text,uuid,uuid,text,text,timestamp with time zone)
CREATE OR REPLACE FUNCTION publicity.hear(p_village text, p_appeal uuid, p_by uuid, p_state text, p_ruling text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update publicity.appeal p
     set state = p_state, heard_by = p_by, heard_at = p_now, ruling = p_ruling,
         heard_by_kin = publicity.is_kin_in(p_village, p_by, p.award_id),
         hands = publicity.hands_of(p_village, p.award_id) || array(
           select o.ruled_by from publicity.objection o
            where o.village = p.village and o.award_id = p.award_id and o.ruled_by is not null)
   where p.village = p_village and p.id = p_appeal and p.state = 'open';
end $function$;
grant execute on function publicity.hear(text,uuid,uuid,text,text,timestamp with time zone) to jifen_app;

-- publicity.is_kin_in(text,uuid,uuid)
CREATE OR REPLACE FUNCTION publicity.is_kin_in(p_village text, p_user uuid, p_award uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return exists (
    select from earning.award a
     where a.village = p_village and a.id = p_award and households.is_kin(p_village, p_user, a.household_id))
  or exists (
    select from publicity.objection o
     where o.village = p_village and o.award_id = p_award and households.is_kin(p_village, p_user, o.objector_household_id));
end $function$;
grant execute on function publicity.is_kin_in(text,uuid,uuid) to jifen_app;

-- publicity.publish(text,uuid,uuid,date,integer,boolean,timestamp with time zone)
CREATE OR REPLACE FUNCTION publicity.publish(p_village text, p_notice uuid, p_publisher uuid, p_starts_on date, p_days integer, p_skip_own boolean, p_now timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  chosen uuid[];
  own integer;
  day text := to_char(p_starts_on - 1, 'YYYYMMDD');
begin
  perform from villages.village where village = p_village for no key update;
  select array_agg(w.id), count(*) filter (where w.own) into chosen, own
    from (select a.id, a.created_by = p_publisher or p_publisher = any (a.decided_by) as own
            from earning.award a
           where a.village = p_village
             and (a.state = 'pending' or (a.state = 'posted' and a.release_number is null))
             and not exists (
               select from (select * from publicity.line where village = a.village and award_id = a.id offset 0) l)
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
end $function$;
grant execute on function publicity.publish(text,uuid,uuid,date,integer,boolean,timestamp with time zone) to jifen_app;

-- publicity.rule(text,uuid,uuid,text,text,timestamp with time zone)
CREATE OR REPLACE FUNCTION publicity.rule(p_village text, p_objection uuid, p_by uuid, p_state text, p_ruling text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  award uuid := (select o.award_id from publicity.objection o where o.village = p_village and o.id = p_objection);
begin
  update publicity.objection o
     set state = p_state, ruled_by = p_by, ruled_at = p_now, ruling = p_ruling,
         ruled_by_kin = publicity.is_kin_in(p_village, p_by, award),
         hands = publicity.hands_of(p_village, award)
   where o.village = p_village and o.award_id = award and o.state = 'open' and (o.id = p_objection or p_state = 'upheld');
end $function$;
grant execute on function publicity.rule(text,uuid,uuid,text,text,timestamp with time zone) to jifen_app;

-- publicity.strike(text,uuid,uuid,text,timestamp with time zone)
CREATE OR REPLACE FUNCTION publicity.strike(p_village text, p_award uuid, p_by uuid, p_reason text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update publicity.line l
     set struck_by = p_by, struck_at = p_now, strike_reason = p_reason,
         struck_by_kin = (select households.is_kin(p_village, p_by, a.household_id)
                            from earning.award a where a.village = l.village and a.id = l.award_id)
   where l.village = p_village and l.award_id = p_award and l.struck_by is null;
end $function$;
grant execute on function publicity.strike(text,uuid,uuid,text,timestamp with time zone) to jifen_app;

-- rules.adopt(text,uuid,uuid,timestamp with time zone,date,date,integer,integer,integer,integer)
CREATE OR REPLACE FUNCTION rules.adopt(p_village text, p_rule_book uuid, p_by uuid, p_at timestamp with time zone, p_in_force_from date, p_held_on date, p_present integer, p_for integer, p_against integer, p_abstained integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update rules.rule_book
     set state = 'adopted', in_force_from = p_in_force_from, held_on = p_held_on, present = p_present,
         votes_for = p_for, votes_against = p_against, abstained = p_abstained, adopted_by = p_by, adopted_at = p_at
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is adopted' using errcode = 'JF005';
  end if;
end
$function$;
grant execute on function rules.adopt(text,uuid,uuid,timestamp with time zone,date,date,integer,integer,integer,integer) to jifen_app;

-- rules.discard(text,uuid,uuid,timestamp with time zone)
CREATE OR REPLACE FUNCTION rules.discard(p_village text, p_rule_book uuid, p_by uuid, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update rules.rule_book
     set state = 'discarded', discarded_by = p_by, discarded_at = p_at
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is given up' using errcode = 'JF005';
  end if;
end
$function$;
grant execute on function rules.discard(text,uuid,uuid,timestamp with time zone) to jifen_app;

-- rules.draft(text,uuid,text,uuid,timestamp with time zone,jsonb)
CREATE OR REPLACE FUNCTION rules.draft(p_village text, p_rule_book uuid, p_title text, p_by uuid, p_at timestamp with time zone, p_rules jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into rules.rule_book (village, id, title, created_by, created_at)
  values (p_village, p_rule_book, p_title, p_by, p_at);
  perform rules.fill(p_village, p_rule_book, p_rules);
end
$function$;
grant execute on function rules.draft(text,uuid,text,uuid,timestamp with time zone,jsonb) to jifen_app;

-- rules.fill(text,uuid,jsonb)
CREATE OR REPLACE FUNCTION rules.fill(p_village text, p_rule_book uuid, p_rules jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into rules.rule (village, rule_book_id, id, code, category, title, title_en, points, direction, unit, cap_times,
                          cap_period, cap_scope, evidence, excludes, highest_only_group, honour, publicity, on_behalf)
  select p_village, p_rule_book, r.id, r.code, r.category, r.title, r.title_en, r.points, r.direction, r.unit, r.cap_times,
         r.cap_period, r.cap_scope, r.evidence, r.excludes, r.highest_only_group, r.honour, r.publicity,
         coalesce(r.on_behalf, true)
    from pg_catalog.jsonb_populate_recordset(null::rules.rule, p_rules) r;
end
$function$;

-- rules.redraft(text,uuid,uuid,text,jsonb)
CREATE OR REPLACE FUNCTION rules.redraft(p_village text, p_rule_book uuid, p_editor uuid, p_title text, p_rules jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update rules.rule_book
     set title = p_title,
         revision = revision + 1,
         edited_by = case when p_editor = created_by or p_editor = any (edited_by)
                          then edited_by
                          else edited_by || p_editor end
   where village = p_village and id = p_rule_book and state = 'draft';
  if not found then
    raise exception 'only a draft is revised' using errcode = 'JF005';
  end if;
  delete from rules.rule where village = p_village and rule_book_id = p_rule_book;
  perform rules.fill(p_village, p_rule_book, p_rules);
end
$function$;
grant execute on function rules.redraft(text,uuid,uuid,text,jsonb) to jifen_app;
