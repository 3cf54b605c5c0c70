-- The text of a transaction that is hashed (jifen/1): lines `name value`, each ended by LF; docs/canonical.md has the
-- test vector. `lines` are the transfers' own lines, in order.
create or replace function ledger.canonical(t ledger.transaction, lines text) returns text
  stable parallel safe language sql
return ledger.canonical_text(t, ledger.frozen_text(t.frozen), lines);

grant execute on function ledger.canonical to jifen_app;
