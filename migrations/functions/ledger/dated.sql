-- How many points of these lots have a last day.
create or replace function ledger.dated(lots jsonb) returns bigint immutable parallel safe language plpgsql as $$
declare
  points bigint := 0;
  day text;
begin
  while lots <> '{}' loop
    day := ledger.first_day(lots);
    points := points + (lots ->> day)::bigint;
    lots := lots - day;
  end loop;
  return points;
end $$;

grant execute on function ledger.dated to jifen_app;
