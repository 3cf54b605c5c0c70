-- A name as it is compared and looked for: compatible forms of a character are one (NFKC), and blanks, middle dots, control
-- and format characters and the case of Latin letters do not count. What was written stays as it was written.
-- src/households/folding.ts says the same, and a test holds the two together. A stored column is made by this: whoever
-- changes it makes the column anew in a migration.
create or replace function households.folded(p_text text) returns text
language sql immutable strict parallel safe
return lower(pg_catalog.normalize(pg_catalog.regexp_replace(pg_catalog.normalize(p_text, 'NFKC'),
  '[\u0001-\u0020\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff.\u00b7\u16eb\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb\ua78f]',
  '', 'g'), 'NFKC') collate "C");

grant execute on function households.folded to jifen_app;
