-- Whoever made what a household shows at a counter hands nothing out for it: the functions that write orders look.

create domain households.not_own_proof as boolean constraint proof_second_person check (value is not true);
comment on domain households.not_own_proof is
  'Whether somebody made all that a household shows: its PIN, its card. A yes is refused.';
