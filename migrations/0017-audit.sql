-- Signed heads of books: whoever keeps one can tell later whether anything before it was changed. Everything else that
-- auditors see is read from the other schemas.

create schema audit;
grant usage on schema audit to jifen_app;

create table audit.checkpoint (
  village text collate "C" not null,
  size bigint not null,
  name text collate "C" not null,
  root bytea not null,
  public_key bytea not null,
  note text not null,
  made_at timestamptz(3) not null,
  constraint checkpoint_pkey primary key (village, size),
  constraint checkpoint_size check (size >= 0),
  constraint checkpoint_root check (length(root) = 32),
  constraint checkpoint_public_key check (length(public_key) = 32),
  constraint checkpoint_note check (
    starts_with(note, name || E'\n' || size || E'\n' || encode(root, 'base64') || E'\n\n'))
);
comment on table audit.checkpoint is 'A signed head of a book, as a note that others keep. It stays what it was.';
comment on column audit.checkpoint.name is
  'Who signs, and the first line of what is signed: it stays what it was at the book''s first checkpoint.';

create table audit.subtree (
  village text collate "C" not null,
  start bigint not null,
  root bytea not null,
  constraint subtree_pkey primary key (village, start),
  constraint subtree_start check (start >= 0 and start % 256 = 0),
  constraint subtree_root check (length(root) = 32)
);
comment on table audit.subtree is
  'Roots of the tree''s complete subtrees of 256 leaves, made of transactions that never change. The next checkpoint '
  'begins where they end, and a proof in a book of a million transactions reads four thousand hashes and not a '
  'million.';

alter table audit.checkpoint enable row level security;
alter table audit.checkpoint force row level security;
create policy scope on audit.checkpoint
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table audit.subtree enable row level security;
alter table audit.subtree force row level security;
create policy scope on audit.subtree
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

-- What was signed stays: nobody may update or delete.
grant select, insert on audit.checkpoint, audit.subtree to jifen_app;
