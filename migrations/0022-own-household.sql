-- Nobody serves the own household, or that of kin: not at the counter, nor with cards, PINs and reversals. What names a
-- person in these tables is written by functions that look.

create domain households.not_kin as boolean constraint own_household check (value is not true);
comment on domain households.not_kin is 'Whether somebody must keep out of a household''s affairs. A yes is refused.';

alter table households.household
  add column pin_set_by uuid,
  add column pin_set_at timestamptz(3);
comment on column households.household.pin_set_by is 'Who set the PIN last, with the household present, or unlocked it.';

revoke insert on households.card, store.redemption, store.return, earning.reversal from jifen_app;
revoke update (pin_hash) on households.household from jifen_app;
revoke update (state, since, pickup_code, handed_over_at, handed_over_by, hand_over_presented)
  on store.redemption from jifen_app;
revoke update (state, decided_by, decided_at, decision_note) on store.return from jifen_app;
-- A proposal is locked before it is decided, for which PostgreSQL asks for the right to update some column.
revoke update (state, decided_by, decided_at, reversal_number) on earning.reversal from jifen_app;
