-- Refuses a command because its line `p_line` would take an account below its floor. `p_first` and `p_last` are the
-- command's lines, `p_balance` the balance after those before. The facts cover the whole command: what all of its lines
-- require of the account, and what was available to it before the first. Where the balance would do, and only what came
-- after the business day is missing, `fitsOn` is the account's last business day, on which all of it is there.
create or replace function ledger.floor_refusal(
  batch ledger.batch, p_first integer, p_line integer, p_last integer, p_balance bigint
) returns jsonb stable language sql
return (
  select ledger.refused(
           case when batch.command_reverses[batch.line_commands[p_line]] is not null then 'reversal-arrears'
                when asset = 'PTS' and code like 'household:%' then 'insufficient-points'
                when asset like 'SKU:%' then 'insufficient-stock'
                else 'insufficient-balance' end,
           jsonb_build_object(
             'accountCode', code, 'asset', asset,
             'available', p_balance - case when is_early then batch.line_later[p_line] else 0 end
               - batch.account_floors[account]
               + coalesce(sum(case source when account then amount else -amount end)
                            filter (where line < p_line and account in (source, target)), 0),
             'required', sum(amount) filter (where source = account))
           || case when is_early then jsonb_build_object('fitsOn', batch.line_fits_on[p_line]) else '{}' end)
    from (select batch.line_from[p_line], batch.line_from_codes[p_line], batch.line_assets[p_line],
                 p_balance - batch.line_amounts[p_line] >= batch.account_floors[batch.line_from[p_line]])
           a(account, code, asset, is_early),
         unnest(batch.line_from, batch.line_to, batch.line_amounts) with ordinality l(source, target, amount, line)
   where line between p_first and p_last
   group by account, code, asset, is_early);
