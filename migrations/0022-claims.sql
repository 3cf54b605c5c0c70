-- Claims: what a household says it has done, with what shows it, and what reviewers make of it. The points come with an
-- award, which names the claim.

create schema claims;
grant usage on schema claims to jifen_app;

-- The policy of review and the worth of a unit are those of the day on which it was submitted, and stay.
create table claims.claim (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  unit_points integer not null check (unit_points between 1 and 1000),
  quantity integer not null check (quantity between 1 and 1000),
  -- Set by hand instead of the rule's, which is never decided without a second person.
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
  -- 1, and 2 after it was sent back.
  round integer not null default 1 check (round in (1, 2)),
  state text not null check (state in
    ('submitted', 'inPanel', 'awaitingSecond', 'approved', 'returned', 'rejected', 'withdrawn')),
  state_since timestamptz(3) not null,
  -- Who looks at it now, and until when nobody else does.
  taken_by uuid,
  taken_until timestamptz(3),
  -- What was decided: written by `claims.decide` alone.
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
create index claim_state on claims.claim (village, state, id);
create index claim_household on claims.claim (village, household_id, id);
create index claim_rule on claims.claim (village, rule_id, id);
-- One open claim for an occasion; when it is approved, the award stands in its place.
create unique index claim_open_key on claims.claim (village, household_id, occasion, rule_code, member_id)
  nulls not distinct where occasion is not null and state in ('submitted', 'inPanel', 'awaitingSecond', 'returned');

-- What each person decided. Numbered in the order in which it happened.
create table claims.decision (
  village text collate "C" not null,
  claim_id uuid not null,
  number integer not null,
  household_id uuid not null,
  submitted_by uuid not null,
  round integer not null,
  step text not null check (step in ('firstReview', 'panel', 'second')),
  verdict text not null,
  -- How many of the claimed units, with a yes.
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
create unique index decision_first_key on claims.decision (village, claim_id, round) where step = 'firstReview';
create unique index decision_second_key on claims.decision (village, claim_id, round) where step = 'second';

alter table claims.claim enable row level security;
alter table claims.claim force row level security;
create policy scope on claims.claim
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table claims.decision enable row level security;
alter table claims.decision force row level security;
create policy scope on claims.decision
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- The only way to decide. It locks the claim, refuses whoever must keep out, records the decision and moves the claim on,
-- and answers {state} or {refusal, facts}. A panel closes by itself, when two thirds have voted and the votes that are
-- still missing can change nothing; what is agreed is the least that its yeses grant.
create function claims.decide(p_village text, p_claim uuid, p_step text, p_verdict text, p_quantity integer, p_reason text,
    p_user uuid, p_at timestamptz) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;

revoke all on all functions in schema claims from public;
grant execute on function claims.decide(text, uuid, text, text, integer, text, uuid, timestamptz) to jifen_app;
grant select on claims.claim, claims.decision to jifen_app;
grant insert (village, id, household_id, member_id, rule_id, rule_code, unit_points, quantity, custom_points, custom_reason,
  occurred_at, business_date, place, note, occasion, photo_ids, evidence, on_behalf, submitted_by, submitted_at,
  review_steps, panel_size, second_from_points, state, state_since) on claims.claim to jifen_app;
grant update (quantity, note, photo_ids, evidence, round, state, state_since, taken_by, taken_until)
  on claims.claim to jifen_app;
