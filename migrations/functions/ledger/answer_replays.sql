-- Answers the commands whose cause was posted earlier, in this batch or before: with the same content they are replayed,
-- with other content refused, cause-reused. Lots are not content: they were determined by posting. Bug, JF003: terms
-- that ledger.is_term does not allow.
create or replace function ledger.answer_replays(batch ledger.batch) returns ledger.batch language plpgsql as $$
declare
  command integer;
  answer jsonb;
begin
  if exists (select from unnest(batch.commands) c(content), jsonb_each(c.content -> 'frozen') t
              where not ledger.is_term(t.key, t.value)) then
    raise exception 'terms are text under one word, and limits and lots are the ledger''s' using errcode = 'JF003';
  end if;
  for command, answer in
    select c.place,
           case when ledger.leaf(ledger.canonical(
                       ledger.transaction_of(
                         c.content || jsonb_build_object('id', earlier.id), batch.commands[c.header], earlier.village,
                         earlier.number, earlier.posted_at,
                         coalesce(batch.commands[c.header] -> 'frozen', '{}') || coalesce(used.terms, '{}') || lots.terms),
                       line.text)) = earlier.leaf_hash
                then jsonb_build_object('status', 'replayed', 'number', earlier.number, 'id', earlier.id,
                       'hash', encode(earlier.hash, 'hex'), 'postedAt', earlier.posted_at)
                else ledger.refused('cause-reused', jsonb_build_object('transactionNumber', earlier.number)) end
      from (select * from unnest(batch.commands, batch.command_books, batch.command_headers, batch.command_numbers,
                                 batch.answers) with ordinality u(content, book, header, number, answer, place)
             where u.answer is null offset 0) c
     cross join lateral (select * from ledger.transaction
                          where village = batch.book_villages[c.book] and number = c.number offset 0) earlier
     cross join lateral (select coalesce(jsonb_object_agg(key, value), '{}') as terms
                           from jsonb_each(earlier.frozen) where key like 'lots:%') lots
      left join (select l.command, string_agg(E'\nline ' || asset || ' ' || amount || ' ' || from_code || ' ' || to_code, ''
                                              order by line) as text
                   from unnest(batch.line_commands, batch.line_numbers, batch.line_assets, batch.line_amounts,
                               batch.line_from_codes, batch.line_to_codes)
                          l(command, line, asset, amount, from_code, to_code)
                  group by l.command) line on line.command = c.place
      left join (select u.command, jsonb_object_agg('limit:' || batch.limit_keys[place], amount || '/' || max) as terms
                   from unnest(batch.use_commands, batch.use_limits, batch.use_amounts, batch.use_max)
                          u(command, place, amount, max)
                  group by u.command) used on used.command = c.place
  loop
    batch.answers[command] := answer;
  end loop;
  return batch;
end $$;
