-- What a roster says differently of households that are registered is taken over where somebody chooses so.

alter table households.roster_mistake
  add column chosen boolean not null default false,
  add column taken_over boolean not null default false,
  add constraint roster_mistake_taken_over check (chosen or not taken_over);
comment on column households.roster_mistake.chosen is
  'Whether the register is to say it as the roster does: whoever commits the import chooses, difference by difference.';
alter table households.roster_import
  add column taken_over integer not null default 0 check (taken_over >= 0);
comment on column households.roster_mistake.facts is
  'A row or a number that the sentence names, or the version of what differs, so that nothing newer is overwritten; never a name or a phone.';

grant update (chosen, taken_over) on households.roster_mistake to jifen_app;
grant update (taken_over) on households.roster_import to jifen_app;
