-- What households must pay of what has just come in for them, as lists for ledger.post_each, or null: whoever owes points
-- pays them first, up to what came in. What an arrears transaction lends pays nothing: a reversal is about to take it.
-- Such a payment is dated like its income, or like the youngest debt if that is younger: nobody pays before owing. Points
-- whose last day has passed pay nothing, and of the others those that expire first go, as with an order.
create or replace function ledger.arrears_payments(batch ledger.batch) returns jsonb stable language plpgsql as $$
begin
  -- Awards on the notice board and all orders are through here: nothing is looked up for them.
  if array_to_string(batch.line_to_codes, ' ') not like '%:available%' then
    return null;
  end if;
  return (
    with came as materialized (
      select batch.command_books[l.command] as book, split_part(l.to_code, ':', 2) as household,
             max(l.command) as command, sum(l.amount)::bigint as points,
             max(batch.commands[batch.command_headers[l.command]] ->> 'businessDate') as day
        from unnest(batch.line_commands, batch.line_from_codes, batch.line_to_codes, batch.line_amounts)
               l(command, from_code, to_code, amount)
       where batch.command_posted[l.command] and l.to_code like 'household:%:available'
         and l.from_code not like 'household:%:arrears'
       group by 1, 2),
    due as (
      select c.book, c.household, available.code as from_code, arrears.code as to_code, payday.day,
             batch.command_numbers[c.command]::text as income, batch.commands[batch.command_headers[c.command]] as event,
             least(c.points, -arrears.balance, ledger.amount_max('PTS'), available.balance - ledger.dated(
               ledger.ended_lots(available.lots, available.code, arrears.code, payday.day))) as points
        from came c
       cross join lateral (
         select * from ledger.account
          where village = batch.book_villages[c.book] and code = 'household:' || c.household || ':arrears'
            and asset = 'PTS' and balance < 0 limit 1) arrears
       cross join lateral (
         select * from ledger.account
          where village = arrears.village and code = 'household:' || c.household || ':available'
            and asset = 'PTS' limit 1) available
       cross join lateral (
         select greatest(c.day, to_char(max(t.business_date), 'YYYY-MM-DD')) as day
           from (select number from ledger.transfer
                  where village = arrears.village and from_account = arrears.number offset 0) debt
          cross join lateral (
            select business_date from ledger.transaction
             where village = arrears.village and number = debt.number offset 0) t) payday),
    list as (
      select book, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'id', gen_random_uuid(), 'kind', 'arrearsPayment', 'cause', 'income:' || income || ':' || household,
               'actor', event -> 'actor', 'approver', event -> 'approver', 'occurredAt', event -> 'occurredAt',
               'businessDate', day, 'frozen', jsonb_build_object('income', income),
               'transfers', jsonb_build_array(jsonb_build_object(
                 'from', from_code, 'to', to_code, 'asset', 'PTS', 'amount', points)))) order by household) as commands
        from due where points > 0 group by book)
    select jsonb_agg(jsonb_build_object('village', batch.book_villages[book], 'commands', commands) order by book)
      from list);
end $$;
