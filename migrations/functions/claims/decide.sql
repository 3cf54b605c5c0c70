-- The only way to decide about a claim: `p_user` decides at `p_step` (firstReview, panel, second) with `p_verdict`
-- (pass, return, reject; approve, reject), a yes for `p_quantity` of the claimed units. Answers {state} or {refusal,
-- facts}: forbidden, or what claims.decide_step refuses.
-- Who decides at a step holds its role over the village at that moment, whoever calls the function: the database knows
-- the grants, too. The second person comes from one level up.
create or replace function claims.decide(
  p_village text, p_claim uuid, p_step text, p_verdict text, p_quantity integer, p_reason text, p_user uuid, p_at timestamptz
) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
$$;

grant execute on function claims.decide to jifen_app;
