-- Whose hands an award went through: who entered it stands in `created_by`, who decided on it in `decided_by`, and under
-- `release_number` the transaction that made its points spendable when its publicity had ended.
alter table earning.award
  add column claim_id uuid,
  add column round_id uuid,
  add column decided_by uuid[] not null default '{}',
  add column release_number bigint;

alter table earning.award
  add constraint award_second_person check (not (created_by = any (decided_by))),
  add constraint award_origin check (num_nonnulls(claim_id, round_id) <= 1),
  add constraint award_decided check (num_nonnulls(claim_id, round_id) = 0 or cardinality(decided_by) > 0),
  add constraint award_released check (release_number is null or state <> 'pending');

create unique index award_claim_key on earning.award (village, claim_id) where claim_id is not null;
create index award_pending on earning.award (village, transaction_number) where state = 'pending';

grant update (release_number) on earning.award to jifen_app;
