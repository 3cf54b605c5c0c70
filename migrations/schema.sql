-- What the migrations add up to, written from the catalogue by: npm run schema

create schema audit;
grant usage on schema audit to jifen_app;

create schema earning;
grant usage on schema earning to jifen_app;

create schema expiry;
grant usage on schema expiry to jifen_app;

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

create schema photos;
grant usage on schema photos to jifen_app;

create schema rules;
grant usage on schema rules to jifen_app;

create schema store;
grant usage on schema store to jifen_app;

create schema villages;
grant usage on schema villages to jifen_app;

-- audit.checkpoint
create table audit.checkpoint (
  village text collate "C" not null,
  size bigint not null,
  name text collate "C" not null,
  root bytea not null,
  public_key bytea not null,
  note text not null,
  made_at timestamp(3) with time zone not null,
  constraint checkpoint_pkey PRIMARY KEY (village, size),
  constraint checkpoint_note CHECK (starts_with(note, (((((name || '
'::text) || size) || '
'::text) || encode(root, 'base64'::text)) || '

'::text))),
  constraint checkpoint_public_key CHECK ((length(public_key) = 32)),
  constraint checkpoint_root CHECK ((length(root) = 32)),
  constraint checkpoint_size CHECK ((size >= 0))
);
alter table audit.checkpoint enable row level security;
alter table audit.checkpoint force row level security;
create policy scope on audit.checkpoint using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.checkpoint to jifen_app;

-- audit.subtree
create table audit.subtree (
  village text collate "C" not null,
  start bigint not null,
  root bytea not null,
  constraint subtree_pkey PRIMARY KEY (village, start),
  constraint subtree_root CHECK ((length(root) = 32)),
  constraint subtree_start CHECK (((start >= 0) AND ((start % (256)::bigint) = 0)))
);
alter table audit.subtree enable row level security;
alter table audit.subtree force row level security;
create policy scope on audit.subtree using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on audit.subtree to jifen_app;

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
  claim_id uuid,
  round_id uuid,
  decided_by uuid[] not null default '{}'::uuid[],
  release_number bigint,
  constraint award_pkey PRIMARY KEY (village, id),
  constraint award_number_key UNIQUE (village, number),
  constraint award_transaction_key UNIQUE (village, transaction_number),
  constraint award_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint award_member_fkey FOREIGN KEY (village, member_id) REFERENCES households.member(village, id),
  constraint award_rule_fkey FOREIGN KEY (village, rule_id) REFERENCES rules.rule(village, id),
  constraint award_decided CHECK (((num_nonnulls(claim_id, round_id) = 0) OR (cardinality(decided_by) > 0))),
  constraint award_note_check CHECK (((length(note) >= 1) AND (length(note) <= 200))),
  constraint award_number_check CHECK ((number ~ '^A-[0-9]{8}-[0-9]+$'::text)),
  constraint award_occasion_check CHECK (((length(occasion) >= 1) AND (length(occasion) <= 80))),
  constraint award_origin CHECK ((num_nonnulls(claim_id, round_id) <= 1)),
  constraint award_points_check CHECK (((points >= 1) AND (points <= 1000000))),
  constraint award_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000))),
  constraint award_released CHECK (((release_number IS NULL) OR (state <> 'pending'::text))),
  constraint award_reversed CHECK (((state = 'reversed'::text) = (reversal_number IS NOT NULL))),
  constraint award_second_person CHECK ((NOT (created_by = ANY (decided_by)))),
  constraint award_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'posted'::text, 'reversed'::text])))
);
CREATE UNIQUE INDEX award_claim_key ON earning.award USING btree (village, claim_id) WHERE (claim_id IS NOT NULL);
CREATE INDEX award_household ON earning.award USING btree (village, household_id, transaction_number);
CREATE INDEX award_pending ON earning.award USING btree (village, transaction_number) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX award_standing_key ON earning.award USING btree (village, household_id, occasion, rule_code, member_id) NULLS NOT DISTINCT WHERE (state = ANY (ARRAY['pending'::text, 'posted'::text]));
alter table earning.award enable row level security;
alter table earning.award force row level security;
create policy scope on earning.award using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on earning.award to jifen_app;
grant update (state, reversal_number, release_number) on earning.award to jifen_app;

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

-- expiry.line
create table expiry.line (
  village text collate "C" not null,
  run_id uuid not null,
  household_id uuid not null,
  available bigint not null,
  expiring bigint not null,
  taken bigint,
  transaction_number bigint,
  constraint line_pkey PRIMARY KEY (village, run_id, household_id),
  constraint line_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint line_run_fkey FOREIGN KEY (village, run_id) REFERENCES expiry.run(village, id),
  constraint line_available_check CHECK ((available >= 0)),
  constraint line_check CHECK (((expiring >= 0) AND (expiring <= available))),
  constraint line_taken CHECK (((transaction_number IS NULL) = (COALESCE(taken, (0)::bigint) = 0))),
  constraint line_taken_check CHECK ((taken >= 0))
);
CREATE INDEX line_unsettled ON expiry.line USING btree (village, run_id, household_id) WHERE (taken IS NULL);
alter table expiry.line enable row level security;
alter table expiry.line force row level security;
create policy scope on expiry.line using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on expiry.line to jifen_app;
grant update (taken, transaction_number) on expiry.line to jifen_app;

-- expiry.run
create table expiry.run (
  village text collate "C" not null,
  id uuid not null,
  kind text not null,
  through_on date not null,
  rule text not null,
  cap_points integer,
  book_number bigint not null,
  households integer not null,
  available bigint not null,
  expiring bigint not null,
  state text not null default 'previewed'::text,
  previewed_by uuid not null,
  previewed_at timestamp(3) with time zone not null,
  announced_by uuid,
  announced_at timestamp(3) with time zone,
  due_on date,
  approved_by uuid,
  approved_at timestamp(3) with time zone,
  cancelled_by uuid,
  cancelled_at timestamp(3) with time zone,
  settled integer not null default 0,
  taken bigint not null default 0,
  posted_at timestamp(3) with time zone,
  constraint run_pkey PRIMARY KEY (village, id),
  constraint run_announced CHECK ((((announced_by IS NULL) = (announced_at IS NULL)) AND ((announced_by IS NULL) = (due_on IS NULL)) AND ((state <> 'previewed'::text) OR (announced_by IS NULL)) AND ((state <> ALL (ARRAY['announced'::text, 'posting'::text, 'posted'::text])) OR (announced_by IS NOT NULL)))),
  constraint run_approved CHECK ((((approved_by IS NULL) = (approved_at IS NULL)) AND ((state = ANY (ARRAY['posting'::text, 'posted'::text])) = (approved_by IS NOT NULL)))),
  constraint run_cancelled CHECK ((((cancelled_by IS NULL) = (cancelled_at IS NULL)) AND ((state = 'cancelled'::text) = (cancelled_by IS NOT NULL)))),
  constraint run_cap_points_check CHECK (((cap_points >= 0) AND (cap_points <= 1000000))),
  constraint run_due CHECK (((due_on IS NULL) OR (due_on > through_on))),
  constraint run_kind_check CHECK ((kind = ANY (ARRAY['yearEnd'::text, 'lots'::text]))),
  constraint run_posted CHECK (((state = 'posted'::text) = (posted_at IS NOT NULL))),
  constraint run_rule CHECK ((((kind = 'lots'::text) = (rule = 'lots'::text)) AND ((rule = 'cap'::text) = (cap_points IS NOT NULL)))),
  constraint run_rule_check CHECK ((rule = ANY (ARRAY['clear'::text, 'cap'::text, 'lots'::text]))),
  constraint run_second_person CHECK (((approved_by IS NULL) OR (approved_by <> announced_by))),
  constraint run_state_check CHECK ((state = ANY (ARRAY['previewed'::text, 'announced'::text, 'posting'::text, 'posted'::text, 'cancelled'::text]))),
  constraint run_year_end CHECK (((kind = 'lots'::text) OR (to_char((through_on)::timestamp with time zone, 'MM-DD'::text) = '12-31'::text)))
);
CREATE UNIQUE INDEX run_standing_key ON expiry.run USING btree (village, kind, through_on) WHERE (state <> 'cancelled'::text);
alter table expiry.run enable row level security;
alter table expiry.run force row level security;
create policy scope on expiry.run using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on expiry.run to jifen_app;
grant update (state, announced_by, announced_at, due_on, approved_by, approved_at, cancelled_by, cancelled_at, settled, taken, posted_at) on expiry.run to jifen_app;

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

-- households.kin
create table households.kin (
  village text collate "C" not null,
  user_id uuid not null,
  household_id uuid not null,
  relation text not null,
  declared_by uuid not null,
  declared_at timestamp(3) with time zone not null,
  ended_by uuid,
  ended_at timestamp(3) with time zone,
  constraint kin_pkey PRIMARY KEY (village, user_id, household_id),
  constraint kin_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint kin_ended CHECK (((ended_by IS NULL) = (ended_at IS NULL))),
  constraint kin_relation_check CHECK ((relation = ANY (ARRAY['own'::text, 'kin'::text])))
);
CREATE UNIQUE INDEX kin_own_key ON households.kin USING btree (village, user_id) WHERE ((relation = 'own'::text) AND (ended_at IS NULL));
alter table households.kin enable row level security;
alter table households.kin force row level security;
create policy scope on households.kin using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on households.kin to jifen_app;
grant update (relation, declared_by, declared_at, ended_by, ended_at) on households.kin to jifen_app;

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
  lots jsonb not null default '{}'::jsonb,
  constraint account_pkey PRIMARY KEY (village, number),
  constraint account_code_key UNIQUE (village, code, asset),
  constraint account_asset_form CHECK ((asset ~ '^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$'::text)),
  constraint account_code_form CHECK ((((length(code) >= 1) AND (length(code) <= 150)) AND (code !~ '[^A-Za-z0-9:-]'::text))),
  constraint account_entries_check CHECK ((entries >= 0)),
  constraint account_floor CHECK (((floor IS NULL) OR (balance >= floor))),
  constraint account_lots CHECK (((lots = '{}'::jsonb) OR ledger.lots_fit(account.*))),
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
  constraint transfer_amount CHECK ((((amount >= 1) AND (amount <= '10000000000'::bigint)) AND ((amount <= 1000000) OR (asset = 'CNY'::text)))),
  constraint transfer_two_accounts CHECK ((from_account <> to_account))
);
CREATE INDEX transfer_from ON ledger.transfer USING btree (village, from_account, number, line);
CREATE INDEX transfer_to ON ledger.transfer USING btree (village, to_account, number, line);
alter table ledger.transfer enable row level security;
alter table ledger.transfer force row level security;
create policy scope on ledger.transfer using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
grant select on ledger.transfer to jifen_app;

-- photos.photo
create table photos.photo (
  village text collate "C" not null,
  id uuid not null,
  household_id uuid,
  sha256 bytea not null,
  bytes integer not null,
  width integer not null,
  height integer not null,
  views bigint[] not null,
  captured_at timestamp(3) with time zone,
  captured_latitude_microdegrees integer,
  captured_longitude_microdegrees integer,
  uploaded_by uuid not null,
  uploaded_at timestamp(3) with time zone not null,
  removed_at timestamp(3) with time zone,
  constraint photo_pkey PRIMARY KEY (village, id),
  constraint photo_household_fkey FOREIGN KEY (village, household_id) REFERENCES households.household(village, id),
  constraint photo_bytes_check CHECK ((bytes > 0)),
  constraint photo_captured_latitude_microdegrees_check CHECK (((captured_latitude_microdegrees >= '-90000000'::integer) AND (captured_latitude_microdegrees <= 90000000))),
  constraint photo_captured_longitude_microdegrees_check CHECK (((captured_longitude_microdegrees >= '-180000000'::integer) AND (captured_longitude_microdegrees <= 180000000))),
  constraint photo_captured_place CHECK (((captured_latitude_microdegrees IS NULL) = (captured_longitude_microdegrees IS NULL))),
  constraint photo_height_check CHECK (((height >= 1) AND (height <= 20000))),
  constraint photo_sha256_check CHECK ((length(sha256) = 32)),
  constraint photo_views_check CHECK (((cardinality(views) >= 1) AND (cardinality(views) <= 32))),
  constraint photo_width_check CHECK (((width >= 1) AND (width <= 20000)))
);
CREATE INDEX photo_household ON photos.photo USING btree (village, household_id, uploaded_at);
CREATE INDEX photo_sha256 ON photos.photo USING btree (village, sha256);
CREATE UNIQUE INDEX photo_standing_key ON photos.photo USING btree (village, household_id, sha256) WHERE (removed_at IS NULL);
alter table photos.photo enable row level security;
alter table photos.photo force row level security;
create policy scope on photos.photo using (starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text)));
grant insert, select on photos.photo to jifen_app;
grant update (removed_at) on photos.photo to jifen_app;

-- photos.use
create table photos.use (
  sha256 bytea not null,
  village text collate "C" not null,
  photo_id uuid not null,
  claim_id uuid,
  used_at timestamp(3) with time zone not null,
  constraint use_pkey PRIMARY KEY (sha256),
  constraint use_sha256_check CHECK ((length(sha256) = 32))
);
grant insert, select on photos.use to jifen_app;
grant update (village, photo_id, claim_id, used_at) on photos.use to jifen_app;

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

-- ledger.lot
create view ledger.lot with (security_invoker=true) as
 SELECT a.village,
    a.number AS account,
    l.key::date AS expires_on,
    l.value::bigint AS points
   FROM ledger.account a,
    LATERAL jsonb_each_text(a.lots) l(key, value)
UNION ALL
 SELECT account.village,
    account.number AS account,
    'infinity'::date AS expires_on,
    account.balance - ledger.dated(account.lots) AS points
   FROM ledger.account
  WHERE ledger.carries_lots(account.asset, account.floor) AND account.balance > ledger.dated(account.lots);
grant select on ledger.lot to jifen_app;

-- audit.cell(text)
CREATE OR REPLACE FUNCTION audit.cell(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (CASE WHEN (value ~ '^[-=+@\t\r＝＋－＠]'::text) THEN ''''::text ELSE ''::text END || regexp_replace(value, '[\r\n]+'::text, ' '::text, 'g'::text));
grant execute on function audit.cell(text) to jifen_app;

-- households.is_kin(text,uuid,uuid)
CREATE OR REPLACE FUNCTION households.is_kin(p_village text, p_user uuid, p_household uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return exists (
    select from households.kin k
     where k.village = p_village and k.user_id = p_user and k.household_id = p_household and k.ended_at is null);
end
$function$;
grant execute on function households.is_kin(text,uuid,uuid) to jifen_app;

-- ledger.add_lots(jsonb,jsonb,integer)
CREATE OR REPLACE FUNCTION ledger.add_lots(lots jsonb, others jsonb, sign integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
declare
  day text;
  points bigint;
begin
  while others <> '{}' loop
    day := ledger.first_day(others);
    points := coalesce((lots ->> day)::bigint, 0) + sign * (others ->> day)::bigint;
    lots := case when points = 0 then lots - day else lots || jsonb_build_object(day, points) end;
    others := others - day;
  end loop;
  return lots;
end $function$;

-- ledger.amount_max(text)
CREATE OR REPLACE FUNCTION ledger.amount_max(asset text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE asset WHEN 'CNY'::text THEN '10000000000'::bigint ELSE (1000000)::bigint END;
grant execute on function ledger.amount_max(text) to jifen_app;

-- ledger.canonical(ledger.transaction,text)
CREATE OR REPLACE FUNCTION ledger.canonical(t ledger.transaction, lines text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ledger.canonical(t, ledger.frozen_text((t).frozen), lines);
grant execute on function ledger.canonical(ledger.transaction,text) to jifen_app;

-- ledger.canonical(ledger.transaction,text,text)
CREATE OR REPLACE FUNCTION ledger.canonical(t ledger.transaction, frozen_text text, lines text)
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
memo '::text || ledger.escape((t).memo)), ''::text)) || frozen_text) || lines) || '
'::text);

-- ledger.carries_lots(text,bigint)
CREATE OR REPLACE FUNCTION ledger.carries_lots(asset text, floor bigint)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((asset = 'PTS'::text) AND (floor IS NOT NULL));
grant execute on function ledger.carries_lots(text,bigint) to jifen_app;

-- ledger.dated(jsonb)
CREATE OR REPLACE FUNCTION ledger.dated(lots jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
declare
  points bigint := 0;
  day text;
begin
  while lots <> '{}' loop
    day := ledger.first_day(lots);
    points := points + (lots ->> day)::bigint;
    lots := lots - day;
  end loop;
  return points;
end $function$;
grant execute on function ledger.dated(jsonb) to jifen_app;

-- ledger.escape(text)
CREATE OR REPLACE FUNCTION ledger.escape(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN replace(replace(replace(value, '\'::text, '\\'::text), ''::text, '\r'::text), '
'::text, '\n'::text);
grant execute on function ledger.escape(text) to jifen_app;

-- ledger.first_day(jsonb)
CREATE OR REPLACE FUNCTION ledger.first_day(lots jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (jsonb_path_query_first(lots, '$.keyvalue()."key"'::jsonpath) #>> '{}'::text[]);
grant execute on function ledger.first_day(jsonb) to jifen_app;

-- ledger.floor_of(text)
CREATE OR REPLACE FUNCTION ledger.floor_of(code text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN ((code ~ '^(issued|redeemed|deducted|expired|offlineLoss|handedOut|lost|countDifference|outside)$'::text) OR (code ~ '^(supply|abroad):'::text) OR (code ~ '^household:[^:]+:arrears$'::text)) THEN NULL::integer ELSE 0 END;
grant execute on function ledger.floor_of(text) to jifen_app;

-- ledger.frozen_text(jsonb)
CREATE OR REPLACE FUNCTION ledger.frozen_text(frozen jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE((SELECT string_agg(((('
frozen '::text || jsonb_each_text.key) || ' '::text) || ledger.escape(jsonb_each_text.value)), ''::text ORDER BY (jsonb_each_text.key COLLATE "C")) AS string_agg FROM jsonb_each_text(frozen_text.frozen) jsonb_each_text(key, value)), ''::text);

-- ledger.leaf(text)
CREATE OR REPLACE FUNCTION ledger.leaf(canonical text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN sha256(('\x00'::bytea || convert_to(canonical, 'UTF8'::name)));
grant execute on function ledger.leaf(text) to jifen_app;

-- ledger.lots_fit(ledger.account)
CREATE OR REPLACE FUNCTION ledger.lots_fit(a ledger.account)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
begin
  return ledger.carries_lots(a.asset, a.floor) and ledger.dated(a.lots) <= a.balance
    and not jsonb_path_exists(a.lots,
          '$.keyvalue() ? (!(@.key like_regex "^[0-9]{4}-[0-9]{2}-[0-9]{2}$") || !(@.value > 0))');
end $function$;

-- ledger.lots_of_text(text)
CREATE OR REPLACE FUNCTION ledger.lots_of_text(lots text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(split_part(l.l, '='::text, 1), (split_part(l.l, '='::text, 2))::bigint), '{}'::jsonb) AS "coalesce" FROM string_to_table(lots_of_text.lots, ','::text) l(l));

-- ledger.lots_text(jsonb)
CREATE OR REPLACE FUNCTION ledger.lots_text(lots jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN replace(translate((lots)::text, '{}" '::text, ''::text), ':'::text, '='::text);

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
  lists jsonb := jsonb_build_array(jsonb_build_object('village', p_village, 'commands', p_commands));
  results jsonb;
begin
  if not p_atomic then
    return ledger.post_each(lists);
  end if;
  begin
    results := ledger.post_each(lists);
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

-- ledger.post_books(jsonb)
CREATE OR REPLACE FUNCTION ledger.post_books(p_lists jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
RETURN ledger.post_each(p_lists);
grant execute on function ledger.post_books(jsonb) to jifen_app;

-- ledger.post_each(jsonb)
CREATE OR REPLACE FUNCTION ledger.post_each(p_lists jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  -- The books, in the order of their villages, as they stand after the commands so far.
  villages text[]; numbers bigint[]; heads bytea[]; instants timestamptz[];
  -- The commands in order, and the book of each.
  books integer[]; commands jsonb[];
  -- Every account that is named, and what it has after the commands so far.
  account_books integer[]; accounts integer[]; floors bigint[]; balances bigint[]; seqs bigint[]; dated jsonb[];
  -- Every line of the commands: which it belongs to, its accounts by their place above, its text in the canonical form.
  originals ledger.transaction[]; reversing integer[]; reversals bigint[];
  line_of integer[]; froms integer[]; tos integer[]; assets text[]; amounts bigint[]; wanted jsonb[];
  from_codes text[]; to_codes text[]; texts text[];
  -- Every limit that is named, and every use of one.
  limit_books integer[]; limits text[]; used bigint[]; maxes bigint[]; used_before bigint[]; maxes_before bigint[];
  use_of integer[]; used_limits integer[]; uses bigint[]; use_maxes bigint[]; use_codes text[];
  c record;                                          -- the command at hand
  t ledger.transaction;                              -- what it becomes
  made ledger.transaction[] := '{}'; written ledger.transfer[] := '{}';
  made_at jsonb := '{}';                             -- place in `made` of each cause that was posted
  reversed_now jsonb := '{}'; other bigint;          -- the reversals of this very call, by `<book> <number>` of their originals
  first_line integer; next_line integer := 1; first_use integer; next_use integer := 1;
  name text; lines text;
  src integer; dst integer; i integer; j integer;
  from_balance bigint; to_balance bigint; from_seq bigint; to_seq bigint;
  moved jsonb; moves jsonb[];                        -- the lots that a line moves
  touched jsonb; refusal text; facts jsonb;
  answers jsonb[] := '{}';
begin
  select array_agg(distinct l ->> 'village' order by l ->> 'village') into villages from jsonb_array_elements(p_lists) l;
  -- The lock is a statement of its own: what is read under it is read by a later statement, never by the one that
  -- waited, which would still see the rows as they were before. Several pens are taken in one order, by everybody.
  perform from ledger.book where village = any (villages) order by village for update;
  select array_agg(village), array_agg(number), array_agg(head), array_agg(posted_at)
    into villages, numbers, heads, instants
    from (select * from ledger.book where village = any (villages) order by village) b;
  select array_agg(array_position(villages, e.village)), array_agg(e.value)
    into books, commands
    from (select l.value ->> 'village' as village, e.value
            from jsonb_array_elements(p_lists) with ordinality l(value, ord),
                 jsonb_array_elements(l.value -> 'commands') with ordinality e(value, ord)
           order by l.ord, e.ord) e;
  if array_position(books, null) is not null then
    raise exception 'no book for every village of %', jsonb_path_query_array(p_lists, '$[*].village')
      using errcode = 'JF002';
  end if;

  -- What is reversed, by the place of the command that reverses it; most lists reverse nothing.
  if jsonb_path_exists(p_lists, '$[*].commands[*].reverses ? (@ != null)') then
    select array_agg(o order by k.n), array_agg(k.n order by k.n), array_agg(r.number order by k.n)
      into originals, reversing, reversals
      from (select u.n, u.b, (u.c ->> 'reverses')::bigint as reverses
              from unnest(books, commands) with ordinality u(b, c, n) offset 0) k
     cross join lateral (select * from ledger.transaction
                          where village = villages[k.b] and number = k.reverses offset 0) o
      left join lateral (select number from ledger.transaction
                          where village = o.village and reverses = o.number offset 0) r on true;
  end if;

  -- Lines and accounts. A reversal is what it reverses, backwards: line by line from the last, each the other way.
  -- Each row by its key, hence `limit 1` and `offset 0`: a join would read all accounts of a village for one transfer.
  with line as materialized (
    select k.n, x.ord, k.b, x.value ->> 'from' as f, x.value ->> 'to' as g, x.value ->> 'asset' as asset,
           (x.value ->> 'amount')::bigint as amount, x.value -> 'lots' as wanted
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'transfers') with ordinality x(value, ord)
     union all
    select o.n, -r.line, books[o.n], g.code, f.code, r.asset, r.amount,
           ledger.lots_of_text(originals[o.i].frozen ->> ('lots:' || r.line))
      from unnest(reversing) with ordinality o(n, i),
           lateral (select * from ledger.transfer
                     where village = originals[o.i].village and number = originals[o.i].number offset 0) r,
           lateral (select * from ledger.account where village = r.village and number = r.from_account offset 0) f,
           lateral (select * from ledger.account where village = r.village and number = r.to_account offset 0) g),
  place as materialized (
    select row_number() over () as place, named.b || ' ' || named.code || ' ' || named.asset as name, named.b, a.*
      from (select b, f as code, asset from line union select b, g, asset from line) named,
           lateral (select * from ledger.account
                     where village = villages[named.b] and account.code = named.code and asset = named.asset limit 1) a)
  select a.*, l.*
    into account_books, accounts, floors, balances, seqs, dated,
         line_of, froms, tos, assets, amounts, wanted, from_codes, to_codes, texts
    from (select array_agg(b), array_agg(number), array_agg(floor), array_agg(balance), array_agg(entries),
                 array_agg(lots)
            from place) a,
         (select array_agg(n), array_agg(from_place), array_agg(to_place), array_agg(asset), array_agg(amount),
                 array_agg(s.wanted), array_agg(s.f), array_agg(s.g),
                 array_agg(E'\nline ' || asset || ' ' || amount || ' ' || s.f || ' ' || s.g)
            from (select line.*, p.place as from_place, q.place as to_place
                    from line
                    left join place p on p.name = line.b || ' ' || line.f || ' ' || line.asset
                    left join place q on q.name = line.b || ' ' || line.g || ' ' || line.asset
                   order by line.n, line.ord) s) l;

  -- Limits. One that is named twice by a command is used twice, and the narrower maximum holds.
  with use as materialized (
    select k.n, min(x.ord) as ord, k.b, x.value ->> 'key' as key, sum((x.value ->> 'use')::bigint)::bigint as use,
           min((x.value ->> 'max')::bigint) as max,
           (array_agg(x.value ->> 'code' order by x.ord))[1] as code
      from unnest(books, commands) with ordinality k(b, c, n),
           jsonb_array_elements(k.c -> 'limits') with ordinality x(value, ord)
     group by k.n, k.b, x.value ->> 'key'
     union all
    select o.n, 0, books[o.n], substr(x.key, 7), -split_part(x.value, '/', 1)::bigint, split_part(x.value, '/', 2)::bigint,
           null
      from unnest(reversing) with ordinality o(n, i), jsonb_each_text(originals[o.i].frozen) x
     where x.key like 'limit:%'),
  place as materialized (
    select row_number() over () as place, named.*, coalesce(u.used, 0) as used, coalesce(u.max, named.use_max) as max
      from (select b, key, max(max) as use_max from use group by b, key) named
      left join lateral (select * from ledger.limit_use
                          where village = villages[named.b] and limit_use.key = named.key limit 1) u on true)
  select a.*, u.*
    into limit_books, limits, used, maxes, use_of, used_limits, uses, use_maxes, use_codes
    from (select array_agg(b), array_agg(key), array_agg(place.used), array_agg(max) from place) a,
         (select array_agg(n), array_agg(place), array_agg(use), array_agg(max), array_agg(code)
            from (select use.n, place.place, use.use, use.max, use.code
                    from use join place on place.b || ' ' || place.key = use.b || ' ' || use.key
                   order by use.n, use.ord, use.key collate "C") s) u;
  used_before := used;
  maxes_before := maxes;

  -- What is compared with a column under row-level security must be a column itself: of `->>` the planner cannot know
  -- that it tells nobody anything, and would compare it only after it had read the whole village.
  for c in
    select k.*, coalesce(x.frozen, '{}') as frozen, coalesce(x.text, '') as frozen_text, x.odd,
           array_position(reversing, k.n::integer) as reversed, e.earlier
      from (select u.n, u.b, u.c ->> 'kind' as kind, u.c ->> 'cause' as cause, (u.c ->> 'id')::uuid as id,
                   (u.c ->> 'businessDate')::date as business_date, (u.c ->> 'occurredAt')::timestamptz as occurred_at,
                   (u.c ->> 'actor')::uuid as actor, (u.c ->> 'approver')::uuid as approver,
                   (u.c ->> 'reverses')::bigint as reverses, u.c ->> 'memo' as memo
              from unnest(books, commands) with ordinality u(b, c, n) offset 0) k
      -- What was used of a limit is frozen, so that uses can be counted again from the pen.
      left join (select s.n, jsonb_object_agg(s.key, s.value) as frozen,
                        string_agg(E'\nfrozen ' || s.key || ' ' || ledger.escape(s.value), '' order by s.key) as text,
                        bool_or(s.odd) as odd
                   from (select k.n, f.key collate "C" as key, f.value #>> '{}' as value,
                                f.key ~ '\s' or jsonb_typeof(f.value) <> 'string' as odd
                           from unnest(commands) with ordinality k(c, n), jsonb_each(k.c -> 'frozen') f
                          union all
                         select use.n, 'limit:' || limits[use.place], use.use || '/' || use.max, false
                           from unnest(use_of, used_limits, uses, use_maxes) use(n, place, use, max)) s
                  group by s.n) x on x.n = k.n
      left join lateral (select transaction as earlier from ledger.transaction
                          where village = villages[k.b] and kind = k.kind and cause = k.cause limit 1) e on true
     order by k.n
  loop
    first_line := next_line;
    lines := '';
    while line_of[next_line] = c.n loop
      lines := lines || texts[next_line];
      next_line := next_line + 1;
    end loop;
    first_use := next_use;
    while use_of[next_use] = c.n loop next_use := next_use + 1; end loop;
    refusal := null;
    facts := null;

    if c.reverses is not null and c.reversed is null then
      answers := answers || ledger.refused('not-found', jsonb_build_object('transactionNumber', c.reverses));
      continue;
    end if;
    if lines = '' is not false or c.odd then
      -- A name with a blank, or a value that is not text, would let two transactions share one canonical text.
      raise exception 'a transaction needs a transfer, a transfer all of its parts, and what is frozen is text under one word'
        using errcode = 'JF003';
    end if;

    t := row(villages[c.b], numbers[c.b] + 1, c.id, c.kind, c.cause, c.business_date, c.occurred_at, null, c.actor,
             c.approver, c.reverses, c.memo, c.frozen, null, null);

    -- One cause posts once, for ever: the same content is a replay, other content a refusal. Lots are not content: what
    -- they were was decided when it was posted.
    name := c.b || ' ' || c.kind || ' ' || c.cause;
    if made_at ? name then c.earlier := made[(made_at ->> name)::integer]; end if;
    if (c.earlier).number is not null then
      t.number := (c.earlier).number;
      t.id := (c.earlier).id;
      t.posted_at := (c.earlier).posted_at;
      t.frozen := t.frozen || coalesce((select jsonb_object_agg(key, value) from jsonb_each((c.earlier).frozen)
                                         where key like 'lots:%'), '{}');
      if ledger.leaf(ledger.canonical(t, lines)) = (c.earlier).leaf_hash then
        answers := answers || jsonb_build_object('status', 'replayed', 'number', t.number, 'id', t.id,
          'hash', encode((c.earlier).hash, 'hex'), 'postedAt', t.posted_at);
      else
        answers := answers || ledger.refused('cause-reused', jsonb_build_object('transactionNumber', t.number));
      end if;
      continue;
    end if;

    -- Reversed at most once, and a reversal is never reversed.
    if c.reverses is not null then
      other := coalesce(reversals[c.reversed], (reversed_now -> (c.b || ' ' || c.reverses))::bigint,
                        case when originals[c.reversed].reverses is not null then c.reverses end);
      if other is not null then
        answers := answers || ledger.refused('already-reversed', jsonb_build_object('reversalNumber', other));
        continue;
      end if;
    end if;
    if c.approver = c.actor then
      answers := answers || ledger.refused('second-person-required', jsonb_build_object('firstUserId', c.actor));
      continue;
    end if;

    -- Limits; to give back is never refused.
    if c.reverses is null then
      for i in first_use .. next_use - 1 loop
        j := used_limits[i];
        if uses[i] < 1 then
          raise exception 'a limit is used at least once' using errcode = 'JF003';
        end if;
        if used[j] + uses[i] > use_maxes[i] then
          refusal := coalesce(use_codes[i], 'cap-reached');
          facts := jsonb_build_object('cap', limits[j], 'used', used[j], 'use', uses[i], 'limit', use_maxes[i]);
          exit;
        end if;
      end loop;
    end if;

    -- Floors, line by line; the first that cannot be refuses the command, and the lines before it are taken back.
    touched := '{}';
    moves := '{}';
    i := first_line;
    while refusal is null and i < next_line loop
      src := froms[i];
      dst := tos[i];
      if src is null or dst is null then
        refusal := 'not-found';
        facts := jsonb_build_object(
          'accountCode', case when src is null then from_codes[i] else to_codes[i] end, 'asset', assets[i]);
      elsif src = dst then
        raise exception 'an account pays itself: %', texts[i] using errcode = 'JF003';
      elsif amounts[i] not between 1 and ledger.amount_max(assets[i]) then
        refusal := 'out-of-bounds';
        facts := jsonb_build_object('field', 'amount', 'asset', assets[i], 'min', 1, 'max', ledger.amount_max(assets[i]));
      elsif greatest(balances[dst] + amounts[i], amounts[i] - balances[src]) > 9007199254740991 then
        -- Beyond it JSON cannot carry a number exactly.
        refusal := 'out-of-bounds';
        facts := jsonb_build_object(
          'field', 'balance', 'asset', assets[i], 'min', -9007199254740991, 'max', 9007199254740991);
      elsif balances[src] - amounts[i] < floors[src] then
        refusal := case when c.reverses is not null then 'reversal-arrears'
                     when assets[i] = 'PTS' and from_codes[i] like 'household:%' then 'insufficient-points'
                     when assets[i] like 'SKU:%' then 'insufficient-stock'
                     else 'insufficient-balance' end;
        -- Asked of the account in all; what the lines before took of it is still its own.
        select jsonb_build_object('accountCode', from_codes[i], 'asset', assets[i],
                 'available', balances[src] - floors[src]
                   + coalesce(sum(case src when froms[s] then amounts[s] else -amounts[s] end)
                                filter (where s < i and src in (froms[s], tos[s])), 0),
                 'required', sum(amounts[s]) filter (where froms[s] = src))
          into facts
          from generate_series(first_line, next_line - 1) s;
      else
        moved := '{}';
        if ledger.carries_lots(assets[i], floors[src]) then
          if dated[src] <> '{}' then
            moved := ledger.take_lots(dated[src], balances[src], wanted[i], amounts[i]);
            dated[src] := ledger.add_lots(dated[src], moved, -1);
          end if;
        elsif wanted[i] is not null and ledger.carries_lots(assets[i], floors[dst]) then
          moved := wanted[i];
          if ledger.dated(moved) > amounts[i] then
            raise exception 'lots of more than a line moves: %', texts[i] using errcode = 'JF003';
          end if;
        end if;
        if moved <> '{}' then
          if ledger.carries_lots(assets[i], floors[dst]) then
            dated[dst] := ledger.add_lots(dated[dst], moved, 1);
          end if;
          t.frozen := t.frozen || jsonb_build_object('lots:' || i - first_line + 1, ledger.lots_text(moved));
        end if;
        moves := moves || moved;
        from_balance := balances[src] - amounts[i];
        to_balance := balances[dst] + amounts[i];
        from_seq := seqs[src] + 1;
        to_seq := seqs[dst] + 1;
        balances[src] := from_balance;
        balances[dst] := to_balance;
        seqs[src] := from_seq;
        seqs[dst] := to_seq;
        written := written || row(t.village, t.number, i - first_line + 1, assets[i], amounts[i], accounts[src], accounts[dst],
                                  from_balance, to_balance, from_seq, to_seq)::ledger.transfer;
        touched := touched || jsonb_build_object(from_codes[i] || ' ' || assets[i], from_balance,
                                                 to_codes[i] || ' ' || assets[i], to_balance);
        i := i + 1;
      end if;
    end loop;
    if refusal is not null then
      for s in reverse i - 1 .. first_line loop
        src := froms[s];
        dst := tos[s];
        balances[src] := balances[src] + amounts[s];
        balances[dst] := balances[dst] - amounts[s];
        seqs[src] := seqs[src] - 1;
        seqs[dst] := seqs[dst] - 1;
        moved := moves[s - first_line + 1];
        if moved <> '{}' then
          if ledger.carries_lots(assets[s], floors[src]) then dated[src] := ledger.add_lots(dated[src], moved, 1); end if;
          if ledger.carries_lots(assets[s], floors[dst]) then dated[dst] := ledger.add_lots(dated[dst], moved, -1); end if;
        end if;
      end loop;
      written := trim_array(written, greatest(i - first_line, 0));
      answers := answers || ledger.refused(refusal, facts);
      continue;
    end if;

    -- Nothing stands against it.
    for i in first_use .. next_use - 1 loop
      j := used_limits[i];
      from_seq := used[j] + uses[i];
      used[j] := from_seq;
      if c.reverses is null then maxes[used_limits[i]] := use_maxes[i]; end if;
    end loop;
    -- The book's time never runs backwards, whatever the machine's clock does.
    t.posted_at := greatest(date_trunc('milliseconds', clock_timestamp()), instants[c.b]);
    if t.frozen <> c.frozen then c.frozen_text := ledger.frozen_text(t.frozen); end if;
    t.leaf_hash := ledger.leaf(ledger.canonical(t, c.frozen_text, lines));
    t.hash := sha256(heads[c.b] || t.leaf_hash);
    made := made || t;
    made_at := made_at || jsonb_build_object(name, cardinality(made));
    if c.reverses is not null then 
      reversed_now := reversed_now || jsonb_build_object(c.b || ' ' || c.reverses, t.number);
    end if;
    numbers[c.b] := t.number;
    heads[c.b] := t.hash;
    instants[c.b] := t.posted_at;
    answers := answers || jsonb_build_object('status', 'posted', 'number', t.number, 'id', t.id,
      'hash', encode(t.hash, 'hex'), 'postedAt', t.posted_at, 'balances', touched);
  end loop;

  if cardinality(made) > 0 then
    insert into ledger.transaction select * from unnest(made);
    insert into ledger.transfer select * from unnest(written);
    insert into ledger.limit_use as l (village, key, used, max)
    select villages[u.b], u.key, u.used, u.max
      from unnest(limit_books, limits, used, maxes, used_before, maxes_before) u(b, key, used, max, before, max_before)
     where (u.used, u.max) <> (u.before, u.max_before)
    on conflict (village, key) do update set used = excluded.used, max = excluded.max;
    update ledger.account a set balance = u.balance, entries = u.entries, lots = u.lots
      from unnest(account_books, accounts, balances, seqs, dated) u(b, number, balance, entries, lots)
     where a.village = villages[u.b] and a.number = u.number and a.entries <> u.entries;
    update ledger.book b set number = u.number, head = u.head, posted_at = u.posted_at
      from unnest(villages, numbers, heads, instants) u(village, number, head, posted_at)
     where b.village = any (villages) and b.village = u.village and b.number <> u.number;
  end if;
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

-- ledger.take_lots(jsonb,bigint,jsonb,bigint)
CREATE OR REPLACE FUNCTION ledger.take_lots(lots jsonb, balance bigint, wanted jsonb, amount bigint)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (WITH there AS (SELECT jsonb_each_text.key AS day, (jsonb_each_text.value)::bigint AS points FROM jsonb_each_text(take_lots.lots) jsonb_each_text(key, value) UNION ALL SELECT 'infinity'::text, (take_lots.balance - ledger.dated(take_lots.lots))), asked AS (SELECT there.day, LEAST(there.points, COALESCE((w.value)::bigint, GREATEST((0)::bigint, (take_lots.amount - ledger.dated(take_lots.wanted))))) AS first, there.points FROM (there LEFT JOIN jsonb_each_text(take_lots.wanted) w(key, value) ON ((w.key = there.day))) WHERE ((w.key IS NOT NULL) OR ((there.day = 'infinity'::text) AND (take_lots.wanted IS NOT NULL)))), queue AS (SELECT q.day, q.points, (sum(q.points) OVER (ORDER BY q.rank, (q.day COLLATE "C")) - (q.points)::numeric) AS before FROM (SELECT 0 AS rank, asked.day, asked.first AS points FROM asked UNION ALL SELECT 1, there.day, (there.points - COALESCE(asked.first, (0)::bigint)) FROM (there LEFT JOIN asked ON ((asked.day = there.day)))) q) SELECT COALESCE(jsonb_object_agg(taken.day, taken.points) FILTER (WHERE ((taken.day <> 'infinity'::text) AND (taken.points > (0)::numeric))), '{}'::jsonb) AS "coalesce" FROM (SELECT queue.day, sum(GREATEST((0)::numeric, LEAST((queue.points)::numeric, ((take_lots.amount)::numeric - queue.before)))) AS points FROM queue GROUP BY queue.day) taken);

-- ledger.take_pen(text)
CREATE OR REPLACE FUNCTION ledger.take_pen(p_village text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform from ledger.book where village = p_village for update;
end $function$;
grant execute on function ledger.take_pen(text) to jifen_app;
