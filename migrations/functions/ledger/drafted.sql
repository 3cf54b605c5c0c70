-- A command as the row that it becomes, but for its hashes; `event` is the command that says what it does not say
-- itself. Each member has just the type of its column, or a query that asks for one would make the whole row to take it
-- out.
create or replace function ledger.drafted(
  command jsonb, event jsonb, village text, number bigint, posted_at timestamptz, frozen jsonb
) returns ledger.transaction stable parallel safe language sql
return row(village collate "C", number, (command ->> 'id')::uuid, event ->> 'kind', (command ->> 'cause') collate "C",
           (event ->> 'businessDate')::date, (event ->> 'occurredAt')::timestamptz(3), posted_at::timestamptz(3),
           (event ->> 'actor')::uuid, (event ->> 'approver')::uuid, (command ->> 'reverses')::bigint, event ->> 'memo', frozen,
           null, null)::ledger.transaction;
