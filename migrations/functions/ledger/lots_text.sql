-- Lots as a term of a transaction: `2027-11-30=5,2027-12-31=2`, by day (jsonb sorts keys of equal length).
create or replace function ledger.lots_text(lots jsonb) returns text immutable parallel safe language sql
return replace(translate(lots::text, '{}" ', ''), ':', '=');
