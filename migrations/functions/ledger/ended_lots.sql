-- The lots whose last day is before `day`: they can no longer be spent, and stay until an expiry run takes them.
create or replace function ledger.ended_lots(lots jsonb, day text) returns jsonb
  immutable parallel safe language sql
return (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(lots) where key < day collate "C");
