import { glob } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { is } from 'drizzle-orm';
import { CasingCache } from 'drizzle-orm/casing';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { type Test, test } from 'tap';
import { refusalsByConstraint } from '../../src/db/constraints.ts';
import {
  catalogFindings,
  catalogRules,
  checkedBefore,
  deletable,
  outsideTheVillageRule,
  racingKeys,
  unseenColumns,
} from '../support/catalog.ts';
import { createDatabase, dropDatabase, openCluster } from '../support/cluster.ts';

test('the migrated database keeps every rule', async t => {
  const client = await openMigrated(t);
  t.same(await catalogFindings(client), []);
  const { rows } = await client.query("select schemaname || '.' || tablename as name from pg_tables");
  const tables = rows.map(row => row.name);
  const listed = [...Object.keys(outsideTheVillageRule), ...Object.keys(deletable)];
  t.same(
    listed.filter(name => !tables.includes(name)),
    [],
    'no exception outlives its table',
  );
});

test('each rule sees a database that breaks it', async t => {
  const client = await openMigrated(t);
  const before = await catalogFindings(client);
  for (const { says, breaks } of catalogRules) {
    await client.query('begin; set local role jifen_owner');
    await client.query(breaks);
    const found = (await catalogFindings(client)).filter(finding => !before.includes(finding));
    await client.query('rollback');
    t.ok(found.length >= 1 && found.every(finding => finding.endsWith(says)), says, { found });
  }
});

test('a key that decides a race is a refusal, or says why it never fires', async t => {
  const client = await openMigrated(t);
  const keys = await racingKeys(client);
  t.same(
    keys.filter(key => !(key in refusalsByConstraint) && !(key in checkedBefore)),
    [],
    'give each a refusal in src/db/constraints.ts, or a reason in test/support/catalog.ts',
  );
  t.same(
    Object.keys(checkedBefore).filter(key => !keys.includes(key)),
    [],
    'no reason outlives its key',
  );
  const { rows } = await client.query(
    'select conname as name from pg_constraint union select relname from pg_class where relkind = $1',
    ['i'],
  );
  const names = new Set(rows.map(row => row.name));
  t.same(
    Object.keys(refusalsByConstraint).filter(name => !names.has(name)),
    [],
    'no refusal outlives its constraint',
  );
});

test('the lenses of tables.ts show the tables as they are', async t => {
  const client = await openMigrated(t);
  const casing = new CasingCache('snake_case');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  let lenses = 0;
  for await (const file of glob('src/**/tables.ts', { cwd: root })) {
    const module: Record<string, unknown> = await import(`${root}/${file}`);
    for (const table of Object.values(module)) {
      if (!is(table, PgTable)) continue;
      const { schema, name, columns } = getTableConfig(table);
      const seen = columns.map(column => ({
        name: casing.getColumnCasing(column),
        type: column.getSQLType().replace(/^timestamptz\(3\)$/, 'timestamp(3) with time zone'),
        notNull: column.notNull,
      }));
      const { rows } = await client.query(
        `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "notNull"
           from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
        [`${schema}.${name}`],
      );
      const there = rows.filter(row => !(`${schema}.${name}.${row.name}` in unseenColumns));
      t.same(sorted(seen), sorted(there), `${schema}.${name}`);
      lenses += 1;
    }
  }
  t.ok(lenses >= 12, `${lenses} lenses`);
});

function sorted<T extends { name: string }>(columns: T[]): T[] {
  return columns.sort((a, b) => a.name.localeCompare(b.name));
}

async function openMigrated(t: Test): Promise<pg.Client> {
  const cluster = await openCluster();
  const url = await createDatabase(cluster);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await dropDatabase(cluster.url, new URL(url).pathname.slice(1));
  });
  return client;
}
