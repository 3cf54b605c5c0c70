-- Lots, long lists and several books at once. The functions of 0001 that write the book are made anew here; its tables stay.

-- ── Lots ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What of an account's balance expires, by the last day on which it can be spent: {"2027-11-30": 5}. The rest of the
-- balance never does, and is not written down: so the lots cannot come to anything but the balance (view ledger.lot).
alter table ledger.account add column lots jsonb not null default '{}';

-- Whether an account carries lots: points that belong to somebody do, what has no floor does not.
create function ledger.carries_lots(asset text, floor bigint) returns boolean immutable parallel safe language sql
return asset = 'PTS' and floor is not null;

-- Lots are read a day at a time and not by a query: this happens once for every line that moves points.
create function ledger.first_day(lots jsonb) returns text immutable parallel safe language sql
return jsonb_path_query_first(lots, '$.keyvalue().key') #>> '{}';

create function ledger.dated(lots jsonb) returns bigint immutable parallel safe language plpgsql as $$
declare
  points bigint := 0;
  day text;
begin
  while lots <> '{}' loop
    day := ledger.first_day(lots);
    points := points + (lots ->> day)::bigint;
    lots := lots - day;
  end loop;
  return points;
end $$;

-- In PL/pgSQL, which is called only where there are lots: a plain expression would be planned anew at every statement that
-- changes a balance.
create function ledger.lots_fit(a ledger.account) returns boolean immutable parallel safe language plpgsql as $$
begin
  return ledger.carries_lots(a.asset, a.floor) and ledger.dated(a.lots) <= a.balance
    and not jsonb_path_exists(a.lots,
          '$.keyvalue() ? (!(@.key like_regex "^[0-9]{4}-[0-9]{2}-[0-9]{2}$") || !(@.value > 0))');
end $$;
alter table ledger.account add constraint account_lots check (lots = '{}' or ledger.lots_fit(account));

-- Every lot there is: `expires_on` is `infinity` for what never expires.
create view ledger.lot with (security_invoker = true) as
  select a.village, a.number as account, l.key::date as expires_on, l.value::bigint as points
    from ledger.account a, jsonb_each_text(a.lots) l
  union all
  select village, number, 'infinity', balance - ledger.dated(lots)
    from ledger.account
   where ledger.carries_lots(asset, floor) and balance > ledger.dated(lots);
grant select on ledger.lot to jifen_app;

-- Which dated points leave when `amount` leaves an account: those that are wanted, as far as they are there, then those
-- that expire first. What is wanted beyond the dates is wanted of what never expires; null wants nothing in particular.
create function ledger.take_lots(lots jsonb, balance bigint, wanted jsonb, amount bigint) returns jsonb
  immutable parallel safe language sql
return (
  with there as (
    select key as day, value::bigint as points from jsonb_each_text(lots)
     union all
    select 'infinity', balance - ledger.dated(lots)),
  asked as (
    select there.day, least(points, coalesce(w.value::bigint, greatest(0, amount - ledger.dated(wanted)))) as first, points
      from there left join jsonb_each_text(wanted) w on w.key = there.day
     where w.key is not null or (there.day = 'infinity' and wanted is not null)),
  queue as (
    select day, points, sum(points) over (order by rank, day collate "C") - points as before
      from (select 0 as rank, day, first as points from asked
             union all
            select 1, there.day, there.points - coalesce(asked.first, 0)
              from there left join asked on asked.day = there.day) q)
  select coalesce(jsonb_object_agg(day, points) filter (where day <> 'infinity' and points > 0), '{}')
    from (select day, sum(greatest(0, least(points, amount - before))) as points from queue group by day) taken);

-- Lots with others added to them, or taken away.
create function ledger.add_lots(lots jsonb, others jsonb, sign integer) returns jsonb
  immutable parallel safe language plpgsql as $$
declare
  day text;
  points bigint;
begin
  while others <> '{}' loop
    day := ledger.first_day(others);
    points := coalesce((lots ->> day)::bigint, 0) + sign * (others ->> day)::bigint;
    lots := case when points = 0 then lots - day else lots || jsonb_build_object(day, points) end;
    others := others - day;
  end loop;
  return lots;
end $$;

-- Lots as a transaction freezes them, `2027-11-30=5,2027-12-31=2`, and back. Keys of one length stand in their order.
create function ledger.lots_text(lots jsonb) returns text immutable parallel safe language sql
return replace(translate(lots::text, '{}" ', ''), ':', '=');
create function ledger.lots_of_text(lots text) returns jsonb immutable parallel safe language sql
return (select coalesce(jsonb_object_agg(split_part(l, '=', 1), split_part(l, '=', 2)::bigint), '{}')
          from string_to_table(lots, ',') l);

-- ── Posting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Nobody but the household owes its arrears: they fall below zero.
create or replace function ledger.floor_of(code text) returns bigint immutable strict parallel safe language sql
return case when code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside)$'
              or code ~ '^(supply|abroad):' or code ~ '^household:[^:]+:arrears$' then null else 0 end;

-- Not strict, or it would not be inlined where it is judged once a line.
create or replace function ledger.amount_max(asset text) returns bigint immutable parallel safe language sql
return case asset when 'CNY' then 10000000000 else 1000000 end;

-- The checks of a table are made ready again for each statement, so hot ones are plain; ledger.post_each looks at what is
-- frozen for a whole list at once.
alter table ledger.transaction drop constraint transaction_frozen_form;
alter table ledger.transfer drop constraint transfer_amount;
alter table ledger.transfer add constraint transfer_amount
  check (amount between 1 and 10000000000 and (amount <= 1000000 or asset = 'CNY')) not valid;
alter table ledger.transfer validate constraint transfer_amount;

-- The canonical text of 0001 in two parts: what is frozen is made once for a whole list, the rest is a plain expression.
create function ledger.frozen_text(frozen jsonb) returns text immutable parallel safe language sql
return coalesce((select string_agg(E'\nfrozen ' || key || ' ' || ledger.escape(value), '' order by key collate "C")
                   from jsonb_each_text(frozen)), '');

create function ledger.canonical(t ledger.transaction, frozen_text text, lines text) returns text
  stable parallel safe language sql
return
  E'jifen/1\nvillage ' || t.village
  || E'\nnumber ' || t.number
  || E'\nid ' || t.id
  || E'\nkind ' || t.kind
  || E'\ncause ' || ledger.escape(t.cause)
  || E'\nbusinessDate ' || to_char(t.business_date, 'YYYY-MM-DD')
  || E'\noccurredAt ' || to_char(t.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  || E'\npostedAt ' || to_char(t.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  || E'\nactor ' || t.actor
  || coalesce(E'\napprover ' || t.approver, '')
  || coalesce(E'\nreverses ' || t.reverses, '')
  || coalesce(E'\nmemo ' || ledger.escape(t.memo), '')
  || frozen_text || lines || E'\n';

create or replace function ledger.canonical(t ledger.transaction, lines text) returns text
  stable parallel safe language sql
return ledger.canonical(t, ledger.frozen_text(t.frozen), lines);

-- Takes the pen, so that balances and lots read by a later statement are those that will be posted on.
create function ledger.take_pen(p_village text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ledger.book where village = p_village for update;
end $$;

drop function ledger.post_each(text, jsonb);

-- Judges and writes lists of commands, [{village, commands}], under the pens of their books, one command after another,
-- and answers each:
--   {status: posted | replayed, number, id, hash, postedAt, balances: {"<code> <asset>": n}} | {status: refused, code, facts}
-- A command is {id, kind, cause, businessDate, occurredAt, actor, approver?, memo?, reverses?, frozen?,
--   transfers: [{from, to, asset, amount, lots?}], limits?: [{key, use, max, code}]}.
-- With `reverses` it has no transfers: it is the mirror of that transaction and gives its limits back.
-- What data can decide is refused, command by command; what no business event can be (no transfer, an account that pays
-- itself) is a bug of the caller's, and raised.
--
-- Everything the lists name is read before the first command is judged, and everything they change is written after the
-- last, each in one statement: between them the commands are judged in memory. A list of 500 costs less than a fifth of
-- 500 lists of one.
-- `enable_seqscan`: a session keeps its plans, and one made while a table was small would read all of it ever after.
-- `jit`: it compiles for longer than the longest list takes.
create function ledger.post_each(p_lists jsonb) returns jsonb
  language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
  set plan_cache_mode = force_generic_plan set enable_mergejoin = off as $$
declare
  -- The books, in the order of their villages, as they stand after the commands so far.
  villages text[]; numbers bigint[]; heads bytea[]; instants timestamptz[];
  -- The commands in order, and the book of each.
  books integer[]; commands jsonb[];
  -- Every account that is named, and what it has after the commands so far.
  account_books integer[]; accounts integer[]; floors bigint[]; balances bigint[]; seqs bigint[]; dated jsonb[];
  -- Every line of the commands: which it belongs to, its accounts by their place above, its text in the canonical form.
  originals ledger.transaction[]; reversing integer[]; reversals bigint[];
  line_of integer[]; froms integer[]; tos integer[]; assets text[]; amounts bigint[]; wanted jsonb[];
  from_codes text[]; to_codes text[]; texts text[];
  -- Every limit that is named, and every use of one.
  limit_books integer[]; limits text[]; used bigint[]; maxes bigint[]; used_before bigint[]; maxes_before bigint[];
  use_of integer[]; used_limits integer[]; uses bigint[]; use_maxes bigint[]; use_codes text[];
  c record;                                          -- the command at hand
  t ledger.transaction;                              -- what it becomes
  made ledger.transaction[] := '{}'; written ledger.transfer[] := '{}';
  made_at jsonb := '{}';                             -- place in `made` of each cause that was posted
  reversed_now jsonb := '{}'; other bigint;          -- the reversals of this very call, by `<book> <number>` of their originals
  first_line integer; next_line integer := 1; first_use integer; next_use integer := 1;
  name text; lines text;
  src integer; dst integer; i integer; j integer;
  from_balance bigint; to_balance bigint; from_seq bigint; to_seq bigint;
  moved jsonb; moves jsonb[];                        -- the lots that a line moves
  touched jsonb; refusal text; facts jsonb;
  answers jsonb[] := '{}';
begin
  select array_agg(distinct l ->> 'village' order by l ->> 'village') into villages from jsonb_array_elements(p_lists) l;
  -- The lock is a statement of its own: what is read under it is read by a later statement, never by the one that
  -- waited, which would still see the rows as they were before. Several pens are taken in one order, by everybody.
  perform from ledger.book where village = any (villages) order by village for update;
  select array_agg(village), array_agg(number), array_agg(head), array_agg(posted_at)
    into villages, numbers, heads, instants
    from (select * from ledger.book where village = any (villages) order by village) b;
  select array_agg(array_position(villages, e.village)), array_agg(e.value)
    into books, commands
    from (select l.value ->> 'village' as village, e.value
            from jsonb_array_elements(p_lists) with ordinality l(value, ord),
                 jsonb_array_elements(l.value -> 'commands') with ordinality e(value, ord)
           order by l.ord, e.ord) e;
  if array_position(books, null) is not null then
    raise exception 'no book for every village of %', jsonb_path_query_array(p_lists, '$[*].village')
      using errcode = 'JF002';
  end if;

  -- What is reversed, by the place of the command that reverses it; most lists reverse nothing.
  if jsonb_path_exists(p_lists, '$[*].commands[*].reverses ? (@ != null)') then
    select array_agg(o order by k.n), array_agg(k.n order by k.n), array_agg(r.number order by k.n)
      into originals, reversing, reversals
      from (select u.n, u.b, (u.c ->> 'reverses')::bigint as reverses
              from unnest(books, commands) with ordinality u(b, c, n) offset 0) k
     cross join lateral (select * from ledger.transaction
                          where village = villages[k.b] and number = k.reverses offset 0) o
      left join lateral (select number from ledger.transaction
                          where village = o.village and reverses = o.number offset 0) r on true;
  end if;

  -- Lines and accounts. A reversal is what it reverses, backwards: line by line from the last, each the other way.
  -- Each row by its key, hence `limit 1` and `offset 0`: a join would read all accounts of a village for one transfer.
  with line as materialized (
    select k.n, x.ord, k.b, x.value ->> 'from' as f, x.value ->> 'to' as g, x.value ->> 'asset' as asset,
           (x.value ->> 'amount')::bigint as amount, x.value -> 'lots' as wanted
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'transfers') with ordinality x(value, ord)
     union all
    select o.n, -r.line, books[o.n], g.code, f.code, r.asset, r.amount,
           ledger.lots_of_text(originals[o.i].frozen ->> ('lots:' || r.line))
      from unnest(reversing) with ordinality o(n, i),
           lateral (select * from ledger.transfer
                     where village = originals[o.i].village and number = originals[o.i].number offset 0) r,
           lateral (select * from ledger.account where village = r.village and number = r.from_account offset 0) f,
           lateral (select * from ledger.account where village = r.village and number = r.to_account offset 0) g),
  place as materialized (
    select row_number() over () as place, named.b || ' ' || named.code || ' ' || named.asset as name, named.b, a.*
      from (select b, f as code, asset from line union select b, g, asset from line) named,
           lateral (select * from ledger.account
                     where village = villages[named.b] and account.code = named.code and asset = named.asset limit 1) a)
  select a.*, l.*
    into account_books, accounts, floors, balances, seqs, dated,
         line_of, froms, tos, assets, amounts, wanted, from_codes, to_codes, texts
    from (select array_agg(b), array_agg(number), array_agg(floor), array_agg(balance), array_agg(entries),
                 array_agg(lots)
            from place) a,
         (select array_agg(n), array_agg(from_place), array_agg(to_place), array_agg(asset), array_agg(amount),
                 array_agg(s.wanted), array_agg(s.f), array_agg(s.g),
                 array_agg(E'\nline ' || asset || ' ' || amount || ' ' || s.f || ' ' || s.g)
            from (select line.*, p.place as from_place, q.place as to_place
                    from line
                    left join place p on p.name = line.b || ' ' || line.f || ' ' || line.asset
                    left join place q on q.name = line.b || ' ' || line.g || ' ' || line.asset
                   order by line.n, line.ord) s) l;

  -- Limits. One that is named twice by a command is used twice, and the narrower maximum holds.
  with use as materialized (
    select k.n, min(x.ord) as ord, k.b, x.value ->> 'key' as key, sum((x.value ->> 'use')::bigint)::bigint as use,
           min((x.value ->> 'max')::bigint) as max,
           (array_agg(x.value ->> 'code' order by x.ord))[1] as code
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'limits') with ordinality x(value, ord)
     group by k.n, k.b, x.value ->> 'key'
     union all
    select o.n, 0, books[o.n], substr(x.key, 7), -split_part(x.value, '/', 1)::bigint, split_part(x.value, '/', 2)::bigint,
           null
      from unnest(reversing) with ordinality o(n, i), jsonb_each_text(originals[o.i].frozen) x
     where x.key like 'limit:%'),
  place as materialized (
    select row_number() over () as place, named.*, coalesce(u.used, 0) as used, coalesce(u.max, named.use_max) as max
      from (select b, key, max(max) as use_max from use group by b, key) named
      left join lateral (select * from ledger.limit_use
                          where village = villages[named.b] and limit_use.key = named.key limit 1) u on true)
  select a.*, u.*
    into limit_books, limits, used, maxes, use_of, used_limits, uses, use_maxes, use_codes
    from (select array_agg(b), array_agg(key), array_agg(place.used), array_agg(max) from place) a,
         (select array_agg(n), array_agg(place), array_agg(use), array_agg(max), array_agg(code)
            from (select use.n, place.place, use.use, use.max, use.code
                    from use join place on place.b || ' ' || place.key = use.b || ' ' || use.key
                   order by use.n, use.ord, use.key collate "C") s) u;
  used_before := used;
  maxes_before := maxes;

  -- What is compared with a column under row-level security must be a column itself: of `->>` the planner cannot know
  -- that it tells nobody anything, and would compare it only after it had read the whole village.
  for c in
    select k.*, coalesce(x.frozen, '{}') as frozen, coalesce(x.text, '') as frozen_text, x.odd,
           array_position(reversing, k.n::integer) as reversed, e.earlier
      from (select u.n, u.b, u.c ->> 'kind' as kind, u.c ->> 'cause' as cause, (u.c ->> 'id')::uuid as id,
                   (u.c ->> 'businessDate')::date as business_date, (u.c ->> 'occurredAt')::timestamptz as occurred_at,
                   (u.c ->> 'actor')::uuid as actor, (u.c ->> 'approver')::uuid as approver,
                   (u.c ->> 'reverses')::bigint as reverses, u.c ->> 'memo' as memo
              from unnest(books, commands) with ordinality u(b, c, n) offset 0) k
      -- What was used of a limit is frozen, so that uses can be counted again from the pen.
      left join (select s.n, jsonb_object_agg(s.key, s.value) as frozen,
                        string_agg(E'\nfrozen ' || s.key || ' ' || ledger.escape(s.value), '' order by s.key) as text,
                        bool_or(s.odd) as odd
                   from (select k.n, f.key collate "C" as key, f.value #>> '{}' as value,
                                f.key ~ '\s' or jsonb_typeof(f.value) <> 'string' as odd
                           from unnest(commands) with ordinality k(c, n), jsonb_each(k.c -> 'frozen') f
                          union all
                         select use.n, 'limit:' || limits[use.place], use.use || '/' || use.max, false
                           from unnest(use_of, used_limits, uses, use_maxes) use(n, place, use, max)) s
                  group by s.n) x on x.n = k.n
      left join lateral (select transaction as earlier from ledger.transaction
                          where village = villages[k.b] and kind = k.kind and cause = k.cause limit 1) e on true
     order by k.n
  loop
    first_line := next_line;
    lines := '';
    while line_of[next_line] = c.n loop
      lines := lines || texts[next_line];
      next_line := next_line + 1;
    end loop;
    first_use := next_use;
    while use_of[next_use] = c.n loop next_use := next_use + 1; end loop;
    refusal := null;
    facts := null;

    if c.reverses is not null and c.reversed is null then
      answers := answers || ledger.refused('not-found', jsonb_build_object('transactionNumber', c.reverses));
      continue;
    end if;
    if lines = '' is not false or c.odd then
      -- A name with a blank, or a value that is not text, would let two transactions share one canonical text.
      raise exception 'a transaction needs a transfer, a transfer all of its parts, and what is frozen is text under one word'
        using errcode = 'JF003';
    end if;

    t := row(villages[c.b], numbers[c.b] + 1, c.id, c.kind, c.cause, c.business_date, c.occurred_at, null, c.actor,
             c.approver, c.reverses, c.memo, c.frozen, null, null);

    -- One cause posts once, for ever: the same content is a replay, other content a refusal. Lots are not content: what
    -- they were was decided when it was posted.
    name := c.b || ' ' || c.kind || ' ' || c.cause;
    if made_at ? name then c.earlier := made[(made_at ->> name)::integer]; end if;
    if (c.earlier).number is not null then
      t.number := (c.earlier).number;
      t.id := (c.earlier).id;
      t.posted_at := (c.earlier).posted_at;
      t.frozen := t.frozen || coalesce((select jsonb_object_agg(key, value) from jsonb_each((c.earlier).frozen)
                                         where key like 'lots:%'), '{}');
      if ledger.leaf(ledger.canonical(t, lines)) = (c.earlier).leaf_hash then
        answers := answers || jsonb_build_object('status', 'replayed', 'number', t.number, 'id', t.id,
          'hash', encode((c.earlier).hash, 'hex'), 'postedAt', t.posted_at);
      else
        answers := answers || ledger.refused('cause-reused', jsonb_build_object('transactionNumber', t.number));
      end if;
      continue;
    end if;

    -- Reversed at most once, and a reversal is never reversed.
    if c.reverses is not null then
      other := coalesce(reversals[c.reversed], (reversed_now -> (c.b || ' ' || c.reverses))::bigint,
                        case when originals[c.reversed].reverses is not null then c.reverses end);
      if other is not null then
        answers := answers || ledger.refused('already-reversed', jsonb_build_object('reversalNumber', other));
        continue;
      end if;
    end if;
    if c.approver = c.actor then
      answers := answers || ledger.refused('second-person-required', jsonb_build_object('firstUserId', c.actor));
      continue;
    end if;

    -- Limits; to give back is never refused.
    if c.reverses is null then
      for i in first_use .. next_use - 1 loop
        j := used_limits[i];
        if uses[i] < 1 then
          raise exception 'a limit is used at least once' using errcode = 'JF003';
        end if;
        if used[j] + uses[i] > use_maxes[i] then
          refusal := coalesce(use_codes[i], 'cap-reached');
          facts := jsonb_build_object('cap', limits[j], 'used', used[j], 'use', uses[i], 'limit', use_maxes[i]);
          exit;
        end if;
      end loop;
    end if;

    -- Floors, line by line; the first that cannot be refuses the command, and the lines before it are taken back.
    touched := '{}';
    moves := '{}';
    i := first_line;
    while refusal is null and i < next_line loop
      src := froms[i];
      dst := tos[i];
      if src is null or dst is null then
        refusal := 'not-found';
        facts := jsonb_build_object(
          'accountCode', case when src is null then from_codes[i] else to_codes[i] end, 'asset', assets[i]);
      elsif src = dst then
        raise exception 'an account pays itself: %', texts[i] using errcode = 'JF003';
      elsif amounts[i] not between 1 and ledger.amount_max(assets[i]) then
        refusal := 'out-of-bounds';
        facts := jsonb_build_object('field', 'amount', 'asset', assets[i], 'min', 1, 'max', ledger.amount_max(assets[i]));
      elsif greatest(balances[dst] + amounts[i], amounts[i] - balances[src]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := 'out-of-bounds';
        facts := jsonb_build_object(
          'field', 'balance', 'asset', assets[i], 'min', -9007199254740991, 'max', 9007199254740991);
      elsif balances[src] - amounts[i] < floors[src] then
        refusal := case when c.reverses is not null then 'reversal-arrears'
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
            raise exception 'lots of more than a line moves: %', texts[i] using errcode = 'JF003';
          end if;
        end if;
        if moved <> '{}' then
          if ledger.carries_lots(assets[i], floors[dst]) then
            dated[dst] := ledger.add_lots(dated[dst], moved, 1);
          end if;
          t.frozen := t.frozen || jsonb_build_object('lots:' || i - first_line + 1, ledger.lots_text(moved));
        end if;
        moves := moves || moved;
        from_balance := balances[src] - amounts[i];
        to_balance := balances[dst] + amounts[i];
        from_seq := seqs[src] + 1;
        to_seq := seqs[dst] + 1;
        balances[src] := from_balance;
        balances[dst] := to_balance;
        seqs[src] := from_seq;
        seqs[dst] := to_seq;
        written := written || row(t.village, t.number, i - first_line + 1, assets[i], amounts[i], accounts[src], accounts[dst],
                                  from_balance, to_balance, from_seq, to_seq)::ledger.transfer;
        touched := touched || jsonb_build_object(from_codes[i] || ' ' || assets[i], from_balance,
                                                 to_codes[i] || ' ' || assets[i], to_balance);
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
        moved := moves[s - first_line + 1];
        if moved <> '{}' then
          if ledger.carries_lots(assets[s], floors[src]) then dated[src] := ledger.add_lots(dated[src], moved, 1); end if;
          if ledger.carries_lots(assets[s], floors[dst]) then dated[dst] := ledger.add_lots(dated[dst], moved, -1); end if;
        end if;
      end loop;
      written := trim_array(written, greatest(i - first_line, 0));
      answers := answers || ledger.refused(refusal, facts);
      continue;
    end if;

    -- Nothing stands against it.
    for i in first_use .. next_use - 1 loop
      j := used_limits[i];
      from_seq := used[j] + uses[i];
      used[j] := from_seq;
      if c.reverses is null then maxes[used_limits[i]] := use_maxes[i]; end if;
    end loop;
    -- The book's time never runs backwards, whatever the machine's clock does.
    t.posted_at := greatest(date_trunc('milliseconds', clock_timestamp()), instants[c.b]);
    if t.frozen <> c.frozen then c.frozen_text := ledger.frozen_text(t.frozen); end if;
    t.leaf_hash := ledger.leaf(ledger.canonical(t, c.frozen_text, lines));
    t.hash := sha256(heads[c.b] || t.leaf_hash);
    made := made || t;
    made_at := made_at || jsonb_build_object(name, cardinality(made));
    if c.reverses is not null then 
      reversed_now := reversed_now || jsonb_build_object(c.b || ' ' || c.reverses, t.number);
    end if;
    numbers[c.b] := t.number;
    heads[c.b] := t.hash;
    instants[c.b] := t.posted_at;
    answers := answers || jsonb_build_object('status', 'posted', 'number', t.number, 'id', t.id,
      'hash', encode(t.hash, 'hex'), 'postedAt', t.posted_at, 'balances', touched);
  end loop;

  if cardinality(made) > 0 then
    insert into ledger.transaction select * from unnest(made);
    insert into ledger.transfer select * from unnest(written);
    insert into ledger.limit_use as l (village, key, used, max)
    select villages[u.b], u.key, u.used, u.max
      from unnest(limit_books, limits, used, maxes, used_before, maxes_before) u(b, key, used, max, before, max_before)
     where (u.used, u.max) <> (u.before, u.max_before)
    on conflict (village, key) do update set used = excluded.used, max = excluded.max;
    update ledger.account a set balance = u.balance, entries = u.entries, lots = u.lots
      from unnest(account_books, accounts, balances, seqs, dated) u(b, number, balance, entries, lots)
     where a.village = villages[u.b] and a.number = u.number and a.entries <> u.entries;
    update ledger.book b set number = u.number, head = u.head, posted_at = u.posted_at
      from unnest(villages, numbers, heads, instants) u(village, number, head, posted_at)
     where b.village = any (villages) and b.village = u.village and b.number <> u.number;
  end if;
  return to_jsonb(answers);
end $$;

-- The only ways to write a book. With `p_atomic`, one refusal undoes the whole list: what had been posted is answered
-- {status: undone}, so that the caller still learns what stands against each command.
create or replace function ledger.post(p_village text, p_commands jsonb, p_atomic boolean default false) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  lists jsonb := jsonb_build_array(jsonb_build_object('village', p_village, 'commands', p_commands));
  results jsonb;
begin
  if not p_atomic then
    return ledger.post_each(lists);
  end if;
  begin
    results := ledger.post_each(lists);
    if results @> '[{"status": "refused"}]' then
      raise exception 'undo' using errcode = 'JF004';
    end if;
  exception when sqlstate 'JF004' then
    select jsonb_agg(case when e.value ->> 'status' = 'posted' then '{"status": "undone"}' else e.value end order by ord)
      into results from jsonb_array_elements(results) with ordinality e(value, ord);
  end;
  return results;
end $$;

-- The same for several books at once, [{village, commands}]: one answer for each command, in order.
create function ledger.post_books(p_lists jsonb) returns jsonb
  language sql security definer set search_path = pg_catalog, pg_temp
return ledger.post_each(p_lists);

revoke all on all functions in schema ledger from public;
grant execute on function ledger.post_books(jsonb), ledger.take_pen(text), ledger.dated(jsonb), ledger.first_day(jsonb),
  ledger.carries_lots(text, bigint)
  to jifen_app;
