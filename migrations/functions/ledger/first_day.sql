-- The first day of these lots. Read one day at a time and not by a query, because this happens for every line that moves
-- points.
create or replace function ledger.first_day(lots jsonb) returns text immutable parallel safe language sql
return jsonb_path_query_first(lots, '$.keyvalue().key') #>> '{}';

grant execute on function ledger.first_day to jifen_app;
