-- Adds lots to others (`sign` 1), or subtracts them (-1); days with nothing left are dropped.
create or replace function ledger.add_lots(lots jsonb, others jsonb, sign integer) returns jsonb
  immutable parallel safe language plpgsql as $$
declare
  day text;
  points bigint;
begin
  if lots = '{}' and sign = 1 then return others; end if;
  while others <> '{}' loop
    day := ledger.first_day(others);
    points := coalesce((lots ->> day)::bigint, 0) + sign * (others ->> day)::bigint;
    lots := case when points = 0 then lots - day else lots || jsonb_build_object(day, points) end;
    others := others - day;
  end loop;
  return lots;
end $$;
