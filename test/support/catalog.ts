import type pg from 'pg';

/** The only tables that belong to no village, or stand outside row-level security, each with its reason. */
export const outsideTheVillageRule: Record<string, string> = {
  'http.idempotency': 'a row is found by its client’s own key only, and some clients stand above any village',
  'identity.user': 'a person may hold grants in several villages',
  'identity.sign_in': 'counts wrong passwords before it is known who is calling',
  'identity.grant': 'is checked before any village is looked at',
  'identity.session': 'is looked at before any village is known',
  'identity.spent_refresh': 'belongs to a session',
  'identity.spent_proof': 'is looked at before any village is known',
  'identity.second_factor': 'is asked for before any village is known',
  'identity.recovery_code': 'stands in for a second factor',
  'identity.user_event': 'tells of a person, who may hold grants in several villages',
  'villages.division': 'the tree of places, read by everybody',
  'villages.village': 'which villages keep a book here is no secret',
  'kiosks.pairing': 'belongs to no village until somebody approves it',
  'kiosks.pairing_try': 'counts by address, before a village is known',
  'photos.use': 'the bytes of one photo pay once in the whole deployment',
};

/** What the service may delete, each with its reason. Nothing else ever goes away. */
export const deletable: Record<string, string> = {
  'http.idempotency': 'a key is kept 35 days; the cause in the book guards for ever',
  'identity.sign_in': 'a right password ends the count of wrong ones',
  'identity.second_factor': 'a lost phone’s secret has to go; who reset it, the person’s events tell',
  'identity.recovery_code': 'goes with the secret that it stands in for',
  'kiosks.pairing': 'a pairing is no history: the kiosk keeps who made it',
  'kiosks.pairing_try': 'counts one hour',
  'identity.spent_proof': 'a proof is too old by itself after two minutes',
  'kiosks.sync_entry': 'what a kiosk was told, which it can be told again',
  'kiosks.sync_version': 'goes with the entries it is of',
};

/**
 * Unique keys that only fire when our code is wrong, because it has checked before: no refusal is made of them. Keys that
 * end in an id of ours (UUIDv7) need no line.
 */
export const checkedBefore: Record<string, string> = {
  idempotency_pkey: 'taken with `on conflict do nothing`',
  checkpoint_number_key: 'numbered with an advisory lock held',
  sign_in_pkey: 'counted with `on conflict do update`',
  pairing_try_pkey: 'counted with `on conflict do update`',
  unknown_number_pkey: 'counted with `on conflict do update`',
  session_refresh: 'digest of 256 random bits',
  session_successor: 'digest of 256 random bits',
  spent_refresh_pkey: 'digest of 256 random bits',
  recovery_code_pkey: 'digest of 80 random bits',
  pairing_pkey: 'digest of a random code',
  pairing_open_key: 'made with `on conflict do nothing`, and tried again',
  kiosk_code_key: 'made with `on conflict do nothing`, and tried again',
  card_code_key: 'digest of a random code',
  roster_mistake_pkey: 'inserted with `on conflict do nothing`: a roster that is looked at again has the same mistakes',
  stock_line_pkey: 'lines of one document are counted as they are written',
  redemption_line_pkey: 'lines of one redemption are counted as they are written',
  redemption_line_goods_key: 'an order that names one kind of goods twice is refused before',
  redemption_op_key: 'inserted with `on conflict do nothing`, then looked for by name',
  redemption_pickup_code_key: 'inserted with `on conflict do nothing`, then with another code',
  award_transaction_key: 'the number was given a moment ago, with the book locked',
  photo_standing_key: 'inserted with `on conflict do nothing`, then looked for',
  photo_village_standing_key: 'as photo_standing_key: the photo that is there is answered',
  stock_count_line_goods_key: 'the list of goods of a count has unique items',
  stock_count_line_pkey: 'lines are numbered by us',
  slip_step_key: 'a redemption is ordered once, and handed over once while it is locked',
  use_pkey: 'inserted with `on conflict do update` of a use that was given back, or else refused',
  allowance_open_key: 'an open one is ended first, with the chain of the kiosk locked',
  op_pkey: 'looked for by its hash, with the chain of the kiosk locked',
  op_chain_key: 'the next number of the chain, which is locked',
  op_void_key: 'what voids is looked for, with the chain of the kiosk locked',
  spent_proof_pkey: 'inserted with `on conflict do nothing`',
  sync_entry_pkey: 'written with `on conflict do update`, after the version is taken',
  sync_version_pkey: 'two takes after one collide there on purpose: the later one reads again',
  claim_parties_key: 'holds the primary key, for decisions to point at',
  decision_pkey: 'counted while the claim is locked',
  decision_first_key: 'a claim is locked while it is decided, and then waits for another step',
  decision_second_key: 'as above',
  award_claim_key: 'a claim is locked while it is approved, and approved once',
  rule_book_in_force_key: 'an adoption locks every book of the village and looks at their days',
  checkpoint_pkey: 'looked for before, with an advisory lock held',
  verification_pkey: 'inserted with `on conflict do nothing`: at one moment one is enough',
  subtree_pkey: 'inserted with `on conflict do nothing`: the rows follow from the book',
  notice_number_key: 'counted while the village publishes one notice at a time',
  notice_line_place_key: 'counted as the lines of one notice are written',
  freeze_open_key: 'the household is locked, and looked at before it is frozen',
  correction_version_key: 'versions are counted with the record locked',
  rule_code_key: 'a book that has a code twice is refused before',
};

export interface CatalogRule {
  says: string;
  /** Answers a row `what` for each violation. `ours` are our tables, `village_tables` those of them under the rule. */
  finds: string;
  /** Breaks this rule and no other. */
  breaks: string;
}

const policyText = "starts_with(village, NULLIF(current_setting('jifen.scope'::text, true), ''::text))";

const good = `village text collate "C" not null`;
/** A village table as it should be, with more columns. */
const table = (columns: string, after = '') => `
  create table store.broken (${good}, id uuid not null, ${columns} constraint broken_pkey primary key (village, id));
  alter table store.broken enable row level security; alter table store.broken force row level security;
  create policy scope on store.broken using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));
  comment on table store.broken is 'A row.';
  ${after}`;

export const catalogRules: CatalogRule[] = [
  {
    says: 'a village table has `village text collate "C" not null`, or a reason in outsideTheVillageRule',
    finds: `select t.name as what from village_tables t where not exists (
      select from pg_attribute a join pg_collation c on c.oid = a.attcollation where a.attrelid = t.oid
         and a.attname = 'village' and a.atttypid = 'text'::regtype and a.attnotnull and c.collname = 'C')`,
    breaks: `create table store.broken (village text not null, id uuid not null,
      constraint broken_pkey primary key (village, id));
      comment on table store.broken is 'A row.';
      alter table store.broken enable row level security; alter table store.broken force row level security;
      create policy scope on store.broken using (starts_with(village, nullif(current_setting('jifen.scope', true), '')));`,
  },
  {
    says: '`village` comes first in the primary key and in every index',
    finds: `select i.indexrelid::regclass::text as what from pg_index i join village_tables t on t.oid = i.indrelid
      left join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
      where a.attname is distinct from 'village'`,
    breaks: table('', 'create index broken_id on store.broken (id);'),
  },
  {
    says: 'a table has a primary key',
    finds: `select t.name as what from ours t where not exists (
      select from pg_index i where i.indrelid = t.oid and i.indisprimary)`,
    breaks: `${table('')} alter table store.broken drop constraint broken_pkey;`,
  },
  {
    says: 'a table says what a row of it is: comment on table',
    finds: `select t.name as what from ours t where obj_description(t.oid, 'pg_class') is null`,
    breaks: 'comment on table store.goods is null;',
  },
  {
    says: 'a foreign key to a village table takes `village` along, and so stays inside the village',
    finds: `select c.conname as what from pg_constraint c join village_tables t on t.oid = c.conrelid
      join village_tables f on f.oid = c.confrelid where c.contype = 'f' and not exists (
        select from unnest(c.conkey, c.confkey) k(own, other)
          join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.own
          join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.other
         where a.attname = 'village' and b.attname = 'village')`,
    breaks: table(
      'other text collate "C", other_id uuid, constraint broken_goods_fkey foreign key (other, other_id) references store.goods,',
    ),
  },
  {
    says: 'row-level security is enabled and forced',
    finds: `select t.name as what from village_tables t where not (t.relrowsecurity and t.relforcerowsecurity)`,
    breaks: `${table('')} alter table store.broken no force row level security;`,
  },
  {
    says: 'one policy, in the words of all others: no subquery, no other setting',
    finds: `select t.name as what from village_tables t where (
      select string_agg(p.polcmd::text || pg_get_expr(p.polqual, p.polrelid)
                        || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), ' or ')
        from pg_policy p where p.polrelid = t.oid) is distinct from '*${policyText.replaceAll("'", "''")}'`,
    breaks: `${table('')} create policy more on store.broken
      using (village in (select village from villages.village));`,
  },
  {
    says: 'no trigger but the append-only ones of the book',
    finds: `select t.tgname || ' on ' || o.name as what from pg_trigger t join ours o on o.oid = t.tgrelid
      where not t.tgisinternal and not (t.tgname = 'append_only' and o.name in ('ledger.transaction', 'ledger.transfer'))`,
    breaks: table(
      '',
      'create trigger busy before update on store.broken for each row execute function ledger.refuse_change();',
    ),
  },
  {
    says: 'no sequence and no identity column: ids are made by the service, numbers while the book is locked',
    finds: `select c.oid::regclass::text as what from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'S' and n.nspname in (select schema from our_schemas)
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'i')
      union all
      select t.name || '.' || a.attname from pg_attribute a join ours t on t.oid = a.attrelid where a.attidentity <> ''`,
    breaks: table('n bigint generated always as identity,'),
  },
  {
    says: 'no float, numeric, money or time without a zone: whole numbers and instants',
    finds: `select t.name || '.' || a.attname as what from pg_attribute a join ours t on t.oid = a.attrelid
      where a.attnum > 0 and not a.attisdropped and a.atttypid in ('real'::regtype, 'double precision'::regtype,
        'numeric'::regtype, 'money'::regtype, 'timestamp'::regtype, 'timetz'::regtype)`,
    breaks: table('rate double precision,'),
  },
  {
    says: 'an instant has three decimals: timestamptz(3)',
    finds: `select t.name || '.' || a.attname as what from pg_attribute a join ours t on t.oid = a.attrelid
      where a.attnum > 0 and not a.attisdropped and a.atttypid = 'timestamptz'::regtype and a.atttypmod <> 3`,
    breaks: table('seen_at timestamptz,'),
  },
  {
    says: 'amounts, points and quantities have an upper and a lower bound in a check',
    finds: `select t.name || '.' || a.attname as what from pg_attribute a join ours t on t.oid = a.attrelid
      where a.attname ~ '^(amount|quantity|(.*_)?points|.*_fen)$' and not exists (
        select from pg_constraint c where c.conrelid = t.oid and c.contype = 'c' and a.attnum = any (c.conkey)
         and pg_get_constraintdef(c.oid) ~ (a.attname || ' >= ') and pg_get_constraintdef(c.oid) ~ (a.attname || ' <= '))`,
    breaks: table('points integer not null constraint broken_points check (points > 0),'),
  },
  {
    says: '`ledger.transfer.amount` and balances are bigint',
    finds: `select t.name || '.' || a.attname as what from pg_attribute a join ours t on t.oid = a.attrelid
      where a.attname ~ '^(amount|(.*_)?balance|.*_fen)$' and a.atttypid <> 'bigint'::regtype`,
    breaks: table('cost_fen integer constraint broken_cost check (cost_fen between 0 and 10),'),
  },
  {
    says: '`jifen_owner` owns every table, view, function and schema of ours',
    finds: `select c.oid::regclass::text as what from pg_class c where c.relnamespace::regnamespace::text in
        (select schema from our_schemas) and c.relowner <> 'jifen_owner'::regrole
      union all
      select p.oid::regprocedure::text from pg_proc p where p.pronamespace::regnamespace::text in
        (select schema from our_schemas) and p.proowner <> 'jifen_owner'::regrole`,
    breaks: `${table('')} reset role; alter table store.broken owner to current_user;`,
  },
  {
    says: '`jifen_app` is nobody: no superuser, no way round row-level security, no membership',
    finds: `select 'role jifen_app' as what from pg_roles where rolname = 'jifen_app'
       and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
            or pg_has_role('jifen_app', 'jifen_owner', 'member'))`,
    breaks: 'reset role; grant jifen_owner to jifen_app;',
  },
  {
    says: '`jifen_app` changes nothing in the book: ledger.post does',
    finds: `select t.name || ': ' || p.privilege as what from ours t,
        unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p(privilege)
      where t.schema = 'ledger' and (has_table_privilege('jifen_app', t.oid, p.privilege)
         or p.privilege in ('insert', 'update', 'references') and has_any_column_privilege('jifen_app', t.oid, p.privilege))`,
    breaks: 'grant update (memo) on ledger.transaction to jifen_app;',
  },
  {
    says: '`jifen_app` deletes nothing that has no reason in `deletable`, truncates nothing, makes no trigger',
    finds: `select t.name || ': ' || p.privilege as what from ours t,
        unnest(array['delete', 'truncate', 'references', 'trigger']) p(privilege)
      where has_table_privilege('jifen_app', t.oid, p.privilege) and t.schema <> 'ledger'
        and not (p.privilege = 'delete' and t.name in (select name from deletable))`,
    breaks: 'grant delete on store.goods to jifen_app;',
  },
  {
    says: '`jifen_app` updates named columns, never a whole table; only tables it may also delete from are its own',
    finds: `select t.name as what from ours t
      where has_table_privilege('jifen_app', t.oid, 'update') and t.schema <> 'ledger'
        and t.name not in (select name from deletable)`,
    breaks: 'grant update on store.goods to jifen_app;',
  },
  {
    says: 'a `security definer` function has a fixed search_path that ends in pg_temp',
    finds: `select p.oid::regprocedure::text as what from pg_proc p where p.pronamespace::regnamespace::text in
        (select schema from our_schemas) and p.prosecdef
        and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)`,
    breaks: `create function store.broken() returns int language sql security definer as 'select 1';
      revoke all on function store.broken() from public;`,
  },
  {
    says: 'nobody may call what was not granted to them: default privileges take execute from public',
    finds: `select p.oid::regprocedure::text as what from pg_proc p where p.pronamespace::regnamespace::text in
        (select schema from our_schemas) and (p.proacl is null or exists (
          select from aclexplode(p.proacl) a where a.grantee = 0))`,
    breaks: `create function store.broken() returns int language sql as 'select 1';
      grant execute on function store.broken() to public;`,
  },
  {
    says: 'a view looks with the rights and the scope of whoever asks: security_invoker',
    finds: `select c.oid::regclass::text as what from pg_class c where c.relkind = 'v' and c.relnamespace::regnamespace::text in
        (select schema from our_schemas) and not coalesce('security_invoker=true' = any (c.reloptions), false)`,
    breaks: 'create view store.broken as select * from store.goods;',
  },
];

/** Columns that a lens leaves out, each with its reason. */
export const unseenColumns: Record<string, string> = {
  'ledger.book.posted_at': 'minus infinity until the first transaction, which no JavaScript date can say',
};

const prelude = `
  with our_schemas as (
    select n.nspname as schema from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', 'jobs', 'jifen')),
  ours as (
    select c.oid, n.nspname as schema, n.nspname || '.' || c.relname as name, c.relrowsecurity, c.relforcerowsecurity
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname in (select schema from our_schemas)),
  deletable as (select unnest($1::text[]) as name),
  outside as (select unnest($2::text[]) as name),
  village_tables as (select * from ours where name not in (select name from outside))`;

const lists = [Object.keys(deletable), Object.keys(outsideTheVillageRule)];

/** Every violation of every rule, as `<what>: <rule>`. The queue's and the migration runner's own schemas are not ours. */
export async function catalogFindings(client: pg.Client): Promise<string[]> {
  const found: string[] = [];
  for (const { says, finds } of catalogRules) {
    const { rows } = await client.query(`${prelude} ${finds}`, lists);
    found.push(...rows.map(row => `${row.what}: ${says}`));
  }
  return found.sort();
}

/** Unique keys that decide races: constraints and indexes, without primary keys that end in an id of ours. */
export async function racingKeys(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    `${prelude} select c.relname as name
       from pg_index i join ours t on t.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[i.indnkeyatts - 1]
      where i.indisunique and t.schema <> 'ledger' and not (i.indisprimary and a.atttypid = 'uuid'::regtype)
      order by 1`,
    lists,
  );
  return rows.map(row => row.name);
}
