-- Writes the transactions of the accepted commands, sealed with their hashes, and their lines; answers these commands
-- and moves the heads of the books on. Bug, JF003: terms that ledger.is_term does not allow.
create or replace function ledger.write_transactions(batch ledger.batch) returns ledger.batch language plpgsql as $$
declare
  commands jsonb[] := batch.commands;
  numbers bigint[] := batch.command_numbers;
  limit_keys text[] := batch.limit_keys;
  answers jsonb[] := batch.answers;
  places integer[]; hashes bytea[]; posted_answers jsonb[]; is_malformed boolean;
begin
  -- The text of a transaction ends with its terms and its lines. The terms include what it used of limits and which lots it
  -- moved, so that both can be recomputed from the book. They are sorted by name: the caller's own come before, between and
  -- after these two, and become text once for all commands that have them in common.
  with term as (
    select c.place, t.key collate "C" as key, E'\nfrozen ' || t.key || ' ' || ledger.escape(t.value #>> '{}') as text,
           not ledger.is_term(t.key, t.value) as is_malformed
      from unnest(commands) with ordinality c(content, place), jsonb_each(c.content -> 'frozen') t),
  header as materialized (
    select place, string_agg(text, '' order by key) filter (where key < 'limit:') as before,
           string_agg(text, '' order by key) filter (where key > 'limit:' and key < 'lots:') as between,
           string_agg(text, '' order by key) filter (where key > 'lots:') as after,
           bool_or(term.is_malformed) as is_malformed
      from term group by place),
  part as (
    select u.command, 1 as sort, 'limit:' || limit_keys[place] as key, amount || '/' || max as value, 0 as line
      from unnest(batch.use_commands, batch.use_limits, batch.use_amounts, batch.use_max) u(command, place, amount, max)
     union all
    select l.command, 2, 'lots:' || line, ledger.lots_text(lots), 0
      from unnest(batch.line_commands, batch.line_numbers, batch.line_lots) l(command, line, lots) where lots <> '{}'
     union all
    select l.command, 3, 'line ' || asset || ' ' || amount || ' ' || from_code || ' ' || to_code, '', line
      from unnest(batch.line_commands, batch.line_numbers, batch.line_assets, batch.line_amounts, batch.line_from_codes,
                  batch.line_to_codes) l(command, line, asset, amount, from_code, to_code)),
  tail as (
    select command, jsonb_object_agg(key, value) filter (where sort < 3) as terms,
           string_agg(E'\nfrozen ' || key || ' ' || value, '' order by sort, line, key) filter (where sort = 1) as limits,
           string_agg(E'\nfrozen ' || key || ' ' || value, '' order by sort, line, key) filter (where sort = 2) as lots,
           string_agg(E'\n' || key, '' order by sort, line, key) filter (where sort = 3) as lines
      from (select command, sort, key collate "C" as key, value, line from part) part group by command),
  unsealed as (
    select c.place, c.book,
           coalesce(header.before, '') || coalesce(tail.limits, '') || coalesce(header.between, '')
             || coalesce(tail.lots, '') || coalesce(header.after, '') || tail.lines as text,
           (ledger.transaction_of(c.content, c.head, batch.book_villages[c.book], c.number, batch.book_times[c.book],
                                  coalesce(c.head -> 'frozen', '{}') || coalesce(tail.terms, '{}'))).*
      from (select p.place::integer, p.book, commands[p.place] as content, batch.command_headers[p.place] as header,
                   commands[batch.command_headers[p.place]] as head, numbers[p.place] as number
              from unnest(batch.command_posted, batch.command_books) with ordinality p(is_posted, book, place)
             where is_posted offset 0) c
      join tail on tail.command = c.place
      left join header on header.place = c.header offset 0),
  sealed as materialized (
    select t.*, ledger.chain(batch.book_heads[t.book], t.leaf_hash) over (partition by t.book order by t.place) as hash
      from (select u.place, u.book, u.village, u.number, u.id, u.kind, u.cause, u.business_date, u.occurred_at, u.posted_at,
                   u.actor, u.approver, u.reverses, u.memo, u.frozen,
                   sha256('\x00'::bytea || convert_to(ledger.canonical_text(
                     row(u.village, u.number, u.id, u.kind, u.cause, u.business_date, u.occurred_at, u.posted_at, u.actor,
                         u.approver, u.reverses, u.memo, u.frozen, null, null)::ledger.transaction,
                     u.text, ''), 'UTF8')) as leaf_hash
              from unsealed u offset 0) t),
  written as (
    insert into ledger.transaction
    select s.village, s.number, s.id, s.kind, s.cause, s.business_date, s.occurred_at, s.posted_at, s.actor, s.approver,
           s.reverses, s.memo, s.frozen, s.leaf_hash, s.hash
      from sealed s),
  lines_written as (
    insert into ledger.transfer
    select batch.book_villages[batch.command_books[l.command]], numbers[l.command], l.line, l.asset, l.amount,
           batch.account_numbers[l.source], batch.account_numbers[l.target],
           l.from_balance, l.to_balance, l.from_entry, l.to_entry
      from unnest(batch.line_commands, batch.line_numbers, batch.line_assets, batch.line_amounts, batch.line_from,
                  batch.line_to, batch.line_from_balances, batch.line_to_balances, batch.line_from_entries,
                  batch.line_to_entries)
             l(command, line, asset, amount, source, target, from_balance, to_balance, from_entry, to_entry)
     where batch.command_posted[l.command])
  select array_agg(place), array_agg(hash), array_agg(answer), (select bool_or(header.is_malformed) from header)
    into places, hashes, posted_answers, is_malformed
    from (select place, hash,
                 jsonb_build_object('status', 'posted', 'number', number, 'id', id,
                   'hash', encode(hash, 'hex'), 'postedAt', posted_at) as answer
            from sealed order by place) s;
  if is_malformed then
    raise exception 'terms are text under one word, and limits and lots are the ledger''s' using errcode = 'JF003';
  end if;
  for i in 1 .. cardinality(places) loop
    answers[places[i]] := posted_answers[i];
    batch.book_heads[batch.command_books[places[i]]] := hashes[i];
  end loop;
  batch.answers := answers;
  return batch;
end $$;
