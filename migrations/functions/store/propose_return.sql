-- Enters a return, by somebody who is no kin of the household that gives the goods back.
create or replace function store.propose_return(
  p_village text, p_return uuid, p_order uuid, p_reason text, p_restock boolean, p_points integer, p_by uuid,
  p_at timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform households.refuse_kin(p_village, p_by, r.household_id)
     from store.redemption r where r.village = p_village and r.id = p_order;
  insert into store.return (village, id, redemption_id, reason, restock, points, proposed_by, proposed_at)
  values (p_village, p_return, p_order, p_reason, p_restock, p_points, p_by, p_at);
end
$$;

grant execute on function store.propose_return to jifen_app;
