-- The chain hash after these leaves, as an aggregate or over a window; `head` is the hash before the first.
create or replace aggregate ledger.chain(head bytea, leaf bytea) (sfunc = ledger.chain_link, stype = bytea);
