-- Names and numbers as they are compared, beside what was written: one person is found under every spelling, and one number
-- with and without its leading zeros.

\ir functions/households/folded.sql
\ir functions/households/number_key.sql

alter table households.member
  add column name_folded text collate "C" not null generated always as (households.folded(name)) stored;
alter table households.household
  add column number_key text collate "C" not null generated always as (households.number_key(number)) stored;

drop index households.member_person;
create index member_person on households.member (village, name_folded, id_last4);
alter table households.household drop constraint household_number_key;
alter table households.household add constraint household_number_key unique (village, number_key);
-- Lists go by the number as it was written.
create index household_number on households.household (village, number);
