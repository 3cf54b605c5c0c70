-- Whether an account carries lots: points that belong to somebody do, what has no floor does not.
create or replace function ledger.carries_lots(asset text, floor bigint) returns boolean
  immutable parallel safe language sql
return asset = 'PTS' and floor is not null;

grant execute on function ledger.carries_lots to jifen_app;
