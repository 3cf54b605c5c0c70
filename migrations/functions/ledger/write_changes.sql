-- Writes what the accepted commands change in limits, accounts and books. Rows are updated where they were read; under
-- the same locks nobody else can have changed them, and JF002 is raised if somebody did.
create or replace function ledger.write_changes(batch ledger.batch) returns ledger.batch language plpgsql as $$
declare
  missed bigint;
begin
  with used_limit as materialized (
    select * from unnest(batch.limit_books, batch.limit_keys, batch.limit_rows, batch.limit_used, batch.limit_max,
                         batch.limit_used_before, batch.limit_max_before)
                    l(book, key, row, used, max, used_before, max_before)
     where (l.used, l.max) <> (l.used_before, l.max_before)),
  limits_inserted as (
    insert into ledger.limit_use (village, key, used, max)
    select batch.book_villages[l.book], l.key, l.used, l.max from used_limit l where l.row is null),
  limits_updated as (
    update ledger.limit_use u set used = l.used, max = l.max
      from used_limit l where u.ctid = l.row and u.village = batch.book_villages[l.book] returning 1),
  moved_account as materialized (
    select * from unnest(batch.account_books, batch.account_rows, batch.account_balances, batch.account_entries,
                         batch.account_entries_before, batch.account_lots)
                    a(book, row, balance, entries, entries_before, lots)
     where a.entries <> a.entries_before),
  accounts_updated as (
    update ledger.account u set balance = a.balance, entries = a.entries, lots = a.lots
      from moved_account a where u.ctid = a.row and u.village = batch.book_villages[a.book] returning 1),
  books_updated as (
    update ledger.book b set number = n.number, head = n.head, posted_at = n.posted_at
      from unnest(batch.book_villages, batch.book_numbers, batch.book_heads, batch.book_times)
             n(village, number, head, posted_at)
     where b.village = n.village and b.number <> n.number)
  select (select count(row) from used_limit) - (select count(*) from limits_updated)
         + (select count(*) from moved_account) - (select count(*) from accounts_updated) into missed;
  if missed > 0 then
    raise exception 'a limit or an account was changed without a lock on its book' using errcode = 'JF002';
  end if;
  return batch;
end $$;
