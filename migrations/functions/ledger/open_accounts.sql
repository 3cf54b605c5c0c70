-- Opens accounts [{code, asset}] under the lock of the book, which numbers them; existing ones stay as they are. Bug,
-- JF002: the village has no book.
create or replace function ledger.open_accounts(p_village text, p_accounts jsonb) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  opened integer;
begin
  perform from ledger.book where village = p_village for update;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;
  insert into ledger.account (village, number, code, asset, floor)
  select p_village, b.accounts + row_number() over (order by n.ord), n.code, n.asset, ledger.floor_of(n.code)
    from ledger.book b,
         (select a.value ->> 'code' as code, a.value ->> 'asset' as asset, min(a.ord) as ord
            from jsonb_array_elements(p_accounts) with ordinality a(value, ord) group by 1, 2) n
   where b.village = p_village
     and not exists (select from ledger.account e
                      where e.village = p_village and e.code = n.code and e.asset = n.asset);
  get diagnostics opened = row_count;
  update ledger.book set accounts = accounts + opened where village = p_village;
end $$;

grant execute on function ledger.open_accounts to jifen_app;
