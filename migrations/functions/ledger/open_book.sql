-- Opens the book of a village; an existing one stays as it is.
create or replace function ledger.open_book(p_village text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.book (village) values (p_village) on conflict do nothing;
end $$;

grant execute on function ledger.open_book to jifen_app;
