-- The canonical text of a transaction (jifen/1), which is hashed: lines `name value`, each ended by LF;
-- docs/canonical.md has a test vector. `lines` are the lines of the transfers, in order.
create or replace function ledger.canonical(t ledger.transaction, lines text) returns text
  stable parallel safe language sql
return ledger.canonical_text(
  t,
  coalesce((select string_agg(E'\nfrozen ' || key || ' ' || ledger.escape(value), '' order by key collate "C")
              from jsonb_each_text(t.frozen)), ''),
  lines);

grant execute on function ledger.canonical to jifen_app;
