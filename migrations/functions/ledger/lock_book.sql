-- Locks the book until the database transaction ends: balances and lots read by later statements are those that will be
-- posted on.
create or replace function ledger.lock_book(p_village text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ledger.book where village = p_village for update;
end $$;

grant execute on function ledger.lock_book to jifen_app;
