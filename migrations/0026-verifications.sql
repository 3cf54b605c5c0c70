-- What verifying a book found, each time the service did it by itself or before it signed a checkpoint.

create table audit.verification (
  village text collate "C" not null,
  checked_at timestamptz(3) not null,
  number bigint not null,
  sound boolean not null,
  head_hash bytea not null,
  root_hash bytea not null,
  checks jsonb not null,
  constraint verification_pkey primary key (village, checked_at),
  constraint verification_number check (number >= 0),
  constraint verification_checks check (jsonb_typeof(checks) = 'array')
);
comment on table audit.verification is 'What verifying a book found. It stays what it was.';
comment on column audit.verification.number is 'The book was recomputed through this transaction.';
comment on column audit.verification.checks is 'Each check with what it found, as bookVerify answers it.';
create index verification_unsound on audit.verification (village, checked_at) where not sound;

alter table audit.verification enable row level security;
alter table audit.verification force row level security;
create policy scope on audit.verification
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on audit.verification to jifen_app;
