-- The service's own login makes no platform administrator, and brings no ended grant back: whoever holds its connection
-- would otherwise appoint themselves. Administrators come from the owner of the database (identity.grant_first_admin).

alter table identity.grant enable row level security;
create policy "read" on identity.grant for select to jifen_app using (true);
create policy appoint on identity.grant for insert to jifen_app with check (role <> 'platformAdmin');
create policy change_open on identity.grant for update to jifen_app using (ended_at is null) with check (true);
