-- What was understood of a roster, for people to look at before anything is entered.
alter table households.roster_import
  add column sheet text check (length(sheet) between 1 and 60),
  add column header_row integer check (header_row >= 1),
  add column columns jsonb not null default '[]' check (jsonb_typeof(columns) = 'array');
comment on column households.roster_import.columns is 'What each column was taken for, and how the file calls it, from left to right.';
grant update (sheet, header_row, columns) on households.roster_import to jifen_app;
