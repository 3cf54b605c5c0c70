import type pg from 'pg';

/**
 * What the migrations add up to, read from the catalogue: tables with what their comments say, columns, constraints,
 * indexes, policies, triggers and grants, and views. Functions stand in their own files. To be read and compared; it is not
 * run. PostgreSQL 15 and 18 word some of it differently, so it is always written from the embedded one.
 */
export async function schemaText(client: pg.Client): Promise<string> {
  // With nothing on the search path, PostgreSQL names everything in full.
  await client.query("set search_path = ''");
  const all = async (sql: string) => (await client.query(`with ${ours} ${sql}`)).rows.map(row => row.text as string);
  const parts = [
    '-- What the migrations add up to, written from the catalogue by: npm run schema',
    ...(await all(schemas)),
    ...(await all(tables)),
    ...(await all(views)),
    ...(await all(types)),
  ];
  return `${parts.map(part => part.trimEnd()).join('\n\n')}\n`;
}

/** The queue's schema is pg-boss's own. */
const ours = `our_schemas as (
  select oid, nspname, nspacl from pg_catalog.pg_namespace
   where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'jobs', 'jifen'))`;

/** Grants of an acl to anybody but the owner, one a line: `grant select, insert on … to …`. */
const grants = (acl: string, on: string, columns = "''") => `(
  select coalesce(string_agg(line, E'\\n' order by line), '') from (
    select 'grant ' || string_agg(lower(a.privilege_type) || ${columns}, ', ' order by a.privilege_type) || ' on ' || ${on} || ' to '
           || case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee)::text end || ';' as line
      from aclexplode(${acl}) a where pg_get_userbyid(a.grantee) <> 'jifen_owner' group by a.grantee) g)`;

/** Comments on a relation and its columns. */
const comments = (relation: string) => `
    || coalesce((select string_agg('comment on ' || case when d.objsubid > 0 then 'column ' || ${relation}.name || '.'
                                     || quote_ident(a.attname) when ${relation}.relkind = 'v' then 'view ' || ${relation}.name
                                     else 'table ' || ${relation}.name end
                                   || ' is ' || quote_literal(d.description) || E';\\n', '' order by d.objsubid)
                   from pg_description d left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid
                  where d.objoid = ${relation}.oid and d.classoid = 'pg_class'::regclass), '')`;

const schemas = `
  select 'create schema ' || nspname || E';\\n' || ${grants('nspacl', "'schema ' || nspname")} as text
    from our_schemas order by nspname`;

const columnLine = `'  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
  || case when l.collname is null or l.collname = 'default' then '' else ' collate ' || quote_ident(l.collname) end
  || case when a.attnotnull then ' not null' else '' end
  || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')`;

const tables = `
  select '-- ' || t.name || E'\\ncreate table ' || t.name || E' (\\n'
    || (select string_agg(${columnLine}, E',\\n' order by a.attnum)
          from pg_attribute a
          left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
          left join pg_collation l on l.oid = a.attcollation
         where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped)
    || coalesce((select string_agg(E',\\n  constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(c.oid), ''
                                   order by array_position('{p,u,f,c}', contype::text), conname)
                   from pg_constraint c where c.conrelid = t.oid and contype in ('p', 'u', 'f', 'c')), '')
    || E'\\n)' || coalesce(' with (' || array_to_string(t.reloptions, ', ') || ')', '') || E';\\n'
    ${comments('t')}
    || coalesce((select string_agg(pg_get_indexdef(i.indexrelid) || E';\\n', '' order by i.indexrelid::regclass::text)
                   from pg_index i where i.indrelid = t.oid
                    and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.conrelid = t.oid)), '')
    || case when t.relrowsecurity then 'alter table ' || t.name || E' enable row level security;\\n' else '' end
    || case when t.relforcerowsecurity then 'alter table ' || t.name || E' force row level security;\\n' else '' end
    || coalesce((select string_agg('create policy ' || polname || ' on ' || t.name || ' using ('
                                   || pg_get_expr(polqual, polrelid) || E');\\n', '' order by polname)
                   from pg_policy where polrelid = t.oid), '')
    || coalesce((select string_agg(pg_get_triggerdef(g.oid) || E';\\n', '' order by tgname)
                   from pg_trigger g where g.tgrelid = t.oid and not tgisinternal), '')
    || ${grants('t.relacl', 't.name')}
    || coalesce((select string_agg(E'\\n' || ${grants('g.acl', 't.name', "' (' || g.names || ')'")}, '' order by g.names)
                   from (select a.attacl::text::aclitem[] as acl, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as names
                           from pg_attribute a where a.attrelid = t.oid and a.attacl is not null group by a.attacl::text) g), '')
    as text
    from (select c.*, n.nspname || '.' || quote_ident(c.relname) as name
            from pg_class c join our_schemas n on n.oid = c.relnamespace where c.relkind in ('r', 'p')) t
   order by t.name`;

const views = `
  select '-- ' || v.name || E'\\ncreate view ' || v.name
    || coalesce(' with (' || array_to_string(v.reloptions, ', ') || ')', '') || E' as\\n' || pg_get_viewdef(v.oid, true) || E'\\n'
    ${comments('v')}
    || ${grants('v.relacl', 'v.name')} as text
    from (select c.*, n.nspname || '.' || quote_ident(c.relname) as name
            from pg_class c join our_schemas n on n.oid = c.relnamespace where c.relkind = 'v') v
   order by v.name`;

const types = `
  select '-- ' || t.name || E'\\ncreate type ' || t.name || E' as (\\n'
    || (select string_agg('  ' || quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), E',\\n' order by attnum)
          from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped) || E'\\n);' as text
    from (select c.oid, n.nspname || '.' || quote_ident(c.relname) as name
            from pg_class c join our_schemas n on n.oid = c.relnamespace where c.relkind = 'c') t
   order by t.name`;
