-- Each kiosk has a key of its own, made on the device, and proves with every request that it holds it (RFC 9449).

-- A device that was paired without a key is paired again. Row-level security would hide the rows from this statement.
alter table kiosks.kiosk no force row level security;
update kiosks.kiosk set state = 'retired', state_reason = null, state_since = now() where state <> 'retired';
alter table kiosks.kiosk force row level security;
update identity.session set ended_at = now(), ended_reason = 'retired'
 where ended_at is null and (kind = 'kiosk' or device is not null);
delete from kiosks.pairing;

alter table kiosks.kiosk
  add column public_key jsonb,
  add column thumbprint text collate "C" check (thumbprint ~ '^[A-Za-z0-9_-]{43}$'),
  drop constraint kiosk_state_reason_check,
  add constraint kiosk_state_reason_check check (state_reason in ('unknownCards', 'wrongPins', 'cloned')),
  add constraint kiosk_has_key check (num_nonnulls(public_key, thumbprint) = 2 or state = 'retired');
comment on column kiosks.kiosk.public_key is
  'P-256 key made on the device, as a JWK: `kty`, `crv`, `x` and `y`. Null for devices paired before there were keys.';
comment on column kiosks.kiosk.thumbprint is 'SHA-256 thumbprint of the key (RFC 7638), base64url.';
create unique index kiosk_thumbprint_key on kiosks.kiosk (village, thumbprint) where state <> 'retired';

alter table kiosks.pairing
  add column public_key jsonb not null,
  add column thumbprint text collate "C" not null check (thumbprint ~ '^[A-Za-z0-9_-]{43}$');

create table identity.spent_proof (
  thumbprint text collate "C" not null,
  jti text collate "C" not null,
  expires_at timestamptz(3) not null,
  constraint spent_proof_pkey primary key (thumbprint, jti)
);
comment on table identity.spent_proof is
  'Proofs of possession that devices have sent, until they expire: none is taken twice, whichever process it is sent to.';
create index spent_proof_expires_at on identity.spent_proof (expires_at);
grant select, insert, delete on identity.spent_proof to jifen_app;
