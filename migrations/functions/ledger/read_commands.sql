-- Locks the books of lists [{village, commands}] and reads the commands, without their lines and limits.
-- Bugs: JF002, a village has no book; JF003, a command has no kind, or its `as` is not an earlier command.
create or replace function ledger.read_commands(p_lists jsonb) returns ledger.batch language plpgsql as $$
declare
  batch ledger.batch;
  kinds text[];
  causes text[];
  is_malformed boolean;
begin
  -- Everyone locks books in the same order. Whatever else is read under the locks is read by later statements, never by the
  -- one that waited, which would still see it as it was before.
  -- A book's time never runs backwards, whatever the machine's clock does.
  select array_agg(village), array_agg(number), array_agg(head),
         array_agg(greatest(date_trunc('milliseconds', clock_timestamp()), posted_at))
    into batch.book_villages, batch.book_numbers, batch.book_heads, batch.book_times
    from (select * from ledger.book
           where village = any (array(select p_lists #>> array[list::text, 'village']
                                        from generate_series(0, jsonb_array_length(p_lists) - 1) list))
           order by village for update) locked;

  -- Under row-level security a column must be compared with another column: the planner does not trust `->>` not to leak
  -- rows, and would compare only after reading the whole village.
  with command as (
    select row_number() over () as place, book, content,
           (row_number() over () + coalesce((content ->> 'as')::integer + 1 - place_in_list, 0))::integer as header,
           head ->> 'kind' as kind, content ->> 'cause' as cause, (content ->> 'reverses')::bigint as reverses,
           (content ->> 'as')::integer not between 0 and place_in_list - 2 or head ->> 'kind' is null as is_malformed,
           case when (head ->> 'approver')::uuid = (head ->> 'actor')::uuid
                  then ledger.refused('second-person-required', jsonb_build_object('firstUserId', (head ->> 'actor')::uuid))
           end as refusal
      from (select list.book, e.place_in_list, e.content,
                   coalesce(list.commands -> (e.content ->> 'as')::integer, e.content) as head
              from (select array_position(batch.book_villages, p_lists #>> array[list::text, 'village']) as book,
                           p_lists #> array[list::text, 'commands'] as commands
                      from generate_series(0, jsonb_array_length(p_lists) - 1) list offset 0) list,
                   jsonb_array_elements(list.commands) with ordinality e(content, place_in_list) offset 0) c)
  select array_agg(content), array_agg(book), array_agg(header), array_agg(c.reverses), array_agg(refusal),
         array_agg(kind), array_agg(cause), array_agg(number), bool_or(c.is_malformed)
    into batch.commands, batch.command_books, batch.command_headers, batch.command_reverses, batch.command_refusals,
         kinds, causes, batch.command_numbers, is_malformed
    from (select command.*, earlier.number
            from command
            left join lateral (select number from ledger.transaction
                                where village = batch.book_villages[command.book] and kind = command.kind
                                  and cause = command.cause limit 1) earlier on true
           order by command.place) c;
  if array_position(batch.command_books, null) is not null then
    raise exception 'no book for every village of %', jsonb_path_query_array(p_lists, '$[*].village')
      using errcode = 'JF002';
  end if;
  if is_malformed then
    raise exception 'a command needs a kind, or `as` an earlier command that has one' using errcode = 'JF003';
  end if;

  if cardinality(batch.commands) > 1
     and exists (select from unnest(batch.command_books, kinds, causes) c(book, kind, cause)
                  group by book, kind, cause having count(*) > 1) then
    batch.command_firsts := array(
      select min(place) over (partition by book, kind, cause)
        from unnest(batch.command_books, kinds, causes) with ordinality c(book, kind, cause, place) order by place);
  end if;
  if cardinality(array_remove(batch.command_reverses, null)) > 0 then
    select array_agg(coalesce(r.command, c.content) order by place),
           array_agg(coalesce(r.refusal, c.refusal) order by place)
      into batch.commands, batch.command_refusals
      from unnest(batch.commands, batch.command_refusals) with ordinality c(content, refusal, place)
      left join ledger.reversals(batch.book_villages, batch.command_books, batch.commands) r using (place);
  end if;
  return batch;
end $$;
