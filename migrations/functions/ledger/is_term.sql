-- Whether a caller may use this as a term of a transaction. With a blank in a name, or a value that is not text, two
-- transactions could have the same canonical text; names of limits and lots are the ledger's own.
create or replace function ledger.is_term(name text, value jsonb) returns boolean immutable parallel safe language sql
return translate(name, E' \t\n\x0b\f\r', '') = name and jsonb_typeof(value) = 'string'
  and not (name collate "C" >= 'limit:' and name collate "C" < 'limit;')
  and not (name collate "C" >= 'lots:' and name collate "C" < 'lots;');
