-- A text as a cell of a CSV file that spreadsheets open: one that begins like a formula gets a leading ', for COPY
-- quotes but does not escape, and one line stays one line. Numbers are not handed to it.
create or replace function audit.cell(value text) returns text immutable strict parallel safe language sql
return case when value ~ '^[-=+@\t\r＝＋－＠]' then '''' else '' end || regexp_replace(value, '[\r\n]+', ' ', 'g');

grant execute on function audit.cell to jifen_app;
