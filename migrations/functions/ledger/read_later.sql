-- Reads, for each line that takes from an account with a floor, how much less than its balance the account had at some
-- moment after everything of the line's business day, in the order of business days: what came later may not be taken for an
-- earlier day. And the account's last business day, on which the whole balance is there.
--
-- Earlier commands of the list count likewise, as if all of them will be accepted: that never admits too much.
create or replace function ledger.read_later(batch ledger.batch) returns ledger.batch language plpgsql as $$
begin
  with command as materialized (
    select c.place, c.book, (header.content ->> 'businessDate')::date as day
      from unnest(batch.command_books, batch.command_headers) with ordinality c(book, header, place)
      join unnest(batch.commands) with ordinality header(content, place) on header.place = c.header),
  -- Every transaction of a later business day has this number or a greater one: the last entries of an account are enough.
  first as materialized (
    select day.*, later.number
      from (select distinct book, day from command) day
     cross join lateral (select min(number) as number from ledger.transaction
                          where village = batch.book_villages[day.book] and business_date > day.day offset 0) later),
  line as materialized (
    select l.place, l.command, l.source, l.target, l.amount, c.day, first.number as first,
           batch.book_villages[c.book] as village, a.number as account,
           a.floor > -9223372036854775808 as takes
      from unnest(batch.line_commands, batch.line_from, batch.line_to, batch.line_amounts)
             with ordinality l(command, source, target, amount, place)
      join command c on c.place = l.command
      join first on first.book = c.book and first.day = c.day
      left join unnest(batch.account_numbers, batch.account_floors) with ordinality a(number, floor, place)
        on a.place = l.source)
  select array_agg(coalesce(posted.amount, 0) + coalesce(listed.amount, 0) order by line.place),
         array_agg(greatest(posted.day, listed.day) order by line.place)
    into batch.line_later, batch.line_fits_on
    from line
    left join lateral (
      select greatest(0, max(amount)) as amount, max(day) as day
        from (select t.day, sum(e.amount) over (order by t.day desc, e.number desc, e.line desc) as amount
                from (select number, line, amount from ledger.entry
                       where village = line.village and account = line.account and number >= line.first offset 0) e
               cross join lateral (select business_date as day from ledger.transaction
                                    where village = line.village and number = e.number offset 0) t
               where t.day > line.day) after) posted on line.takes and line.first is not null
    left join lateral (
      select sum(earlier.amount) as amount, max(earlier.day) as day from line earlier
       where earlier.target = line.source and earlier.command < line.command and earlier.day > line.day) listed on line.takes;
  return batch;
end $$;
