-- Reads the lines of the commands, and the accounts they name; and where something is taken for a business day before the
-- book's last, or the list's, what came later. Bug, JF003: a transfer lacks one of its parts.
create or replace function ledger.read_lines(batch ledger.batch) returns ledger.batch language plpgsql as $$
declare
  is_malformed boolean; is_taking boolean; is_earlier boolean;
begin
  -- Each account by its key, hence `limit 1`: a join would read all accounts of a village for one transfer.
  with line as materialized (
    select c.place as command, t.number, c.book, t.value ->> 'from' as from_code, t.value ->> 'to' as to_code,
           t.value ->> 'asset' as asset, (t.value ->> 'amount')::bigint as amount, t.value -> 'lots' as lots
      from unnest(batch.command_books, batch.commands) with ordinality c(book, content, place),
           jsonb_array_elements(c.content -> 'transfers') with ordinality t(value, number)),
  account as materialized (
    select row_number() over () as place, named.book, found.*
      from (select book, from_code as code, asset from line union select book, to_code, asset from line) named,
           lateral (select ctid, * from ledger.account
                     where village = batch.book_villages[named.book] and code = named.code and asset = named.asset
                     limit 1) found)
  select a.*, l.*
    into batch.account_books, batch.account_numbers, batch.account_rows, batch.account_floors, batch.account_balances,
         batch.account_entries, batch.account_lots, batch.account_carries_lots,
         batch.line_commands, batch.line_numbers, batch.line_from, batch.line_to, batch.line_assets, batch.line_amounts,
         batch.line_lots_wanted, batch.line_from_codes, batch.line_to_codes, batch.line_refusals, is_malformed, is_taking
    from (select array_agg(book), array_agg(number), array_agg(ctid),
                 array_agg(coalesce(floor, -9223372036854775808)), array_agg(balance), array_agg(entries), array_agg(lots),
                 array_agg(ledger.carries_lots(asset, floor))
            from account) a,
         (select array_agg(command), array_agg(number), array_agg(from_place), array_agg(to_place), array_agg(asset),
                 array_agg(amount), array_agg(lots), array_agg(from_code), array_agg(to_code),
                 case when bool_or(refusal is not null) then array_agg(refusal) end,
                 bool_or(from_code is null or to_code is null or asset is null or amount is null), bool_or(takes)
            from (select line.*, f.floor is not null as takes, f.place as from_place, t.place as to_place,
                         case when f.place is null or t.place is null
                                then ledger.refused('not-found', jsonb_build_object(
                                  'accountCode', case when f.place is null then from_code else to_code end,
                                  'asset', line.asset))
                              when amount not between 1 and ledger.amount_max(line.asset)
                                then ledger.refused('out-of-bounds', jsonb_build_object(
                                  'field', 'amount', 'asset', line.asset, 'min', 1, 'max', ledger.amount_max(line.asset)))
                         end as refusal
                    from line
                    left join account f on f.book = line.book and f.code = line.from_code and f.asset = line.asset
                    left join account t on t.book = line.book and t.code = line.to_code and t.asset = line.asset
                   order by line.command, line.number) s) l;
  if is_malformed then
    raise exception 'a transfer needs all of its parts' using errcode = 'JF003';
  end if;
  batch.account_entries_before := batch.account_entries;
  -- Most of what is posted gives, or takes for today.
  if is_taking then
    with day as materialized (
      select distinct c.book, (c.content ->> 'businessDate')::date as day
        from unnest(batch.command_books, batch.commands) c(book, content) where c.content ? 'businessDate')
    select bool_or(later.number is not null) or count(*) > count(distinct day.book) into is_earlier
      from day
      left join lateral (select number from ledger.transaction
                          where village = batch.book_villages[day.book] and business_date > day.day limit 1) later on true;
    if is_earlier then batch := ledger.read_later(batch); end if;
  end if;
  return batch;
end $$;
