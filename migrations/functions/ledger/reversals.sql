-- The commands that reverse something, with the transfers and limits that make each the exact mirror of its original:
-- line by line from the last, in the other direction, with the lots it moved. `refusal` if it is refused from the start:
-- not-found, already-reversed.
create or replace function ledger.reversals(p_villages text[], p_books integer[], p_commands jsonb[])
  returns table (place bigint, command jsonb, refusal jsonb) stable language plpgsql as $$
begin
  return query
  select c.place,
         c.content || jsonb_build_object(
           'transfers', coalesce((
             select jsonb_agg(jsonb_build_object('from', t.code, 'to', f.code, 'asset', line.asset, 'amount', line.amount,
                                'lots', ledger.lots_of_text(original.frozen ->> ('lots:' || line.line)))
                              order by line.line desc)
               from (select * from ledger.transfer
                      where village = original.village and number = original.number offset 0) line,
                    lateral (select * from ledger.account
                              where village = line.village and number = line.to_account offset 0) t,
                    lateral (select * from ledger.account
                              where village = line.village and number = line.from_account offset 0) f), '[]'),
           'limits', coalesce((
             select jsonb_agg(jsonb_build_object('key', substr(used.key, 7), 'use', -split_part(used.value, '/', 1)::bigint,
                                'max', split_part(used.value, '/', 2)::bigint))
               from jsonb_each_text(original.frozen) used where used.key like 'limit:%'), '[]')),
         case when original.number is null
                then ledger.refused('not-found', jsonb_build_object('transactionNumber', c.reverses))
              when earlier.number is not null or original.reverses is not null
                then ledger.refused('already-reversed', jsonb_build_object(
                       'reversalNumber', coalesce(earlier.number, original.number))) end
    from (select u.place, p_villages[u.book] as village, u.content, (u.content ->> 'reverses')::bigint as reverses
            from unnest(p_books, p_commands) with ordinality u(book, content, place)
           where u.content ->> 'reverses' is not null offset 0) c
    left join lateral (select * from ledger.transaction
                        where village = c.village and number = c.reverses offset 0) original on true
    left join lateral (select number from ledger.transaction
                        where village = original.village and reverses = original.number offset 0) earlier on true;
end $$;
