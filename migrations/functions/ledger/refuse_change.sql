-- The trigger function that keeps the book append-only: JF001.
create or replace function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the book is never changed: post a reversal instead' using errcode = 'JF001';
end $$;
