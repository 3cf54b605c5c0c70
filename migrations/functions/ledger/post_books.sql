-- Posts lists of commands to several books, [{village, commands}]: one answer for each command, in order.
create or replace function ledger.post_books(p_lists jsonb) returns jsonb
  language sql security definer set search_path = pg_catalog, pg_temp
return ledger.post_each(p_lists);

grant execute on function ledger.post_books to jifen_app;
