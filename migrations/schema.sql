-- What the migrations add up to, written from the catalogue by: npm run schema

create schema audit;
grant usage on schema audit to jifen_app;

create schema claims;
grant usage on schema claims to jifen_app;

create schema corrections;
grant usage on schema corrections to jifen_app;

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

create schema offline;
grant usage on schema offline to jifen_app;

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
  number integer not null,
  previous_size bigint,
  constraint checkpoint_pkey PRIMARY KEY (village, size),
  constraint checkpoint_number_key UNIQUE (village, number),
  constraint checkpoint_previous_fkey FOREIGN KEY (village, previous_size) REFERENCES audit.checkpoint(village, size),
  constraint checkpoint_note CHECK (starts_with(note, (((((name || '
'::text) || size) || '
'::text) || encode(root, 'base64'::text)) || '

'::text))),
  constraint checkpoint_previous CHECK ((((number = 1) = (previous_size IS NULL)) AND (number >= 1) AND ((previous_size IS NULL) OR (previous_size < size)))),
  constraint checkpoint_public_key CHECK ((length(public_key) = 32)),
  constraint checkpoint_root CHECK ((length(root) = 32)),
  constraint checkpoint_size CHECK ((size >= 0))
);
comment on table audit.checkpoint is 'A signed head of a book, as a note that others keep. It stays what it was.';
comment on column audit.checkpoint.name is 'Who signs, and the first line of what is signed: it stays what it was at the book''s first checkpoint.';
comment on column audit.checkpoint.number is 'One more than that of the checkpoint before, from 1 in each book.';
comment on column audit.checkpoint.previous_size is 'Size of the checkpoint before. Null for the first.';
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
comment on table audit.subtree is 'Roots of the tree''s complete subtrees of 256 leaves, made of transactions that never change. The next checkpoint begins where they end, and a proof in a book of a million transactions reads four thousand hashes and not a million.';
alter table audit.subtree enable row level security;
alter table audit.subtree force row level security;
create policy scope on audit.subtree using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.subtree to jifen_app;

-- audit.verification
create table audit.verification (
  village text collate "C" not null,
  checked_at timestamp(3) with time zone not null,
  number bigint not null,
  sound boolean not null,
  head_hash bytea not null,
  root_hash bytea not null,
  checks jsonb not null,
  checkpoints integer not null default 0,
  constraint verification_pkey PRIMARY KEY (village, checked_at),
  constraint verification_checkpoints CHECK ((checkpoints >= 0)),
  constraint verification_checks CHECK ((jsonb_typeof(checks) = 'array'::text)),
  constraint verification_number CHECK ((number >= 0))
);
comment on table audit.verification is 'What verifying a book found. It stays what it was.';
comment on column audit.verification.number is 'The book was recomputed through this transaction.';
comment on column audit.verification.checks is 'Each check with what it found, as bookVerify answers it.';
comment on column audit.verification.checkpoints is 'How many checkpoints there were.';
CREATE INDEX verification_unsound ON audit.verification USING btree (village, checked_at) WHERE (NOT sound);
alter table audit.verification enable row level security;
alter table audit.verification force row level security;
create policy scope on audit.verification using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.verification to jifen_app;

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
  occasion_key text collate "C",
  holder_id uuid not null,
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
  constraint claim_holder CHECK (((holder_id = household_id) OR (NOT (holder_id IS DISTINCT FROM member_id)))),
  constraint claim_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint claim_occasion CHECK (((occasion_key IS NULL) = (occasion IS NULL))),
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
comment on table claims.claim is 'What a household says it has done, with what shows it. The points come with an award, which names the claim.';
comment on column claims.claim.custom_points is 'Set by hand instead of the rule''s, which is never decided without a second person.';
comment on column claims.claim.round is '1, and 2 after it was sent back.';
comment on column claims.claim.taken_by is 'Who looks at it now; nobody else does until `taken_until`.';
comment on column claims.claim.passed_by is 'From here on, what was decided: written by claims.decide alone.';
comment on column claims.claim.occasion_key is 'The occasion as it is compared.';
comment on column claims.claim.holder_id is 'Whom the rule pays for an occasion: the household, or the member.';
CREATE INDEX claim_household ON claims.claim USING btree (village, household_id, id);
CREATE UNIQUE INDEX claim_open_key ON claims.claim USING btree (village, holder_id, occasion_key, rule_code) WHERE ((occasion_key IS NOT NULL) AND (state = ANY (ARRAY['submitted'::text, 'inPanel'::text, 'awaitingSecond'::text, 'returned'::text])));
CREATE INDEX claim_rule ON claims.claim USING btree (village, rule_id, id);
CREATE INDEX claim_state ON claims.claim USING btree (village, state, id);
CREATE INDEX claim_submitted ON claims.claim USING btree (village, submitted_at);
alter table claims.claim enable row level security;
alter table claims.claim force row level security;
create policy scope on claims.claim using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on claims.claim to jifen_app;
grant insert (quantity, note, photo_ids, evidence, state, state_since), update (quantity, note, photo_ids, evidence, state, state_since) on claims.claim to jifen_app;
grant update (round, taken_by, taken_until) on claims.claim to jifen_app;
grant insert (village, id, household_id, member_id, rule_id, rule_code, unit_points, custom_points, custom_reason, occurred_at, business_date, place, occasion, on_behalf, submitted_by, submitted_at, review_steps, panel_size, second_from_points, occasion_key, holder_id) on claims.claim to jifen_app;

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
comment on table claims.decision is 'What one person decided about a claim. Numbered in the order in which it happened.';
comment on column claims.decision.quantity is 'How many of the claimed units, with a yes.';
CREATE INDEX decision_decided ON claims.decision USING btree (village, decided_at);
CREATE UNIQUE INDEX decision_first_key ON claims.decision USING btree (village, claim_id, round) WHERE (step = 'firstReview'::text);
CREATE UNIQUE INDEX decision_second_key ON claims.decision USING btree (village, claim_id, round) WHERE (step = 'second'::text);
alter table claims.decision enable row level security;
alter table claims.decision force row level security;
create policy scope on claims.decision using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on claims.decision to jifen_app;

-- corrections.correction
create table corrections.correction (
  village text collate "C" not null,
  id uuid not null,
  subject text not null,
  subject_id text collate "C" not null,
  version integer not null,
  household_id uuid,
  field text not null,
  old_value text,
  new_value text,
  by_user uuid not null,
  at timestamp(3) with time zone not null,
  constraint correction_pkey PRIMARY KEY (village, id),
  constraint correction_version_key UNIQUE (village, subject, subject_id, version, field),
  constraint correction_changes CHECK ((old_value IS DISTINCT FROM new_value)),
  constraint correction_field_check CHECK ((field ~ '^[a-z][A-Za-z0-9]{0,39}$'::text)),
  constraint correction_subject_check CHECK ((subject ~ '^[a-z][A-Za-z]{0,39}$'::text)),
  constraint correction_subject_id_check CHECK (((length(subject_id) >= 1) AND (length(subject_id) <= 40))),
  constraint correction_version_check CHECK ((version >= 2))
);
comment on table corrections.correction is 'A field of something that was entered, as it was and as it is since. Something that was never corrected has version 1; what is corrected at once has one version.';
comment on column corrections.correction.household_id is 'The household whose file it belongs to: it sees the correction. Null for what is the village''s.';
CREATE INDEX correction_household ON corrections.correction USING btree (village, household_id, id) WHERE (household_id IS NOT NULL);
alter table corrections.correction enable row level security;
alter table corrections.correction force row level security;
create policy scope on corrections.correction using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on corrections.correction to jifen_app;

-- earning.arrears_waiver
create table earning.arrears_waiver (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  points bigint not null,
  reason text not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  rejection_reason text,
  transaction_number bigint,
  constraint arrears_waiver_pkey PRIMARY KEY (village, id),
  constraint arrears_waiver_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint arrears_waiver_decided CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((state = 'proposed'::text) = (decided_at IS NULL)) AND ((state = 'rejected'::text) = (rejection_reason IS NOT NULL)) AND ((state = 'posted'::text) = (transaction_number IS NOT NULL)))),
  constraint arrears_waiver_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint arrears_waiver_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint arrears_waiver_rejection_reason_check CHECK (((length(rejection_reason) >= 1) AND (length(rejection_reason) <= 200))),
  constraint arrears_waiver_second_person CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
  constraint arrears_waiver_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'posted'::text, 'rejected'::text])))
);
comment on table earning.arrears_waiver is 'A proposal to waive points that a household owes. One person proposes, another decides; one open proposal at a time.';
CREATE UNIQUE INDEX arrears_waiver_open_key ON earning.arrears_waiver USING btree (village, household_id) WHERE (state = 'proposed'::text);
alter table earning.arrears_waiver enable row level security;
alter table earning.arrears_waiver force row level security;
create policy scope on earning.arrears_waiver using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on earning.arrears_waiver to jifen_app;
grant update (rejection_reason) on earning.arrears_waiver to jifen_app;

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
  occasion_key text collate "C" not null,
  holder_id uuid not null,
  constraint award_pkey PRIMARY KEY (village, id),
  constraint award_transaction_key UNIQUE (village, transaction_number),
  constraint award_decided CHECK (((num_nonnulls(claim_id, round_id) = 0) OR (cardinality(decided_by) > 0))),
  constraint award_holder CHECK (((holder_id = household_id) OR (NOT (holder_id IS DISTINCT FROM member_id)))),
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
comment on table earning.award is 'That a household gained points under a rule, for an occasion.';
comment on column earning.award.occasion is 'What it was for, in words of the village; the id of the award where nothing was named.';
comment on column earning.award.state is '`pending` while the notice board has it, `posted` once its points can be spent, `reversed` for good.';
comment on column earning.award.created_by is 'Who entered it.';
comment on column earning.award.transaction_number is 'What it moved, in the book.';
comment on column earning.award.decided_by is 'Who decided on it.';
comment on column earning.award.release_number is 'The transaction that made its points spendable when its publicity had ended.';
comment on column earning.award.occasion_key is 'The occasion as it is compared: forms, case, dashes, invisible characters and look-alikes do not count.';
comment on column earning.award.holder_id is 'Whom the rule pays for an occasion: the household, or the member, who takes it along into another household.';
CREATE UNIQUE INDEX award_claim_key ON earning.award USING btree (village, claim_id) WHERE (claim_id IS NOT NULL);
CREATE INDEX award_household ON earning.award USING btree (village, household_id, transaction_number);
CREATE INDEX award_pending ON earning.award USING btree (village, transaction_number) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX award_standing_key ON earning.award USING btree (village, holder_id, occasion_key, rule_code) WHERE ((state = ANY (ARRAY['pending'::text, 'posted'::text])) AND (occasion_key <> (id)::text));
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
comment on table earning.reversal is 'A proposal to reverse an award. One person proposes, another decides; one open proposal at a time.';
CREATE UNIQUE INDEX reversal_open_key ON earning.reversal USING btree (village, award_id) WHERE (state = ANY (ARRAY['proposed'::text, 'posted'::text]));
alter table earning.reversal enable row level security;
alter table earning.reversal force row level security;
create policy scope on earning.reversal using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on earning.reversal to jifen_app;
grant update (rejection_reason) on earning.reversal to jifen_app;

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
comment on table evaluations.entrant is 'A household of a round, as it was when the round was opened, and what became of it when it was closed.';
comment on column evaluations.entrant.judges is 'How many judges count.';
comment on column evaluations.entrant.average_hundredths is 'The mean of their totals.';
comment on column evaluations.entrant.grade is 'The place of its grade among the round''s, from 0.';
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
comment on table evaluations.round is 'A month''s walk of the judges through the courtyards.';
comment on column evaluations.round.items is 'The sheet, [{name, maxScore}].';
comment on column evaluations.round.grades is '[{title, averageMin, ruleId, quantity}], the highest first.';
comment on column evaluations.round.households is 'Households that were active when it was opened.';
comment on column evaluations.round.awarded is 'Households that closing it awarded.';
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
comment on table evaluations.score is 'A judge''s figures for a household.';
comment on column evaluations.score.scores is 'One for each item of the sheet; null where nobody was at home, which is not zero.';
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
comment on table expiry.line is 'What a household has and would lose, as the preview found it; and what was taken.';
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
comment on table expiry.run is 'A run that takes points which have ended: previewed, announced, approved by a second person, posted by a job.';
comment on column expiry.run.through_on is 'The last day on which the points could be spent: of the year, or of the latest lots.';
comment on column expiry.run.rule is 'What it takes of what is spendable, as the preview found it: all, all above the cap, or the lots up to the last day.';
comment on column expiry.run.book_number is 'How far the book had come when it was previewed.';
comment on column expiry.run.due_on is 'The first day on which it may be posted.';
comment on column expiry.run.settled is 'Households that the posting has come to.';
comment on column expiry.run.taken is 'What the posting has taken so far.';
CREATE UNIQUE INDEX run_standing_key ON expiry.run USING btree (village, kind, through_on) WHERE (state <> 'cancelled'::text);
alter table expiry.run enable row level security;
alter table expiry.run force row level security;
create policy scope on expiry.run using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on expiry.run to jifen_app;
grant update (state, announced_by, announced_at, due_on, approved_by, approved_at, cancelled_by, cancelled_at, settled, taken, posted_at) on expiry.run to jifen_app;

-- households."freeze"
create table households."freeze" (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  reason text not null,
  frozen_by uuid not null,
  frozen_at timestamp(3) with time zone not null,
  frozen_number bigint not null,
  unfreeze_reason text,
  unfrozen_by uuid,
  unfrozen_at timestamp(3) with time zone,
  unfrozen_number bigint,
  constraint freeze_pkey PRIMARY KEY (village, id),
  constraint freeze_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint freeze_check CHECK ((unfrozen_number >= frozen_number)),
  constraint freeze_ended CHECK ((num_nulls(unfreeze_reason, unfrozen_by, unfrozen_at, unfrozen_number) = ANY (ARRAY[0, 4]))),
  constraint freeze_frozen_number_check CHECK ((frozen_number >= 0)),
  constraint freeze_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint freeze_unfreeze_reason_check CHECK (((length(unfreeze_reason) >= 1) AND (length(unfreeze_reason) <= 200)))
);
comment on table households."freeze" is 'When and why a household could neither earn nor spend. Written by `households.set_state` alone.';
comment on column households."freeze".frozen_number is 'The last transaction in the book by then: a statement through a later one tells of it, however often it is made.';
CREATE INDEX freeze_household ON households."freeze" USING btree (village, household_id, frozen_at);
CREATE UNIQUE INDEX freeze_open_key ON households."freeze" USING btree (village, household_id) WHERE (unfrozen_at IS NULL);
alter table households."freeze" enable row level security;
alter table households."freeze" force row level security;
create policy scope on households."freeze" using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households."freeze" to jifen_app;

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
comment on table households.card is 'A card that a household shows. Its code is shown once, when it is issued; only its digest stays.';
CREATE INDEX card_household ON households.card USING btree (village, household_id);
alter table households.card enable row level security;
alter table households.card force row level security;
create policy scope on households.card using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households.card to jifen_app;
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
  earned jsonb not null default '{}'::jsonb,
  arrears text,
  arrears_points bigint,
  constraint change_pkey PRIMARY KEY (village, id),
  constraint change_grid_fkey FOREIGN KEY (village, new_grid) REFERENCES villages.grid(village, number),
  constraint change_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint change_to_household_fkey FOREIGN KEY (village, to_household_id) REFERENCES households.household(village, id),
  constraint change_arrears CHECK ((((arrears IS NULL) OR (kind = ANY (ARRAY['merge'::text, 'moveAway'::text, 'death'::text, 'close'::text]))) AND ((arrears IS DISTINCT FROM 'carry'::text) OR (to_household_id IS NOT NULL)) AND ((arrears_points IS NULL) OR (kind = 'split'::text)))),
  constraint change_arrears_check CHECK ((arrears = ANY (ARRAY['carry'::text, 'waive'::text]))),
  constraint change_arrears_points CHECK (((arrears_points >= 0) AND (arrears_points <= '9007199254740991'::bigint))),
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
comment on table households.change is 'A change of a household that one person proposed, and what became of it.';
comment on column households.change.household_id is 'The household that changes.';
comment on column households.change.to_household_id is 'The other one: where a member goes, what a split makes, what stays of a merger, who inherits.';
comment on column households.change.member_ids is 'Who moves, leaves or has died. A merger moves everybody: they are known when it is agreed to.';
comment on column households.change.head_member_id is 'The head that the household has afterwards, where it gets another one.';
comment on column households.change.new_number is 'Number, group, address and head of what a split makes.';
comment on column households.change.available_points is 'What goes along, as the two sides of a split signed it or as the other village''s closing says.';
comment on column households.change.carried is 'Of a household that moves away, whether its points go along; of any other that ends, null.';
comment on column households.change.other_village is 'The village where it goes, or came from.';
comment on column households.change.closing_number is 'Of a household that moves in, the closing transaction in the other village''s book.';
comment on column households.change.lots is 'What of the points that come in expires, by the last day on which it can be spent.';
comment on column households.change.earned is 'What of the points that come in was earned in which calendar year, as the other village''s closing says.';
comment on column households.change.arrears is 'What becomes of points that the household owes when it ends: who takes it on owes them, or they are waived.';
comment on column households.change.arrears_points is 'Of a split, what of the points that the household owes goes along.';
CREATE UNIQUE INDEX change_closing_key ON households.change USING btree (village, other_village, closing_number) WHERE ((kind = 'moveIn'::text) AND (state = ANY (ARRAY['proposed'::text, 'approved'::text])));
CREATE INDEX change_household ON households.change USING btree (village, household_id, id);
CREATE UNIQUE INDEX change_open_key ON households.change USING btree (village, household_id) WHERE (state = 'proposed'::text);
CREATE INDEX change_to_household ON households.change USING btree (village, to_household_id, id) WHERE (to_household_id IS NOT NULL);
alter table households.change enable row level security;
alter table households.change force row level security;
create policy scope on households.change using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households.change to jifen_app;
grant insert (member_ids), update (member_ids) on households.change to jifen_app;
grant insert (village, id, kind, household_id, to_household_id, head_member_id, died_on, new_number, new_grid, new_address, new_head_member_id, available_points, honour_points, carried, other_village, closing_number, closing_hash, lots, reason, proposed_by, proposed_at, earned, arrears, arrears_points) on households.change to jifen_app;

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
  number_key text collate "C" not null default households.number_key(number),
  constraint household_pkey PRIMARY KEY (village, id),
  constraint household_number_key UNIQUE (village, number_key),
  constraint household_grid_fkey FOREIGN KEY (village, grid) REFERENCES villages.grid(village, number),
  constraint household_head_fkey FOREIGN KEY (village, head_member_id) REFERENCES households.member(village, id) DEFERRABLE INITIALLY DEFERRED,
  constraint household_address_check CHECK (((length(address) >= 1) AND (length(address) <= 120))),
  constraint household_number_check CHECK ((number ~ '^[A-Z]?[0-9]{1,8}$'::text)),
  constraint household_pin_failed_attempts_check CHECK ((pin_failed_attempts >= 0)),
  constraint household_state_check CHECK ((state = ANY (ARRAY['active'::text, 'frozen'::text, 'closed'::text])))
);
comment on table households.household is 'A household of the village register. Its points stand in the book, under its id.';
CREATE INDEX household_number ON households.household USING btree (village, number);
alter table households.household enable row level security;
alter table households.household force row level security;
create policy scope on households.household using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.household to jifen_app;
grant update (head_member_id, pin_failed_attempts) on households.household to jifen_app;

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
comment on table households.join_application is 'A household that asks to be entered in the register.';
comment on column households.join_application.members is 'Name, phone, idLast4, isMinor and guardian of each; the first is the head.';
comment on column households.join_application.edited_by is 'Everybody who answered a question, and may have corrected what it says: `resubmitted_by` is the last one only.';
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
comment on table households.kin is 'Households that a person who works for the village must not decide on: the own one, and those of declared kin.';
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
  name_folded text collate "C" not null default households.folded(name),
  constraint member_pkey PRIMARY KEY (village, id),
  constraint member_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint member_id_last4_check CHECK ((id_last4 ~ '^[0-9]{3}[0-9X]$'::text)),
  constraint member_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint member_phone_check CHECK ((phone ~ '^[0-9+-]{5,20}$'::text))
);
comment on table households.member is 'A person of a household.';
CREATE INDEX member_household ON households.member USING btree (village, household_id);
CREATE INDEX member_person ON households.member USING btree (village, name_folded, id_last4);
CREATE INDEX member_phone ON households.member USING btree (village, phone) WHERE (phone IS NOT NULL);
alter table households.member enable row level security;
alter table households.member force row level security;
create policy scope on households.member using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.member to jifen_app;
grant update (household_id, died_on) on households.member to jifen_app;

-- households.pin_event
create table households.pin_event (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  kind text not null,
  by_user uuid not null,
  at timestamp(3) with time zone not null,
  constraint pin_event_pkey PRIMARY KEY (village, id),
  constraint pin_event_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint pin_event_kind_check CHECK ((kind = ANY (ARRAY['set'::text, 'unlocked'::text])))
);
comment on table households.pin_event is 'Who set or unlocked the PIN of a household: shown to the household, for a clerk could do it unseen. Only ever added to.';
CREATE INDEX pin_event_household ON households.pin_event USING btree (village, household_id, at);
alter table households.pin_event enable row level security;
alter table households.pin_event force row level security;
create policy scope on households.pin_event using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on households.pin_event to jifen_app;

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
  sheet text,
  header_row integer,
  columns jsonb not null default '[]'::jsonb,
  taken_over integer not null default 0,
  constraint roster_import_pkey PRIMARY KEY (village, id),
  constraint roster_import_already_there_check CHECK ((already_there >= 0)),
  constraint roster_import_attempts_check CHECK ((attempts >= 0)),
  constraint roster_import_bytes_check CHECK (((bytes >= 0) AND (bytes <= 20971520))),
  constraint roster_import_columns_check CHECK ((jsonb_typeof(columns) = 'array'::text)),
  constraint roster_import_committed CHECK ((((committed_by IS NULL) = (committed_at IS NULL)) AND ((state <> ALL (ARRAY['committing'::text, 'done'::text])) OR (committed_by IS NOT NULL)))),
  constraint roster_import_content CHECK (((content IS NOT NULL) = (state <> ALL (ARRAY['done'::text, 'failed'::text])))),
  constraint roster_import_ended CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
  constraint roster_import_entered_check CHECK ((entered >= 0)),
  constraint roster_import_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'xlsx'::text]))),
  constraint roster_import_good_check CHECK ((good >= 0)),
  constraint roster_import_header_row_check CHECK ((header_row >= 1)),
  constraint roster_import_households_check CHECK ((households >= 0)),
  constraint roster_import_mistakes_check CHECK ((mistakes >= 0)),
  constraint roster_import_rows_check CHECK ((rows >= 0)),
  constraint roster_import_sheet_check CHECK (((length(sheet) >= 1) AND (length(sheet) <= 60))),
  constraint roster_import_state_check CHECK ((state = ANY (ARRAY['received'::text, 'checking'::text, 'reported'::text, 'committing'::text, 'done'::text, 'failed'::text]))),
  constraint roster_import_taken_over_check CHECK ((taken_over >= 0))
);
comment on table households.roster_import is 'A roster that somebody sent. The file itself goes as soon as it is settled, or when nobody has come back for it.';
comment on column households.roster_import.attempts is 'How often a job has begun on it: a file that ends the process each time comes to an end too.';
comment on column households.roster_import.columns is 'What each column was taken for, and how the file calls it, from left to right.';
alter table households.roster_import enable row level security;
alter table households.roster_import force row level security;
create policy scope on households.roster_import using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.roster_import to jifen_app;
grant update (state, content, encoding, ignored_columns, attempts, rows, households, good, already_there, mistakes, entered, reported_at, committed_by, committed_at, ended_at, sheet, header_row, columns, taken_over) on households.roster_import to jifen_app;

-- households.roster_mistake
create table households.roster_mistake (
  village text collate "C" not null,
  import_id uuid not null,
  "row" integer not null,
  column_name text collate "C" not null,
  code text collate "C" not null,
  facts jsonb not null,
  chosen boolean not null default false,
  taken_over boolean not null default false,
  constraint roster_mistake_pkey PRIMARY KEY (village, import_id, "row", column_name, code),
  constraint roster_mistake_import_fkey FOREIGN KEY (village, import_id) REFERENCES households.roster_import(village, id),
  constraint roster_mistake_row_check CHECK (("row" >= 1)),
  constraint roster_mistake_taken_over CHECK ((chosen OR (NOT taken_over)))
);
comment on table households.roster_mistake is 'What is wrong with the rows of a roster. Row 1 holds the names of the columns; a mistake of the file stands there.';
comment on column households.roster_mistake.facts is 'A row or a number that the sentence names, or the version of what differs, so that nothing newer is overwritten; never a name or a phone.';
comment on column households.roster_mistake.chosen is 'Whether the register is to say it as the roster does: whoever commits the import chooses, difference by difference.';
alter table households.roster_mistake enable row level security;
alter table households.roster_mistake force row level security;
create policy scope on households.roster_mistake using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.roster_mistake to jifen_app;
grant update (chosen, taken_over) on households.roster_mistake to jifen_app;

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
comment on table http.idempotency is 'The answer to a request that may be repeated, by its client''s key. Outside row-level security: a row is found by its client''s own key only, and some clients stand above any village.';
comment on column http.idempotency.village is 'Empty for operations that belong to no village.';
comment on column http.idempotency.client is 'The user, or at a kiosk the device.';
comment on column http.idempotency.fingerprint is 'Digest of the request: the same key with another request is refused.';
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
  proposed boolean not null default false,
  confirmed_by uuid,
  confirmed_at timestamp(3) with time zone,
  constraint grant_pkey PRIMARY KEY (id),
  constraint grant_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id),
  constraint grant_confirmed CHECK ((((confirmed_by IS NULL) = (confirmed_at IS NULL)) AND (NOT (proposed AND (confirmed_by IS NOT NULL))))),
  constraint grant_confirmed_by_another CHECK ((confirmed_by <> ALL (ARRAY[user_id, granted_by]))),
  constraint grant_empty_prefix CHECK (((prefix = ''::text) = (role = 'platformAdmin'::text))),
  constraint grant_end_second_person CHECK (((ended_by IS NULL) OR (ended_by <> user_id))),
  constraint grant_prefix_check CHECK ((prefix ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$'::text)),
  constraint grant_second_person CHECK (((granted_by IS NULL) OR (granted_by <> user_id))),
  constraint grant_until CHECK ((until > granted_at))
);
comment on table identity."grant" is 'A role over a part of the country, by the prefix of its codes. Nobody changes their own rights: only the first administrator, made by the operator''s command, has no grantor.';
comment on column identity."grant".proposed is 'Counts for nothing until somebody above whoever proposed it has confirmed it.';
CREATE UNIQUE INDEX grant_open_key ON identity."grant" USING btree (user_id, role, prefix) WHERE (ended_at IS NULL);
alter table identity."grant" enable row level security;
create policy change_open on identity."grant" using ((ended_at IS NULL));
create policy read on identity."grant" using (true);
grant insert, select on identity."grant" to jifen_app;
grant update (ended_by, ended_at, proposed, confirmed_by, confirmed_at) on identity."grant" to jifen_app;

-- identity."user"
create table identity."user" (
  id uuid not null,
  login text not null,
  name text not null,
  password_hash text not null,
  state text not null default 'active'::text,
  created_by uuid,
  created_at timestamp(3) with time zone not null,
  one_time_until timestamp(3) with time zone,
  disabled_by uuid,
  disabled_as text,
  constraint user_pkey PRIMARY KEY (id),
  constraint user_login_key UNIQUE (login),
  constraint user_disabled CHECK (((state = 'disabled'::text) = (disabled_by IS NOT NULL))),
  constraint user_disabled_as CHECK (((disabled_by IS NULL) = (disabled_as IS NULL))),
  constraint user_login_check CHECK ((login ~ '^[a-z0-9][a-z0-9._-]{1,63}$'::text)),
  constraint user_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint user_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);
comment on table identity."user" is 'A person who may sign in with a name and a password.';
comment on column identity."user".one_time_until is 'Somebody else has chosen the password: it opens nothing but its own change, and nothing at all from then on.';
comment on column identity."user".disabled_as is 'The highest role that whoever disabled the person held over them: nobody below it lets the person in again.';
grant insert, select on identity."user" to jifen_app;
grant update (name, password_hash, state, one_time_until, disabled_by, disabled_as) on identity."user" to jifen_app;

-- identity.recovery_code
create table identity.recovery_code (
  user_id uuid not null,
  hash bytea not null,
  used_at timestamp(3) with time zone,
  constraint recovery_code_pkey PRIMARY KEY (user_id, hash),
  constraint recovery_code_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id)
);
comment on table identity.recovery_code is 'Codes that stand in for a lost phone, each for one sign-in. Only digests are kept.';
grant delete, insert, select, update on identity.recovery_code to jifen_app;

-- identity.second_factor
create table identity.second_factor (
  user_id uuid not null,
  sealed_secret bytea,
  next_sealed_secret bytea,
  last_step bigint not null default 0,
  set_at timestamp(3) with time zone,
  constraint second_factor_pkey PRIMARY KEY (user_id),
  constraint second_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id),
  constraint second_factor_set CHECK (((sealed_secret IS NULL) = (set_at IS NULL))),
  constraint second_factor_some CHECK (((sealed_secret IS NOT NULL) OR (next_sealed_secret IS NOT NULL)))
);
comment on table identity.second_factor is 'The secret that a person''s verification codes come from (TOTP, RFC 6238), sealed with a key that is not in the database.';
comment on column identity.second_factor.next_sealed_secret is 'One that was handed out and counts from the moment that its first code is shown.';
comment on column identity.second_factor.last_step is 'Period of 30 seconds of the last code that was taken: none counts twice (RFC 6238, section 5.2).';
grant delete, insert, select, update on identity.second_factor to jifen_app;

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
  successor_nonce bytea,
  constraint session_pkey PRIMARY KEY (id),
  constraint session_kind_check CHECK ((kind = ANY (ARRAY['staff'::text, 'kiosk'::text, 'household'::text]))),
  constraint session_village CHECK (((kind = 'staff'::text) = (village IS NULL)))
);
comment on table identity.session is 'One sign-in of a person, a kiosk or a household at a kiosk.';
comment on column identity.session.device is 'What a household stands at: its sign-in ends with the device''s.';
comment on column identity.session.refresh_hash is 'Digest of the refresh token in use.';
comment on column identity.session.successor_hash is 'Digest of the one that was handed out for it and has not been used yet.';
comment on column identity.session.successor_nonce is 'What the successor is derived from, together with the token itself: asked twice, the service hands out the same one.';
CREATE INDEX session_device ON identity.session USING btree (device) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_refresh ON identity.session USING btree (refresh_hash);
CREATE INDEX session_subject ON identity.session USING btree (subject) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_successor ON identity.session USING btree (successor_hash);
grant insert, select on identity.session to jifen_app;
grant update (refresh_hash, successor_hash, used_at, ended_at, ended_reason, successor_nonce) on identity.session to jifen_app;

-- identity.sign_in
create table identity.sign_in (
  login text not null,
  failed_attempts integer not null,
  locked_until timestamp(3) with time zone,
  tried_at timestamp(3) with time zone not null,
  address text not null,
  succeeded_at timestamp(3) with time zone,
  constraint sign_in_pkey PRIMARY KEY (login, address),
  constraint sign_in_address_check CHECK ((length(address) <= 64))
);
comment on table identity.sign_in is 'Wrong passwords in a row, by the name that was typed and where: kept for unknown names too, so that a lock does not tell who exists.';
comment on column identity.sign_in.address is 'Address of the caller, the first 64 bits of an IPv6 one. Empty: all addresses together at which the name has not succeeded within 30 days.';
comment on column identity.sign_in.succeeded_at is 'When the right password last came from there. Others cannot lock the name at such an address; forgotten after 30 days.';
grant delete, insert, select, update on identity.sign_in to jifen_app;

-- identity.spent_proof
create table identity.spent_proof (
  thumbprint text collate "C" not null,
  jti text collate "C" not null,
  expires_at timestamp(3) with time zone not null,
  constraint spent_proof_pkey PRIMARY KEY (thumbprint, jti)
);
comment on table identity.spent_proof is 'Proofs of possession that devices have sent, until they expire: none is taken twice, whichever process it is sent to.';
CREATE INDEX spent_proof_expires_at ON identity.spent_proof USING btree (expires_at);
grant delete, insert, select on identity.spent_proof to jifen_app;

-- identity.spent_refresh
create table identity.spent_refresh (
  hash bytea not null,
  session_id uuid not null,
  constraint spent_refresh_pkey PRIMARY KEY (hash),
  constraint spent_refresh_session_id_fkey FOREIGN KEY (session_id) REFERENCES identity.session(id)
);
comment on table identity.spent_refresh is 'Refresh tokens that have been succeeded. Shown again, one of these ends the whole sign-in.';
grant insert, select on identity.spent_refresh to jifen_app;

-- identity.user_event
create table identity.user_event (
  id uuid not null,
  user_id uuid not null,
  kind text not null,
  by_user uuid not null,
  at timestamp(3) with time zone not null,
  old_name text,
  new_name text,
  constraint user_event_pkey PRIMARY KEY (id),
  constraint user_event_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id),
  constraint user_event_kind_check CHECK ((kind = ANY (ARRAY['passwordChanged'::text, 'passwordReset'::text, 'secondFactorSet'::text, 'secondFactorReset'::text, 'recoveryCodeUsed'::text, 'disabled'::text, 'enabled'::text, 'nameCorrected'::text]))),
  constraint user_event_name CHECK (((kind = 'nameCorrected'::text) = ((old_name IS NOT NULL) AND (new_name IS NOT NULL)))),
  constraint user_event_second_person CHECK (((kind = ANY (ARRAY['passwordChanged'::text, 'secondFactorSet'::text, 'recoveryCodeUsed'::text])) = (by_user = user_id)))
);
comment on table identity.user_event is 'What was done to an account, by whom. Only ever added to.';
CREATE INDEX user_event_user ON identity.user_event USING btree (user_id, at);
grant insert, select on identity.user_event to jifen_app;

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
  wrong_pins integer not null default 0,
  wrong_pins_since timestamp(3) with time zone,
  public_key jsonb,
  thumbprint text collate "C",
  settings jsonb not null default '{"speech": true, "elderMode": true, "languages": ["zh-CN", "en"], "receiptColumns": 32}'::jsonb,
  heartbeat jsonb,
  heartbeat_at timestamp(3) with time zone,
  constraint kiosk_pkey PRIMARY KEY (village, id),
  constraint kiosk_code_key UNIQUE (village, code),
  constraint kiosk_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint kiosk_code_check CHECK ((code ~ '^K[0-9]{2,4}$'::text)),
  constraint kiosk_has_key CHECK (((num_nonnulls(public_key, thumbprint) = 2) OR (state = 'retired'::text))),
  constraint kiosk_heartbeat CHECK (((heartbeat IS NULL) = (heartbeat_at IS NULL))),
  constraint kiosk_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint kiosk_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'retired'::text]))),
  constraint kiosk_state_reason_check CHECK ((state_reason = ANY (ARRAY['unknownCards'::text, 'wrongPins'::text, 'cloned'::text]))),
  constraint kiosk_thumbprint_check CHECK ((thumbprint ~ '^[A-Za-z0-9_-]{43}$'::text))
);
comment on table kiosks.kiosk is 'A device that is bound to a store of a village.';
comment on column kiosks.kiosk.state_reason is 'Why it stands so, where the service itself has decided it.';
comment on column kiosks.kiosk.wrong_pins is 'Within an hour, whatever households they were tried at.';
comment on column kiosks.kiosk.public_key is 'P-256 key made on the device, as a JWK: `kty`, `crv`, `x` and `y`. Null for devices paired before there were keys.';
comment on column kiosks.kiosk.thumbprint is 'SHA-256 thumbprint of the key (RFC 7638), base64url.';
comment on column kiosks.kiosk.settings is 'How the village wants the kiosk to be; the device fetches it with its configuration.';
comment on column kiosks.kiosk.heartbeat is 'The last the device said of itself: queue, clock, printer, storage. It may say what it likes; nothing is decided by it.';
CREATE UNIQUE INDEX kiosk_thumbprint_key ON kiosks.kiosk USING btree (village, thumbprint) WHERE (state <> 'retired'::text);
alter table kiosks.kiosk enable row level security;
alter table kiosks.kiosk force row level security;
create policy scope on kiosks.kiosk using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on kiosks.kiosk to jifen_app;
grant update (state, state_reason, state_since, app_version, seen_at, unknown_cards, unknown_cards_since, wrong_pins, wrong_pins_since, settings, heartbeat, heartbeat_at) on kiosks.kiosk to jifen_app;

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
  public_key jsonb not null,
  thumbprint text collate "C" not null,
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
  constraint pairing_thumbprint_check CHECK ((thumbprint ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint pairing_user_code_check CHECK ((user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$'::text)),
  constraint pairing_village_check CHECK ((village ~ '^[0-9]{12}$'::text))
);
comment on table kiosks.pairing is 'A device that asks to be bound to a village. Outside row-level security: it belongs to none until somebody approves it. Found by the digest of a code that only the device has, or by the code on its screen while it waits; a decided one only by its own village.';
comment on column kiosks.pairing.session_id is 'The sign-in that the last approved answer held: void as soon as the answer is asked for again.';
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
comment on table kiosks.pairing_try is 'Pairings asked for by one address within the hour. Outside row-level security, as they belong to no village.';
grant delete, insert, select on kiosks.pairing_try to jifen_app;
grant update (since, tries) on kiosks.pairing_try to jifen_app;

-- kiosks.sync_entry
create table kiosks.sync_entry (
  village text collate "C" not null,
  kiosk_id uuid not null,
  collection text collate "C" not null,
  id text collate "C" not null,
  digest bytea,
  version bigint not null,
  constraint sync_entry_pkey PRIMARY KEY (village, kiosk_id, collection, id),
  constraint sync_entry_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint sync_entry_collection_check CHECK (((length(collection) >= 1) AND (length(collection) <= 40))),
  constraint sync_entry_digest_check CHECK ((length(digest) = 16)),
  constraint sync_entry_id_check CHECK (((length(id) >= 1) AND (length(id) <= 60)))
);
comment on table kiosks.sync_entry is 'Every entry that a kiosk was told, as a digest, and the version in which it last changed. Without a digest: it is gone, and kiosks with an older version are told so.';
alter table kiosks.sync_entry enable row level security;
alter table kiosks.sync_entry force row level security;
create policy scope on kiosks.sync_entry using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant delete, insert, select on kiosks.sync_entry to jifen_app;
grant update (digest, version) on kiosks.sync_entry to jifen_app;

-- kiosks.sync_version
create table kiosks.sync_version (
  village text collate "C" not null,
  kiosk_id uuid not null,
  version bigint not null,
  tag bytea not null,
  taken_at timestamp(3) with time zone not null,
  constraint sync_version_pkey PRIMARY KEY (village, kiosk_id, version),
  constraint sync_version_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint sync_version_tag_check CHECK ((length(tag) = 9)),
  constraint sync_version_version_check CHECK ((version > 0))
);
comment on table kiosks.sync_version is 'Each state of the village that a kiosk was told, in order. A cursor names one; once it is gone, the kiosk starts afresh.';
comment on column kiosks.sync_version.tag is 'Random. After a database was restored the numbers are given out again, and a cursor from before it must not fit.';
alter table kiosks.sync_version enable row level security;
alter table kiosks.sync_version force row level security;
create policy scope on kiosks.sync_version using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant delete, insert, select on kiosks.sync_version to jifen_app;

-- kiosks.unknown_number
create table kiosks.unknown_number (
  village text collate "C" not null,
  number text collate "C" not null,
  failed_attempts integer not null,
  constraint unknown_number_pkey PRIMARY KEY (village, number)
);
comment on table kiosks.unknown_number is 'Wrong PINs for household numbers that nobody has: they are counted too, so that the count does not tell who exists.';
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
comment on table ledger.account is 'What a code has of one asset. Its floor is the law of its code (ledger.floor_of), never a caller''s choice.';
comment on column ledger.account.floor is 'What the balance never falls below; null for sources and sinks.';
comment on column ledger.account.entries is 'How many entries it has: one for each transfer that it is a side of.';
comment on column ledger.account.lots is 'What of the balance expires, by the last day on which it can be spent: {"2027-11-30": 5}. The rest never does, and is not written down: so the lots cannot come to anything but the balance (view ledger.lot).';
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
comment on table ledger.book is 'A village''s book. Whoever locks this row is the book''s only writer: every number and every hash is given under the lock.';
comment on column ledger.book.number is 'Number of the last transaction.';
comment on column ledger.book.head is 'Chain hash after it; of an empty book, the hash of nothing.';
comment on column ledger.book.accounts is 'How many accounts were opened, for their numbers.';
comment on column ledger.book.posted_at is 'When the last transaction was posted. Never runs backwards.';
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
comment on table ledger.limit_use is 'How much of a limit is used. The key names the household or member, the rule and the period.';
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
comment on table ledger.transaction is 'One business event in a village''s book. Never changed: a mistake is mended by another transaction that reverses it.';
comment on column ledger.transaction.number is 'Without gaps in its book, from 1: the order of events, which no time is.';
comment on column ledger.transaction.cause is 'What it was posted for; posts once in its kind and village, for ever.';
comment on column ledger.transaction.business_date is 'The day in Asia/Shanghai that it counts for, which may be an earlier one.';
comment on column ledger.transaction.actor is 'The user or device that did it.';
comment on column ledger.transaction.approver is 'The second person who agreed, where one is needed.';
comment on column ledger.transaction.reverses is 'Number of the transaction whose mirror it is.';
comment on column ledger.transaction.frozen is 'The terms on which it was posted, and what it used of limits (`limit:<key>`) and moved of lots (`lots:<line>`).';
comment on column ledger.transaction.leaf_hash is 'SHA-256 over the canonical text, as a leaf of RFC 6962 (docs/canonical.md).';
comment on column ledger.transaction.hash is 'SHA-256 over the hash of the transaction before it and its own leaf hash.';
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
comment on table ledger.transfer is 'A line of a transaction. One amount leaves one account and enters another, so an unbalanced line cannot be written.';
comment on column ledger.transfer.line is 'From 1, in the order of the transaction.';
comment on column ledger.transfer.amount is 'Whole points, minutes, pieces or fen.';
comment on column ledger.transfer.from_balance is 'Of the account that paid, after this line.';
comment on column ledger.transfer.to_balance is 'Of the account that received, after this line.';
comment on column ledger.transfer.from_seq is 'The entry number of this line in the account that paid, from 1.';
comment on column ledger.transfer.to_seq is 'Likewise in the account that received.';
CREATE INDEX transfer_from ON ledger.transfer USING btree (village, from_account, number, line);
CREATE INDEX transfer_to ON ledger.transfer USING btree (village, to_account, number, line);
alter table ledger.transfer enable row level security;
alter table ledger.transfer force row level security;
create policy scope on ledger.transfer using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transfer to jifen_app;

-- offline."case"
create table offline."case" (
  village text collate "C" not null,
  id uuid not null,
  kiosk_id uuid not null,
  kind text not null,
  op_hash text collate "C",
  household_id uuid,
  exceptions text[] not null,
  continue_at bigint,
  opened_at timestamp(3) with time zone not null,
  decision text,
  note text,
  proposed_by uuid,
  proposed_at timestamp(3) with time zone,
  resolved_by uuid,
  resolved_at timestamp(3) with time zone,
  transaction_number bigint,
  constraint case_pkey PRIMARY KEY (village, id),
  constraint case_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint case_op_fkey FOREIGN KEY (village, kiosk_id, op_hash) REFERENCES offline.op(village, kiosk_id, hash),
  constraint case_continue_at_check CHECK ((continue_at >= 2)),
  constraint case_decision_check CHECK ((decision = ANY (ARRAY['noted'::text, 'booked'::text, 'writtenOff'::text, 'continued'::text, 'dismissed'::text]))),
  constraint case_kind_check CHECK ((kind = ANY (ARRAY['exception'::text, 'opRefused'::text, 'chainBroken'::text, 'deviceLost'::text, 'opsLost'::text]))),
  constraint case_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint case_proposed CHECK ((num_nonnulls(decision, note, proposed_by, proposed_at) = ANY (ARRAY[0, 4]))),
  constraint case_resolved CHECK (((num_nonnulls(resolved_by, resolved_at) = ANY (ARRAY[0, 2])) AND ((resolved_by IS NULL) OR (proposed_by IS NOT NULL)))),
  constraint case_second_person CHECK ((resolved_by <> proposed_by))
);
comment on table offline."case" is 'What two people have to look at: an operation with an exception, one that was refused, or a device that is lost.';
CREATE UNIQUE INDEX case_device_key ON offline."case" USING btree (village, kiosk_id, kind) WHERE ((kind = ANY (ARRAY['deviceLost'::text, 'opsLost'::text])) AND (resolved_at IS NULL));
CREATE INDEX case_opened ON offline."case" USING btree (village, id);
alter table offline."case" enable row level security;
alter table offline."case" force row level security;
create policy scope on offline."case" using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on offline."case" to jifen_app;
grant update (decision, note, proposed_by, proposed_at, resolved_by, resolved_at, transaction_number) on offline."case" to jifen_app;

-- offline.allowance
create table offline.allowance (
  village text collate "C" not null,
  id uuid not null,
  kiosk_id uuid not null,
  household_id uuid not null,
  points integer not null,
  redemptions smallint not null,
  spent_points integer not null default 0,
  spent_redemptions smallint not null default 0,
  not_after timestamp(3) with time zone not null,
  granted_at timestamp(3) with time zone not null,
  granted_number bigint not null,
  ended_at timestamp(3) with time zone,
  ended_reason text,
  constraint allowance_pkey PRIMARY KEY (village, id),
  constraint allowance_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint allowance_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint allowance_ended CHECK (((ended_at IS NULL) = (ended_reason IS NULL))),
  constraint allowance_ended_reason_check CHECK ((ended_reason = ANY (ARRAY['renewed'::text, 'returned'::text, 'lapsed'::text, 'writtenOff'::text]))),
  constraint allowance_points_check CHECK (((points >= 1) AND (points <= 1000))),
  constraint allowance_redemptions_check CHECK (((redemptions >= 1) AND (redemptions <= 20))),
  constraint allowance_spent CHECK (((spent_points >= 0) AND (spent_points <= points))),
  constraint allowance_spent_redemptions_check CHECK ((spent_redemptions >= 0))
);
comment on table offline.allowance is 'Points of a household that lie with a kiosk, to be spent without a network. While it is open, what it has left is the balance of its escrow account.';
CREATE INDEX allowance_not_after ON offline.allowance USING btree (village, not_after) WHERE (ended_at IS NULL);
CREATE INDEX allowance_open_household ON offline.allowance USING btree (village, household_id) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX allowance_open_key ON offline.allowance USING btree (village, kiosk_id, household_id) WHERE (ended_at IS NULL);
alter table offline.allowance enable row level security;
alter table offline.allowance force row level security;
create policy scope on offline.allowance using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on offline.allowance to jifen_app;
grant update (spent_points, spent_redemptions, ended_at, ended_reason) on offline.allowance to jifen_app;

-- offline.chain
create table offline.chain (
  village text collate "C" not null,
  kiosk_id uuid not null,
  acked_seq bigint not null,
  acked_hash text collate "C",
  acked_at timestamp(3) with time zone,
  constraint chain_pkey PRIMARY KEY (village, kiosk_id),
  constraint chain_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint chain_acked_hash_check CHECK ((acked_hash ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint chain_acked_seq_check CHECK ((acked_seq >= 0))
);
comment on table offline.chain is 'How far the operations of a device have been taken. Locking its row locks the device''s chain.';
comment on column offline.chain.acked_hash is 'What the next operation names as the one before it. Null where operations were given up as lost: anything fits.';
comment on column offline.chain.acked_at is 'When the last operation happened, by our clock: the next is no earlier.';
alter table offline.chain enable row level security;
alter table offline.chain force row level security;
create policy scope on offline.chain using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on offline.chain to jifen_app;
grant update (acked_seq, acked_hash, acked_at) on offline.chain to jifen_app;

-- offline.op
create table offline.op (
  village text collate "C" not null,
  kiosk_id uuid not null,
  hash text collate "C" not null,
  jws text collate "C" not null,
  in_chain boolean not null,
  seq bigint,
  op_id uuid,
  type text collate "C",
  happened_at timestamp(3) with time zone,
  verdict text not null,
  answer jsonb not null,
  household_id uuid,
  redemption_id uuid,
  allowance_id uuid,
  paid_points integer not null default 0,
  voids_op_id uuid,
  received_at timestamp(3) with time zone not null,
  imported_by uuid,
  constraint op_pkey PRIMARY KEY (village, kiosk_id, hash),
  constraint op_kiosk_fkey FOREIGN KEY (village, kiosk_id) REFERENCES kiosks.kiosk(village, id),
  constraint op_chained CHECK (((NOT in_chain) OR (seq IS NOT NULL))),
  constraint op_hash_check CHECK ((hash ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint op_jws_check CHECK (((length(jws) >= 1) AND (length(jws) <= 16384))),
  constraint op_paid_points_check CHECK (((paid_points >= 0) AND (paid_points <= 1000000))),
  constraint op_seq_check CHECK ((seq >= 1)),
  constraint op_verdict_check CHECK ((verdict = ANY (ARRAY['applied'::text, 'duplicate'::text, 'appliedWithException'::text, 'rejected'::text])))
);
comment on table offline.op is 'What a device has signed, byte for byte, and the verdict, which never changes. Nothing that was uploaded is dropped.';
comment on column offline.op.paid_points is 'What of its points came from the allowance; the rest is the village''s loss.';
CREATE INDEX op_by_id ON offline.op USING btree (village, op_id);
CREATE UNIQUE INDEX op_chain_key ON offline.op USING btree (village, kiosk_id, seq) WHERE in_chain;
CREATE UNIQUE INDEX op_void_key ON offline.op USING btree (village, voids_op_id) WHERE ((voids_op_id IS NOT NULL) AND (verdict <> 'rejected'::text));
alter table offline.op enable row level security;
alter table offline.op force row level security;
create policy scope on offline.op using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on offline.op to jifen_app;

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
comment on table photos.photo is 'A photo that shows what was done.';
comment on column photos.photo.views is 'Perceptual hashes of the picture and of cuts of it; turned and mirrored ones follow from a hash when two are compared.';
comment on column photos.photo.captured_at is 'What the camera wrote, which anybody can edit: a hint, never a proof. So is the place, in millionths of a degree.';
CREATE INDEX photo_household ON photos.photo USING btree (village, household_id, uploaded_at);
CREATE INDEX photo_sha256 ON photos.photo USING btree (village, sha256);
CREATE UNIQUE INDEX photo_standing_key ON photos.photo USING btree (village, household_id, sha256) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX photo_village_standing_key ON photos.photo USING btree (village, sha256) WHERE ((household_id IS NULL) AND (removed_at IS NULL));
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
comment on table photos.use is 'The bytes of one photo pay once in the whole deployment. Outside the village rule, for it must see every village: it tells that a photo was used, and to whoever may not look there, not where.';
comment on column photos.use.claim_id is 'Null where the use was given back.';
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
comment on table publicity.appeal is 'An appeal against a ruling, once; where the objection was upheld, by the household that lost its award, once for the award.';
comment on column publicity.appeal.new_award_id is 'The award that was made again.';
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
comment on table publicity.line is 'A line of a notice. An award stands on one, once. Who entered, decided and published it are copies, for the checks.';
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
comment on table publicity.notice is 'What a village sees for some days before it can be spent.';
comment on column publicity.notice.starts_on is 'The first of its full days.';
comment on column publicity.notice.ends_at is 'The midnight after the last of its days, in Asia/Shanghai.';
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
comment on table publicity.objection is 'An objection to a line, and the ruling on it.';
comment on column publicity.objection.objector_id is 'The household or the person that objects.';
comment on column publicity.objection.lodged_by is 'Who entered it: the household itself, or a clerk for it.';
comment on column publicity.objection.hands is 'The people whom the case had gone through when it was ruled on.';
CREATE INDEX objection_award ON publicity.objection USING btree (village, award_id);
CREATE INDEX objection_objector ON publicity.objection USING btree (village, objector_id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX objection_open_key ON publicity.objection USING btree (village, award_id, objector_id, lodged_by) WHERE (state = 'open'::text);
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
comment on table rules.rule is 'What earns or costs points, and how many for each unit.';
comment on column rules.rule.points is 'Of a deduction positive too: the direction says which way they go.';
comment on column rules.rule.on_behalf is 'Whether the village''s staff may claim it for a household. Most may be: elders have no phone. What a household has to show by itself may not.';
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
  intended_from date,
  withdrawn_by uuid,
  withdrawn_at timestamp(3) with time zone,
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
  constraint rule_book_resolution CHECK (((num_nonnulls(held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at) =
CASE
    WHEN (state = ANY (ARRAY['adopted'::text, 'withdrawn'::text])) THEN 7
    ELSE 0
END) AND ((in_force_from IS NOT NULL) = (state = 'adopted'::text)))),
  constraint rule_book_revision_check CHECK (((revision >= 1) AND (revision <= 1000000))),
  constraint rule_book_second_person CHECK (((adopted_by IS NULL) OR (adopted_by <> created_by))),
  constraint rule_book_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'adopted'::text, 'discarded'::text, 'withdrawn'::text]))),
  constraint rule_book_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60))),
  constraint rule_book_votes CHECK (((votes_for IS NULL) OR ((votes_against >= 0) AND (abstained >= 0) AND (votes_for > votes_against) AND (((votes_for + votes_against) + abstained) <= present)))),
  constraint rule_book_withdrawn CHECK ((num_nonnulls(intended_from, withdrawn_by, withdrawn_at) =
CASE state
    WHEN 'withdrawn'::text THEN 3
    ELSE 0
END)),
  constraint rule_book_withdrawn_in_time CHECK ((((withdrawn_at AT TIME ZONE 'Asia/Shanghai'::text))::date < intended_from))
);
comment on table rules.rule_book is 'A dated list of what earns or costs points. Holds from `in_force_from` until the next adopted one''s. Never without the assembly''s resolution, and never on the word of whoever drafted it; a draft is revised as a whole, or given up.';
comment on column rules.rule_book.revision is 'Counts the revisions of a draft: whoever adopts it can say which one was read.';
comment on column rules.rule_book.edited_by is 'Who has revised it beside the one who drafted it: none of them may put it in force.';
comment on column rules.rule_book.intended_from is 'The day from which a withdrawn book was to hold. It holds on none, so that another one may take the day.';
alter table rules.rule_book enable row level security;
alter table rules.rule_book force row level security;
create policy scope on rules.rule_book using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on rules.rule_book to jifen_app;
grant update (discarded_at) on rules.rule_book to jifen_app;

-- store.code_try
create table store.code_try (
  village text collate "C" not null,
  user_id uuid not null,
  since timestamp(3) with time zone not null,
  tries integer not null,
  constraint code_try_pkey PRIMARY KEY (village, user_id)
);
comment on table store.code_try is 'Pick-up codes that one person looked up within the hour and that no waiting order has.';
alter table store.code_try enable row level security;
alter table store.code_try force row level security;
create policy scope on store.code_try using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.code_try to jifen_app;
grant update (since, tries) on store.code_try to jifen_app;

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
  limit_quantity integer,
  limit_per text collate "C",
  constraint goods_pkey PRIMARY KEY (village, id),
  constraint goods_sku_key UNIQUE (village, sku),
  constraint goods_archived CHECK (((archived_by IS NULL) = (archived_at IS NULL))),
  constraint goods_barcode_check CHECK ((barcode ~ '^([0-9]{8}|[0-9]{12,14})$'::text)),
  constraint goods_category_check CHECK (((length(category) >= 1) AND (length(category) <= 30))),
  constraint goods_cost_fen_check CHECK (((cost_fen >= 0) AND (cost_fen <= '10000000000'::bigint))),
  constraint goods_limit CHECK (((limit_quantity IS NULL) = (limit_per IS NULL))),
  constraint goods_limit_per_check CHECK ((limit_per = ANY (ARRAY['day'::text, 'month'::text, 'year'::text]))),
  constraint goods_limit_quantity_check CHECK (((limit_quantity >= 1) AND (limit_quantity <= 1000))),
  constraint goods_min_stock_check CHECK (((min_stock >= 0) AND (min_stock <= 1000000))),
  constraint goods_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint goods_name_en_check CHECK (((length(name_en) >= 1) AND (length(name_en) <= 80))),
  constraint goods_service_stock CHECK (((NOT is_service) OR (min_stock = 0))),
  constraint goods_sku_check CHECK ((sku ~ '^[A-Za-z0-9._-]{1,20}$'::text)),
  constraint goods_unit_check CHECK (((length(unit) >= 1) AND (length(unit) <= 10)))
);
comment on table store.goods is 'What a store gives for points. How many pieces lie where stands in the book.';
CREATE UNIQUE INDEX goods_barcode_key ON store.goods USING btree (village, lpad(barcode, 14, '0'::text));
alter table store.goods enable row level security;
alter table store.goods force row level security;
create policy scope on store.goods using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.goods to jifen_app;
grant update (sku, name, name_en, unit, barcode, category, min_stock, cost_fen, archived_by, archived_at, limit_quantity, limit_per) on store.goods to jifen_app;

-- store.pin_try
create table store.pin_try (
  village text collate "C" not null,
  id uuid not null,
  user_id uuid not null,
  household_id uuid not null,
  tried_at timestamp(3) with time zone not null,
  was_right boolean not null default false,
  constraint pin_try_pkey PRIMARY KEY (village, id),
  constraint pin_try_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id)
);
comment on table store.pin_try is 'A PIN that staff entered for a household. Written before it is looked at, and wrong until it has turned out to be right.';
CREATE INDEX pin_try_wrong ON store.pin_try USING btree (village, user_id, tried_at) WHERE (NOT was_right);
alter table store.pin_try enable row level security;
alter table store.pin_try force row level security;
create policy scope on store.pin_try using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.pin_try to jifen_app;
grant update (was_right) on store.pin_try to jifen_app;

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
comment on table store.price is 'What one piece costs, by a list.';
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
  withdrawn_by uuid,
  withdrawn_at timestamp(3) with time zone,
  constraint price_list_pkey PRIMARY KEY (village, id),
  constraint price_list_withdrawn CHECK (((withdrawn_by IS NULL) = (withdrawn_at IS NULL))),
  constraint price_list_withdrawn_in_time CHECK ((((withdrawn_at AT TIME ZONE 'Asia/Shanghai'::text))::date < valid_from))
);
comment on table store.price_list is 'Prices hold from their day until the next list''s. Published as they are written and never changed, but withdrawn before they hold.';
CREATE UNIQUE INDEX price_list_first_key ON store.price_list USING btree (village) WHERE (is_first AND (withdrawn_at IS NULL));
CREATE UNIQUE INDEX price_list_valid_from_key ON store.price_list USING btree (village, valid_from) WHERE (withdrawn_at IS NULL);
alter table store.price_list enable row level security;
alter table store.price_list force row level security;
create policy scope on store.price_list using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.price_list to jifen_app;
grant update (withdrawn_by, withdrawn_at) on store.price_list to jifen_app;

-- store.print_job
create table store.print_job (
  village text collate "C" not null,
  id uuid not null,
  store_id uuid not null,
  kiosk_id uuid,
  redemption_id uuid not null,
  return_id uuid,
  copy boolean not null,
  state text not null,
  reason text,
  queued_by uuid not null,
  queued_at timestamp(3) with time zone not null,
  settled_at timestamp(3) with time zone,
  constraint print_job_pkey PRIMARY KEY (village, id),
  constraint print_job_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint print_job_return_fkey FOREIGN KEY (village, return_id) REFERENCES store.return(village, id),
  constraint print_job_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint print_job_reason_check CHECK (((reason IS NULL) OR (state = 'failed'::text))),
  constraint print_job_settled_check CHECK (((state = 'queued'::text) = (settled_at IS NULL))),
  constraint print_job_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'printed'::text, 'failed'::text])))
);
comment on table store.print_job is 'A receipt to be printed, by a kiosk or, where there is none, at the counter of a store. What it tells is read when it is printed.';
comment on column store.print_job.copy is 'Whether the same receipt was printed before: the paper says so.';
CREATE INDEX print_job_queued ON store.print_job USING btree (village, kiosk_id, id) WHERE (state = 'queued'::text);
CREATE INDEX print_job_redemption ON store.print_job USING btree (village, redemption_id);
CREATE INDEX print_job_return ON store.print_job USING btree (village, return_id) WHERE (return_id IS NOT NULL);
CREATE INDEX print_job_store ON store.print_job USING btree (village, store_id);
alter table store.print_job enable row level security;
alter table store.print_job force row level security;
create policy scope on store.print_job using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.print_job to jifen_app;
grant update (state, reason, settled_at) on store.print_job to jifen_app;

-- store.proxy_pickup
create table store.proxy_pickup (
  village text collate "C" not null,
  redemption_id uuid not null,
  household_id uuid not null,
  name text not null,
  name_folded text collate "C" not null default households.folded(name),
  relation text not null,
  fetched_on date not null,
  recorded_by uuid not null,
  recorded_at timestamp(3) with time zone not null,
  constraint proxy_pickup_pkey PRIMARY KEY (village, redemption_id),
  constraint proxy_pickup_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint proxy_pickup_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint proxy_pickup_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint proxy_pickup_relation_check CHECK (((length(relation) >= 1) AND (length(relation) <= 20)))
);
comment on table store.proxy_pickup is 'Who fetched the goods of a redemption in place of its household. Only ever added to.';
CREATE INDEX proxy_pickup_household ON store.proxy_pickup USING btree (village, household_id);
CREATE INDEX proxy_pickup_person ON store.proxy_pickup USING btree (village, fetched_on, name_folded);
alter table store.proxy_pickup enable row level security;
alter table store.proxy_pickup force row level security;
create policy scope on store.proxy_pickup using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.proxy_pickup to jifen_app;

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
  hand_over_presented text,
  code_tries smallint not null default 0,
  constraint redemption_pkey PRIMARY KEY (village, id),
  constraint redemption_op_key UNIQUE (village, op_id),
  constraint redemption_pickup_code_key UNIQUE (village, pickup_code),
  constraint redemption_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint redemption_price_list_fkey FOREIGN KEY (village, price_list_id) REFERENCES store.price_list(village, id),
  constraint redemption_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint redemption_back_entry CHECK (((NOT back_entry) OR (expires_at IS NULL))),
  constraint redemption_code_tries_check CHECK (((code_tries >= 0) AND (code_tries <= 5))),
  constraint redemption_expiry CHECK (((state <> ALL (ARRAY['reserved'::text, 'expired'::text])) OR (expires_at IS NOT NULL))),
  constraint redemption_hand_over_presented CHECK (((hand_over_presented IS NULL) = (handed_over_at IS NULL))),
  constraint redemption_hand_over_presented_check CHECK ((hand_over_presented = ANY (ARRAY['card'::text, 'cardAndPin'::text, 'pin'::text, 'pickupCode'::text, 'slip'::text]))),
  constraint redemption_handed_over CHECK ((((state = ANY (ARRAY['fulfilled'::text, 'returned'::text])) = (handed_over_at IS NOT NULL)) AND ((handed_over_at IS NULL) = (handed_over_by IS NULL)))),
  constraint redemption_mode_check CHECK ((mode = ANY (ARRAY['counter'::text, 'pickup'::text]))),
  constraint redemption_pickup_code_check CHECK ((pickup_code ~ '^[0-9]{8}$'::text)),
  constraint redemption_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint redemption_presented_check CHECK ((presented = ANY (ARRAY['card'::text, 'cardAndPin'::text, 'pin'::text, 'slip'::text]))),
  constraint redemption_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'fulfilled'::text, 'cancelled'::text, 'expired'::text, 'returned'::text]))),
  constraint redemption_waiting CHECK (((state = 'reserved'::text) = (pickup_code IS NOT NULL)))
);
comment on table store.redemption is 'A household''s order. Points and goods move in the book, in one transaction each.';
comment on column store.redemption.code_tries is 'Wrong pick-up codes said for this order. After five, its code opens it no more: a card, the PIN or a slip does.';
CREATE INDEX redemption_business_date ON store.redemption USING btree (village, business_date, id);
CREATE INDEX redemption_expires_at ON store.redemption USING btree (village, expires_at) WHERE (state = 'reserved'::text);
CREATE INDEX redemption_household ON store.redemption USING btree (village, household_id, id);
CREATE INDEX redemption_slip ON store.redemption USING btree (village, id) WHERE ((presented = 'slip'::text) OR (hand_over_presented = 'slip'::text));
alter table store.redemption enable row level security;
alter table store.redemption force row level security;
create policy scope on store.redemption using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on store.redemption to jifen_app;
grant update (code_tries) on store.redemption to jifen_app;

-- store.redemption_line
create table store.redemption_line (
  village text collate "C" not null,
  redemption_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  quantity integer not null,
  unit_points integer not null,
  name text not null,
  unit text not null,
  constraint redemption_line_pkey PRIMARY KEY (village, redemption_id, line),
  constraint redemption_line_goods_key UNIQUE (village, redemption_id, goods_id),
  constraint redemption_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint redemption_line_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint redemption_line_line_check CHECK (((line >= 1) AND (line <= 20))),
  constraint redemption_line_name CHECK ((((length(name) >= 1) AND (length(name) <= 60)) AND (name !~ '[[:cntrl:]]'::text))),
  constraint redemption_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100))),
  constraint redemption_line_unit CHECK ((((length(unit) >= 1) AND (length(unit) <= 10)) AND (unit !~ '[[:cntrl:]]'::text))),
  constraint redemption_line_unit_points_check CHECK (((unit_points >= 1) AND (unit_points <= 100000)))
);
comment on table store.redemption_line is 'What was ordered, at the price that held then.';
comment on column store.redemption_line.name is 'What the goods were called when they were ordered.';
comment on column store.redemption_line.unit is 'Unit the goods were counted in when they were ordered.';
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
comment on table store.return is 'Goods that come back after the hand-over, when another person agrees.';
CREATE UNIQUE INDEX return_open_key ON store.return USING btree (village, redemption_id) WHERE (state = 'proposed'::text);
CREATE INDEX return_redemption ON store.return USING btree (village, redemption_id, id);
alter table store.return enable row level security;
alter table store.return force row level security;
create policy scope on store.return using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on store.return to jifen_app;

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
comment on table store.return_line is 'What of it comes back.';
alter table store.return_line enable row level security;
alter table store.return_line force row level security;
create policy scope on store.return_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.return_line to jifen_app;

-- store.slip
create table store.slip (
  village text collate "C" not null,
  id uuid not null,
  redemption_id uuid not null,
  step text not null,
  photo_id uuid not null,
  reason text not null,
  recorded_by uuid not null,
  recorded_at timestamp(3) with time zone not null,
  constraint slip_pkey PRIMARY KEY (village, id),
  constraint slip_step_key UNIQUE (village, redemption_id, step),
  constraint slip_photo_fkey FOREIGN KEY (village, photo_id) REFERENCES photos.photo(village, id),
  constraint slip_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint slip_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint slip_step_check CHECK ((step = ANY (ARRAY['order'::text, 'handOver'::text])))
);
comment on table store.slip is 'What staff recorded instead of a card, a PIN or a code: a photo of the slip that the household signed, and why.';
alter table store.slip enable row level security;
alter table store.slip force row level security;
create policy scope on store.slip using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.slip to jifen_app;

-- store.stock_count
create table store.stock_count (
  village text collate "C" not null,
  id uuid not null,
  store_id uuid not null,
  state text not null default 'open'::text,
  opened_by uuid not null,
  opened_at timestamp(3) with time zone not null,
  first_by uuid,
  first_at timestamp(3) with time zone,
  second_by uuid,
  second_at timestamp(3) with time zone,
  constraint stock_count_pkey PRIMARY KEY (village, id),
  constraint stock_count_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint stock_count_first CHECK (((first_by IS NULL) = (first_at IS NULL))),
  constraint stock_count_in_turn CHECK (((second_by IS NULL) OR (first_by IS NOT NULL))),
  constraint stock_count_second CHECK ((((second_by IS NULL) = (second_at IS NULL)) AND ((state = 'open'::text) = (second_by IS NULL)))),
  constraint stock_count_second_person CHECK ((second_by <> first_by)),
  constraint stock_count_state_check CHECK ((state = ANY (ARRAY['open'::text, 'agreed'::text, 'disagreed'::text, 'stale'::text])))
);
comment on table store.stock_count is 'Two people count goods of a store, each without what the other and the book say.';
alter table store.stock_count enable row level security;
alter table store.stock_count force row level security;
create policy scope on store.stock_count using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_count to jifen_app;
grant update (state, first_by, first_at, second_by, second_at) on store.stock_count to jifen_app;

-- store.stock_count_line
create table store.stock_count_line (
  village text collate "C" not null,
  count_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  book integer not null,
  first_counted integer,
  second_counted integer,
  constraint stock_count_line_pkey PRIMARY KEY (village, count_id, line),
  constraint stock_count_line_goods_key UNIQUE (village, count_id, goods_id),
  constraint stock_count_line_count_fkey FOREIGN KEY (village, count_id) REFERENCES store.stock_count(village, id),
  constraint stock_count_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint stock_count_line_book_check CHECK (((book >= 0) AND (book <= 1000000))),
  constraint stock_count_line_first_counted_check CHECK (((first_counted >= 0) AND (first_counted <= 1000000))),
  constraint stock_count_line_line_check CHECK (((line >= 1) AND (line <= 200))),
  constraint stock_count_line_second_counted_check CHECK (((second_counted >= 0) AND (second_counted <= 1000000)))
);
comment on table store.stock_count_line is 'Goods to be counted, what the book had of them when the count was opened, and what either person found.';
alter table store.stock_count_line enable row level security;
alter table store.stock_count_line force row level security;
create policy scope on store.stock_count_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_count_line to jifen_app;
grant update (first_counted, second_counted) on store.stock_count_line to jifen_app;

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
  supplier text,
  invoice_number text collate "C",
  donor text,
  declared_value_fen bigint,
  event text,
  receiver text,
  to_store_id uuid,
  count_id uuid,
  counted_by uuid,
  photo_ids uuid[] not null default '{}'::uuid[],
  constraint stock_document_pkey PRIMARY KEY (village, id),
  constraint stock_document_count_fkey FOREIGN KEY (village, count_id) REFERENCES store.stock_count(village, id),
  constraint stock_document_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint stock_document_to_store_fkey FOREIGN KEY (village, to_store_id) REFERENCES store.store(village, id),
  constraint stock_document_count CHECK ((((type = ANY (ARRAY['countShortage'::text, 'countSurplus'::text])) = (count_id IS NOT NULL)) AND ((count_id IS NULL) = (counted_by IS NULL)))),
  constraint stock_document_counted_by_another CHECK (((decided_by IS NULL) OR (counted_by IS NULL) OR (decided_by <> counted_by))),
  constraint stock_document_decided CHECK ((((state = 'draft'::text) AND (decided_by IS NULL) AND (decided_at IS NULL)) OR ((state <> 'draft'::text) AND (decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
  constraint stock_document_decision_note_check CHECK (((length(decision_note) >= 1) AND (length(decision_note) <= 200))),
  constraint stock_document_declared_value_fen_check CHECK (((declared_value_fen >= 0) AND (declared_value_fen <= '10000000000'::bigint))),
  constraint stock_document_donation CHECK ((((type = 'donation'::text) = (donor IS NOT NULL)) AND ((type = 'donation'::text) = (declared_value_fen IS NOT NULL)))),
  constraint stock_document_donor_check CHECK (((length(donor) >= 1) AND (length(donor) <= 60))),
  constraint stock_document_event_check CHECK (((length(event) >= 1) AND (length(event) <= 60))),
  constraint stock_document_invoice_number_check CHECK (((length(invoice_number) >= 1) AND (length(invoice_number) <= 40))),
  constraint stock_document_issue CHECK ((((type = 'issue'::text) = (event IS NOT NULL)) AND ((type = 'issue'::text) = (receiver IS NOT NULL)))),
  constraint stock_document_photo_ids_check CHECK ((cardinality(photo_ids) <= 6)),
  constraint stock_document_purchase CHECK ((((type = 'purchase'::text) = (supplier IS NOT NULL)) AND ((type = 'purchase'::text) = (invoice_number IS NOT NULL)))),
  constraint stock_document_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint stock_document_receiver_check CHECK (((length(receiver) >= 1) AND (length(receiver) <= 60))),
  constraint stock_document_second_person CHECK (((decided_by IS NULL) OR (decided_by <> drafted_by))),
  constraint stock_document_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'posted'::text, 'rejected'::text]))),
  constraint stock_document_supplier_check CHECK (((length(supplier) >= 1) AND (length(supplier) <= 60))),
  constraint stock_document_transfer CHECK ((((type = 'transfer'::text) = (to_store_id IS NOT NULL)) AND (to_store_id IS DISTINCT FROM store_id))),
  constraint stock_document_type_check CHECK ((type = ANY (ARRAY['receipt'::text, 'purchase'::text, 'donation'::text, 'issue'::text, 'transfer'::text, 'writeOff'::text, 'countShortage'::text, 'countSurplus'::text])))
);
comment on table store.stock_document is 'Goods come in and are written off by documents that another person decides.';
CREATE UNIQUE INDEX stock_document_invoice_key ON store.stock_document USING btree (village, supplier, invoice_number) WHERE (state <> 'rejected'::text);
alter table store.stock_document enable row level security;
alter table store.stock_document force row level security;
create policy scope on store.stock_document using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_document to jifen_app;
grant update (reason, state, decided_by, decided_at, decision_note) on store.stock_document to jifen_app;

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
  constraint stock_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000000)))
);
comment on table store.stock_line is 'Goods of a document: how many, at what cost, and until when they keep.';
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
comment on table store.store is 'A store of the village: a shelf in the book (`shelf:<id>`), and where people find it.';
alter table store.store enable row level security;
alter table store.store force row level security;
create policy scope on store.store using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.store to jifen_app;
grant update (name, place) on store.store to jifen_app;

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
comment on table villages.division is 'The tree of places. A reference table: it holds no village''s affairs and is read by everybody.';
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
comment on table villages.grid is 'A group of households of a village (网格).';
alter table villages.grid enable row level security;
alter table villages.grid force row level security;
create policy scope on villages.grid using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on villages.grid to jifen_app;
grant update (name) on villages.grid to jifen_app;

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
comment on table villages.policy is 'What a village has decided about itself. Holds from its date until the next one''s; it is never changed, and never reaches back.';
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
comment on table villages.village is 'A division of level village that keeps a book here: a reference table too, for that is no secret.';
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
comment on view ledger.entry is 'A transfer as one account sees it: what left is negative.';
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
comment on view ledger.lot is 'Points of an account that expire on one day; `infinity` for those that never do.';
grant select on ledger.lot to jifen_app;

-- ledger.batch
create type ledger.batch as (
  book_villages text[],
  book_numbers bigint[],
  book_heads bytea[],
  book_times timestamp with time zone[],
  commands jsonb[],
  command_books integer[],
  command_headers integer[],
  command_firsts integer[],
  command_reverses bigint[],
  command_refusals jsonb[],
  command_numbers bigint[],
  command_posted boolean[],
  answers jsonb[],
  account_books integer[],
  account_numbers integer[],
  account_rows tid[],
  account_floors bigint[],
  account_carries_lots boolean[],
  account_balances bigint[],
  account_lots jsonb[],
  account_entries bigint[],
  account_entries_before bigint[],
  line_commands integer[],
  line_numbers integer[],
  line_from integer[],
  line_to integer[],
  line_from_codes text[],
  line_to_codes text[],
  line_assets text[],
  line_amounts bigint[],
  line_lots_wanted jsonb[],
  line_refusals jsonb[],
  line_from_balances bigint[],
  line_to_balances bigint[],
  line_from_entries bigint[],
  line_to_entries bigint[],
  line_lots jsonb[],
  limit_books integer[],
  limit_keys text[],
  limit_rows tid[],
  limit_used bigint[],
  limit_max bigint[],
  limit_used_before bigint[],
  limit_max_before bigint[],
  use_commands integer[],
  use_limits integer[],
  use_amounts bigint[],
  use_max bigint[],
  line_later bigint[],
  line_fits_on date[]
);
