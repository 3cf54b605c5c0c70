-- The ledger: one book per village, one pen per book. src/ledger/README.md explains the model on one page.

create schema ledger;
grant usage on schema ledger to jifen_app;

-- A village's book. Whoever locks this row holds the pen: every number and every hash is given under it.
create table ledger.book (
  village text collate "C" not null check (village ~ '^[0-9]{12}$'),
  number bigint not null default 0 check (number >= 0),
  head bytea not null default sha256(''::bytea),
  accounts integer not null default 0,
  posted_at timestamptz(3) not null default '-infinity',
  constraint book_pkey primary key (village)
) with (fillfactor = 50);

-- An account holds one asset; its floor is the law of its code (ledger.floor_of), never a caller's choice.
create table ledger.account (
  village text collate "C" not null,
  number integer not null check (number > 0),
  code text collate "C" not null,
  asset text collate "C" not null,
  floor bigint,
  balance bigint not null default 0,
  entries bigint not null default 0 check (entries >= 0),
  constraint account_pkey primary key (village, number),
  constraint account_code_key unique (village, code, asset),
  -- Judged at every change of a balance, so without a counted repetition: `{1,150}` takes 97 µs, this takes 1.3.
  constraint account_code_form check (length(code) between 1 and 150 and code !~ '[^A-Za-z0-9:-]'),
  constraint account_asset_form check (asset ~ '^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$'),
  constraint account_floor check (floor is null or balance >= floor)
) with (fillfactor = 70);

create table ledger.transaction (
  village text collate "C" not null,
  number bigint not null check (number > 0),
  id uuid not null,
  kind text not null,
  cause text collate "C" not null,
  business_date date not null,
  occurred_at timestamptz(3) not null,
  posted_at timestamptz(3) not null,
  actor uuid not null,
  approver uuid,
  reverses bigint,
  memo text,
  frozen jsonb not null,
  leaf_hash bytea not null,
  hash bytea not null,
  constraint transaction_pkey primary key (village, number),
  constraint transaction_reverses_key unique (village, reverses),
  constraint transaction_second_person check (approver is null or approver <> actor),
  constraint transaction_kind_form check (length(kind) between 1 and 40 and kind !~ '[^A-Za-z]'),
  constraint transaction_cause_form check (length(cause) between 1 and 200 and cause !~ '[^A-Za-z0-9:._-]'),
  -- A frozen name with a space, or a value that is not text, would let two transactions share one canonical text.
  constraint transaction_frozen_form check (not jsonb_path_exists(frozen,
    '$.keyvalue() ? (@.key like_regex "[[:space:]]" || @.value.type() != "string")'))
);
create index transaction_business_date on ledger.transaction (village, business_date, number);
-- Made last: in a young book, before the first statistics, all of these indexes look alike to the planner, and of equals
-- it takes the newest. Otherwise each post of the first thousands read every transaction of its village.
alter table ledger.transaction add constraint transaction_cause_key unique (village, kind, cause);

-- What one transfer may carry: 10⁶ of anything, 10¹⁰ fen.
create function ledger.amount_max(asset text) returns bigint immutable strict parallel safe language sql
return case asset when 'CNY' then 10000000000 else 1000000 end;

-- One line of a transaction. One amount leaves one account and enters another, so an unbalanced line cannot be written.
-- Accounts are named by their number and not by a foreign key: ledger.post, the only writer, has just read them under
-- the pen, and ledger.verify looks for strays; two more lookups a line would cost a third of the speed of a long list.
create table ledger.transfer (
  village text collate "C" not null,
  number bigint not null,
  line smallint not null,
  asset text collate "C" not null,
  amount bigint not null,
  from_account integer not null,
  to_account integer not null,
  from_balance bigint not null,
  to_balance bigint not null,
  from_seq bigint not null,
  to_seq bigint not null,
  constraint transfer_pkey primary key (village, number, line),
  constraint transfer_two_accounts check (from_account <> to_account),
  constraint transfer_amount check (amount between 1 and ledger.amount_max(asset))
);
create index transfer_from on ledger.transfer (village, from_account, number, line);
create index transfer_to on ledger.transfer (village, to_account, number, line);

-- Uses of a cap. The key names the household or member, the rule and the period.
create table ledger.limit_use (
  village text collate "C" not null,
  key text collate "C" not null,
  used bigint not null,
  max bigint not null,
  constraint limit_use_pkey primary key (village, key),
  constraint limit_use_max check (used between 0 and max)
) with (fillfactor = 70);

-- The planner must not learn how common each village is. Of one that came after the last ANALYZE it would expect a single
-- row, and look through the whole village for every row it joins: 76 s for a journal of 5,000 transactions, now 0.6 s.
alter table ledger.account alter column village set statistics 0;
alter table ledger.transaction alter column village set statistics 0;
alter table ledger.transfer alter column village set statistics 0;
alter table ledger.limit_use alter column village set statistics 0;

-- A transfer as one account sees it: what left is negative. `security_invoker`, so that the reader's scope holds.
create view ledger.entry with (security_invoker = true) as
  select village, from_account as account, from_seq as seq, number, line, asset, -amount as amount,
         from_balance as balance, to_account as counter_account
    from ledger.transfer
  union all
  select village, to_account, to_seq, number, line, asset, amount, to_balance, from_account
    from ledger.transfer;

-- ── The second wall: rows of another village do not exist ────────────────────────────────────────────────────────────

alter table ledger.book enable row level security;
alter table ledger.book force row level security;
create policy scope on ledger.book
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table ledger.account enable row level security;
alter table ledger.account force row level security;
create policy scope on ledger.account
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table ledger.transaction enable row level security;
alter table ledger.transaction force row level security;
create policy scope on ledger.transaction
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table ledger.transfer enable row level security;
alter table ledger.transfer force row level security;
create policy scope on ledger.transfer
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table ledger.limit_use enable row level security;
alter table ledger.limit_use force row level security;
create policy scope on ledger.limit_use
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select on all tables in schema ledger to jifen_app;

-- ── Append-only against the owner too. On Citus there are no triggers: nothing depends on these ──────────────────────

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the book is never changed: post a reversal instead' using errcode = 'JF001';
end $$;
create trigger append_only before update or delete or truncate on ledger.transaction
  for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete or truncate on ledger.transfer
  for each statement execute function ledger.refuse_change();

-- ── Canonical text (jifen/1) ─────────────────────────────────────────────────────────────────────────────────────────

-- A line break inside a value would forge a line, so it is written \n, and the backslash itself \\.
create function ledger.escape(value text) returns text immutable strict parallel safe language sql
return replace(replace(replace(value, E'\\', E'\\\\'), E'\r', E'\\r'), E'\n', E'\\n');

-- The text that is hashed: lines `name value`, each ended by LF; docs/canonical.md has the test vector.
-- `lines` are the transfers' own lines, in order. Stable, not immutable: to_char() depends on the session.
create function ledger.canonical(t ledger.transaction, lines text) returns text stable parallel safe language sql
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
  || coalesce((select string_agg(E'\nfrozen ' || f.key || ' ' || ledger.escape(f.value), '' order by f.key collate "C")
                 from jsonb_each_text(t.frozen) f), '')
  || lines || E'\n';

create function ledger.leaf(canonical text) returns bytea immutable strict parallel safe language sql
return sha256('\x00'::bytea || convert_to(canonical, 'UTF8'));

-- ── Opening books and accounts ───────────────────────────────────────────────────────────────────────────────────────

-- Sources and sinks have no floor; whatever belongs to somebody or lies on a shelf never falls below zero.
create function ledger.floor_of(code text) returns bigint immutable strict parallel safe language sql
return case when code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside)$'
              or code ~ '^(supply|abroad):' then null else 0 end;

create function ledger.open_book(p_village text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.book (village) values (p_village) on conflict do nothing;
end $$;

-- Opens accounts [{code, asset}]; those that exist already stay as they are. Takes the pen, for numbers are given here.
create function ledger.open_accounts(p_village text, p_accounts jsonb) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  opened integer;
begin
  perform from ledger.book where village = p_village for update;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;
  insert into ledger.account (village, number, code, asset, floor)
  select p_village, b.accounts + row_number() over (order by n.ord), n.code, n.asset, ledger.floor_of(n.code)
    from ledger.book b,
         (select a.value ->> 'code' as code, a.value ->> 'asset' as asset, min(a.ord) as ord
            from jsonb_array_elements(p_accounts) with ordinality a(value, ord) group by 1, 2) n
   where b.village = p_village
     and not exists (select from ledger.account e
                      where e.village = p_village and e.code = n.code and e.asset = n.asset);
  get diagnostics opened = row_count;
  update ledger.book set accounts = accounts + opened where village = p_village;
end $$;

-- ── Posting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

create function ledger.refused(code text, facts jsonb) returns jsonb immutable parallel safe language sql
return jsonb_build_object('status', 'refused', 'code', code, 'facts', facts);

-- Judges and writes a list of commands under the pen, one after another, and answers each:
--   {status: posted | replayed, number, id, hash, postedAt, balances: {"<code> <asset>": n}} | {status: refused, code, facts}
-- A command is {id, kind, cause, businessDate, occurredAt, actor, approver?, memo?, reverses?, frozen?,
--   transfers: [{from, to, asset, amount}], limits?: [{key, use, max, code}]}.
-- With `reverses` it has no transfers: it is the mirror of that transaction and gives its limits back.
-- What data can decide is refused, command by command; what no business event can be (no transfer, an account that pays
-- itself) is a bug of the caller's, and raised.
-- `enable_seqscan`: a session keeps its plans, and one made while a table was small would read all of it ever after.
create function ledger.post_each(p_village text, p_commands jsonb) returns jsonb
  language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  pen ledger.book;              -- the book as it stands while this list is written
  c jsonb;                      -- the command at hand
  t ledger.transaction;         -- what it becomes
  earlier ledger.transaction;   -- what already stands under its cause
  original ledger.transaction;  -- what it reverses
  transfers jsonb;
  lines text;                   -- its transfers in the canonical text
  written ledger.transfer[];    -- and as rows
  w ledger.transfer;
  touched jsonb;                -- balances of the accounts it touches
  refusal jsonb;
  answers jsonb[] := '{}';
  -- Every account the list names, with its balance and number of entries after the commands so far; `places` says where
  -- in the arrays it is. They are written once, at the end: a thousand awards change `issued` a thousand times.
  places jsonb; accounts integer[]; floors bigint[]; balances bigint[]; seqs bigint[];
  balances_before bigint[]; seqs_before bigint[];
  keys text[]; uses bigint[]; maxes bigint[]; codes text[];  -- the limits of the command
  used_before bigint;
  x jsonb;
  l record;
  f integer; g integer;         -- where the accounts of a transfer are in the arrays
begin
  -- The lock is a statement of its own: what is read under it is read by a later statement, never by the one that
  -- waited, which would still see the rows as they were before.
  perform from ledger.book where village = p_village for update;
  select * into pen from ledger.book where village = p_village;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;

  -- Each account by itself, hence `limit 1`: a join would read all accounts of the village for a single transfer. So it
  -- did, limits too, and a post took 8 ms where it now takes 0.5 (1,000 accounts, 5,000 limits).
  select coalesce(jsonb_object_agg(n.key, n.i), '{}'), array_agg(n.number order by n.i),
         array_agg(n.floor order by n.i), array_agg(n.balance order by n.i), array_agg(n.entries order by n.i)
    into places, accounts, floors, balances, seqs
    from (select a.code || ' ' || a.asset as key, row_number() over () as i, a.number, a.floor, a.balance, a.entries
            from (select e ->> 'from' as code, e ->> 'asset' as asset
                    from jsonb_path_query(p_commands, '$[*].transfers[*]') e
                   union
                  select e ->> 'to', e ->> 'asset' from jsonb_path_query(p_commands, '$[*].transfers[*]') e
                   union
                  select a.code, a.asset
                    from jsonb_path_query(p_commands, '$[*].reverses ? (@ != null)') e,
                         lateral (select * from ledger.transfer
                                   where village = p_village and number = e::bigint offset 0) r,
                         lateral (select * from ledger.account where village = p_village
                                     and number in (r.from_account, r.to_account) offset 0) a) named,
                 lateral (select * from ledger.account
                           where village = p_village and code = named.code and asset = named.asset limit 1) a) n;

  for c in select value from jsonb_array_elements(p_commands) with ordinality e(value, ord) order by ord loop
    refusal := null;
    transfers := coalesce(c -> 'transfers', '[]');
    t := null;
    t.village := p_village;
    t.kind := c ->> 'kind';
    t.cause := c ->> 'cause';
    t.business_date := c ->> 'businessDate';
    t.occurred_at := c ->> 'occurredAt';
    t.actor := c ->> 'actor';
    t.approver := c ->> 'approver';
    t.reverses := c ->> 'reverses';
    t.memo := c ->> 'memo';
    t.frozen := coalesce(c -> 'frozen', '{}');
    keys := '{}'; uses := '{}'; maxes := '{}'; codes := '{}';

    if t.reverses is null then
      -- A limit that is named twice is used twice, and the narrower maximum holds.
      for i in 0 .. jsonb_array_length(coalesce(c -> 'limits', '[]')) - 1 loop
        x := c -> 'limits' -> i;
        f := array_position(keys, x ->> 'key');
        if f is null then
          keys := keys || (x ->> 'key');
          uses := uses || (x ->> 'use')::bigint;
          maxes := maxes || (x ->> 'max')::bigint;
          codes := codes || (x ->> 'code');
        else
          uses[f] := uses[f] + (x ->> 'use')::bigint;
          maxes[f] := least(maxes[f], (x ->> 'max')::bigint);
        end if;
      end loop;
    else
      -- A reversal is what it reverses, backwards: line by line from the last, each the other way, the limits given back.
      select * into original from ledger.transaction where village = p_village and number = t.reverses;
      if not found then
        answers := answers || ledger.refused('not-found', jsonb_build_object('transactionNumber', t.reverses));
        continue;
      end if;
      select jsonb_agg(jsonb_build_object('from', a.code, 'to', b.code, 'asset', r.asset, 'amount', r.amount)
                       order by r.line desc)
        into transfers
        from ledger.transfer r,
             lateral (select code from ledger.account where village = p_village and number = r.to_account limit 1) a,
             lateral (select code from ledger.account where village = p_village and number = r.from_account limit 1) b
       where r.village = p_village and r.number = t.reverses;
      for l in select substr(key, 7) as key, split_part(value, '/', 1)::bigint as use,
                      split_part(value, '/', 2)::bigint as max
                 from jsonb_each_text(original.frozen) where key like 'limit:%' order by key
      loop
        keys := keys || l.key;
        uses := uses || -l.use;
        maxes := maxes || l.max;
      end loop;
    end if;
    -- What the transaction used of each limit is frozen in it, so that uses can be counted again from the pen.
    for i in 1 .. cardinality(keys) loop
      t.frozen := t.frozen || jsonb_build_object('limit:' || keys[i], uses[i] || '/' || maxes[i]);
    end loop;

    lines := case when transfers <> '[]' then '' end;
    for i in 0 .. jsonb_array_length(transfers) - 1 loop
      x := transfers -> i;
      lines := lines || E'\nline ' || (x ->> 'asset') || ' ' || (x ->> 'amount')::bigint || ' ' || (x ->> 'from') || ' '
                     || (x ->> 'to');
    end loop;
    if lines is null then
      raise exception 'a transaction needs a transfer, and a transfer all of its parts' using errcode = 'JF003';
    end if;

    -- One cause posts once, for ever: the same content is a replay, other content a refusal.
    select * into earlier from ledger.transaction
     where village = p_village and kind = t.kind and cause = t.cause;
    if found then
      t.number := earlier.number;
      t.id := earlier.id;
      t.posted_at := earlier.posted_at;
      if ledger.leaf(ledger.canonical(t, lines)) = earlier.leaf_hash then
        answers := answers || jsonb_build_object('status', 'replayed', 'number', earlier.number, 'id', earlier.id,
          'hash', encode(earlier.hash, 'hex'), 'postedAt', earlier.posted_at);
      else
        answers := answers || ledger.refused('cause-reused', jsonb_build_object('transactionNumber', earlier.number));
      end if;
      continue;
    end if;

    -- Reversed at most once, and a reversal is never reversed.
    if t.reverses is not null then
      select * into earlier from ledger.transaction where village = p_village and reverses = t.reverses;
      if found or original.reverses is not null then
        answers := answers || ledger.refused('already-reversed',
          jsonb_build_object('reversalNumber', coalesce(earlier.number, original.number)));
        continue;
      end if;
    end if;

    if t.approver = t.actor then
      answers := answers || ledger.refused('second-person-required', jsonb_build_object('firstUserId', t.actor));
      continue;
    end if;

    -- Limits; to give back is never refused.
    if t.reverses is null then
      for i in 1 .. cardinality(keys) loop
        if uses[i] < 1 then
          raise exception 'a limit is used at least once' using errcode = 'JF003';
        end if;
        select coalesce(max(used), 0) into used_before
          from ledger.limit_use where village = p_village and key = keys[i];
        if used_before + uses[i] > maxes[i] then
          refusal := ledger.refused(coalesce(codes[i], 'cap-reached'),
            jsonb_build_object('cap', keys[i], 'used', used_before, 'use', uses[i], 'limit', maxes[i]));
          exit;
        end if;
      end loop;
    end if;

    -- Floors, transfer by transfer.
    balances_before := balances;
    seqs_before := seqs;
    written := '{}';
    touched := '{}';
    for i in 0 .. jsonb_array_length(transfers) - 1 loop
      exit when refusal is not null;
      x := transfers -> i;
      w.village := p_village;
      w.number := pen.number + 1;
      w.line := i + 1;
      w.asset := x ->> 'asset';
      w.amount := x ->> 'amount';
      f := places -> ((x ->> 'from') || ' ' || w.asset);
      g := places -> ((x ->> 'to') || ' ' || w.asset);
      if f is null or g is null then
        refusal := ledger.refused('not-found', jsonb_build_object(
          'accountCode', case when f is null then x ->> 'from' else x ->> 'to' end, 'asset', w.asset));
      elsif f = g then
        raise exception 'an account pays itself: %', x using errcode = 'JF003';
      elsif w.amount not between 1 and ledger.amount_max(w.asset) then
        refusal := ledger.refused('out-of-bounds', jsonb_build_object(
          'field', 'amount', 'asset', w.asset, 'min', 1, 'max', ledger.amount_max(w.asset)));
      elsif greatest(balances[g] + w.amount, w.amount - balances[f]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := ledger.refused('out-of-bounds', jsonb_build_object(
          'field', 'balance', 'asset', w.asset, 'min', -9007199254740991, 'max', 9007199254740991));
      elsif balances[f] - w.amount < floors[f] then
        refusal := ledger.refused(
          case when t.reverses is not null then 'reversal-arrears'
               when w.asset = 'PTS' and x ->> 'from' like 'household:%' then 'insufficient-points'
               when w.asset like 'SKU:%' then 'insufficient-stock'
               else 'insufficient-balance' end,
          jsonb_build_object('accountCode', x ->> 'from', 'asset', w.asset, 'available', balances_before[f] - floors[f],
            'required', (select sum((e ->> 'amount')::bigint) from jsonb_array_elements(transfers) e
                          where e ->> 'from' = x ->> 'from' and e ->> 'asset' = w.asset)));
      else
        balances[f] := balances[f] - w.amount;
        balances[g] := balances[g] + w.amount;
        seqs[f] := seqs[f] + 1;
        seqs[g] := seqs[g] + 1;
        w.from_account := accounts[f];
        w.to_account := accounts[g];
        w.from_balance := balances[f];
        w.to_balance := balances[g];
        w.from_seq := seqs[f];
        w.to_seq := seqs[g];
        written := written || w;
        touched := touched || jsonb_build_object((x ->> 'from') || ' ' || w.asset, balances[f],
                                                 (x ->> 'to') || ' ' || w.asset, balances[g]);
      end if;
    end loop;
    if refusal is not null then
      balances := balances_before;
      seqs := seqs_before;
      answers := answers || refusal;
      continue;
    end if;

    -- Nothing stands against it: write.
    t.number := pen.number + 1;
    t.id := c ->> 'id';
    -- The book's time never runs backwards, whatever the machine's clock does.
    t.posted_at := greatest(date_trunc('milliseconds', clock_timestamp()), pen.posted_at);
    t.leaf_hash := ledger.leaf(ledger.canonical(t, lines));
    t.hash := sha256(pen.head || t.leaf_hash);
    insert into ledger.transaction select t.*;
    insert into ledger.transfer select * from unnest(written);
    for i in 1 .. cardinality(keys) loop
      if t.reverses is not null then
        update ledger.limit_use set used = used + uses[i] where village = p_village and key = keys[i];
      else
        insert into ledger.limit_use as u (village, key, used, max) values (p_village, keys[i], uses[i], maxes[i])
        on conflict (village, key) do update set used = u.used + excluded.used, max = excluded.max;
      end if;
    end loop;
    pen.number := t.number;
    pen.head := t.hash;
    pen.posted_at := t.posted_at;
    answers := answers || jsonb_build_object('status', 'posted', 'number', t.number, 'id', t.id,
      'hash', encode(t.hash, 'hex'), 'postedAt', t.posted_at, 'balances', touched);
  end loop;

  update ledger.account a set balance = u.balance, entries = u.entries
    from unnest(accounts, balances, seqs) u(number, balance, entries)
   where a.village = p_village and a.number = u.number and a.entries <> u.entries;
  update ledger.book set number = pen.number, head = pen.head, posted_at = pen.posted_at
   where village = p_village and number <> pen.number;
  return to_jsonb(answers);
end $$;

-- The only way to write the book. With `p_atomic`, one refusal undoes the whole list: what had been posted is answered
-- {status: undone}, so that the caller still learns what stands against each command.
create function ledger.post(p_village text, p_commands jsonb, p_atomic boolean default false) returns jsonb
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  results jsonb;
begin
  if not p_atomic then
    return ledger.post_each(p_village, p_commands);
  end if;
  begin
    results := ledger.post_each(p_village, p_commands);
    if results @> '[{"status": "refused"}]' then
      raise exception 'undo' using errcode = 'JF004';
    end if;
  exception when sqlstate 'JF004' then
    select jsonb_agg(case when e.value ->> 'status' = 'posted' then '{"status": "undone"}' else e.value end order by ord)
      into results from jsonb_array_elements(results) with ordinality e(value, ord);
  end;
  return results;
end $$;

revoke all on all functions in schema ledger from public;
grant execute on function ledger.post(text, jsonb, boolean), ledger.open_book(text), ledger.open_accounts(text, jsonb),
  ledger.canonical(ledger.transaction, text), ledger.leaf(text), ledger.escape(text), ledger.floor_of(text),
  ledger.amount_max(text)
  to jifen_app;
