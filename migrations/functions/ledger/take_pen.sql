-- Takes the pen, so that balances and lots read by a later statement are those that will be posted on.
create or replace function ledger.take_pen(p_village text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ledger.book where village = p_village for update;
end $$;

grant execute on function ledger.take_pen to jifen_app;
