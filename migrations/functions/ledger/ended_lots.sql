-- The lots of the paying account that a line cannot spend, because their last day is before the line's business date. They
-- stay until an expiry run takes them, whether or not it has come. Orders spend, and so do paying what is owed and an
-- allowance. What an order or an allowance has set aside was spent when it was made, and any other move takes ended points along.
create or replace function ledger.ended_lots(lots jsonb, from_code text, to_code text, day text) returns jsonb
  immutable parallel safe language sql
return case when from_code like 'household:%:available'
              and (to_code = 'redeemed' or to_code like 'household:%:held' or to_code like 'household:%:arrears'
                   or to_code like 'allowance:%')
  then (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(lots) where key < day collate "C")
  else '{}' end;
