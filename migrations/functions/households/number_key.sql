-- A household number as it is compared: a spreadsheet drops leading zeros, so 0051 and 51 are one number.
create or replace function households.number_key(p_number text) returns text
language sql immutable strict parallel safe
return pg_catalog.regexp_replace(p_number collate "C", '^([A-Z]?)0+(?=[0-9])', '\1');

grant execute on function households.number_key to jifen_app;
