-- Work without a network: what a kiosk may spend for a household, the operations it signed meanwhile, and what two people
-- have to look at.

create schema offline;
grant usage on schema offline to jifen_app;

create table offline.allowance (
  village text collate "C" not null,
  id uuid not null,
  kiosk_id uuid not null,
  household_id uuid not null,
  points integer not null check (points between 1 and 1000),
  redemptions smallint not null check (redemptions between 1 and 20),
  spent_points integer not null default 0,
  spent_redemptions smallint not null default 0 check (spent_redemptions >= 0),
  not_after timestamptz(3) not null,
  granted_at timestamptz(3) not null,
  granted_number bigint not null,
  ended_at timestamptz(3),
  ended_reason text check (ended_reason in ('renewed', 'returned', 'lapsed', 'writtenOff')),
  constraint allowance_pkey primary key (village, id),
  constraint allowance_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk,
  constraint allowance_household_fkey foreign key (village, household_id) references households.household,
  constraint allowance_spent check (spent_points between 0 and points),
  constraint allowance_ended check ((ended_at is null) = (ended_reason is null))
);
comment on table offline.allowance is
  'Points of a household that lie with a kiosk, to be spent without a network. While it is open, what it has left is the '
  'balance of its escrow account.';
create unique index allowance_open_key on offline.allowance (village, kiosk_id, household_id) where ended_at is null;
create index allowance_open_household on offline.allowance (village, household_id) where ended_at is null;
create index allowance_not_after on offline.allowance (village, not_after) where ended_at is null;

create table offline.chain (
  village text collate "C" not null,
  kiosk_id uuid not null,
  acked_seq bigint not null check (acked_seq >= 0),
  acked_hash text collate "C" check (acked_hash ~ '^[A-Za-z0-9_-]{43}$'),
  acked_at timestamptz(3),
  constraint chain_pkey primary key (village, kiosk_id),
  constraint chain_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk
);
comment on table offline.chain is
  'How far the operations of a device have been taken. Locking its row locks the device''s chain.';
comment on column offline.chain.acked_hash is
  'What the next operation names as the one before it. Null where operations were given up as lost: anything fits.';
comment on column offline.chain.acked_at is 'When the last operation happened, by our clock: the next is no earlier.';

create table offline.op (
  village text collate "C" not null,
  kiosk_id uuid not null,
  hash text collate "C" not null check (hash ~ '^[A-Za-z0-9_-]{43}$'),
  jws text collate "C" not null check (length(jws) between 1 and 16384),
  in_chain boolean not null,
  seq bigint check (seq >= 1),
  op_id uuid,
  type text collate "C",
  happened_at timestamptz(3),
  verdict text not null check (verdict in ('applied', 'duplicate', 'appliedWithException', 'rejected')),
  answer jsonb not null,
  household_id uuid,
  redemption_id uuid,
  allowance_id uuid,
  paid_points integer not null default 0 check (paid_points between 0 and 1000000),
  voids_op_id uuid,
  received_at timestamptz(3) not null,
  imported_by uuid,
  constraint op_pkey primary key (village, kiosk_id, hash),
  constraint op_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk,
  constraint op_chained check (not in_chain or seq is not null)
);
comment on table offline.op is
  'What a device has signed, byte for byte, and the verdict, which never changes. Nothing that was uploaded is dropped.';
comment on column offline.op.paid_points is 'What of its points came from the allowance; the rest is the village''s loss.';
create unique index op_chain_key on offline.op (village, kiosk_id, seq) where in_chain;
create index op_by_id on offline.op (village, op_id);
create unique index op_void_key on offline.op (village, voids_op_id) where voids_op_id is not null and verdict <> 'rejected';

create table offline."case" (
  village text collate "C" not null,
  id uuid not null,
  kiosk_id uuid not null,
  kind text not null check (kind in ('exception', 'opRefused', 'chainBroken', 'deviceLost', 'opsLost')),
  op_hash text collate "C",
  household_id uuid,
  exceptions text[] not null,
  continue_at bigint check (continue_at >= 2),
  opened_at timestamptz(3) not null,
  decision text check (decision in ('noted', 'booked', 'writtenOff', 'continued', 'dismissed')),
  note text check (length(note) between 1 and 200),
  proposed_by uuid,
  proposed_at timestamptz(3),
  resolved_by uuid,
  resolved_at timestamptz(3),
  transaction_number bigint,
  constraint case_pkey primary key (village, id),
  constraint case_op_fkey foreign key (village, kiosk_id, op_hash) references offline.op,
  constraint case_kiosk_fkey foreign key (village, kiosk_id) references kiosks.kiosk,
  constraint case_proposed check (num_nonnulls(decision, note, proposed_by, proposed_at) in (0, 4)),
  constraint case_resolved check (num_nonnulls(resolved_by, resolved_at) in (0, 2)
    and (resolved_by is null or proposed_by is not null)),
  constraint case_second_person check (resolved_by <> proposed_by)
);
comment on table offline."case" is
  'What two people have to look at: an operation with an exception, one that was refused, or a device that is lost.';
create index case_opened on offline."case" (village, id);
create unique index case_device_key on offline."case" (village, kiosk_id, kind)
  where kind in ('deviceLost', 'opsLost') and resolved_at is null;

alter table offline.allowance enable row level security;
alter table offline.allowance force row level security;
create policy scope on offline.allowance
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table offline.chain enable row level security;
alter table offline.chain force row level security;
create policy scope on offline.chain
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table offline.op enable row level security;
alter table offline.op force row level security;
create policy scope on offline.op
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table offline."case" enable row level security;
alter table offline."case" force row level security;
create policy scope on offline."case"
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on offline.allowance, offline.chain, offline.op, offline."case" to jifen_app;
grant update (spent_points, spent_redemptions, ended_at, ended_reason) on offline.allowance to jifen_app;
grant update (acked_seq, acked_hash, acked_at) on offline.chain to jifen_app;
grant update (decision, note, proposed_by, proposed_at, resolved_by, resolved_at, transaction_number)
  on offline."case" to jifen_app;
