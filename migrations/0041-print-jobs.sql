-- Paper is an outbox of its own: an exchange is finished when the book says so, and its receipt is printed later.

create table store.print_job (
  village text collate "C" not null,
  id uuid not null,
  store_id uuid not null,
  kiosk_id uuid,
  redemption_id uuid not null,
  return_id uuid,
  copy boolean not null,
  state text not null check (state in ('queued', 'printed', 'failed')),
  reason text,
  queued_by uuid not null,
  queued_at timestamptz(3) not null,
  settled_at timestamptz(3),
  constraint print_job_pkey primary key (village, id),
  constraint print_job_store_fkey foreign key (village, store_id) references store.store,
  constraint print_job_redemption_fkey foreign key (village, redemption_id) references store.redemption,
  constraint print_job_return_fkey foreign key (village, return_id) references store.return,
  constraint print_job_settled_check check ((state = 'queued') = (settled_at is null)),
  constraint print_job_reason_check check (reason is null or state = 'failed')
);
comment on table store.print_job is
  'A receipt to be printed, by a kiosk or, where there is none, at the counter of a store. What it tells is read when it is printed.';
comment on column store.print_job.copy is 'Whether the same receipt was printed before: the paper says so.';
create index print_job_queued on store.print_job (village, kiosk_id, id) where state = 'queued';
create index print_job_redemption on store.print_job (village, redemption_id);
create index print_job_return on store.print_job (village, return_id) where return_id is not null;
create index print_job_store on store.print_job (village, store_id);

alter table store.print_job enable row level security;
alter table store.print_job force row level security;
create policy scope on store.print_job
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
grant select, insert on store.print_job to jifen_app;
grant update (state, reason, settled_at) on store.print_job to jifen_app;
