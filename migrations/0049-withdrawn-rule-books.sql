-- A rule book that was adopted by mistake, for a wrong day, is withdrawn before it holds.

alter table rules.rule_book
  add column intended_from date,
  add column withdrawn_by uuid,
  add column withdrawn_at timestamptz(3),
  drop constraint rule_book_state_check,
  add constraint rule_book_state_check check (state in ('draft', 'adopted', 'discarded', 'withdrawn')),
  drop constraint rule_book_resolution,
  -- All of the adoption is there, or none of it: a check that comes to NULL would pass. A withdrawn book holds on no day.
  add constraint rule_book_resolution check (
    num_nonnulls(held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at)
      = case when state in ('adopted', 'withdrawn') then 7 else 0 end
    and (in_force_from is not null) = (state = 'adopted')),
  add constraint rule_book_withdrawn check (
    num_nonnulls(intended_from, withdrawn_by, withdrawn_at) = case state when 'withdrawn' then 3 else 0 end),
  add constraint rule_book_withdrawn_in_time check ((withdrawn_at at time zone 'Asia/Shanghai')::date < intended_from);
comment on column rules.rule_book.intended_from is
  'The day from which a withdrawn book was to hold. It holds on none, so that another one may take the day.';
