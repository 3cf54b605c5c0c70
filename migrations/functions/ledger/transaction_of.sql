-- The row that a command becomes, without its hashes; `header` is the command it takes the common fields from (`as`).
-- Each field has exactly the type of its column: otherwise a query that needs one field would build the whole row for
-- it.
create or replace function ledger.transaction_of(
  command jsonb, header jsonb, village text, number bigint, posted_at timestamptz, terms jsonb
) returns ledger.transaction stable parallel safe language sql
return row(village collate "C", number, (command ->> 'id')::uuid, header ->> 'kind', (command ->> 'cause') collate "C",
           (header ->> 'businessDate')::date, (header ->> 'occurredAt')::timestamptz(3), posted_at::timestamptz(3),
           (header ->> 'actor')::uuid, (header ->> 'approver')::uuid, (command ->> 'reverses')::bigint, header ->> 'memo',
           terms, null, null)::ledger.transaction;
