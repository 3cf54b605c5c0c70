-- A count by name alone let anybody lock anybody out by typing five wrong passwords. The counts of the last minutes are
-- all that is lost here.

delete from identity.sign_in;
alter table identity.sign_in
  add column address text not null check (length(address) <= 64),
  add column succeeded_at timestamptz(3),
  drop constraint sign_in_pkey,
  add constraint sign_in_pkey primary key (login, address);
comment on table identity.sign_in is
  'Wrong passwords in a row, by the name that was typed and where: kept for unknown names too, so that a lock does not tell who exists.';
comment on column identity.sign_in.address is
  'Address of the caller, the first 64 bits of an IPv6 one. Empty: all addresses together at which the name has not succeeded within 30 days.';
comment on column identity.sign_in.succeeded_at is
  'When the right password last came from there. Others cannot lock the name at such an address; forgotten after 30 days.';
