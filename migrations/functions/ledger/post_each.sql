-- Posts lists of commands, [{village, commands}], to their books, one command after another, and answers each:
--   {status: posted | replayed, number, id, hash, postedAt} | {status: refused, code, facts}
-- A command is {id, kind, cause, businessDate, occurredAt, actor, approver?, memo?, reverses?, frozen?,
--   transfers: [{from, to, asset, amount, lots?}], limits?: [{key, use, max, code}]}.
-- With `as`, the place (from 0) of an earlier command in its list, it takes kind, dates, actor, approver, memo and frozen
-- from that one: the lines of a sheet have them in common. With `reverses` it has no transfers: it is the exact mirror of
-- that transaction and gives back what that one used of its limits.
-- What depends on data is refused, command by command (see ledger.validate). What no business event can be (no transfer,
-- an account that pays itself) is a bug of the caller and raises JF003; so does a village without a book, JF002.
--
-- What makes points spendable for a household that owes some is followed by a transaction of its own, of the kind
-- arrearsPayment, which no answer names (see ledger.arrears_payments).
--
-- Everything the commands name is read first, then the commands are validated in memory, and the results are written last,
-- with one statement each for all of them. A list of 500 costs less than a fifth of 500 lists of one.
-- `enable_seqscan`: a session keeps its plans, and one made while a table was small would scan all of it from then on.
-- `jit`: compiling takes longer than the longest list.
create or replace function ledger.post_each(p_lists jsonb) returns jsonb
  language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
  set plan_cache_mode = force_generic_plan set enable_mergejoin = off as $$
declare
  batch ledger.batch;
  payments jsonb;
begin
  batch := ledger.read_commands(p_lists);
  if batch.commands is null then
    return '[]';
  end if;
  batch := ledger.read_lines(batch);
  batch := ledger.read_limits(batch);
  batch := ledger.validate(batch);
  if true = any (batch.command_posted) then
    batch := ledger.write_transactions(batch);
    batch := ledger.write_changes(batch);
    payments := ledger.arrears_payments(batch);
    if payments is not null then
      payments := ledger.post_each(payments);
      if payments @? '$[*] ? (@.status != "posted")' then
        raise exception 'arrears were not paid: %', payments using errcode = 'JF002';
      end if;
    end if;
  end if;
  if array_position(batch.answers, null) is not null then
    batch := ledger.answer_replays(batch);
  end if;
  return to_jsonb(batch.answers);
end $$;
