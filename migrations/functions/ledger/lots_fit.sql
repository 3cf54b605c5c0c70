-- Whether an account may have these lots: positive whole points by day, together no more than its balance.
create or replace function ledger.lots_fit(a ledger.account) returns boolean
  immutable parallel safe language plpgsql as $$
begin
  return ledger.carries_lots(a.asset, a.floor) and ledger.dated(a.lots) <= a.balance
    and not jsonb_path_exists(a.lots,
          '$.keyvalue() ? (!(@.key like_regex "^[0-9]{4}-[0-9]{2}-[0-9]{2}$") || !(@.value > 0))');
end $$;
