-- Reads the limits of the commands. One that a command names twice is used twice, within the lower maximum.
create or replace function ledger.read_limits(batch ledger.batch) returns ledger.batch language plpgsql as $$
begin
  with use as materialized (
    select c.place as command, min(l.number) as number, c.book, l.value ->> 'key' as key,
           sum((l.value ->> 'use')::bigint)::bigint as amount, min((l.value ->> 'max')::bigint) as max
      from unnest(batch.command_books, batch.commands) with ordinality c(book, content, place),
           jsonb_array_elements(c.content -> 'limits') with ordinality l(value, number)
     group by c.place, c.book, l.value ->> 'key'),
  known as materialized (
    select row_number() over () as place, named.book, named.key, found.ctid as row, coalesce(found.used, 0) as used,
           coalesce(found.max, named.max) as max
      from (select book, key, max(max) as max from use group by book, key) named
      left join lateral (select ctid, * from ledger.limit_use
                          where village = batch.book_villages[named.book] and key = named.key limit 1) found on true)
  select l.*, u.*
    into batch.limit_books, batch.limit_keys, batch.limit_rows, batch.limit_used, batch.limit_max,
         batch.use_commands, batch.use_limits, batch.use_amounts, batch.use_max
    from (select array_agg(book), array_agg(key), array_agg(row), array_agg(used), array_agg(max) from known) l,
         (select array_agg(command), array_agg(place), array_agg(amount), array_agg(max)
            from (select use.command, known.place, use.amount, use.max
                    from use join known on known.book = use.book and known.key = use.key
                   order by use.command, use.number, use.key collate "C") s) u;
  batch.limit_used_before := batch.limit_used;
  batch.limit_max_before := batch.limit_max;
  return batch;
end $$;
