-- The first day of these lots. They are read a day at a time and not by a query: this happens once for every line that
-- moves points.
create or replace function ledger.first_day(lots jsonb) returns text immutable parallel safe language sql
return jsonb_path_query_first(lots, '$.keyvalue().key') #>> '{}';

grant execute on function ledger.first_day to jifen_app;
