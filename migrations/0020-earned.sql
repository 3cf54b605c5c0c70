-- A year end takes no points of a later year, also when a household has brought them from another village.

alter table households.change add column earned jsonb not null default '{}';
comment on column households.change.earned is
  'What of the points that come in was earned in which calendar year, as the other village''s closing says.';
grant insert (earned) on households.change to jifen_app;
