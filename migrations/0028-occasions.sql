-- One occasion pays once, however it is spelled, and whoever is named: it is compared by a key, and for whom the rule pays.

alter table earning.award
  add column occasion_key text collate "C" not null,
  add column holder_id uuid not null,
  add constraint award_holder check (holder_id = household_id or holder_id is not distinct from member_id);
comment on column earning.award.occasion_key is
  'The occasion as it is compared: forms, case, dashes, invisible characters and look-alikes do not count.';
comment on column earning.award.holder_id is
  'Whom the rule pays for an occasion: the household, or the member, who takes it along into another household.';
drop index earning.award_standing_key;
create unique index award_standing_key on earning.award (village, holder_id, occasion_key, rule_code)
  where state in ('pending', 'posted') and occasion_key <> id::text;

alter table claims.claim
  add column occasion_key text collate "C",
  add column holder_id uuid not null,
  add constraint claim_occasion check ((occasion_key is null) = (occasion is null)),
  add constraint claim_holder check (holder_id = household_id or holder_id is not distinct from member_id);
comment on column claims.claim.occasion_key is 'The occasion as it is compared.';
comment on column claims.claim.holder_id is 'Whom the rule pays for an occasion: the household, or the member.';
drop index claims.claim_open_key;
create unique index claim_open_key on claims.claim (village, holder_id, occasion_key, rule_code)
  where occasion_key is not null and state in ('submitted', 'inPanel', 'awaitingSecond', 'returned');
grant insert (occasion_key, holder_id) on claims.claim to jifen_app;
