-- The lots in such a term of a transaction; none for null.
create or replace function ledger.lots_of_text(lots text) returns jsonb immutable parallel safe language sql
return (select coalesce(jsonb_object_agg(split_part(l, '=', 1), split_part(l, '=', 2)::bigint), '{}')
          from string_to_table(lots, ',') l);
