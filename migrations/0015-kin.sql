-- Households that a person who works for the village must not decide on: the own one, and those of declared kin.
create table households.kin (
  village text collate "C" not null,
  user_id uuid not null,
  household_id uuid not null,
  relation text not null check (relation in ('own', 'kin')),
  declared_by uuid not null,
  declared_at timestamptz(3) not null,
  ended_by uuid,
  ended_at timestamptz(3),
  constraint kin_pkey primary key (village, user_id, household_id),
  constraint kin_household_fkey foreign key (village, household_id) references households.household,
  constraint kin_ended check ((ended_by is null) = (ended_at is null))
);

create unique index kin_own_key on households.kin (village, user_id) where relation = 'own' and ended_at is null;

alter table households.kin enable row level security;
alter table households.kin force row level security;
create policy scope on households.kin
  using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));

grant select, insert, update (relation, declared_by, declared_at, ended_by, ended_at) on households.kin to jifen_app;

-- Whether a person must keep out of a household's affairs. The functions that record decisions ask it, so that no caller
-- can forget to.
create function households.is_kin(p_village text, p_user uuid, p_household uuid) returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return exists (
    select from households.kin k
     where k.village = p_village and k.user_id = p_user and k.household_id = p_household and k.ended_at is null);
end
$$;

revoke all on function households.is_kin from public;
grant execute on function households.is_kin to jifen_app;
