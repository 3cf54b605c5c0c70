-- The leaf hash of a canonical text (RFC 6962).
create or replace function ledger.leaf(canonical text) returns bytea immutable strict parallel safe language sql
return sha256('\x00'::bytea || convert_to(canonical, 'UTF8'));

grant execute on function ledger.leaf to jifen_app;
