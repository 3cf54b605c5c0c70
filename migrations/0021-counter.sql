-- What a household shows when staff spends its points: with the order, and again when waiting goods leave.

alter table store.redemption
  add column hand_over_presented text
    check (hand_over_presented in ('card', 'cardAndPin', 'pin', 'pickupCode', 'slip')),
  add column code_tries smallint not null default 0 check (code_tries between 0 and 5),
  add constraint redemption_hand_over_presented check ((hand_over_presented is null) = (handed_over_at is null));
comment on column store.redemption.code_tries is
  'Wrong pick-up codes said for this order. After five, its code opens it no more: a card, the PIN or a slip does.';
grant update (hand_over_presented, code_tries) on store.redemption to jifen_app;
-- The supervision board looks through these.
create index redemption_slip on store.redemption (village, id) where presented = 'slip' or hand_over_presented = 'slip';

create table store.slip (
  village text collate "C" not null,
  id uuid not null,
  redemption_id uuid not null,
  step text not null check (step in ('order', 'handOver')),
  photo_id uuid not null,
  reason text not null check (length(reason) between 1 and 200),
  recorded_by uuid not null,
  recorded_at timestamptz(3) not null,
  constraint slip_pkey primary key (village, id),
  constraint slip_step_key unique (village, redemption_id, step),
  constraint slip_redemption_fkey foreign key (village, redemption_id) references store.redemption,
  constraint slip_photo_fkey foreign key (village, photo_id) references photos.photo
);
comment on table store.slip is
  'What staff recorded instead of a card, a PIN or a code: a photo of the slip that the household signed, and why.';

create table store.code_try (
  village text collate "C" not null,
  user_id uuid not null,
  since timestamptz(3) not null,
  tries integer not null,
  constraint code_try_pkey primary key (village, user_id)
);
comment on table store.code_try is 'Pick-up codes that one person looked up within the hour and that no waiting order has.';

alter table store.slip enable row level security;
alter table store.slip force row level security;
create policy scope on store.slip
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
alter table store.code_try enable row level security;
alter table store.code_try force row level security;
create policy scope on store.code_try
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select, insert on store.slip, store.code_try to jifen_app;
grant update (since, tries) on store.code_try to jifen_app;
