-- Makes a user platform administrator whom nobody appointed. The service may do so once, where no administrator was ever
-- made; afterwards only whoever signs in to the database as its owner does (42501 for everybody else).
create or replace function identity.grant_first_admin(p_id uuid, p_user_id uuid, p_at timestamptz) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Two at once would both find none.
  lock table identity."grant" in share row exclusive mode;
  -- The session's own login: inside, the current one is always the owner.
  if not pg_has_role(session_user, 'jifen_owner', 'member')
     and exists (select from identity."grant" where role = 'platformAdmin') then
    raise exception 'only the owner of the database makes another platformAdmin' using errcode = 'insufficient_privilege';
  end if;
  insert into identity."grant" (id, user_id, role, prefix, granted_at)
  values (p_id, p_user_id, 'platformAdmin', '', p_at);
end $$;

grant execute on function identity.grant_first_admin to jifen_app;
