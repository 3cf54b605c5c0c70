-- Records a decision of somebody who may decide at this step; for claims.decide alone. It locks the claim, refuses
-- whoever must keep out, records the decision and moves the claim on, and answers {state} or {refusal, facts}:
-- not-found, second-person-required, own-household, wrong-state, already-exists, review-taken, out-of-bounds.
-- A panel closes by itself, when two thirds have voted and the votes that are still missing can change nothing; what is
-- agreed is the least that its yeses grant.
create or replace function claims.decide_step(
  p_village text, p_claim uuid, p_step text, p_verdict text, p_quantity integer, p_reason text, p_user uuid, p_at timestamptz
) returns jsonb
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
