-- The ledger: one book per village, one writer at a time. src/ledger/README.md explains the model on one page.

-- Nobody may call a function that was not granted to them. For every function of this database that `jifen_owner` makes.
alter default privileges revoke execute on functions from public;

create schema ledger;
grant usage on schema ledger to jifen_app;

create table ledger.book (
  village text collate "C" not null check (village ~ '^[0-9]{12}$'),
  number bigint not null default 0 check (number >= 0),
  head bytea not null default sha256(''::bytea),
  accounts integer not null default 0,
  posted_at timestamptz(3) not null default '-infinity',
  constraint book_pkey primary key (village)
) with (fillfactor = 50);
comment on table ledger.book is
  'A village''s book. Whoever locks this row is the book''s only writer: every number and every hash is given under '
  'the lock.';
comment on column ledger.book.number is 'Number of the last transaction.';
comment on column ledger.book.head is 'Chain hash after it; of an empty book, the hash of nothing.';
comment on column ledger.book.accounts is 'How many accounts were opened, for their numbers.';
comment on column ledger.book.posted_at is 'When the last transaction was posted. Never runs backwards.';

create table ledger.account (
  village text collate "C" not null,
  number integer not null check (number > 0),
  code text collate "C" not null,
  asset text collate "C" not null,
  floor bigint,
  balance bigint not null default 0,
  entries bigint not null default 0 check (entries >= 0),
  lots jsonb not null default '{}',
  constraint account_pkey primary key (village, number),
  constraint account_code_key unique (village, code, asset),
  -- Judged at every change of a balance, so without a counted repetition: `{1,150}` takes 97 µs, this takes 1.3.
  constraint account_code_form check (length(code) between 1 and 150 and code !~ '[^A-Za-z0-9:-]'),
  -- Likewise: the pattern only where the asset is none of the four.
  constraint account_asset_form check (asset in ('PTS', 'HON', 'MIN', 'CNY') or asset ~ '^SKU:[0-9a-f-]{36}$'),
  constraint account_floor check (floor is null or balance >= floor)
) with (fillfactor = 70);
comment on table ledger.account is
  'What a code has of one asset. Its floor is the law of its code (ledger.floor_of), never a caller''s choice.';
comment on column ledger.account.floor is 'What the balance never falls below; null for sources and sinks.';
comment on column ledger.account.entries is 'How many entries it has: one for each transfer that it is a side of.';
comment on column ledger.account.lots is
  'What of the balance expires, by the last day on which it can be spent: {"2027-11-30": 5}. The rest never does, and '
  'is not written down: so the lots cannot come to anything but the balance (view ledger.lot).';

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
  constraint transaction_second_person check (approver is null or approver <> actor),
  constraint transaction_kind_form check (length(kind) between 1 and 40 and kind !~ '[^A-Za-z]'),
  constraint transaction_cause_form check (length(cause) between 1 and 200 and cause !~ '[^A-Za-z0-9:._-]')
  -- Checks are made ready again for each statement, so there are few: of what form `frozen` is, ledger.post_each sees.
);
comment on table ledger.transaction is
  'One business event in a village''s book. Never changed: a mistake is mended by another transaction that reverses it.';
comment on column ledger.transaction.number is
  'Without gaps in its book, from 1: the order of events, which no time is.';
comment on column ledger.transaction.cause is 'What it was posted for; posts once in its kind and village, for ever.';
comment on column ledger.transaction.business_date is
  'The day in Asia/Shanghai that it counts for, which may be an earlier one.';
comment on column ledger.transaction.actor is 'The user or device that did it.';
comment on column ledger.transaction.approver is 'The second person who agreed, where one is needed.';
comment on column ledger.transaction.reverses is 'Number of the transaction whose mirror it is.';
comment on column ledger.transaction.frozen is
  'The terms on which it was posted, and what it used of limits (`limit:<key>`) and moved of lots (`lots:<line>`).';
comment on column ledger.transaction.leaf_hash is
  'SHA-256 over the canonical text, as a leaf of RFC 6962 (docs/canonical.md).';
comment on column ledger.transaction.hash is
  'SHA-256 over the hash of the transaction before it and its own leaf hash.';
create index transaction_business_date on ledger.transaction (village, business_date, number);
-- A reversal is looked for by its original only; what reverses nothing needs no place in this index.
create unique index transaction_reverses_key on ledger.transaction (village, reverses) where reverses is not null;
-- Made last: in a young book, before the first statistics, all of these indexes look alike to the planner, and of equals
-- it takes the newest. Otherwise each post of the first thousands read every transaction of its village.
alter table ledger.transaction add constraint transaction_cause_key unique (village, kind, cause);

-- Accounts are named by their number and not by a foreign key: ledger.post, the only writer, has just read them under the
-- lock, and the service's verification looks for strays; two more lookups a line would cost a third of the speed of a long
-- list.
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
  -- ledger.amount_max, spelled out: checks of a table that every post writes are made ready again for each statement.
  constraint transfer_amount check (amount between 1 and 10000000000 and (amount <= 1000000 or asset = 'CNY'))
);
comment on table ledger.transfer is
  'A line of a transaction. One amount leaves one account and enters another, so an unbalanced line cannot be written.';
comment on column ledger.transfer.line is 'From 1, in the order of the transaction.';
comment on column ledger.transfer.amount is 'Whole points, minutes, pieces or fen.';
comment on column ledger.transfer.from_balance is 'Of the account that paid, after this line.';
comment on column ledger.transfer.to_balance is 'Of the account that received, after this line.';
comment on column ledger.transfer.from_seq is 'The entry number of this line in the account that paid, from 1.';
comment on column ledger.transfer.to_seq is 'Likewise in the account that received.';
create index transfer_from on ledger.transfer (village, from_account, number, line);
create index transfer_to on ledger.transfer (village, to_account, number, line);

create table ledger.limit_use (
  village text collate "C" not null,
  key text collate "C" not null,
  used bigint not null,
  max bigint not null,
  constraint limit_use_pkey primary key (village, key),
  constraint limit_use_max check (used between 0 and max)
) with (fillfactor = 70);
comment on table ledger.limit_use is
  'How much of a limit is used. The key names the household or member, the rule and the period.';

-- The planner must not learn how common each village is. Of one that came after the last ANALYZE it would expect a single
-- row, and look through the whole village for every row it joins: 76 s for a journal of 5,000 transactions, now 0.6 s.
alter table ledger.account alter column village set statistics 0;
alter table ledger.transaction alter column village set statistics 0;
alter table ledger.transfer alter column village set statistics 0;
alter table ledger.limit_use alter column village set statistics 0;

-- In a function, which is called only where there are lots: a plain expression would be planned anew at every statement
-- that changes a balance.
\ir functions/ledger/first_day.sql
\ir functions/ledger/dated.sql
\ir functions/ledger/carries_lots.sql
\ir functions/ledger/lots_fit.sql
alter table ledger.account add constraint account_lots check (lots = '{}' or ledger.lots_fit(account));

-- `security_invoker`, so that the reader's scope holds.
create view ledger.entry with (security_invoker = true) as
  select village, from_account as account, from_seq as seq, number, line, asset, -amount as amount,
         from_balance as balance, to_account as counter_account
    from ledger.transfer
  union all
  select village, to_account, to_seq, number, line, asset, amount, to_balance, from_account
    from ledger.transfer;
comment on view ledger.entry is 'A transfer as one account sees it: what left is negative.';

create view ledger.lot with (security_invoker = true) as
  select a.village, a.number as account, l.key::date as expires_on, l.value::bigint as points
    from ledger.account a, jsonb_each_text(a.lots) l
  union all
  select village, number, 'infinity', balance - ledger.dated(lots)
    from ledger.account
   where ledger.carries_lots(asset, floor) and balance > ledger.dated(lots);
comment on view ledger.lot is 'Points of an account that expire on one day; `infinity` for those that never do.';

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

\ir functions/ledger/refuse_change.sql
create trigger append_only before update or delete or truncate on ledger.transaction
  for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete or truncate on ledger.transfer
  for each statement execute function ledger.refuse_change();
