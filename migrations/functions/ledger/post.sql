-- Posts a list of commands to one book and answers each in order, as ledger.post_each does. Only this function and
-- ledger.post_books write books. With `p_atomic`, one refusal undoes the whole list: commands that had been posted are
-- answered {status: undone}, so that the caller still learns what was refused and why.
create or replace function ledger.post(p_village text, p_commands jsonb, p_atomic boolean default false) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;

grant execute on function ledger.post to jifen_app;
