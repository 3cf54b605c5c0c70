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
  constraint account_code_form check (code ~ '^[A-Za-z0-9:-]{1,150}$'),
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
  constraint transaction_cause_key unique (village, kind, cause),
  constraint transaction_reverses_key unique (village, reverses),
  constraint transaction_second_person check (approver is null or approver <> actor),
  constraint transaction_kind_form check (kind ~ '^[A-Za-z]{1,40}$'),
  constraint transaction_cause_form check (cause ~ '^[A-Za-z0-9:._-]{1,200}$'),
  -- A frozen name with a space, or a value that is not text, would let two transactions share one canonical text.
  constraint transaction_frozen_form check (not jsonb_path_exists(frozen,
    '$.keyvalue() ? (@.key like_regex "[[:space:]]" || @.value.type() != "string")'))
);
create index transaction_business_date on ledger.transaction (village, business_date, number);

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
  constraint transfer_amount check (amount between 1 and case asset when 'CNY' then 10000000000 else 1000000 end)
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

-- Judges and writes a list of commands under the pen, one after another, and answers each:
--   {status: posted | replayed, number, id, hash, postedAt, balances: {"<code> <asset>": n}} | {status: refused, code, facts}
-- A command is {id, kind, cause, businessDate, occurredAt, actor, approver?, memo?, reverses?, frozen?,
--   transfers: [{from, to, asset, amount}], limits?: [{key, use, max, code}]}.
-- With `reverses` it has no transfers: it is the mirror of that transaction and gives its limits back.
create function ledger.post_each(p_village text, p_commands jsonb) returns jsonb
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  pen ledger.book;             -- the book as it stands while this list is written
  c jsonb;                      -- the command at hand
  t ledger.transaction;         -- what it becomes
  earlier ledger.transaction;   -- what already stands under its cause
  original ledger.transaction;  -- what it reverses
  transfers jsonb;
  limits jsonb;
  lines text;
  results jsonb := '[]';
  refusal jsonb;
  l record;
  x record;
  accounts integer[]; codes text[]; floors bigint[]; balances bigint[]; opening bigint[]; seqs bigint[];
  f integer; g integer;
  from_accounts integer[]; to_accounts integer[]; from_balances bigint[]; to_balances bigint[];
  from_seqs bigint[]; to_seqs bigint[];
begin
  -- The lock is a statement of its own: what is read under it is read by a later statement, never by the one that
  -- waited, which would still see the rows as they were before.
  perform from ledger.book where village = p_village for update;
  select * into pen from ledger.book where village = p_village;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;

  for c in select value from jsonb_array_elements(p_commands) with ordinality e(value, ord) order by ord loop
    refusal := null;
    transfers := coalesce(c -> 'transfers', '[]');
    limits := coalesce(c -> 'limits', '[]');
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

    -- A reversal is what it reverses, backwards: line by line from the last, each the other way, the limits given back.
    if t.reverses is not null then
      select * into original from ledger.transaction where village = p_village and number = t.reverses;
      if not found then
        results := results || jsonb_build_object('status', 'refused', 'code', 'not-found', 'facts',
          jsonb_build_object('transactionNumber', t.reverses));
        continue;
      end if;
      select jsonb_agg(jsonb_build_object('from', a.code, 'to', b.code, 'asset', r.asset, 'amount', r.amount)
                       order by r.line desc)
        into transfers
        from ledger.transfer r
        join ledger.account a on a.village = p_village and a.number = r.to_account
        join ledger.account b on b.village = p_village and b.number = r.from_account
       where r.village = p_village and r.number = t.reverses;
      select coalesce(jsonb_agg(jsonb_build_object('key', substr(key, 7), 'use', -split_part(value, '/', 1)::bigint,
                                                   'max', split_part(value, '/', 2)::bigint)), '[]')
        into limits
        from jsonb_each_text(original.frozen) where key like 'limit:%';
    end if;

    -- What the transaction used of each limit is frozen in it, so that uses can be counted again from the pen.
    select t.frozen || coalesce(jsonb_object_agg('limit:' || (e.value ->> 'key'),
                                                 (e.value ->> 'use') || '/' || (e.value ->> 'max')), '{}')
      into t.frozen from jsonb_array_elements(limits) e;
    select string_agg(E'\nline ' || (e.value ->> 'asset') || ' ' || (e.value ->> 'amount') || ' '
                      || (e.value ->> 'from') || ' ' || (e.value ->> 'to'), '' order by e.ord)
      into lines from jsonb_array_elements(transfers) with ordinality e(value, ord);
    if lines is null then
      raise exception 'a transaction needs a transfer' using errcode = 'JF003';
    end if;

    -- One cause posts once, for ever: the same content is a replay, other content a refusal.
    select * into earlier from ledger.transaction
     where village = p_village and kind = t.kind and cause = t.cause;
    if found then
      t.number := earlier.number;
      t.id := earlier.id;
      t.posted_at := earlier.posted_at;
      if ledger.leaf(ledger.canonical(t, lines)) = earlier.leaf_hash then
        results := results || jsonb_build_object('status', 'replayed', 'number', earlier.number, 'id', earlier.id,
          'hash', encode(earlier.hash, 'hex'), 'postedAt', earlier.posted_at);
      else
        results := results || jsonb_build_object('status', 'refused', 'code', 'cause-reused', 'facts',
          jsonb_build_object('transactionNumber', earlier.number));
      end if;
      continue;
    end if;

    -- Reversed at most once, and a reversal is never reversed.
    if t.reverses is not null then
      select * into earlier from ledger.transaction where village = p_village and reverses = t.reverses;
      if found or original.reverses is not null then
        results := results || jsonb_build_object('status', 'refused', 'code', 'already-reversed', 'facts',
          jsonb_build_object('reversalNumber', coalesce(earlier.number, original.number)));
        continue;
      end if;
    end if;

    -- Limits.
    for l in select e.value ->> 'key' as key, (e.value ->> 'use')::bigint as use, (e.value ->> 'max')::bigint as max,
                    coalesce(e.value ->> 'code', 'cap-reached') as code, coalesce(u.used, 0) as used
               from jsonb_array_elements(limits) e
               left join ledger.limit_use u on u.village = p_village and u.key = e.value ->> 'key'
    loop
      if l.use > 0 and l.used + l.use > l.max then
        refusal := jsonb_build_object('status', 'refused', 'code', l.code, 'facts',
          jsonb_build_object('cap', l.key, 'used', l.used, 'use', l.use, 'limit', l.max));
        exit;
      end if;
    end loop;

    -- Floors, transfer by transfer, on a copy of the balances.
    if refusal is null then
      select array_agg(a.number), array_agg(a.code || ' ' || a.asset), array_agg(a.floor), array_agg(a.balance),
             array_agg(a.entries)
        into accounts, codes, floors, balances, seqs
        from (select e.value ->> 'from' as code, e.value ->> 'asset' as asset from jsonb_array_elements(transfers) e
              union
              select e.value ->> 'to', e.value ->> 'asset' from jsonb_array_elements(transfers) e) n
        join ledger.account a on a.village = p_village and a.code = n.code and a.asset = n.asset;
      opening := balances;
      from_accounts := '{}'; to_accounts := '{}'; from_balances := '{}'; to_balances := '{}';
      from_seqs := '{}'; to_seqs := '{}';
      for x in select e.value ->> 'from' as from_code, e.value ->> 'to' as to_code, e.value ->> 'asset' as asset,
                      (e.value ->> 'amount')::bigint as amount
                 from jsonb_array_elements(transfers) with ordinality e(value, ord) order by ord
      loop
        f := array_position(codes, x.from_code || ' ' || x.asset);
        g := array_position(codes, x.to_code || ' ' || x.asset);
        if f is null or g is null then
          refusal := jsonb_build_object('status', 'refused', 'code', 'not-found', 'facts', jsonb_build_object(
            'accountCode', case when f is null then x.from_code else x.to_code end, 'asset', x.asset));
          exit;
        end if;
        balances[f] := balances[f] - x.amount;
        balances[g] := balances[g] + x.amount;
        if balances[f] < floors[f] then
          refusal := jsonb_build_object('status', 'refused', 'code',
            case when t.reverses is not null then 'reversal-arrears'
                 when x.asset = 'PTS' and x.from_code like 'household:%' then 'insufficient-points'
                 when x.asset like 'SKU:%' then 'insufficient-stock'
                 else 'insufficient-balance' end,
            'facts', jsonb_build_object('accountCode', x.from_code, 'asset', x.asset,
               'available', opening[f] - floors[f],
               'required', (select sum((e.value ->> 'amount')::bigint) from jsonb_array_elements(transfers) e
                             where e.value ->> 'from' = x.from_code and e.value ->> 'asset' = x.asset)));
          exit;
        end if;
        seqs[f] := seqs[f] + 1;
        seqs[g] := seqs[g] + 1;
        from_accounts := from_accounts || accounts[f];
        to_accounts := to_accounts || accounts[g];
        from_balances := from_balances || balances[f];
        to_balances := to_balances || balances[g];
        from_seqs := from_seqs || seqs[f];
        to_seqs := to_seqs || seqs[g];
      end loop;
    end if;
    if refusal is not null then
      results := results || refusal;
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
    insert into ledger.transfer
    select p_village, t.number, e.ord, e.value ->> 'asset', (e.value ->> 'amount')::bigint,
           from_accounts[e.ord], to_accounts[e.ord], from_balances[e.ord], to_balances[e.ord],
           from_seqs[e.ord], to_seqs[e.ord]
      from jsonb_array_elements(transfers) with ordinality e(value, ord);
    update ledger.account a set balance = u.balance, entries = u.entries
      from unnest(accounts, balances, seqs) u(number, balance, entries)
     where a.village = p_village and a.number = u.number;
    if t.reverses is not null then
      update ledger.limit_use u set used = u.used + (e.value ->> 'use')::bigint
        from jsonb_array_elements(limits) e
       where u.village = p_village and u.key = e.value ->> 'key';
    elsif limits <> '[]' then
      insert into ledger.limit_use as u (village, key, used, max)
      select p_village, e.value ->> 'key', (e.value ->> 'use')::bigint, (e.value ->> 'max')::bigint
        from jsonb_array_elements(limits) e
      on conflict (village, key) do update set used = u.used + excluded.used, max = excluded.max;
    end if;
    pen.number := t.number;
    pen.head := t.hash;
    pen.posted_at := t.posted_at;
    results := results || jsonb_build_object('status', 'posted', 'number', t.number, 'id', t.id,
      'hash', encode(t.hash, 'hex'), 'postedAt', t.posted_at,
      'balances', (select jsonb_object_agg(codes[i], balances[i]) from generate_subscripts(codes, 1) i));
  end loop;

  update ledger.book set number = pen.number, head = pen.head, posted_at = pen.posted_at where village = p_village;
  return results;
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
  ledger.canonical(ledger.transaction, text), ledger.leaf(text), ledger.escape(text), ledger.floor_of(text)
  to jifen_app;
