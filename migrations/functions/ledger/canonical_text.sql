-- The canonical text from a transaction's columns and two parts that are made for a whole batch at once: the lines of
-- its terms and of its transfers. A plain expression, so that it is inlined. Stable, not immutable: to_char() depends on
-- the session.
create or replace function ledger.canonical_text(t ledger.transaction, terms_text text, lines text) returns text
  stable parallel safe language sql
return
  E'jifen/1\nvillage ' || t.village
  || E'\nnumber ' || t.number
  || E'\nid ' || t.id
  || E'\nkind ' || t.kind
  || E'\ncause ' || ledger.escape(t.cause)
  || E'\nbusinessDate ' || to_char(t.business_date, 'YYYY-MM-DD')
  || E'\noccurredAt ' || to_char(t.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  || E'\npostedAt ' || to_char(t.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  || E'\nactor ' || t.actor
  || coalesce(E'\napprover ' || t.approver, '')
  || coalesce(E'\nreverses ' || t.reverses, '')
  || coalesce(E'\nmemo ' || ledger.escape(t.memo), '')
  || terms_text || lines || E'\n';
