-- An award is made of a rule in force, a household and a member that were read in its own database transaction. None of
-- these is ever deleted (only the rules of drafts are, and no award names one), so its foreign keys could never fire. Each
-- asked a question for every award, and one locked the rule that all clerks of a village award by: a tenth of what a credit
-- cost PostgreSQL.
alter table earning.award
  drop constraint award_household_fkey,
  drop constraint award_member_fkey,
  drop constraint award_rule_fkey;
