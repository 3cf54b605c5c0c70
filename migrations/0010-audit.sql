-- What exports need of the database. They read the other schemas and keep nothing of their own.

create schema audit;
grant usage on schema audit to jifen_app;

-- A text as a cell of a CSV file that spreadsheets open: one that begins like a formula gets a leading ', for COPY quotes
-- but does not escape, and one line stays one line. Numbers are not handed to it.
create function audit.cell(value text) returns text immutable strict parallel safe language sql
return case when value ~ '^[-=+@\t\r＝＋－＠]' then '''' else '' end || regexp_replace(value, '[\r\n]+', ' ', 'g');

revoke all on all functions in schema audit from public;
grant execute on function audit.cell(text) to jifen_app;
