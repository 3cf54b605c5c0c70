-- Validates the commands, each against what the earlier ones left, and refuses or accepts them. Accepted commands are
-- numbered and change balances, lots and limits in memory. Checked in this order:
--   1. What it reverses exists: not-found.
--   2. Its cause has not been posted; if it has, ledger.answer_replays answers it.
--   3. What it reverses has not been reversed and is not a reversal: already-reversed. Its approver is not its actor:
--      second-person-required.
--   4. Every limit stays within its maximum: cap-reached, or the limit's own `code`.
--   5. Line by line: the accounts exist, not-found; amount and balances are within bounds, out-of-bounds; no account falls
--      below its floor, then or on any business day, and points whose last day has passed are not spent:
--      insufficient-points, insufficient-stock, insufficient-balance, reversal-arrears.
-- Bugs, JF003: no line, a limit used less than once, an account that pays itself, more lots than a line moves.
--
-- What changes with every line is in variables: PL/pgSQL changes an array in place only there, and only by an expression
-- that does not read it. `a[i] := a[i] + 1` copies the array.
create or replace function ledger.validate(batch ledger.batch) returns ledger.batch language plpgsql as $$
declare
  balances bigint[] := batch.account_balances; entries bigint[] := batch.account_entries;
  lots jsonb[] := batch.account_lots; carries_lots boolean[] := batch.account_carries_lots;
  lots_wanted jsonb[] := batch.line_lots_wanted; later bigint[] := batch.line_later;
  limit_used bigint[] := batch.limit_used; limit_max bigint[] := batch.limit_max;
  from_balances bigint[] := array_fill(null::bigint, array[coalesce(cardinality(batch.line_commands), 0)]);
  to_balances bigint[] := from_balances; from_entries bigint[] := from_balances; to_entries bigint[] := from_balances;
  line_lots jsonb[] := array_fill(null::jsonb, array[cardinality(from_balances)]);
  reversed jsonb := '{}';                  -- reversals in this batch, by `<book> <number>` of their originals
  first_line integer; next_line integer := 1; first_use integer; next_use integer := 1;
  book integer; line integer; source integer; target integer; place integer; is_reversal boolean;
  amount bigint; sum bigint; moved jsonb; held jsonb; ended jsonb; refusal jsonb;
begin
  batch.command_posted := array_fill(false, array[cardinality(batch.commands)]);
  batch.answers := array_fill(null::jsonb, array[cardinality(batch.commands)]);
  for command in 1 .. cardinality(batch.commands) loop
    book := batch.command_books[command];
    is_reversal := batch.command_reverses[command] is not null;
    refusal := batch.command_refusals[command];
    first_line := next_line;
    while batch.line_commands[next_line] = command loop next_line := next_line + 1; end loop;
    first_use := next_use;
    while batch.use_commands[next_use] = command loop next_use := next_use + 1; end loop;
    if first_line = next_line and refusal ->> 'code' is distinct from 'not-found' then
      raise exception 'a transaction needs a transfer' using errcode = 'JF003';
    end if;

    -- A cause is posted once, for ever. Within this batch, the others replay what the first command of the cause posted.
    if batch.command_numbers[command] is null and batch.command_firsts is not null then
      sum := batch.command_numbers[batch.command_firsts[command]];
      batch.command_numbers[command] := sum;
    end if;
    if batch.command_numbers[command] is not null and refusal ->> 'code' is distinct from 'not-found' then
      continue;
    end if;
    -- Reversed once. Reversals in earlier batches, like an actor's own approval, are refusals known since reading.
    if is_reversal and reversed ? (book || ' ' || batch.command_reverses[command]) then
      refusal := ledger.refused('already-reversed', jsonb_build_object(
        'reversalNumber', reversed -> (book || ' ' || batch.command_reverses[command])));
    end if;

    -- Limits. A reversal gives back what was used, which is never refused.
    for use in first_use .. next_use - 1 loop
      exit when is_reversal or refusal is not null;
      place := batch.use_limits[use];
      if batch.use_amounts[use] < 1 then
        raise exception 'a limit is used at least once' using errcode = 'JF003';
      end if;
      if limit_used[place] + batch.use_amounts[use] > batch.use_max[use] then
        refusal := ledger.refused(
          coalesce((select value ->> 'code' from jsonb_array_elements(batch.commands[command] -> 'limits')
                     where value ->> 'key' = batch.limit_keys[place] limit 1), 'cap-reached'),
          jsonb_build_object('cap', batch.limit_keys[place], 'used', limit_used[place], 'use', batch.use_amounts[use],
                             'limit', batch.use_max[use]));
      end if;
    end loop;

    line := first_line;
    while refusal is null and line < next_line loop
      source := batch.line_from[line];
      target := batch.line_to[line];
      amount := batch.line_amounts[line];
      ended := '{}';
      if carries_lots[source] and lots[source] <> '{}' and not is_reversal then
        ended := ledger.ended_lots(lots[source], batch.line_from_codes[line], batch.line_to_codes[line],
                                   batch.commands[batch.command_headers[command]] ->> 'businessDate');
      end if;
      sum := case when ended = '{}' then balances[source] else balances[source] - ledger.dated(ended) end;
      if source = target then
        raise exception 'an account pays itself: %', batch.line_from_codes[line] using errcode = 'JF003';
      elsif batch.line_refusals[line] is not null then
        refusal := batch.line_refusals[line];
      elsif greatest(balances[target] + amount, amount - balances[source]) > 9007199254740991 then
        -- JSON cannot carry a larger number exactly.
        refusal := ledger.refused('out-of-bounds', jsonb_build_object(
          'field', 'balance', 'asset', batch.line_assets[line], 'min', -9007199254740991, 'max', 9007199254740991));
      elsif sum - coalesce(later[line], 0) - amount < batch.account_floors[source] then
        refusal := ledger.floor_refusal(batch, first_line, line, next_line - 1, sum);
      else
        moved := '{}';
        if carries_lots[source] then
          if lots[source] <> '{}' then
            held := case when ended = '{}' then lots[source] else ledger.add_lots(lots[source], ended, -1) end;
            moved := ledger.take_lots(held, sum, lots_wanted[line], amount);
          end if;
        elsif carries_lots[target] and lots_wanted[line] is not null then
          moved := lots_wanted[line];
          if ledger.dated(moved) > amount then
            raise exception 'lots of more than a line moves: %', moved using errcode = 'JF003';
          end if;
        end if;
        if moved <> '{}' then
          if carries_lots[source] then held := ledger.add_lots(lots[source], moved, -1); lots[source] := held; end if;
          if carries_lots[target] then held := ledger.add_lots(lots[target], moved, 1); lots[target] := held; end if;
        end if;
        line_lots[line] := moved;
        sum := balances[source] - amount; balances[source] := sum; from_balances[line] := sum;
        sum := balances[target] + amount; balances[target] := sum; to_balances[line] := sum;
        sum := entries[source] + 1; entries[source] := sum; from_entries[line] := sum;
        sum := entries[target] + 1; entries[target] := sum; to_entries[line] := sum;
        line := line + 1;
      end if;
    end loop;
    if refusal is not null then
      -- A refused command leaves no trace: undo the lines before the one that was refused.
      for undone in reverse line - 1 .. first_line loop
        source := batch.line_from[undone]; target := batch.line_to[undone];
        balances[source] := balances[source] + batch.line_amounts[undone]; entries[source] := entries[source] - 1;
        balances[target] := balances[target] - batch.line_amounts[undone]; entries[target] := entries[target] - 1;
        if carries_lots[source] then lots[source] := ledger.add_lots(lots[source], line_lots[undone], 1); end if;
        if carries_lots[target] then lots[target] := ledger.add_lots(lots[target], line_lots[undone], -1); end if;
      end loop;
      batch.answers[command] := refusal;
      continue;
    end if;

    for use in first_use .. next_use - 1 loop
      place := batch.use_limits[use];
      sum := limit_used[place] + batch.use_amounts[use]; limit_used[place] := sum;
      if not is_reversal then limit_max[place] := batch.use_max[use]; end if;
    end loop;
    sum := batch.book_numbers[book] + 1; batch.book_numbers[book] := sum; batch.command_numbers[command] := sum;
    if batch.command_firsts is not null then batch.command_numbers[batch.command_firsts[command]] := sum; end if;
    if is_reversal then
      reversed := reversed || jsonb_build_object(book || ' ' || batch.command_reverses[command], sum);
    end if;
    batch.command_posted[command] := true;
  end loop;
  batch.account_balances := balances; batch.account_entries := entries; batch.account_lots := lots;
  batch.limit_used := limit_used; batch.limit_max := limit_max;
  batch.line_from_balances := from_balances; batch.line_to_balances := to_balances;
  batch.line_from_entries := from_entries; batch.line_to_entries := to_entries; batch.line_lots := line_lots;
  return batch;
end $$;
