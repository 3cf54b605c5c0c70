-- An award is made of rules, households and members that were read in its own database transaction, and none of these is
-- ever deleted: its foreign keys could never fire. Each asked a question for every award and locked the rule that all
-- clerks of a village award by: a tenth of what a credit cost PostgreSQL. Claims on them stay in their own tables.
alter table earning.award
  drop constraint award_household_fkey,
  drop constraint award_member_fkey,
  drop constraint award_rule_fkey;
