-- A value as it appears in the canonical text. A line break in a value would forge a line, so it is written \n, and a
-- backslash \\.
create or replace function ledger.escape(value text) returns text immutable strict parallel safe language sql
return replace(replace(replace(value, E'\\', E'\\\\'), E'\r', E'\\r'), E'\n', E'\\n');

grant execute on function ledger.escape to jifen_app;
