-- Lots as a transaction freezes them: `2027-11-30=5,2027-12-31=2`. Keys of one length stand in their order.
create or replace function ledger.lots_text(lots jsonb) returns text immutable parallel safe language sql
return replace(translate(lots::text, '{}" ', ''), ':', '=');
