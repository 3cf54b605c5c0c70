-- The key of an answer is made again, so that it is the newest index of its table: before the first statistics all of them
-- look alike to the planner, and of equals it takes the newest. With the other one, every call of a village's first minute
-- looked through all answers of that village.
alter table http.idempotency drop constraint idempotency_pkey;
alter table http.idempotency add constraint idempotency_pkey primary key (village, client, key);
