-- What the migrations add up to, written from the catalogue by: npm run schema

create schema audit;
grant usage on schema audit to jifen_app;

create schema earning;
grant usage on schema earning to jifen_app;

create schema households;
grant usage on schema households to jifen_app;

create schema http;
grant usage on schema http to jifen_app;

create schema identity;
grant usage on schema identity to jifen_app;

create schema kiosks;
grant usage on schema kiosks to jifen_app;

create schema ledger;
grant usage on schema ledger to jifen_app;

create schema rules;
grant usage on schema rules to jifen_app;

create schema store;
grant usage on schema store to jifen_app;

create schema villages;
grant usage on schema villages to jifen_app;

-- earning.award
create table earning.award (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null,
  household_id uuid not null,
  member_id uuid,
  rule_id uuid not null,
  rule_code text collate "C" not null,
  rule_book_id uuid not null,
  quantity integer not null,
  points integer not null,
  occasion text collate "C" not null,
  occurred_at timestamp(3) with time zone not null,
  business_date date not null,
  back_entry boolean not null,
  note text,
  state text not null,
  batch_id uuid,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  transaction_number bigint not null,
  reversal_number bigint,
  constraint award_pkey PRIMARY KEY (village, id),
  constraint award_number_key UNIQUE (village, number),
  constraint award_transaction_key UNIQUE (village, transaction_number),
  constraint award_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint award_member_fkey FOREIGN KEY (village, member_id) REFERENCES households.member(village, id),
  constraint award_rule_fkey FOREIGN KEY (village, rule_id) REFERENCES rules.rule(village, id),
  constraint award_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint award_number_check CHECK ((number ~ '^A-[0-9]{8}-[0-9]+$'::text)),
  constraint award_occasion_check CHECK (((length(occasion) >= 1) AND (length(occasion) <= 80))),
  constraint award_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint award_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000))),
  constraint award_reversed CHECK (((state = 'reversed'::text) = (reversal_number IS NOT NULL))),
  constraint award_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'posted'::text, 'reversed'::text])))
);
CREATE INDEX award_household ON earning.award USING btree (village, household_id, transaction_number);
CREATE UNIQUE INDEX award_standing_key ON earning.award USING btree (village, household_id, occasion, rule_code, member_id) NULLS NOT DISTINCT WHERE (state = ANY (ARRAY['pending'::text, 'posted'::text]));
alter table earning.award enable row level security;
alter table earning.award force row level security;
create policy scope on earning.award using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on earning.award to jifen_app;
grant update (state, reversal_number) on earning.award to jifen_app;

-- earning.reversal
create table earning.reversal (
  village text collate "C" not null,
  id uuid not null,
  award_id uuid not null,
  reason text not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  rejection_reason text,
  reversal_number bigint,
  constraint reversal_pkey PRIMARY KEY (village, id),
  constraint reversal_award_fkey FOREIGN KEY (village, award_id) REFERENCES earning.award(village, id),
  constraint reversal_decided CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((state = 'proposed'::text) = (decided_at IS NULL)) AND ((state = 'rejected'::text) = (rejection_reason IS NOT NULL)) AND ((state = 'posted'::text) = (reversal_number IS NOT NULL)))),
  constraint reversal_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint reversal_rejection_reason_check CHECK (((length(rejection_reason) >= 1) AND (length(rejection_reason) <= 200))),
  constraint reversal_second_person CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
  constraint reversal_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'posted'::text, 'rejected'::text])))
);
CREATE UNIQUE INDEX reversal_open_key ON earning.reversal USING btree (village, award_id) WHERE (state = ANY (ARRAY['proposed'::text, 'posted'::text]));
alter table earning.reversal enable row level security;
alter table earning.reversal force row level security;
create policy scope on earning.reversal using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on earning.reversal to jifen_app;
grant update (state, decided_by, decided_at, rejection_reason, reversal_number) on earning.reversal to jifen_app;

-- households.card
create table households.card (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  code_hash bytea not null,
  issued_by uuid not null,
  issued_at timestamp(3) with time zone not null,
  revoked_by uuid,
  revoked_at timestamp(3) with time zone,
  constraint card_pkey PRIMARY KEY (village, id),
  constraint card_code_key UNIQUE (village, code_hash),
  constraint card_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id)
);
CREATE INDEX card_household ON households.card USING btree (village, household_id);
alter table households.card enable row level security;
alter table households.card force row level security;
create policy scope on households.card using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.card to jifen_app;
grant update (revoked_by, revoked_at) on households.card to jifen_app;

-- households.household
create table households.household (
  village text collate "C" not null,
  id uuid not null,
  number text collate "C" not null,
  grid integer,
  address text,
  head_member_id uuid not null,
  state text not null default 'active'::text,
  pin_hash text,
  pin_failed_attempts smallint not null default 0,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint household_pkey PRIMARY KEY (village, id),
  constraint household_number_key UNIQUE (village, number),
  constraint household_grid_fkey FOREIGN KEY (village, grid) REFERENCES villages.grid(village, number),
  constraint household_head_fkey FOREIGN KEY (village, head_member_id) REFERENCES households.member(village, id) DEFERRABLE INITIALLY DEFERRED,
  constraint household_address_check CHECK (((length(address) >= 1) AND (length(address) <= 120))),
  constraint household_number_check CHECK ((number ~ '^[A-Z]?[0-9]{1,8}$'::text)),
  constraint household_pin_failed_attempts_check CHECK ((pin_failed_attempts >= 0)),
  constraint household_state_check CHECK ((state = ANY (ARRAY['active'::text, 'frozen'::text, 'closed'::text])))
);
alter table households.household enable row level security;
alter table households.household force row level security;
create policy scope on households.household using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.household to jifen_app;
grant update (grid, address, head_member_id, state, pin_hash, pin_failed_attempts) on households.household to jifen_app;

-- households.member
create table households.member (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  name text not null,
  phone text,
  id_last4 text,
  created_at timestamp(3) with time zone not null,
  constraint member_pkey PRIMARY KEY (village, id),
  constraint member_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint member_id_last4_check CHECK ((id_last4 ~ '^[0-9]{3}[0-9X]$'::text)),
  constraint member_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint member_phone_check CHECK ((phone ~ '^[0-9+-]{5,20}$'::text))
);
CREATE INDEX member_household ON households.member USING btree (village, household_id);
alter table households.member enable row level security;
alter table households.member force row level security;
create policy scope on households.member using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.member to jifen_app;
grant update (name, phone, id_last4) on households.member to jifen_app;

-- http.idempotency
create table http.idempotency (
  village text collate "C" not null,
  client uuid not null,
  key text collate "C" not null,
  fingerprint bytea not null,
  status smallint,
  location text,
  body text,
  created_at timestamp(3) with time zone not null,
  constraint idempotency_pkey PRIMARY KEY (village, client, key),
  constraint idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
  constraint idempotency_village_check CHECK (((village = ''::text) OR (village ~ '^[0-9]{12}$'::text)))
);
CREATE INDEX idempotency_created_at ON http.idempotency USING btree (village, created_at);
grant delete, insert, select, update on http.idempotency to jifen_app;

-- identity."grant"
create table identity."grant" (
  id uuid not null,
  user_id uuid not null,
  role text not null,
  prefix text collate "C" not null,
  granted_by uuid,
  granted_at timestamp(3) with time zone not null,
  until timestamp(3) with time zone,
  ended_by uuid,
  ended_at timestamp(3) with time zone,
  constraint grant_pkey PRIMARY KEY (id),
  constraint grant_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity."user"(id),
  constraint grant_empty_prefix CHECK (((prefix = ''::text) = (role = 'platformAdmin'::text))),
  constraint grant_end_second_person CHECK (((ended_by IS NULL) OR (ended_by <> user_id))),
  constraint grant_prefix_check CHECK ((prefix ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$'::text)),
  constraint grant_second_person CHECK (((granted_by IS NULL) OR (granted_by <> user_id)))
);
CREATE UNIQUE INDEX grant_open_key ON identity."grant" USING btree (user_id, role, prefix) WHERE (ended_at IS NULL);
grant insert, select on identity."grant" to jifen_app;
grant update (ended_by, ended_at) on identity."grant" to jifen_app;

-- identity."user"
create table identity."user" (
  id uuid not null,
  login text not null,
  name text not null,
  password_hash text not null,
  state text not null default 'active'::text,
  created_by uuid,
  created_at timestamp(3) with time zone not null,
  constraint user_pkey PRIMARY KEY (id),
  constraint user_login_key UNIQUE (login),
  constraint user_login_check CHECK ((login ~ '^[a-z0-9][a-z0-9._-]{1,63}$'::text)),
  constraint user_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint user_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);
grant insert, select on identity."user" to jifen_app;
grant update (name, password_hash, state) on identity."user" to jifen_app;

-- identity.session
create table identity.session (
  id uuid not null,
  kind text not null,
  subject uuid not null,
  village text collate "C",
  device uuid,
  refresh_hash bytea,
  successor_hash bytea,
  created_at timestamp(3) with time zone not null,
  used_at timestamp(3) with time zone not null,
  idle_seconds integer not null,
  expires_at timestamp(3) with time zone not null,
  ended_at timestamp(3) with time zone,
  ended_reason text,
  constraint session_pkey PRIMARY KEY (id),
  constraint session_kind_check CHECK ((kind = ANY (ARRAY['staff'::text, 'kiosk'::text, 'household'::text]))),
  constraint session_village CHECK (((kind = 'staff'::text) = (village IS NULL)))
);
CREATE INDEX session_device ON identity.session USING btree (device) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_refresh ON identity.session USING btree (refresh_hash);
CREATE INDEX session_subject ON identity.session USING btree (subject) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX session_successor ON identity.session USING btree (successor_hash);
grant insert, select on identity.session to jifen_app;
grant update (refresh_hash, successor_hash, used_at, ended_at, ended_reason) on identity.session to jifen_app;

-- identity.sign_in
create table identity.sign_in (
  login text not null,
  failed_attempts integer not null,
  locked_until timestamp(3) with time zone,
  tried_at timestamp(3) with time zone not null,
  constraint sign_in_pkey PRIMARY KEY (login)
);
grant delete, insert, select, update on identity.sign_in to jifen_app;

-- identity.spent_refresh
create table identity.spent_refresh (
  hash bytea not null,
  session_id uuid not null,
  constraint spent_refresh_pkey PRIMARY KEY (hash),
  constraint spent_refresh_session_id_fkey FOREIGN KEY (session_id) REFERENCES identity.session(id)
);
grant insert, select on identity.spent_refresh to jifen_app;

-- kiosks.kiosk
create table kiosks.kiosk (
  village text collate "C" not null,
  id uuid not null,
  code text collate "C" not null,
  name text not null,
  store_id uuid not null,
  state text not null,
  state_reason text,
  state_since timestamp(3) with time zone not null,
  app_version text not null,
  model text not null,
  serial text not null,
  paired_by uuid not null,
  paired_at timestamp(3) with time zone not null,
  seen_at timestamp(3) with time zone,
  unknown_cards integer not null default 0,
  unknown_cards_since timestamp(3) with time zone,
  constraint kiosk_pkey PRIMARY KEY (village, id),
  constraint kiosk_code_key UNIQUE (village, code),
  constraint kiosk_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint kiosk_code_check CHECK ((code ~ '^K[0-9]{2,4}$'::text)),
  constraint kiosk_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint kiosk_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'retired'::text]))),
  constraint kiosk_state_reason_check CHECK ((state_reason = 'unknownCards'::text))
);
alter table kiosks.kiosk enable row level security;
alter table kiosks.kiosk force row level security;
create policy scope on kiosks.kiosk using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on kiosks.kiosk to jifen_app;
grant update (state, state_reason, state_since, seen_at, unknown_cards, unknown_cards_since) on kiosks.kiosk to jifen_app;

-- kiosks.pairing
create table kiosks.pairing (
  device_code_hash bytea not null,
  user_code text collate "C" not null,
  app_version text not null,
  model text not null,
  serial text not null,
  state text not null,
  created_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone not null,
  village text collate "C",
  kiosk_id uuid,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  session_id uuid,
  constraint pairing_pkey PRIMARY KEY (device_code_hash),
  constraint pairing_app_version_check CHECK (((length(app_version) >= 1) AND (length(app_version) <= 40))),
  constraint pairing_decided CHECK (
CASE state
    WHEN 'pending'::text THEN (num_nonnulls(village, kiosk_id, decided_by, decided_at, session_id) = 0)
    WHEN 'denied'::text THEN ((num_nonnulls(village, decided_by, decided_at) = 3) AND (num_nonnulls(kiosk_id, session_id) = 0))
    ELSE (num_nonnulls(village, kiosk_id, decided_by, decided_at) = 4)
END),
  constraint pairing_model_check CHECK (((length(model) >= 1) AND (length(model) <= 60))),
  constraint pairing_serial_check CHECK (((length(serial) >= 1) AND (length(serial) <= 60))),
  constraint pairing_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text]))),
  constraint pairing_user_code_check CHECK ((user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$'::text)),
  constraint pairing_village_check CHECK ((village ~ '^[0-9]{12}$'::text))
);
CREATE INDEX pairing_decided_code ON kiosks.pairing USING btree (village, user_code) WHERE (state <> 'pending'::text);
CREATE INDEX pairing_expires_at ON kiosks.pairing USING btree (expires_at);
CREATE UNIQUE INDEX pairing_open_key ON kiosks.pairing USING btree (user_code) WHERE (state = 'pending'::text);
grant delete, insert, select on kiosks.pairing to jifen_app;
grant update (state, expires_at, village, kiosk_id, decided_by, decided_at, session_id) on kiosks.pairing to jifen_app;

-- kiosks.pairing_try
create table kiosks.pairing_try (
  address text collate "C" not null,
  since timestamp(3) with time zone not null,
  tries integer not null,
  constraint pairing_try_pkey PRIMARY KEY (address)
);
grant delete, insert, select on kiosks.pairing_try to jifen_app;
grant update (since, tries) on kiosks.pairing_try to jifen_app;

-- kiosks.unknown_number
create table kiosks.unknown_number (
  village text collate "C" not null,
  number text collate "C" not null,
  failed_attempts integer not null,
  constraint unknown_number_pkey PRIMARY KEY (village, number)
);
alter table kiosks.unknown_number enable row level security;
alter table kiosks.unknown_number force row level security;
create policy scope on kiosks.unknown_number using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on kiosks.unknown_number to jifen_app;
grant update (failed_attempts) on kiosks.unknown_number to jifen_app;

-- ledger.account
create table ledger.account (
  village text collate "C" not null,
  number integer not null,
  code text collate "C" not null,
  asset text collate "C" not null,
  floor bigint,
  balance bigint not null default 0,
  entries bigint not null default 0,
  constraint account_pkey PRIMARY KEY (village, number),
  constraint account_code_key UNIQUE (village, code, asset),
  constraint account_asset_form CHECK ((asset ~ '^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$'::text)),
  constraint account_code_form CHECK ((((length(code) >= 1) AND (length(code) <= 150)) AND (code !~ '[^A-Za-z0-9:-]'::text))),
  constraint account_entries_check CHECK ((entries >= 0)),
  constraint account_floor CHECK (((floor IS NULL) OR (balance >= floor))),
  constraint account_number_check CHECK ((number > 0))
) with (fillfactor=70);
alter table ledger.account enable row level security;
alter table ledger.account force row level security;
create policy scope on ledger.account using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.account to jifen_app;

-- ledger.book
create table ledger.book (
  village text collate "C" not null,
  number bigint not null default 0,
  head bytea not null default sha256('\x'::bytea),
  accounts integer not null default 0,
  posted_at timestamp(3) with time zone not null default '-infinity'::timestamp with time zone,
  constraint book_pkey PRIMARY KEY (village),
  constraint book_number_check CHECK ((number >= 0)),
  constraint book_village_check CHECK ((village ~ '^[0-9]{12}$'::text))
) with (fillfactor=50);
alter table ledger.book enable row level security;
alter table ledger.book force row level security;
create policy scope on ledger.book using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.book to jifen_app;

-- ledger.limit_use
create table ledger.limit_use (
  village text collate "C" not null,
  key text collate "C" not null,
  used bigint not null,
  max bigint not null,
  constraint limit_use_pkey PRIMARY KEY (village, key),
  constraint limit_use_max CHECK (((used >= 0) AND (used <= max)))
) with (fillfactor=70);
alter table ledger.limit_use enable row level security;
alter table ledger.limit_use force row level security;
create policy scope on ledger.limit_use using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant select on ledger.limit_use to jifen_app;

-- ledger.transaction
create table ledger.transaction (
  village text collate "C" not null,
  number bigint not null,
  id uuid not null,
  kind text not null,
  cause text collate "C" not null,
  business_date date not null,
  occurred_at timestamp(3) with time zone not null,
  posted_at timestamp(3) with time zone not null,
  actor uuid not null,
  approver uuid,
  reverses bigint,
  memo text,
  frozen jsonb not null,
  leaf_hash bytea not null,
  hash bytea not null,
  constraint transaction_pkey PRIMARY KEY (village, number),
  constraint transaction_cause_key UNIQUE (village, kind, cause),
  constraint transaction_reverses_key UNIQUE (village, reverses),
  constraint transaction_cause_form CHECK ((((length(cause) >= 1) AND (length(cause) <= 200)) AND (cause !~ '[^A-Za-z0-9:._-]'::text))),
  constraint transaction_frozen_form CHECK ((NOT jsonb_path_exists(frozen, '$.keyvalue()?(@."key" like_regex "[[:space:]]" || @."value".type() != "string")'::jsonpath))),
  constraint transaction_kind_form CHECK ((((length(kind) >= 1) AND (length(kind) <= 40)) AND (kind !~ '[^A-Za-z]'::text))),
  constraint transaction_number_check CHECK ((number > 0)),
  constraint transaction_second_person CHECK (((approver IS NULL) OR (approver <> actor)))
);
CREATE INDEX transaction_business_date ON ledger.transaction USING btree (village, business_date, number);
alter table ledger.transaction enable row level security;
alter table ledger.transaction force row level security;
create policy scope on ledger.transaction using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transaction FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transaction to jifen_app;

-- ledger.transfer
create table ledger.transfer (
  village text collate "C" not null,
  number bigint not null,
  line smallint not null,
  asset text collate "C" not null,
  amount bigint not null,
  from_account integer not null,
  to_account integer not null,
  from_balance bigint not null,
  to_balance bigint not null,
  from_seq bigint not null,
  to_seq bigint not null,
  constraint transfer_pkey PRIMARY KEY (village, number, line),
  constraint transfer_amount CHECK (((amount >= 1) AND (amount <= ledger.amount_max(asset)))),
  constraint transfer_two_accounts CHECK ((from_account <> to_account))
);
CREATE INDEX transfer_from ON ledger.transfer USING btree (village, from_account, number, line);
CREATE INDEX transfer_to ON ledger.transfer USING btree (village, to_account, number, line);
alter table ledger.transfer enable row level security;
alter table ledger.transfer force row level security;
create policy scope on ledger.transfer using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transfer to jifen_app;

-- rules.rule
create table rules.rule (
  village text collate "C" not null,
  rule_book_id uuid not null,
  id uuid not null,
  code text collate "C" not null,
  category text not null,
  title text not null,
  title_en text,
  points integer not null,
  direction text not null,
  unit text not null,
  cap_times integer,
  cap_period text,
  cap_scope text not null,
  evidence text[] not null,
  excludes text[] not null,
  highest_only_group text,
  honour boolean not null,
  publicity text not null,
  constraint rule_pkey PRIMARY KEY (village, id),
  constraint rule_code_key UNIQUE (village, rule_book_id, code),
  constraint rule_book_fkey FOREIGN KEY (village, rule_book_id) REFERENCES rules.rule_book(village, id),
  constraint rule_cap CHECK (((cap_times IS NULL) = (cap_period IS NULL))),
  constraint rule_cap_period_check CHECK ((cap_period = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'year'::text, 'once'::text]))),
  constraint rule_cap_scope_check CHECK ((cap_scope = ANY (ARRAY['household'::text, 'member'::text]))),
  constraint rule_cap_times_check CHECK (((cap_times >= 1) AND (cap_times <= 10000))),
  constraint rule_category_check CHECK (((length(category) >= 1) AND (length(category) <= 20))),
  constraint rule_code_check CHECK ((code ~ '^[A-Z][A-Z0-9]{1,11}$'::text)),
  constraint rule_direction_check CHECK ((direction = ANY (ARRAY['award'::text, 'deduction'::text]))),
  constraint rule_highest_only_group_check CHECK ((highest_only_group ~ '^[A-Z][A-Z0-9]{1,11}$'::text)),
  constraint rule_points_check CHECK (((points >= 1) AND (points <= 1000))),
  constraint rule_publicity_check CHECK ((publicity = ANY (ARRAY['required'::text, 'exempt'::text]))),
  constraint rule_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60))),
  constraint rule_title_en_check CHECK (((length(title_en) >= 1) AND (length(title_en) <= 120))),
  constraint rule_unit_check CHECK (((length(unit) >= 1) AND (length(unit) <= 20)))
);
alter table rules.rule enable row level security;
alter table rules.rule force row level security;
create policy scope on rules.rule using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on rules.rule to jifen_app;

-- rules.rule_book
create table rules.rule_book (
  village text collate "C" not null,
  id uuid not null,
  title text not null,
  state text not null default 'draft'::text,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  in_force_from date,
  held_on date,
  present integer,
  votes_for integer,
  votes_against integer,
  abstained integer,
  adopted_by uuid,
  adopted_at timestamp(3) with time zone,
  constraint rule_book_pkey PRIMARY KEY (village, id),
  constraint rule_book_in_force_key UNIQUE (village, in_force_from),
  constraint rule_book_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village),
  constraint rule_book_resolution CHECK ((num_nonnulls(in_force_from, held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at) =
CASE state
    WHEN 'adopted'::text THEN 8
    ELSE 0
END)),
  constraint rule_book_second_person CHECK (((adopted_by IS NULL) OR (adopted_by <> created_by))),
  constraint rule_book_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'adopted'::text]))),
  constraint rule_book_title_check CHECK (((length(title) >= 1) AND (length(title) <= 60))),
  constraint rule_book_votes CHECK (((votes_for IS NULL) OR ((votes_against >= 0) AND (abstained >= 0) AND (votes_for > votes_against) AND (((votes_for + votes_against) + abstained) <= present))))
);
alter table rules.rule_book enable row level security;
alter table rules.rule_book force row level security;
create policy scope on rules.rule_book using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on rules.rule_book to jifen_app;
grant update (state, in_force_from, held_on, present, votes_for, votes_against, abstained, adopted_by, adopted_at) on rules.rule_book to jifen_app;

-- store.goods
create table store.goods (
  village text collate "C" not null,
  id uuid not null,
  sku text collate "C" not null,
  name text not null,
  name_en text,
  unit text not null,
  barcode text collate "C",
  category text not null,
  is_service boolean not null,
  min_stock integer not null,
  cost_fen bigint,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  archived_by uuid,
  archived_at timestamp(3) with time zone,
  constraint goods_pkey PRIMARY KEY (village, id),
  constraint goods_barcode_key UNIQUE (village, barcode),
  constraint goods_sku_key UNIQUE (village, sku),
  constraint goods_archived CHECK (((archived_by IS NULL) = (archived_at IS NULL))),
  constraint goods_barcode_check CHECK ((barcode ~ '^[0-9]{13}$'::text)),
  constraint goods_category_check CHECK (((length(category) >= 1) AND (length(category) <= 30))),
  constraint goods_cost_fen_check CHECK (((cost_fen >= 0) AND (cost_fen <= '10000000000'::bigint))),
  constraint goods_min_stock_check CHECK (((min_stock >= 0) AND (min_stock <= 1000000))),
  constraint goods_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint goods_name_en_check CHECK (((length(name_en) >= 1) AND (length(name_en) <= 80))),
  constraint goods_service_stock CHECK (((NOT is_service) OR (min_stock = 0))),
  constraint goods_sku_check CHECK ((sku ~ '^[A-Za-z0-9._-]{1,20}$'::text)),
  constraint goods_unit_check CHECK (((length(unit) >= 1) AND (length(unit) <= 10)))
);
alter table store.goods enable row level security;
alter table store.goods force row level security;
create policy scope on store.goods using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.goods to jifen_app;
grant update (archived_by, archived_at) on store.goods to jifen_app;

-- store.price
create table store.price (
  village text collate "C" not null,
  price_list_id uuid not null,
  goods_id uuid not null,
  points integer not null,
  constraint price_pkey PRIMARY KEY (village, price_list_id, goods_id),
  constraint price_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint price_list_fkey FOREIGN KEY (village, price_list_id) REFERENCES store.price_list(village, id),
  constraint price_points_check CHECK (((points >= 1) AND (points <= 100000)))
);
alter table store.price enable row level security;
alter table store.price force row level security;
create policy scope on store.price using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.price to jifen_app;

-- store.price_list
create table store.price_list (
  village text collate "C" not null,
  id uuid not null,
  valid_from date not null,
  is_first boolean not null,
  published_by uuid not null,
  published_at timestamp(3) with time zone not null,
  constraint price_list_pkey PRIMARY KEY (village, id),
  constraint price_list_valid_from_key UNIQUE (village, valid_from)
);
CREATE UNIQUE INDEX price_list_first_key ON store.price_list USING btree (village) WHERE is_first;
alter table store.price_list enable row level security;
alter table store.price_list force row level security;
create policy scope on store.price_list using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.price_list to jifen_app;

-- store.redemption
create table store.redemption (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid not null,
  store_id uuid not null,
  kiosk_id uuid,
  price_list_id uuid not null,
  points integer not null,
  mode text not null,
  presented text not null,
  state text not null,
  since timestamp(3) with time zone not null,
  pickup_code text collate "C",
  expires_at timestamp(3) with time zone,
  handed_over_at timestamp(3) with time zone,
  handed_over_by uuid,
  business_date date not null,
  occurred_at timestamp(3) with time zone not null,
  back_entry boolean not null,
  op_id uuid,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint redemption_pkey PRIMARY KEY (village, id),
  constraint redemption_op_key UNIQUE (village, op_id),
  constraint redemption_pickup_code_key UNIQUE (village, pickup_code),
  constraint redemption_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint redemption_price_list_fkey FOREIGN KEY (village, price_list_id) REFERENCES store.price_list(village, id),
  constraint redemption_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint redemption_back_entry CHECK (((NOT back_entry) OR (expires_at IS NULL))),
  constraint redemption_expiry CHECK (((state <> ALL (ARRAY['reserved'::text, 'expired'::text])) OR (expires_at IS NOT NULL))),
  constraint redemption_handed_over CHECK ((((state = ANY (ARRAY['fulfilled'::text, 'returned'::text])) = (handed_over_at IS NOT NULL)) AND ((handed_over_at IS NULL) = (handed_over_by IS NULL)))),
  constraint redemption_mode_check CHECK ((mode = ANY (ARRAY['counter'::text, 'pickup'::text]))),
  constraint redemption_pickup_code_check CHECK ((pickup_code ~ '^[0-9]{8}$'::text)),
  constraint redemption_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint redemption_presented_check CHECK ((presented = ANY (ARRAY['card'::text, 'cardAndPin'::text, 'pin'::text, 'slip'::text]))),
  constraint redemption_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'fulfilled'::text, 'cancelled'::text, 'expired'::text, 'returned'::text]))),
  constraint redemption_waiting CHECK (((state = 'reserved'::text) = (pickup_code IS NOT NULL)))
);
CREATE INDEX redemption_business_date ON store.redemption USING btree (village, business_date, id);
CREATE INDEX redemption_expires_at ON store.redemption USING btree (village, expires_at) WHERE (state = 'reserved'::text);
CREATE INDEX redemption_household ON store.redemption USING btree (village, household_id, id);
alter table store.redemption enable row level security;
alter table store.redemption force row level security;
create policy scope on store.redemption using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.redemption to jifen_app;
grant update (state, since, pickup_code, handed_over_at, handed_over_by) on store.redemption to jifen_app;

-- store.redemption_line
create table store.redemption_line (
  village text collate "C" not null,
  redemption_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  quantity integer not null,
  unit_points integer not null,
  constraint redemption_line_pkey PRIMARY KEY (village, redemption_id, line),
  constraint redemption_line_goods_key UNIQUE (village, redemption_id, goods_id),
  constraint redemption_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint redemption_line_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint redemption_line_line_check CHECK (((line >= 1) AND (line <= 20))),
  constraint redemption_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100))),
  constraint redemption_line_unit_points_check CHECK (((unit_points >= 1) AND (unit_points <= 100000)))
);
alter table store.redemption_line enable row level security;
alter table store.redemption_line force row level security;
create policy scope on store.redemption_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.redemption_line to jifen_app;

-- store.return
create table store.return (
  village text collate "C" not null,
  id uuid not null,
  redemption_id uuid not null,
  reason text not null,
  restock boolean not null,
  points integer not null,
  state text not null default 'proposed'::text,
  proposed_by uuid not null,
  proposed_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  decision_note text,
  constraint return_pkey PRIMARY KEY (village, id),
  constraint return_redemption_fkey FOREIGN KEY (village, redemption_id) REFERENCES store.redemption(village, id),
  constraint return_decided CHECK ((((state = 'proposed'::text) AND (decided_by IS NULL) AND (decided_at IS NULL)) OR ((state <> 'proposed'::text) AND (decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
  constraint return_decision_note_check CHECK (((length(decision_note) >= 1) AND (length(decision_note) <= 200))),
  constraint return_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint return_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint return_second_person CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
  constraint return_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text])))
);
CREATE UNIQUE INDEX return_standing_key ON store.return USING btree (village, redemption_id) WHERE (state <> 'rejected'::text);
alter table store.return enable row level security;
alter table store.return force row level security;
create policy scope on store.return using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.return to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.return to jifen_app;

-- store.return_line
create table store.return_line (
  village text collate "C" not null,
  return_id uuid not null,
  goods_id uuid not null,
  quantity integer not null,
  constraint return_line_pkey PRIMARY KEY (village, return_id, goods_id),
  constraint return_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint return_line_return_fkey FOREIGN KEY (village, return_id) REFERENCES store.return(village, id),
  constraint return_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100)))
);
alter table store.return_line enable row level security;
alter table store.return_line force row level security;
create policy scope on store.return_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.return_line to jifen_app;

-- store.stock_document
create table store.stock_document (
  village text collate "C" not null,
  id uuid not null,
  type text not null,
  store_id uuid not null,
  reason text not null,
  state text not null default 'draft'::text,
  drafted_by uuid not null,
  drafted_at timestamp(3) with time zone not null,
  decided_by uuid,
  decided_at timestamp(3) with time zone,
  decision_note text,
  constraint stock_document_pkey PRIMARY KEY (village, id),
  constraint stock_document_store_fkey FOREIGN KEY (village, store_id) REFERENCES store.store(village, id),
  constraint stock_document_decided CHECK ((((state = 'draft'::text) AND (decided_by IS NULL) AND (decided_at IS NULL)) OR ((state <> 'draft'::text) AND (decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
  constraint stock_document_decision_note_check CHECK (((length(decision_note) >= 1) AND (length(decision_note) <= 200))),
  constraint stock_document_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
  constraint stock_document_second_person CHECK (((decided_by IS NULL) OR (decided_by <> drafted_by))),
  constraint stock_document_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'posted'::text, 'rejected'::text]))),
  constraint stock_document_type_check CHECK ((type = ANY (ARRAY['receipt'::text, 'writeOff'::text])))
);
alter table store.stock_document enable row level security;
alter table store.stock_document force row level security;
create policy scope on store.stock_document using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_document to jifen_app;
grant update (state, decided_by, decided_at, decision_note) on store.stock_document to jifen_app;

-- store.stock_line
create table store.stock_line (
  village text collate "C" not null,
  document_id uuid not null,
  line smallint not null,
  goods_id uuid not null,
  quantity integer not null,
  cost_fen bigint,
  expires_on date,
  constraint stock_line_pkey PRIMARY KEY (village, document_id, line),
  constraint stock_line_document_fkey FOREIGN KEY (village, document_id) REFERENCES store.stock_document(village, id),
  constraint stock_line_goods_fkey FOREIGN KEY (village, goods_id) REFERENCES store.goods(village, id),
  constraint stock_line_cost_fen_check CHECK (((cost_fen >= 0) AND (cost_fen <= '10000000000'::bigint))),
  constraint stock_line_line_check CHECK (((line >= 1) AND (line <= 200))),
  constraint stock_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100000)))
);
alter table store.stock_line enable row level security;
alter table store.stock_line force row level security;
create policy scope on store.stock_line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.stock_line to jifen_app;

-- store.store
create table store.store (
  village text collate "C" not null,
  id uuid not null,
  name text not null,
  place text,
  created_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint store_pkey PRIMARY KEY (village, id),
  constraint store_name_key UNIQUE (village, name),
  constraint store_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint store_place_check CHECK (((length(place) >= 1) AND (length(place) <= 120)))
);
alter table store.store enable row level security;
alter table store.store force row level security;
create policy scope on store.store using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on store.store to jifen_app;

-- villages.division
create table villages.division (
  code text collate "C" not null,
  level text not null,
  parent_code text collate "C",
  name text not null,
  kind text not null,
  provisional boolean not null default false,
  households integer,
  constraint division_pkey PRIMARY KEY (code),
  constraint division_parent_code_fkey FOREIGN KEY (parent_code) REFERENCES villages.division(code),
  constraint division_code_check CHECK ((code ~ '^[0-9]{12}$'::text)),
  constraint division_households_check CHECK ((households >= 0)),
  constraint division_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 20))),
  constraint division_level_check CHECK ((level = ANY (ARRAY['province'::text, 'city'::text, 'county'::text, 'town'::text, 'village'::text]))),
  constraint division_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint division_parent CHECK (((level = 'province'::text) = (parent_code IS NULL)))
);
CREATE INDEX division_parent_code ON villages.division USING btree (parent_code, code);
grant insert, select on villages.division to jifen_app;

-- villages.grid
create table villages.grid (
  village text collate "C" not null,
  number integer not null,
  name text not null,
  constraint grid_pkey PRIMARY KEY (village, number),
  constraint grid_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village),
  constraint grid_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  constraint grid_number_check CHECK (((number >= 1) AND (number <= 999)))
);
alter table villages.grid enable row level security;
alter table villages.grid force row level security;
create policy scope on villages.grid using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on villages.grid to jifen_app;

-- villages.policy
create table villages.policy (
  village text collate "C" not null,
  valid_from date not null,
  policy jsonb not null,
  set_by uuid not null,
  set_at timestamp(3) with time zone not null,
  constraint policy_pkey PRIMARY KEY (village, valid_from),
  constraint policy_village_fkey FOREIGN KEY (village) REFERENCES villages.village(village)
);
alter table villages.policy enable row level security;
alter table villages.policy force row level security;
create policy scope on villages.policy using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on villages.policy to jifen_app;

-- villages.village
create table villages.village (
  village text collate "C" not null,
  opened_on date not null,
  opened_by uuid not null,
  created_at timestamp(3) with time zone not null,
  constraint village_pkey PRIMARY KEY (village),
  constraint village_village_fkey FOREIGN KEY (village) REFERENCES villages.division(code)
);
grant insert, select on villages.village to jifen_app;

-- ledger.entry
create view ledger.entry with (security_invoker=true) as
 SELECT transfer.village,
    transfer.from_account AS account,
    transfer.from_seq AS seq,
    transfer.number,
    transfer.line,
    transfer.asset,
    - transfer.amount AS amount,
    transfer.from_balance AS balance,
    transfer.to_account AS counter_account
   FROM ledger.transfer
UNION ALL
 SELECT transfer.village,
    transfer.to_account AS account,
    transfer.to_seq AS seq,
    transfer.number,
    transfer.line,
    transfer.asset,
    transfer.amount,
    transfer.to_balance AS balance,
    transfer.from_account AS counter_account
   FROM ledger.transfer;
grant select on ledger.entry to jifen_app;

-- audit.cell(text)
CREATE OR REPLACE FUNCTION audit.cell(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (CASE WHEN (value ~ '^[-=+@\t\r＝＋－＠]'::text) THEN ''''::text ELSE ''::text END || regexp_replace(value, '[\r\n]+'::text, ' '::text, 'g'::text));
grant execute on function audit.cell(text) to jifen_app;

-- ledger.amount_max(text)
CREATE OR REPLACE FUNCTION ledger.amount_max(asset text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE asset WHEN 'CNY'::text THEN '10000000000'::bigint ELSE (1000000)::bigint END;
grant execute on function ledger.amount_max(text) to jifen_app;

-- ledger.canonical(ledger.transaction,text)
CREATE OR REPLACE FUNCTION ledger.canonical(t ledger.transaction, lines text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ((((((((((((((((((((((('jifen/1
village '::text || (t).village) || '
number '::text) || (t).number) || '
id '::text) || (t).id) || '
kind '::text) || (t).kind) || '
cause '::text) || ledger.escape((t).cause)) || '
businessDate '::text) || to_char(((t).business_date)::timestamp with time zone, 'YYYY-MM-DD'::text)) || '
occurredAt '::text) || to_char(((t).occurred_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text)) || '
postedAt '::text) || to_char(((t).posted_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text)) || '
actor '::text) || (t).actor) || COALESCE(('
approver '::text || (t).approver), ''::text)) || COALESCE(('
reverses '::text || (t).reverses), ''::text)) || COALESCE(('
memo '::text || ledger.escape((t).memo)), ''::text)) || COALESCE((SELECT string_agg(((('
frozen '::text || f.key) || ' '::text) || ledger.escape(f.value)), ''::text ORDER BY (f.key COLLATE "C")) AS string_agg FROM jsonb_each_text((canonical.t).frozen) f(key, value)), ''::text)) || lines) || '
'::text);
grant execute on function ledger.canonical(ledger.transaction,text) to jifen_app;

-- ledger.escape(text)
CREATE OR REPLACE FUNCTION ledger.escape(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN replace(replace(replace(value, '\'::text, '\\'::text), ''::text, '\r'::text), '
'::text, '\n'::text);
grant execute on function ledger.escape(text) to jifen_app;

-- ledger.floor_of(text)
CREATE OR REPLACE FUNCTION ledger.floor_of(code text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN ((code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside)$'::text) OR (code ~ '^(supply|abroad):'::text)) THEN NULL::integer ELSE 0 END;
grant execute on function ledger.floor_of(text) to jifen_app;

-- ledger.leaf(text)
CREATE OR REPLACE FUNCTION ledger.leaf(canonical text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN sha256(('\x00'::bytea || convert_to(canonical, 'UTF8'::name)));
grant execute on function ledger.leaf(text) to jifen_app;

-- ledger.open_accounts(text,jsonb)
CREATE OR REPLACE FUNCTION ledger.open_accounts(p_village text, p_accounts jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  opened integer;
begin
  perform from ledger.book where village = p_village for update;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;
  insert into ledger.account (village, number, code, asset, floor)
  select p_village, b.accounts + row_number() over (order by n.ord), n.code, n.asset, ledger.floor_of(n.code)
    from ledger.book b,
         (select a.value ->> 'code' as code, a.value ->> 'asset' as asset, min(a.ord) as ord
            from jsonb_array_elements(p_accounts) with ordinality a(value, ord) group by 1, 2) n
   where b.village = p_village
     and not exists (select from ledger.account e
                      where e.village = p_village and e.code = n.code and e.asset = n.asset);
  get diagnostics opened = row_count;
  update ledger.book set accounts = accounts + opened where village = p_village;
end $function$;
grant execute on function ledger.open_accounts(text,jsonb) to jifen_app;

-- ledger.open_book(text)
CREATE OR REPLACE FUNCTION ledger.open_book(p_village text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.book (village) values (p_village) on conflict do nothing;
end $function$;
grant execute on function ledger.open_book(text) to jifen_app;

-- ledger.post(text,jsonb,boolean)
CREATE OR REPLACE FUNCTION ledger.post(p_village text, p_commands jsonb, p_atomic boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  results jsonb;
begin
  if not p_atomic then
    return ledger.post_each(p_village, p_commands);
  end if;
  begin
    results := ledger.post_each(p_village, p_commands);
    if results @> '[{"status": "refused"}]' then
      raise exception 'undo' using errcode = 'JF004';
    end if;
  exception when sqlstate 'JF004' then
    select jsonb_agg(case when e.value ->> 'status' = 'posted' then '{"status": "undone"}' else e.value end order by ord)
      into results from jsonb_array_elements(results) with ordinality e(value, ord);
  end;
  return results;
end $function$;
grant execute on function ledger.post(text,jsonb,boolean) to jifen_app;

-- ledger.post_each(text,jsonb)
CREATE OR REPLACE FUNCTION ledger.post_each(p_village text, p_commands jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  pen ledger.book;              -- the book as it stands while this list is written
  c jsonb;                      -- the command at hand
  t ledger.transaction;         -- what it becomes
  earlier ledger.transaction;   -- what already stands under its cause
  original ledger.transaction;  -- what it reverses
  transfers jsonb;
  lines text;                   -- its transfers in the canonical text
  written ledger.transfer[];    -- and as rows
  w ledger.transfer;
  touched jsonb;                -- balances of the accounts it touches
  refusal jsonb;
  answers jsonb[] := '{}';
  -- Every account the list names, with its balance and number of entries after the commands so far; `places` says where
  -- in the arrays it is. They are written once, at the end: a thousand awards change `issued` a thousand times.
  places jsonb; accounts integer[]; floors bigint[]; balances bigint[]; seqs bigint[];
  balances_before bigint[]; seqs_before bigint[];
  keys text[]; uses bigint[]; maxes bigint[]; codes text[];  -- the limits of the command
  used_before bigint;
  x jsonb;
  l record;
  f integer; g integer;         -- where the accounts of a transfer are in the arrays
begin
  -- The lock is a statement of its own: what is read under it is read by a later statement, never by the one that
  -- waited, which would still see the rows as they were before.
  perform from ledger.book where village = p_village for update;
  select * into pen from ledger.book where village = p_village;
  if not found then
    raise exception 'no book for village %', p_village using errcode = 'JF002';
  end if;

  -- Each account by itself, hence `limit 1`: a join would read all accounts of the village for a single transfer. So it
  -- did, limits too, and a post took 8 ms where it now takes 0.5 (1,000 accounts, 5,000 limits).
  select coalesce(jsonb_object_agg(n.key, n.i), '{}'), array_agg(n.number order by n.i),
         array_agg(n.floor order by n.i), array_agg(n.balance order by n.i), array_agg(n.entries order by n.i)
    into places, accounts, floors, balances, seqs
    from (select a.code || ' ' || a.asset as key, row_number() over () as i, a.number, a.floor, a.balance, a.entries
            from (select e ->> 'from' as code, e ->> 'asset' as asset
                    from jsonb_path_query(p_commands, '$[*].transfers[*]') e
                   union
                  select e ->> 'to', e ->> 'asset' from jsonb_path_query(p_commands, '$[*].transfers[*]') e
                   union
                  select a.code, a.asset
                    from jsonb_path_query(p_commands, '$[*].reverses ? (@ != null)') e,
                         lateral (select * from ledger.transfer
                                   where village = p_village and number = e::bigint offset 0) r,
                         lateral (select * from ledger.account where village = p_village
                                     and number in (r.from_account, r.to_account) offset 0) a) named,
                 lateral (select * from ledger.account
                           where village = p_village and code = named.code and asset = named.asset limit 1) a) n;

  for c in select value from jsonb_array_elements(p_commands) with ordinality e(value, ord) order by ord loop
    refusal := null;
    transfers := coalesce(c -> 'transfers', '[]');
    t := null;
    t.village := p_village;
    t.kind := c ->> 'kind';
    t.cause := c ->> 'cause';
    t.business_date := c ->> 'businessDate';
    t.occurred_at := c ->> 'occurredAt';
    t.actor := c ->> 'actor';
    t.approver := c ->> 'approver';
    t.reverses := c ->> 'reverses';
    t.memo := c ->> 'memo';
    t.frozen := coalesce(c -> 'frozen', '{}');
    keys := '{}'; uses := '{}'; maxes := '{}'; codes := '{}';

    if t.reverses is null then
      -- A limit that is named twice is used twice, and the narrower maximum holds.
      for i in 0 .. jsonb_array_length(coalesce(c -> 'limits', '[]')) - 1 loop
        x := c -> 'limits' -> i;
        f := array_position(keys, x ->> 'key');
        if f is null then
          keys := keys || (x ->> 'key');
          uses := uses || (x ->> 'use')::bigint;
          maxes := maxes || (x ->> 'max')::bigint;
          codes := codes || (x ->> 'code');
        else
          uses[f] := uses[f] + (x ->> 'use')::bigint;
          maxes[f] := least(maxes[f], (x ->> 'max')::bigint);
        end if;
      end loop;
    else
      -- A reversal is what it reverses, backwards: line by line from the last, each the other way, the limits given back.
      select * into original from ledger.transaction where village = p_village and number = t.reverses;
      if not found then
        answers := answers || ledger.refused('not-found', jsonb_build_object('transactionNumber', t.reverses));
        continue;
      end if;
      select jsonb_agg(jsonb_build_object('from', a.code, 'to', b.code, 'asset', r.asset, 'amount', r.amount)
                       order by r.line desc)
        into transfers
        from ledger.transfer r,
             lateral (select code from ledger.account where village = p_village and number = r.to_account limit 1) a,
             lateral (select code from ledger.account where village = p_village and number = r.from_account limit 1) b
       where r.village = p_village and r.number = t.reverses;
      for l in select substr(key, 7) as key, split_part(value, '/', 1)::bigint as use,
                      split_part(value, '/', 2)::bigint as max
                 from jsonb_each_text(original.frozen) where key like 'limit:%' order by key
      loop
        keys := keys || l.key;
        uses := uses || -l.use;
        maxes := maxes || l.max;
      end loop;
    end if;
    -- What the transaction used of each limit is frozen in it, so that uses can be counted again from the pen.
    for i in 1 .. cardinality(keys) loop
      t.frozen := t.frozen || jsonb_build_object('limit:' || keys[i], uses[i] || '/' || maxes[i]);
    end loop;

    lines := case when transfers <> '[]' then '' end;
    for i in 0 .. jsonb_array_length(transfers) - 1 loop
      x := transfers -> i;
      lines := lines || E'\nline ' || (x ->> 'asset') || ' ' || (x ->> 'amount')::bigint || ' ' || (x ->> 'from') || ' '
                     || (x ->> 'to');
    end loop;
    if lines is null then
      raise exception 'a transaction needs a transfer, and a transfer all of its parts' using errcode = 'JF003';
    end if;

    -- One cause posts once, for ever: the same content is a replay, other content a refusal.
    select * into earlier from ledger.transaction
     where village = p_village and kind = t.kind and cause = t.cause;
    if found then
      t.number := earlier.number;
      t.id := earlier.id;
      t.posted_at := earlier.posted_at;
      if ledger.leaf(ledger.canonical(t, lines)) = earlier.leaf_hash then
        answers := answers || jsonb_build_object('status', 'replayed', 'number', earlier.number, 'id', earlier.id,
          'hash', encode(earlier.hash, 'hex'), 'postedAt', earlier.posted_at);
      else
        answers := answers || ledger.refused('cause-reused', jsonb_build_object('transactionNumber', earlier.number));
      end if;
      continue;
    end if;

    -- Reversed at most once, and a reversal is never reversed.
    if t.reverses is not null then
      select * into earlier from ledger.transaction where village = p_village and reverses = t.reverses;
      if found or original.reverses is not null then
        answers := answers || ledger.refused('already-reversed',
          jsonb_build_object('reversalNumber', coalesce(earlier.number, original.number)));
        continue;
      end if;
    end if;

    if t.approver = t.actor then
      answers := answers || ledger.refused('second-person-required', jsonb_build_object('firstUserId', t.actor));
      continue;
    end if;

    -- Limits; to give back is never refused.
    if t.reverses is null then
      for i in 1 .. cardinality(keys) loop
        if uses[i] < 1 then
          raise exception 'a limit is used at least once' using errcode = 'JF003';
        end if;
        select coalesce(max(used), 0) into used_before
          from ledger.limit_use where village = p_village and key = keys[i];
        if used_before + uses[i] > maxes[i] then
          refusal := ledger.refused(coalesce(codes[i], 'cap-reached'),
            jsonb_build_object('cap', keys[i], 'used', used_before, 'use', uses[i], 'limit', maxes[i]));
          exit;
        end if;
      end loop;
    end if;

    -- Floors, transfer by transfer.
    balances_before := balances;
    seqs_before := seqs;
    written := '{}';
    touched := '{}';
    for i in 0 .. jsonb_array_length(transfers) - 1 loop
      exit when refusal is not null;
      x := transfers -> i;
      w.village := p_village;
      w.number := pen.number + 1;
      w.line := i + 1;
      w.asset := x ->> 'asset';
      w.amount := x ->> 'amount';
      f := places -> ((x ->> 'from') || ' ' || w.asset);
      g := places -> ((x ->> 'to') || ' ' || w.asset);
      if f is null or g is null then
        refusal := ledger.refused('not-found', jsonb_build_object(
          'accountCode', case when f is null then x ->> 'from' else x ->> 'to' end, 'asset', w.asset));
      elsif f = g then
        raise exception 'an account pays itself: %', x using errcode = 'JF003';
      elsif w.amount not between 1 and ledger.amount_max(w.asset) then
        refusal := ledger.refused('out-of-bounds', jsonb_build_object(
          'field', 'amount', 'asset', w.asset, 'min', 1, 'max', ledger.amount_max(w.asset)));
      elsif greatest(balances[g] + w.amount, w.amount - balances[f]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := ledger.refused('out-of-bounds', jsonb_build_object(
          'field', 'balance', 'asset', w.asset, 'min', -9007199254740991, 'max', 9007199254740991));
      elsif balances[f] - w.amount < floors[f] then
        refusal := ledger.refused(
          case when t.reverses is not null then 'reversal-arrears'
               when w.asset = 'PTS' and x ->> 'from' like 'household:%' then 'insufficient-points'
               when w.asset like 'SKU:%' then 'insufficient-stock'
               else 'insufficient-balance' end,
          jsonb_build_object('accountCode', x ->> 'from', 'asset', w.asset, 'available', balances_before[f] - floors[f],
            'required', (select sum((e ->> 'amount')::bigint) from jsonb_array_elements(transfers) e
                          where e ->> 'from' = x ->> 'from' and e ->> 'asset' = w.asset)));
      else
        balances[f] := balances[f] - w.amount;
        balances[g] := balances[g] + w.amount;
        seqs[f] := seqs[f] + 1;
        seqs[g] := seqs[g] + 1;
        w.from_account := accounts[f];
        w.to_account := accounts[g];
        w.from_balance := balances[f];
        w.to_balance := balances[g];
        w.from_seq := seqs[f];
        w.to_seq := seqs[g];
        written := written || w;
        touched := touched || jsonb_build_object((x ->> 'from') || ' ' || w.asset, balances[f],
                                                 (x ->> 'to') || ' ' || w.asset, balances[g]);
      end if;
    end loop;
    if refusal is not null then
      balances := balances_before;
      seqs := seqs_before;
      answers := answers || refusal;
      continue;
    end if;

    -- Nothing stands against it: write.
    t.number := pen.number + 1;
    t.id := c ->> 'id';
    -- The book's time never runs backwards, whatever the machine's clock does.
    t.posted_at := greatest(date_trunc('milliseconds', clock_timestamp()), pen.posted_at);
    t.leaf_hash := ledger.leaf(ledger.canonical(t, lines));
    t.hash := sha256(pen.head || t.leaf_hash);
    insert into ledger.transaction select t.*;
    insert into ledger.transfer select * from unnest(written);
    for i in 1 .. cardinality(keys) loop
      if t.reverses is not null then
        update ledger.limit_use set used = used + uses[i] where village = p_village and key = keys[i];
      else
        insert into ledger.limit_use as u (village, key, used, max) values (p_village, keys[i], uses[i], maxes[i])
        on conflict (village, key) do update set used = u.used + excluded.used, max = excluded.max;
      end if;
    end loop;
    pen.number := t.number;
    pen.head := t.hash;
    pen.posted_at := t.posted_at;
    answers := answers || jsonb_build_object('status', 'posted', 'number', t.number, 'id', t.id,
      'hash', encode(t.hash, 'hex'), 'postedAt', t.posted_at, 'balances', touched);
  end loop;

  update ledger.account a set balance = u.balance, entries = u.entries
    from unnest(accounts, balances, seqs) u(number, balance, entries)
   where a.village = p_village and a.number = u.number and a.entries <> u.entries;
  update ledger.book set number = pen.number, head = pen.head, posted_at = pen.posted_at
   where village = p_village and number <> pen.number;
  return to_jsonb(answers);
end $function$;

-- ledger.refuse_change()
CREATE OR REPLACE FUNCTION ledger.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'the book is never changed: post a reversal instead' using errcode = 'JF001';
end $function$;

-- ledger.refused(text,jsonb)
CREATE OR REPLACE FUNCTION ledger.refused(code text, facts jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('status', 'refused', 'code', code, 'facts', facts);
