import type pg from 'pg';
import { type FunctionFile, inOrder } from '../../src/db/migrate-functions.ts';

/** What running a file does: the kinds of its statements, and everything that the catalogue has of it. */
export async function effectsOf(owner: pg.Client, text: string): Promise<{ commands: string[]; touched: string[] }> {
  return undone(owner, async () => {
    const results = [await owner.query(text)].flat();
    const { rows } = await owner.query(`
      select n.nspname || '.' || p.proname as what
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.xmin = pg_current_xact_id()::xid
      union all select 'class ' || relname from pg_class where xmin = pg_current_xact_id()::xid
      union all select 'schema ' || nspname from pg_namespace where xmin = pg_current_xact_id()::xid
      union all select 'constraint ' || conname from pg_constraint where xmin = pg_current_xact_id()::xid
      union all select 'trigger ' || tgname from pg_trigger where xmin = pg_current_xact_id()::xid
      union all select 'policy ' || polname from pg_policy where xmin = pg_current_xact_id()::xid`);
    return { commands: results.map(result => result.command), touched: rows.map(row => row.what) };
  });
}

/** The functions of the catalogue that are not what their files say, rights included, or have no file. */
export async function drifted(owner: pg.Client, files: FunctionFile[]): Promise<string[]> {
  const found = await definitions(owner);
  const wanted = await undone(owner, async () => {
    const schemas = [...new Set(files.map(file => file.name.split('.')[0]))];
    await owner.query(`revoke all on all routines in schema ${schemas.join(', ')} from jifen_app, public`);
    for (const file of inOrder(files)) await owner.query(file.text);
    return definitions(owner);
  });
  const names = new Set(files.map(file => file.name));
  return [...found.keys()]
    .filter(signature => !names.has(signature.replace(/\(.*/, '')) || found.get(signature) !== wanted.get(signature))
    .concat([...wanted.keys()].filter(signature => !found.has(signature)));
}

async function definitions(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query(`
    select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature,
           concat_ws(E'\\n', case when p.prokind = 'a' then a::text else pg_get_functiondef(p.oid) end,
                     pg_get_userbyid(p.proowner),
                     (select string_agg(x.grantee::regrole::text || ' ' || x.privilege_type, ', ' order by x.grantee)
                        from aclexplode(p.proacl) x)) as definition
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      left join pg_aggregate a on a.aggfnoid = p.oid
     where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', 'jobs', 'jifen')`);
  return new Map(rows.map(row => [row.signature, row.definition]));
}

/** Works as `jifen_owner` in a database transaction that is rolled back. */
async function undone<T>(owner: pg.Client, work: () => Promise<T>): Promise<T> {
  await owner.query('begin');
  try {
    await owner.query('set local role jifen_owner');
    return await work();
  } finally {
    await owner.query('rollback');
  }
}
