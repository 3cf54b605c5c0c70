-- Records what became of a return, by somebody who is no kin of the household that bought the goods, nor of the one that
-- gets the points (`p_to_household`). Each piece comes back once, over however many returns: more is a bug, for the verb
-- has judged before.
create or replace function store.decide_return(
  p_village text, p_return uuid, p_state text, p_note text, p_by uuid, p_at timestamptz, p_to_household uuid
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from store.return b join store.redemption r on r.village = b.village and r.id = b.redemption_id
    where b.village = p_village and b.id = p_return for update of r;
  perform households.refuse_kin(p_village, p_by, r.household_id)
     from store.return b join store.redemption r on r.village = b.village and r.id = b.redemption_id
    where b.village = p_village and b.id = p_return;
  perform households.refuse_kin(p_village, p_by, p_to_household);
  update store.return
     set state = p_state, decided_by = p_by, decided_at = p_at, decision_note = p_note
   where village = p_village and id = p_return and state = 'proposed';
  if exists (
    select from store.return b
      join store.return own on own.village = b.village and own.redemption_id = b.redemption_id and own.id = p_return
      join store.return_line l on l.village = b.village and l.return_id = b.id
      left join store.redemption_line o
        on o.village = l.village and o.redemption_id = b.redemption_id and o.goods_id = l.goods_id
     where b.village = p_village and b.state = 'approved'
     group by l.goods_id, o.quantity
    having sum(l.quantity) > coalesce(o.quantity, 0)) then
    raise exception 'more comes back by the return % than was handed over', p_return;
  end if;
end
$$;

grant execute on function store.decide_return to jifen_app;
