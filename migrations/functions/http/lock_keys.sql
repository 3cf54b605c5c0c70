-- Locks Idempotency-Keys, given as three lists of the same length, until the database transaction ends. Answers each in
-- order: whether it is now locked, and the answer that is kept under it, if any. With `p_wait` it waits for another
-- session's lock, as long as for any lock (55P03); otherwise it answers false for that key. The answers are read by a
-- statement of their own after the locks: one that was committed while it waited is not missed.
create or replace function http.lock_keys(p_villages text[], p_clients uuid[], p_keys text[], p_wait boolean)
returns table (locked boolean, fingerprint bytea, status smallint, location text, body text)
language plpgsql as $$
declare
  v_hash bigint;
  v_locked boolean[];
begin
  for i in 1 .. cardinality(p_keys) loop
    v_hash := hashtextextended('key ' || p_villages[i] || ' ' || p_clients[i] || ' ' || p_keys[i], 0);
    v_locked[i] := case when p_wait then pg_advisory_xact_lock(v_hash) is not null
                        else pg_try_advisory_xact_lock(v_hash) end;
  end loop;
  return query
  select v_locked[k.place], i.fingerprint, i.status, i.location, i.body
    from unnest(p_villages, p_clients, p_keys) with ordinality k (village, client, key, place)
    left join lateral (
      select * from http.idempotency where village = k.village and client = k.client and key = k.key offset 0) i on true
   order by k.place;
end $$;

grant execute on function http.lock_keys to jifen_app;
