-- What a transaction froze, as lines of its canonical text, each after a line break.
create or replace function ledger.frozen_text(frozen jsonb) returns text immutable parallel safe language sql
return coalesce((select string_agg(E'\nfrozen ' || key || ' ' || ledger.escape(value), '' order by key collate "C")
                   from jsonb_each_text(frozen)), '');
