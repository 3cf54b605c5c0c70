-- One link of the chain: each hash is over the one before and the leaf. `head` is the hash before the first.
create or replace function ledger.chain_link(hash bytea, head bytea, leaf bytea) returns bytea
  immutable parallel safe language plpgsql as $$
begin
  return sha256(coalesce(hash, head) || leaf);
end $$;
