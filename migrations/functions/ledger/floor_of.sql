-- The floor of an account. What belongs to someone or is on a shelf never falls below zero; sources and sinks have no
-- floor (null), and neither have arrears, which only the household itself owes.
create or replace function ledger.floor_of(code text) returns bigint immutable strict parallel safe language sql
return case when code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside|waived)$'
              or code ~ '^(supply|abroad):' or code ~ '^household:[^:]+:arrears$' then null else 0 end;

grant execute on function ledger.floor_of to jifen_app;
