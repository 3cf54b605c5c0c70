-- The commands that reverse something, each with the transfers and limits that make it the mirror of its original: line by
-- line from the last, each the other way, with the lots it moved. `obstacle` refuses it from the start.
create or replace function ledger.mirrors(p_villages text[], p_books integer[], p_commands jsonb[])
  returns table (item integer, mirror jsonb, obstacle jsonb) stable language plpgsql as $$
begin
  return query
  select k.n,
         k.c || jsonb_build_object(
           'transfers', coalesce((
             select jsonb_agg(jsonb_build_object('from', f.code, 'to', g.code, 'asset', r.asset, 'amount', r.amount,
                                'lots', ledger.lots_of_text(o.frozen ->> ('lots:' || r.line))) order by r.line desc)
               from (select * from ledger.transfer where village = o.village and number = o.number offset 0) r,
                    lateral (select * from ledger.account where village = r.village and number = r.to_account offset 0) f,
                    lateral (select * from ledger.account where village = r.village and number = r.from_account offset 0) g),
             '[]'),
           'limits', coalesce((
             select jsonb_agg(jsonb_build_object('key', substr(x.key, 7), 'use', -split_part(x.value, '/', 1)::bigint,
                                'max', split_part(x.value, '/', 2)::bigint))
               from jsonb_each_text(o.frozen) x where x.key like 'limit:%'),
             '[]')),
         case when o.number is null then ledger.refused('not-found', jsonb_build_object('transactionNumber', k.reverses))
              when r.number is not null or o.reverses is not null
                then ledger.refused('already-reversed', jsonb_build_object('reversalNumber', coalesce(r.number, o.number)))
         end
    from (select u.n::integer, p_villages[u.b] as village, u.c, (u.c ->> 'reverses')::bigint as reverses
            from unnest(p_books, p_commands) with ordinality u(b, c, n)
           where u.c ->> 'reverses' is not null offset 0) k
    left join lateral (select * from ledger.transaction
                        where village = k.village and number = k.reverses offset 0) o on true
    left join lateral (select number from ledger.transaction
                        where village = o.village and reverses = o.number offset 0) r on true;
end $$;
