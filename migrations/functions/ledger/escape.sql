-- A value as the canonical text has it. A line break inside it would forge a line, so it is written \n, and the
-- backslash itself \\.
create or replace function ledger.escape(value text) returns text immutable strict parallel safe language sql
return replace(replace(replace(value, E'\\', E'\\\\'), E'\r', E'\\r'), E'\n', E'\\n');

grant execute on function ledger.escape to jifen_app;
