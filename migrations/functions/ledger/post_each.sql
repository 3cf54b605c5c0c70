-- Judges and writes lists of commands, [{village, commands}], under the pens of their books, one command after another,
-- and answers each:
--   {status: posted | replayed, number, id, hash, postedAt} | {status: refused, code, facts}
-- A command is {id, kind, cause, businessDate, occurredAt, actor, approver?, memo?, reverses?, frozen?,
--   transfers: [{from, to, asset, amount, lots?}], limits?: [{key, use, max, code}]}.
-- With `as`, the place (from 0) of an earlier command of its list, its kind, dates, actor, approver, memo and frozen are
-- that one's: the lines of a sheet have them in common. With `reverses` it has no transfers: it is the mirror of that
-- transaction and gives its limits back.
-- What data can decide is refused, command by command; what no business event can be (no transfer, an account that pays
-- itself) is a bug of the caller's, and raised.
--
-- Everything the lists name is read first, the commands are judged in memory, and everything that comes of it is made and
-- written last: each in one statement for all. A list of 500 costs less than a fifth of 500 lists of one.
-- `enable_seqscan`: a session keeps its plans, and one made while a table was small would read all of it ever after.
-- `jit`: it compiles for longer than the longest list takes.
create or replace function ledger.post_each(p_lists jsonb) returns jsonb
  language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
  set plan_cache_mode = force_generic_plan set enable_mergejoin = off as $$
declare
  -- The books, in the order of their villages, as they stand after the commands so far, and the moment of this call in each.
  villages text[]; numbers bigint[]; numbers_before bigint[]; heads bytea[]; instants timestamptz[];
  -- The commands in order; the book of each; the one that says what it has in common with others; the first of this call
  -- that has its cause; the number that its cause has in the book, at first as found, then as given; what is reversed;
  -- what stands against it from the start.
  commands jsonb[]; books integer[]; events integer[]; kinds text[]; causes text[]; twins integer[];
  given bigint[]; reverses bigint[]; one_person boolean[]; against jsonb[];
  -- Every account that is named, and what it has after the commands so far.
  account_books integer[]; accounts integer[]; account_rows tid[]; floors bigint[]; balances bigint[]; dated jsonb[];
  seqs bigint[]; seqs_before bigint[];
  -- Every line of the commands: which it belongs to, its accounts by their place above, and what it leaves behind.
  line_of integer[]; lines integer[]; froms integer[]; tos integer[]; assets text[]; amounts bigint[]; wanted jsonb[];
  from_codes text[]; to_codes text[];
  from_balances bigint[]; to_balances bigint[]; from_seqs bigint[]; to_seqs bigint[]; moves jsonb[];
  -- Every limit that is named, and every use of one.
  limit_books integer[]; limits text[]; limit_rows tid[]; taken bigint[]; maxes bigint[]; taken_before bigint[]; maxes_before bigint[];
  use_of integer[]; used_limits integer[]; uses bigint[]; use_maxes bigint[];
  -- The commands that are posted, in order, their hashes and answers; those whose cause has posted before.
  made integer[] := '{}'; is_made boolean[] := '{}'; hashes bytea[]; made_answers jsonb[]; again integer[] := '{}';
  item integer; pen integer; src integer; dst integer; i integer; j integer; x bigint; y bigint;
  first_line integer; next_line integer := 1; first_use integer; next_use integer := 1;
  reversed_now jsonb := '{}'; other bigint;          -- the reversals of this very call, by `<book> <number>` of their originals
  moved jsonb;                                       -- the lots that a line moves
  is_odd boolean; refusal text; facts jsonb;
  answers jsonb[];
begin
  villages := array(select distinct p_lists #>> array[l::text, 'village'] as village
                      from generate_series(0, jsonb_array_length(p_lists) - 1) l order by village);
  -- The pens, several in one order, by everybody. What else is read under them is read by later statements, never by the
  -- one that waited, which would still see it as it was before.
  -- A book's time never runs backwards, whatever the machine's clock does.
  select array_agg(village), array_agg(number), array_agg(head),
         array_agg(greatest(date_trunc('milliseconds', clock_timestamp()), posted_at))
    into villages, numbers, heads, instants
    from (select * from ledger.book where village = any (villages) order by village for update) pens;
  numbers_before := numbers;

  -- What is compared with a column under row-level security must be a column itself: of `->>` the planner cannot know
  -- that it tells nobody anything, and would compare it only after it had read the whole village.
  with command as (
    select row_number() over () as n, b, c,
           (row_number() over () + coalesce((c ->> 'as')::integer + 1 - place, 0))::integer as event,
           w ->> 'kind' as kind, c ->> 'cause' as cause, (c ->> 'reverses')::bigint as reverses,
           (c ->> 'as')::integer not between 0 and place - 2 or w ->> 'kind' is null as odd,
           (w ->> 'approver')::uuid = (w ->> 'actor')::uuid as is_one
      from (select l.b, e.place, e.value as c, coalesce(l.commands -> (e.value ->> 'as')::integer, e.value) as w
              from (select array_position(villages, p_lists #>> array[l::text, 'village']) as b,
                           p_lists #> array[l::text, 'commands'] as commands
                      from generate_series(0, jsonb_array_length(p_lists) - 1) l offset 0) l,
                   jsonb_array_elements(l.commands) with ordinality e(value, place) offset 0) k)
  select array_agg(c), array_agg(b), array_agg(event), array_agg(k.reverses), array_agg(is_one), array_agg(kind),
         array_agg(cause), array_agg(number), bool_or(odd)
    into commands, books, events, reverses, one_person, kinds, causes, given, is_odd
    from (select k.*, e.number
            from command k
            left join lateral (select number from ledger.transaction
                                where village = villages[k.b] and kind = k.kind and cause = k.cause limit 1) e on true
           order by k.n) k;
  if array_position(books, null) is not null then
    raise exception 'no book for every village of %', jsonb_path_query_array(p_lists, '$[*].village')
      using errcode = 'JF002';
  end if;
  if is_odd then
    raise exception 'a command says its kind, or is `as` one before it that does' using errcode = 'JF003';
  end if;

  if exists (select from unnest(books, kinds, causes) k(b, kind, cause) group by b, kind, cause having count(*) > 1) then
    twins := array(select min(n) over (partition by b, kind, cause)
                     from unnest(books, kinds, causes) with ordinality k(b, kind, cause, n) order by n);
  end if;
  if cardinality(array_remove(reverses, null)) > 0 then
    for item, moved, facts in select * from ledger.mirrors(villages, books, commands) loop
      commands[item] := moved;
      against[item] := facts;
    end loop;
  end if;

  -- Lines and accounts. Each row by its key, hence `limit 1` and `offset 0`: a join would read all accounts of a village
  -- for one transfer.
  with line as materialized (
    select k.n, x.ord, k.b, x.value ->> 'from' as f, x.value ->> 'to' as g, x.value ->> 'asset' as asset,
           (x.value ->> 'amount')::bigint as amount, x.value -> 'lots' as wanted
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'transfers') with ordinality x(value, ord)),
  place as materialized (
    select row_number() over () as place, named.b, a.*
      from (select b, f as code, asset from line union select b, g, asset from line) named,
           lateral (select ctid, * from ledger.account
                     where village = villages[named.b] and account.code = named.code and asset = named.asset limit 1) a)
  select a.*, l.*
    into account_books, accounts, account_rows, floors, balances, seqs, dated,
         line_of, lines, froms, tos, assets, amounts, wanted, from_codes, to_codes, is_odd
    from (select array_agg(b), array_agg(number), array_agg(ctid), array_agg(floor), array_agg(balance), array_agg(entries),
                 array_agg(lots)
            from place) a,
         (select array_agg(n), array_agg(ord), array_agg(from_place), array_agg(to_place), array_agg(asset),
                 array_agg(amount), array_agg(s.wanted), array_agg(s.f), array_agg(s.g),
                 bool_or(s.f is null or s.g is null or asset is null or amount is null)
            from (select line.*, p.place as from_place, q.place as to_place
                    from line
                    left join place p on p.b = line.b and p.code = line.f and p.asset = line.asset
                    left join place q on q.b = line.b and q.code = line.g and q.asset = line.asset
                   order by line.n, line.ord) s) l;
  if is_odd then
    raise exception 'a transfer needs all of its parts' using errcode = 'JF003';
  end if;
  seqs_before := seqs;
  from_balances := array_fill(null::bigint, array[coalesce(cardinality(line_of), 0)]);
  to_balances := from_balances;
  from_seqs := from_balances;
  to_seqs := from_balances;
  moves := array_fill(null::jsonb, array[coalesce(cardinality(line_of), 0)]);

  -- Limits. One that is named twice by a command is used twice, and the narrower maximum holds.
  with use as materialized (
    select k.n, min(x.ord) as ord, k.b, x.value ->> 'key' as key, sum((x.value ->> 'use')::bigint)::bigint as use,
           min((x.value ->> 'max')::bigint) as max
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'limits') with ordinality x(value, ord)
     group by k.n, k.b, x.value ->> 'key'),
  place as materialized (
    select row_number() over () as place, named.*, u.ctid as row, coalesce(u.used, 0) as used,
           coalesce(u.max, named.use_max) as max
      from (select b, key, max(max) as use_max from use group by b, key) named
      left join lateral (select ctid, * from ledger.limit_use
                          where village = villages[named.b] and limit_use.key = named.key limit 1) u on true)
  select a.*, u.*
    into limit_books, limits, limit_rows, taken, maxes, use_of, used_limits, uses, use_maxes
    from (select array_agg(b), array_agg(key), array_agg(row), array_agg(place.used), array_agg(max) from place) a,
         (select array_agg(n), array_agg(place), array_agg(use), array_agg(max)
            from (select use.n, place.place, use.use, use.max
                    from use join place on place.b = use.b and place.key = use.key
                   order by use.n, use.ord, use.key collate "C") s) u;
  taken_before := taken;
  maxes_before := maxes;

  for item in 1 .. coalesce(cardinality(commands), 0) loop
    pen := books[item];
    first_line := next_line;
    while line_of[next_line] = item loop next_line := next_line + 1; end loop;
    first_use := next_use;
    while use_of[next_use] = item loop next_use := next_use + 1; end loop;

    if first_line = next_line and against[item] is null then
      raise exception 'a transaction needs a transfer' using errcode = 'JF003';
    end if;
    if against[item] ->> 'code' = 'not-found' then
      answers[item] := against[item];
      continue;
    end if;
    -- One cause posts once, for ever. What this call gave it, its first command of that cause has.
    if given[item] is null and twins[item] is not null then given[item] := given[twins[item]]; end if;
    if given[item] is not null then
      again := again || item;
      continue;
    end if;
    -- Reversed at most once, and a reversal is never reversed.
    if reverses[item] is not null then
      other := reversed_now -> (pen || ' ' || reverses[item]);
      if other is not null then
        against[item] := ledger.refused('already-reversed', jsonb_build_object('reversalNumber', other));
      end if;
      if against[item] is not null then
        answers[item] := against[item];
        continue;
      end if;
    end if;
    if one_person[item] then
      answers[item] := ledger.refused(
        'second-person-required', jsonb_build_object('firstUserId', (commands[events[item]] ->> 'actor')::uuid));
      continue;
    end if;

    -- Limits; to give back is never refused.
    refusal := null;
    for i in first_use .. next_use - 1 loop
      exit when reverses[item] is not null;
      j := used_limits[i];
      if uses[i] < 1 then
        raise exception 'a limit is used at least once' using errcode = 'JF003';
      end if;
      if taken[j] + uses[i] > use_maxes[i] then
        refusal := coalesce((select l.value ->> 'code' from jsonb_array_elements(commands[item] -> 'limits') l
                              where l.value ->> 'key' = limits[j] limit 1), 'cap-reached');
        facts := jsonb_build_object('cap', limits[j], 'used', taken[j], 'use', uses[i], 'limit', use_maxes[i]);
        exit;
      end if;
    end loop;

    -- Floors, line by line; the first that cannot be refuses the command, and the lines before it are taken back.
    i := first_line;
    while refusal is null and i < next_line loop
      src := froms[i];
      dst := tos[i];
      if src is null or dst is null then
        refusal := 'not-found';
        facts := jsonb_build_object(
          'accountCode', case when src is null then from_codes[i] else to_codes[i] end, 'asset', assets[i]);
      elsif src = dst then
        raise exception 'an account pays itself: %', from_codes[i] using errcode = 'JF003';
      elsif amounts[i] not between 1 and ledger.amount_max(assets[i]) then
        refusal := 'out-of-bounds';
        facts := jsonb_build_object('field', 'amount', 'asset', assets[i], 'min', 1, 'max', ledger.amount_max(assets[i]));
      elsif greatest(balances[dst] + amounts[i], amounts[i] - balances[src]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := 'out-of-bounds';
        facts := jsonb_build_object(
          'field', 'balance', 'asset', assets[i], 'min', -9007199254740991, 'max', 9007199254740991);
      elsif balances[src] - amounts[i] < floors[src] then
        refusal := case when reverses[item] is not null then 'reversal-arrears'
                     when assets[i] = 'PTS' and from_codes[i] like 'household:%' then 'insufficient-points'
                     when assets[i] like 'SKU:%' then 'insufficient-stock'
                     else 'insufficient-balance' end;
        -- Asked of the account in all; what the lines before took of it is still its own.
        select jsonb_build_object('accountCode', from_codes[i], 'asset', assets[i],
                 'available', balances[src] - floors[src]
                   + coalesce(sum(case src when froms[s] then amounts[s] else -amounts[s] end)
                                filter (where s < i and src in (froms[s], tos[s])), 0),
                 'required', sum(amounts[s]) filter (where froms[s] = src))
          into facts
          from generate_series(first_line, next_line - 1) s;
      else
        moved := '{}';
        if ledger.carries_lots(assets[i], floors[src]) then
          if dated[src] <> '{}' then
            moved := ledger.take_lots(dated[src], balances[src], wanted[i], amounts[i]);
            dated[src] := ledger.add_lots(dated[src], moved, -1);
          end if;
        elsif wanted[i] is not null and ledger.carries_lots(assets[i], floors[dst]) then
          moved := wanted[i];
          if ledger.dated(moved) > amounts[i] then
            raise exception 'lots of more than a line moves: %', moved using errcode = 'JF003';
          end if;
        end if;
        if moved <> '{}' and ledger.carries_lots(assets[i], floors[dst]) then
          dated[dst] := case dated[dst] when '{}' then moved else ledger.add_lots(dated[dst], moved, 1) end;
        end if;
        moves[i] := moved;
        x := balances[src] - amounts[i];
        y := balances[dst] + amounts[i];
        balances[src] := x;
        balances[dst] := y;
        from_balances[i] := x;
        to_balances[i] := y;
        x := seqs[src] + 1;
        y := seqs[dst] + 1;
        seqs[src] := x;
        seqs[dst] := y;
        from_seqs[i] := x;
        to_seqs[i] := y;
        i := i + 1;
      end if;
    end loop;
    if refusal is not null then
      for s in reverse i - 1 .. first_line loop
        src := froms[s];
        dst := tos[s];
        balances[src] := balances[src] + amounts[s];
        balances[dst] := balances[dst] - amounts[s];
        seqs[src] := seqs[src] - 1;
        seqs[dst] := seqs[dst] - 1;
        moved := moves[s];
        if moved <> '{}' then
          if ledger.carries_lots(assets[s], floors[src]) then dated[src] := ledger.add_lots(dated[src], moved, 1); end if;
          if ledger.carries_lots(assets[s], floors[dst]) then dated[dst] := ledger.add_lots(dated[dst], moved, -1); end if;
        end if;
      end loop;
      answers[item] := ledger.refused(refusal, facts);
      continue;
    end if;

    -- Nothing stands against it.
    for i in first_use .. next_use - 1 loop
      j := used_limits[i];
      x := taken[j] + uses[i];
      taken[j] := x;
      if reverses[item] is null then maxes[j] := use_maxes[i]; end if;
    end loop;
    x := numbers[pen] + 1;
    numbers[pen] := x;
    given[item] := x;
    if twins[item] is not null then given[twins[item]] := x; end if;
    made := made || item;
    is_made[item] := true;
    if reverses[item] is not null then
      reversed_now := reversed_now || jsonb_build_object(pen || ' ' || reverses[item], x);
    end if;
  end loop;

  if commands is not null then
    -- The text of a transaction ends with what is frozen, which includes what it used of its limits and the lots that it
    -- moved, so that both can be counted again from the pen, and with its lines. All names are in their order: what a caller
    -- freezes comes before, between and after these two, and is made into text once for the commands that have it in common.
    with given_frozen as (
      select k.n, f.key collate "C" as key, E'\nfrozen ' || f.key || ' ' || ledger.escape(f.value #>> '{}') as text,
             translate(f.key, E' \t\n\x0b\f\r', '') <> f.key or jsonb_typeof(f.value) <> 'string'
             or f.key >= 'limit:' and f.key < 'limit;' or f.key >= 'lots:' and f.key < 'lots;' as odd
        from unnest(commands) with ordinality k(c, n), jsonb_each(k.c -> 'frozen') f),
    event as materialized (
      select n, string_agg(text, '' order by key) filter (where key < 'limit:') as before,
             string_agg(text, '' order by key) filter (where key > 'limit:' and key < 'lots:') as between,
             string_agg(text, '' order by key) filter (where key > 'lots:') as after, bool_or(odd) as odd
        from given_frozen group by n),
    part as (
      select u.n, 1 as what, 'limit:' || limits[place] as key, use || '/' || max as value, 0 as line
        from unnest(use_of, used_limits, uses, use_maxes) u(n, place, use, max)
       union all
      select l.n, 2, 'lots:' || line, ledger.lots_text(l.lots), 0
        from unnest(line_of, lines, moves) l(n, line, lots) where l.lots <> '{}'
       union all
      select l.n, 3, 'line ' || asset || ' ' || amount || ' ' || f || ' ' || g, '', l.line
        from unnest(line_of, lines, assets, amounts, from_codes, to_codes) l(n, line, asset, amount, f, g)),
    tail as (
      select n, jsonb_object_agg(key, value) filter (where what < 3) as frozen,
             string_agg(E'\nfrozen ' || key || ' ' || value, '' order by what, line, key) filter (where what = 1) as limits,
             string_agg(E'\nfrozen ' || key || ' ' || value, '' order by what, line, key) filter (where what = 2) as lots,
             string_agg(E'\n' || key, '' order by what, line, key) filter (where what = 3) as lines
        from (select n, what, key collate "C" as key, value, line from part) part group by n),
    leaf as (
      select m.n, books[m.n] as b,
             coalesce(event.before, '') || coalesce(tail.limits, '') || coalesce(event.between, '') || coalesce(tail.lots, '')
               || coalesce(event.after, '') || tail.lines as text,
             (ledger.drafted(m.c, m.e, villages[books[m.n]], given[m.n], instants[books[m.n]],
                             coalesce(m.e -> 'frozen', '{}') || coalesce(tail.frozen, '{}'))).*
        from (select m.n, commands[m.n] as c, events[m.n] as event, commands[events[m.n]] as e
                from unnest(made) m(n) offset 0) m
        join tail on tail.n = m.n
        left join event on event.n = m.event offset 0),
    post as materialized (
      select t.*, ledger.chain(heads[t.b], t.leaf_hash) over (partition by t.b order by t.n) as hash
        from (select l.n, l.b, l.village, l.number, l.id, l.kind, l.cause, l.business_date, l.occurred_at, l.posted_at,
                     l.actor, l.approver, l.reverses, l.memo, l.frozen,
                     sha256('\x00'::bytea || convert_to(ledger.canonical_text(
                       row(l.village, l.number, l.id, l.kind, l.cause, l.business_date, l.occurred_at, l.posted_at, l.actor,
                           l.approver, l.reverses, l.memo, l.frozen, null, null)::ledger.transaction,
                       l.text, ''), 'UTF8')) as leaf_hash
                from leaf l offset 0) t),
    written as (
      insert into ledger.transaction
      select p.village, p.number, p.id, p.kind, p.cause, p.business_date, p.occurred_at, p.posted_at, p.actor, p.approver,
             p.reverses, p.memo, p.frozen, p.leaf_hash, p.hash
        from post p)
    select array_agg(hash), array_agg(answer), (select bool_or(odd) from event) into hashes, made_answers, is_odd
      from (select hash,
                   jsonb_build_object('status', 'posted', 'number', number, 'id', id,
                     'hash', encode(hash, 'hex'), 'postedAt', posted_at) as answer
              from post order by n) p;
    if is_odd then
      -- A name with a blank, or a value that is not text, would let two transactions share one canonical text.
      raise exception 'what is frozen is text under one word, and limits and lots are the ledger''s' using errcode = 'JF003';
    end if;
  end if;

  if made <> '{}' then
    for i in 1 .. cardinality(made) loop
      item := made[i];
      heads[books[item]] := hashes[i];
      answers[item] := made_answers[i];
    end loop;

    insert into ledger.transfer
    select villages[books[l.n]], given[l.n], l.line, l.asset, l.amount, accounts[l.f], accounts[l.g],
           l.from_balance, l.to_balance, l.from_seq, l.to_seq
      from unnest(line_of, lines, assets, amounts, froms, tos, from_balances, to_balances, from_seqs, to_seqs)
             l(n, line, asset, amount, f, g, from_balance, to_balance, from_seq, to_seq)
     where is_made[l.n];
    insert into ledger.limit_use (village, key, used, max)
    select villages[u.b], u.key, u.used, u.max
      from unnest(limit_books, limits, limit_rows, taken, maxes) u(b, key, place, used, max) where u.place is null and u.used > 0;
    -- Where they were read, under the same pen: nobody else changes them.
    update ledger.limit_use l set used = u.used, max = u.max
      from unnest(limit_books, limit_rows, taken, maxes, taken_before, maxes_before) u(b, place, used, max, before, max_before)
     where l.ctid = u.place and l.village = villages[u.b] and (u.used, u.max) <> (u.before, u.max_before);
    get diagnostics i = row_count;
    update ledger.account a set balance = u.balance, entries = u.entries, lots = u.lots
      from unnest(account_books, account_rows, balances, seqs, seqs_before, dated) u(b, place, balance, entries, before, lots)
     where a.ctid = u.place and a.village = villages[u.b] and u.entries <> u.before;
    get diagnostics j = row_count;
    if i <> (select count(*) from unnest(limit_rows, taken, maxes, taken_before, maxes_before) u(place, used, max, before, max_before)
              where place is not null and (u.used, u.max) <> (u.before, u.max_before))
       or j <> (select count(*) from unnest(seqs, seqs_before) u(entries, before) where u.entries <> u.before) then
      raise exception 'what was read was changed by somebody who had no pen' using errcode = 'JF002';
    end if;
    update ledger.book b set number = u.number, head = u.head, posted_at = u.posted_at
      from unnest(villages, numbers, heads, instants, numbers_before) u(village, number, head, posted_at, before)
     where b.village = u.village and u.number <> u.before;
  end if;

  -- The same content is a replay, other content a refusal. Lots are not content: what they were was decided when it was
  -- posted.
  if again <> '{}' then
    for item, facts in
      select a.n,
             case when ledger.leaf(ledger.canonical(
                         ledger.drafted(commands[a.n] || jsonb_build_object('id', e.id), commands[events[a.n]], e.village,
                           e.number, e.posted_at,
                           coalesce(commands[events[a.n]] -> 'frozen', '{}') || coalesce(u.frozen, '{}') || lots.frozen),
                         l.text)) = e.leaf_hash
                  then jsonb_build_object('status', 'replayed', 'number', e.number, 'id', e.id,
                         'hash', encode(e.hash, 'hex'), 'postedAt', e.posted_at)
                  else ledger.refused('cause-reused', jsonb_build_object('transactionNumber', e.number)) end
        from unnest(again) a(n)
       cross join lateral (select * from ledger.transaction
                            where village = villages[books[a.n]] and number = given[a.n] offset 0) e
       cross join lateral (select coalesce(jsonb_object_agg(key, value), '{}') as frozen
                             from jsonb_each(e.frozen) where key like 'lots:%') lots
        left join (select l.n, string_agg(E'\nline ' || asset || ' ' || amount || ' ' || f || ' ' || g, '' order by line) as text
                     from unnest(line_of, lines, assets, amounts, from_codes, to_codes) l(n, line, asset, amount, f, g)
                    group by l.n) l on l.n = a.n
        left join (select u.n, jsonb_object_agg('limit:' || limits[place], use || '/' || max) as frozen
                     from unnest(use_of, used_limits, uses, use_maxes) u(n, place, use, max) group by u.n) u on u.n = a.n
    loop
      answers[item] := facts;
    end loop;
  end if;
  return coalesce(to_jsonb(answers), '[]');
end $$;
