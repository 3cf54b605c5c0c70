-- The answer to a command that was refused.
create or replace function ledger.refused(code text, facts jsonb) returns jsonb immutable parallel safe language sql
return jsonb_build_object('status', 'refused', 'code', code, 'facts', facts);
