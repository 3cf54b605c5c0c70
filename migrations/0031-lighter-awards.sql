-- Every index of a table that each credit writes is another place to be found for each credit.

-- The number of an award is made of its day and of its transaction's number, which is unique: nobody reads it by this.
alter table earning.award drop constraint award_number_key;

-- An award that names no event is an event of its own, under an id that nobody could name before: it has no twin to be
-- found by.
drop index earning.award_standing_key;
create unique index award_standing_key on earning.award (village, household_id, occasion, rule_code, member_id)
  nulls not distinct where state in ('pending', 'posted') and occasion <> id::text;

-- Only what forgets old answers may read by this, and says so: while the table is young the planner holds it as good as
-- the primary key, and would look for a key among all of its village's.
drop index http.idempotency_created_at;
create index idempotency_created_at on http.idempotency (village, created_at) where created_at > '-infinity';
