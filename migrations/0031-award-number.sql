-- The number of an award is made of its day and of its transaction's number, which is unique: an index that nobody reads
-- need not say it again for every award.
alter table earning.award drop constraint award_number_key;
