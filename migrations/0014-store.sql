-- Stores, goods, prices, stock documents, redemptions and returns. How many pieces lie on a shelf is the ledger's to
-- know: nothing here holds a stock or a balance.

create schema store;
grant usage on schema store to jifen_app;

create table store.store (
  village text collate "C" not null,
  id uuid not null,
  name text not null check (length(name) between 1 and 40),
  place text check (length(place) between 1 and 120),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  constraint store_pkey primary key (village, id),
  constraint store_name_key unique (village, name)
);
comment on table store.store is 'A store of the village: a shelf in the book (`shelf:<id>`), and where people find it.';

create table store.goods (
  village text collate "C" not null,
  id uuid not null,
  sku text collate "C" not null check (sku ~ '^[A-Za-z0-9._-]{1,20}$'),
  name text not null check (length(name) between 1 and 60),
  name_en text check (length(name_en) between 1 and 80),
  unit text not null check (length(unit) between 1 and 10),
  barcode text collate "C" check (barcode ~ '^[0-9]{13}$'),
  category text not null check (length(category) between 1 and 30),
  is_service boolean not null,
  min_stock integer not null check (min_stock between 0 and 1000000),
  cost_fen bigint check (cost_fen between 0 and 10000000000),
  created_by uuid not null,
  created_at timestamptz(3) not null,
  archived_by uuid,
  archived_at timestamptz(3),
  constraint goods_pkey primary key (village, id),
  constraint goods_sku_key unique (village, sku),
  constraint goods_barcode_key unique (village, barcode),
  constraint goods_archived check ((archived_by is null) = (archived_at is null)),
  constraint goods_service_stock check (not is_service or min_stock = 0)
);
comment on table store.goods is 'What a store gives for points. How many pieces lie where stands in the book.';

create table store.price_list (
  village text collate "C" not null,
  id uuid not null,
  valid_from date not null,
  is_first boolean not null,
  published_by uuid not null,
  published_at timestamptz(3) not null,
  constraint price_list_pkey primary key (village, id),
  constraint price_list_valid_from_key unique (village, valid_from)
);
comment on table store.price_list is
  'Prices hold from their day until the next list''s. Published as they are written, and never changed.';
-- Only the first list may begin before it is published, and two made at once cannot both be the first.
create unique index price_list_first_key on store.price_list (village) where is_first;

create table store.price (
  village text collate "C" not null,
  price_list_id uuid not null,
  goods_id uuid not null,
  points integer not null check (points between 1 and 100000),
  constraint price_pkey primary key (village, price_list_id, goods_id),
  constraint price_list_fkey foreign key (village, price_list_id) references store.price_list,
  constraint price_goods_fkey foreign key (village, goods_id) references store.goods
);
comment on table store.price is 'What one piece costs, by a list.';

create table store.stock_document (
  village text collate "C" not null,
  id uuid not null,
  type text not null check (type in ('receipt', 'writeOff')),
  store_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  state text not null default 'draft' check (state in ('draft', 'posted', 'rejected')),
  drafted_by uuid not null,
  drafted_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  decision_note text check (length(decision_note) between 1 and 200),
  constraint stock_document_pkey primary key (village, id),
  constraint stock_document_store_fkey foreign key (village, store_id) references store.store,
  constraint stock_document_decided check (
    (state = 'draft' and decided_by is null and decided_at is null)
    or (state <> 'draft' and decided_by is not null and decided_at is not null)),
  constraint stock_document_second_person check (decided_by is null or decided_by <> drafted_by)
);
comment on table store.stock_document is 'Goods come in and are written off by documents that another person decides.';

create table store.stock_line (
  village text collate "C" not null,
  document_id uuid not null,
  line smallint not null check (line between 1 and 200),
  goods_id uuid not null,
  quantity integer not null check (quantity between 1 and 100000),
  cost_fen bigint check (cost_fen between 0 and 10000000000),
  expires_on date,
  constraint stock_line_pkey primary key (village, document_id, line),
  constraint stock_line_document_fkey foreign key (village, document_id) references store.stock_document,
  constraint stock_line_goods_fkey foreign key (village, goods_id) references store.goods
);
comment on table store.stock_line is 'Goods of a document: how many, at what cost, and until when they keep.';

create table store.redemption (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  store_id uuid not null,
  kiosk_id uuid,
  price_list_id uuid not null,
  points integer not null check (points between 1 and 1000000),
  mode text not null check (mode in ('counter', 'pickup')),
  presented text not null check (presented in ('card', 'cardAndPin', 'pin', 'slip')),
  state text not null check (state in ('reserved', 'fulfilled', 'cancelled', 'expired', 'returned')),
  since timestamptz(3) not null,
  pickup_code text collate "C" check (pickup_code ~ '^[0-9]{8}$'),
  expires_at timestamptz(3),
  handed_over_at timestamptz(3),
  handed_over_by uuid,
  business_date date not null,
  occurred_at timestamptz(3) not null,
  back_entry boolean not null,
  op_id uuid,
  created_by uuid not null,
  created_at timestamptz(3) not null,
  constraint redemption_pkey primary key (village, id),
  constraint redemption_household_fkey foreign key (village, household_id) references households.household,
  constraint redemption_store_fkey foreign key (village, store_id) references store.store,
  constraint redemption_price_list_fkey foreign key (village, price_list_id) references store.price_list,
  constraint redemption_op_key unique (village, op_id),
  -- The code of an order that is no longer waiting is cleared, so codes are unique among those that are.
  constraint redemption_pickup_code_key unique (village, pickup_code),
  constraint redemption_waiting check ((state = 'reserved') = (pickup_code is not null)),
  constraint redemption_expiry check (state not in ('reserved', 'expired') or expires_at is not null),
  constraint redemption_handed_over check ((state in ('fulfilled', 'returned')) = (handed_over_at is not null)
    and (handed_over_at is null) = (handed_over_by is null)),
  constraint redemption_back_entry check (not back_entry or expires_at is null)
);
comment on table store.redemption is
  'A household''s order. Points and goods move in the book, in one transaction each.';
create index redemption_household on store.redemption (village, household_id, id);
create index redemption_business_date on store.redemption (village, business_date, id);
create index redemption_expires_at on store.redemption (village, expires_at) where state = 'reserved';

create table store.redemption_line (
  village text collate "C" not null,
  redemption_id uuid not null,
  line smallint not null check (line between 1 and 20),
  goods_id uuid not null,
  quantity integer not null check (quantity between 1 and 100),
  unit_points integer not null check (unit_points between 1 and 100000),
  constraint redemption_line_pkey primary key (village, redemption_id, line),
  constraint redemption_line_goods_key unique (village, redemption_id, goods_id),
  constraint redemption_line_redemption_fkey foreign key (village, redemption_id) references store.redemption,
  constraint redemption_line_goods_fkey foreign key (village, goods_id) references store.goods
);
comment on table store.redemption_line is 'What was ordered, at the price that held then.';

create table store.return (
  village text collate "C" not null,
  id uuid not null,
  redemption_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  restock boolean not null,
  points integer not null check (points between 1 and 1000000),
  state text not null default 'proposed' check (state in ('proposed', 'approved', 'rejected')),
  proposed_by uuid not null,
  proposed_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  decision_note text check (length(decision_note) between 1 and 200),
  constraint return_pkey primary key (village, id),
  constraint return_redemption_fkey foreign key (village, redemption_id) references store.redemption,
  constraint return_decided check (
    (state = 'proposed' and decided_by is null and decided_at is null)
    or (state <> 'proposed' and decided_by is not null and decided_at is not null)),
  constraint return_second_person check (decided_by is null or decided_by <> proposed_by)
);
comment on table store.return is 'Goods that come back after the hand-over, when another person agrees.';
-- One return of a redemption is open or approved; after a rejected one another may be proposed.
create unique index return_standing_key on store.return (village, redemption_id) where state <> 'rejected';

create table store.return_line (
  village text collate "C" not null,
  return_id uuid not null,
  goods_id uuid not null,
  quantity integer not null check (quantity between 1 and 100),
  constraint return_line_pkey primary key (village, return_id, goods_id),
  constraint return_line_return_fkey foreign key (village, return_id) references store.return,
  constraint return_line_goods_fkey foreign key (village, goods_id) references store.goods
);
comment on table store.return_line is 'What of it comes back.';

alter table store.store enable row level security;
alter table store.store force row level security;
create policy scope on store.store
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.goods enable row level security;
alter table store.goods force row level security;
create policy scope on store.goods
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.price_list enable row level security;
alter table store.price_list force row level security;
create policy scope on store.price_list
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.price enable row level security;
alter table store.price force row level security;
create policy scope on store.price
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.stock_document enable row level security;
alter table store.stock_document force row level security;
create policy scope on store.stock_document
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.stock_line enable row level security;
alter table store.stock_line force row level security;
create policy scope on store.stock_line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.redemption enable row level security;
alter table store.redemption force row level security;
create policy scope on store.redemption
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.redemption_line enable row level security;
alter table store.redemption_line force row level security;
create policy scope on store.redemption_line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.return enable row level security;
alter table store.return force row level security;
create policy scope on store.return
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.return_line enable row level security;
alter table store.return_line force row level security;
create policy scope on store.return_line
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert on store.store, store.goods, store.price_list, store.price, store.stock_document, store.stock_line,
  store.redemption, store.redemption_line, store.return, store.return_line to jifen_app;
grant update (archived_by, archived_at) on store.goods to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.stock_document to jifen_app;
grant update (state, since, pickup_code, handed_over_at, handed_over_by) on store.redemption to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.return to jifen_app;
