-- The one value that the functions behind ledger.post_each hand on: what the commands of a call name and what becomes of it.
-- Each group of arrays has one element per book, command, account, line, limit or use of a limit. Where one group refers to
-- another, it holds the place in that one, from 1.
create type ledger.batch as (
  -- Books, sorted by village: as read, then as the accepted commands leave them. `times`: when the commands are posted.
  book_villages text[], book_numbers bigint[], book_heads bytea[], book_times timestamptz[],

  -- Commands, in order. `headers`: the command with the common fields (`as`), or itself. `firsts`: the first command with the
  -- same kind and cause; null if there are no duplicates. `refusals`: known when it was read. `numbers`: of the transaction
  -- with its kind and cause. `posted`: by this batch.
  commands jsonb[], command_books integer[], command_headers integer[], command_firsts integer[],
  command_reverses bigint[], command_refusals jsonb[], command_numbers bigint[], command_posted boolean[], answers jsonb[],

  -- Accounts, each once. `rows`: where they were read. `floors`: the least bigint where there is none.
  account_books integer[], account_numbers integer[], account_rows tid[], account_floors bigint[],
  account_carries_lots boolean[], account_balances bigint[], account_lots jsonb[], account_entries bigint[],
  account_entries_before bigint[],

  -- Lines, by command. `from` and `to` are accounts, null if there is none with this code. `refusals`: null if no line is
  -- refused from the start.
  line_commands integer[], line_numbers integer[], line_from integer[], line_to integer[], line_from_codes text[],
  line_to_codes text[], line_assets text[], line_amounts bigint[], line_lots_wanted jsonb[], line_refusals jsonb[],
  line_from_balances bigint[], line_to_balances bigint[], line_from_entries bigint[], line_to_entries bigint[],
  line_lots jsonb[],

  -- Limits, each once, and their uses, by command. `rows` are null for limits that have never been used.
  limit_books integer[], limit_keys text[], limit_rows tid[], limit_used bigint[], limit_max bigint[],
  limit_used_before bigint[], limit_max_before bigint[],
  use_commands integer[], use_limits integer[], use_amounts bigint[], use_max bigint[]
);

-- Functions that go, or whose arguments get other names.
drop routine if exists ledger.take_pen, ledger.drafted, ledger.mirrors, ledger.frozen_text, ledger.canonical,
  ledger.canonical_text, ledger.chain, ledger.link;
