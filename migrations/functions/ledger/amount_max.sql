-- The most that one transfer may carry: 10⁶ of anything, 10¹⁰ fen. Not strict, so that it is inlined.
create or replace function ledger.amount_max(asset text) returns bigint immutable parallel safe language sql
return case asset when 'CNY' then 10000000000 else 1000000 end;

grant execute on function ledger.amount_max to jifen_app;
