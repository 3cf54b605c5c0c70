-- Floors hold on every business day, too. By line of a batch, null if none of its lines takes anything that came on a later
-- business day: how much of the balance of the account that pays is not there on some business day from the line's own on,
-- and the business day from which all of it is.
alter type ledger.batch add attribute line_later bigint[], add attribute line_fits_on date[];
