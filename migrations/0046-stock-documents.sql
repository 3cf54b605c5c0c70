-- Goods come and go by papers of every kind that a store has, and are counted by two people.

-- A foreign key is checked by the owner, who sees no row while its own rights are bound to a village.
alter table store.store no force row level security;
alter table store.stock_document no force row level security;

alter table store.stock_document
  add column supplier text check (length(supplier) between 1 and 60),
  add column invoice_number text collate "C" check (length(invoice_number) between 1 and 40),
  add column donor text check (length(donor) between 1 and 60),
  add column declared_value_fen bigint check (declared_value_fen between 0 and 10000000000),
  add column event text check (length(event) between 1 and 60),
  add column receiver text check (length(receiver) between 1 and 60),
  add column to_store_id uuid,
  add column count_id uuid,
  add column counted_by uuid,
  add column photo_ids uuid[] not null default '{}' check (cardinality(photo_ids) <= 6),
  drop constraint stock_document_type_check,
  add constraint stock_document_type_check check (type in
    ('receipt', 'purchase', 'donation', 'issue', 'transfer', 'writeOff', 'countShortage', 'countSurplus')),
  add constraint stock_document_purchase check (
    (type = 'purchase') = (supplier is not null) and (type = 'purchase') = (invoice_number is not null)),
  add constraint stock_document_donation check (
    (type = 'donation') = (donor is not null) and (type = 'donation') = (declared_value_fen is not null)),
  add constraint stock_document_issue check (
    (type = 'issue') = (event is not null) and (type = 'issue') = (receiver is not null)),
  add constraint stock_document_transfer check (
    (type = 'transfer') = (to_store_id is not null) and to_store_id is distinct from store_id),
  add constraint stock_document_count check (
    (type in ('countShortage', 'countSurplus')) = (count_id is not null)
    and (count_id is null) = (counted_by is null)),
  -- Who counted decides nothing about the difference: the second counter drafts it, the first is kept here.
  add constraint stock_document_counted_by_another check (decided_by is null or counted_by is null or decided_by <> counted_by),
  add constraint stock_document_to_store_fkey foreign key (village, to_store_id) references store.store;
-- What a count finds may be more than what one paper brings.
alter table store.stock_line
  drop constraint stock_line_quantity_check,
  add constraint stock_line_quantity_check check (quantity between 1 and 1000000);
-- An invoice is received once; one that was turned down may come again.
create unique index stock_document_invoice_key on store.stock_document (village, supplier, invoice_number)
  where state <> 'rejected';

create table store.stock_count (
  village text collate "C" not null,
  id uuid not null,
  store_id uuid not null,
  state text not null default 'open' check (state in ('open', 'agreed', 'disagreed', 'stale')),
  opened_by uuid not null,
  opened_at timestamptz(3) not null,
  first_by uuid,
  first_at timestamptz(3),
  second_by uuid,
  second_at timestamptz(3),
  constraint stock_count_pkey primary key (village, id),
  constraint stock_count_store_fkey foreign key (village, store_id) references store.store,
  constraint stock_count_first check ((first_by is null) = (first_at is null)),
  constraint stock_count_second check ((second_by is null) = (second_at is null) and (state = 'open') = (second_by is null)),
  constraint stock_count_second_person check (second_by <> first_by),
  constraint stock_count_in_turn check (second_by is null or first_by is not null)
);
comment on table store.stock_count is
  'Two people count goods of a store, each without what the other and the book say.';

create table store.stock_count_line (
  village text collate "C" not null,
  count_id uuid not null,
  line smallint not null check (line between 1 and 200),
  goods_id uuid not null,
  book integer not null check (book between 0 and 1000000),
  first_counted integer check (first_counted between 0 and 1000000),
  second_counted integer check (second_counted between 0 and 1000000),
  constraint stock_count_line_pkey primary key (village, count_id, line),
  constraint stock_count_line_goods_key unique (village, count_id, goods_id),
  constraint stock_count_line_count_fkey foreign key (village, count_id) references store.stock_count,
  constraint stock_count_line_goods_fkey foreign key (village, goods_id) references store.goods
);
comment on table store.stock_count_line is
  'Goods to be counted, what the book had of them when the count was opened, and what either person found.';

alter table store.stock_document
  add constraint stock_document_count_fkey foreign key (village, count_id) references store.stock_count;
alter table store.store force row level security;
alter table store.stock_document force row level security;

alter table store.stock_count enable row level security;
alter table store.stock_count force row level security;
create policy scope on store.stock_count
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.stock_count_line enable row level security;
alter table store.stock_count_line force row level security;
create policy scope on store.stock_count_line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select, insert on store.stock_count, store.stock_count_line to jifen_app;
grant update (state, first_by, first_at, second_by, second_at) on store.stock_count to jifen_app;
grant update (first_counted, second_counted) on store.stock_count_line to jifen_app;

-- Photos of the village itself: of goods, invoices, damage. They belong to no household.
create unique index photo_village_standing_key on photos.photo (village, sha256)
  where household_id is null and removed_at is null;
