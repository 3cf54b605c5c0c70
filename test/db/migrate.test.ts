import { randomUUID } from 'node:crypto';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Test, test } from 'tap';
import { migrate, migrationsFolder } from '../../src/db/migrate.ts';
import { readFunctions } from '../../src/db/migrate-functions.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { createEmptyDatabase, dropDatabase, openCluster } from '../support/cluster.ts';
import { changedSinceRelease } from '../support/released.ts';
import { schemaText } from '../support/schema-text.ts';

test('several processes migrate an empty database at once: each migration runs once', async t => {
  const url = await emptyDatabase(t);
  const prepared = await Promise.all(Array.from({ length: 6 }, () => prepareRoles(url)));
  t.equal(new Set(prepared).size, 1, 'all agree on the connection string of the service');
  const runs = await Promise.all(Array.from({ length: 6 }, () => migrate(url)));
  const names = (await migrationFiles()).map(name => name.replace('.sql', ''));
  const functions = (await readFunctions(join(migrationsFolder, 'functions'))).map(file => file.name);
  t.same(
    runs.filter(run => run.length > 0),
    [[...names, ...functions.map(name => `functions/${name.replace('.', '/')}`)]],
    'one ran them all, the others found nothing to do',
  );
  const client = await connect(t, url);
  const { rows } = await client.query('select name from jifen.migration order by id');
  t.same(
    rows.map(row => row.name),
    names,
  );
});

test('a file that was changed after it had run is noticed, and nothing is run', async t => {
  const url = await emptyDatabase(t);
  const folder = await copyOfMigrations(t);
  await prepareRoles(url);
  await migrate(url, folder);
  await appendFile(join(folder, '0002-http.sql'), '-- an afterthought\n');
  await writeFile(join(folder, '9999-more.sql'), 'create schema more;');
  await t.rejects(migrate(url, folder), /changed after it had run in this database: 0002-http\. Restore the file/);
  const client = await connect(t, url);
  t.same((await client.query("select to_regnamespace('more') as there")).rows, [{ there: null }]);
});

test('a database of a newer version is refused', async t => {
  const url = await emptyDatabase(t);
  const folder = await copyOfMigrations(t);
  await writeFile(join(folder, '9999-from-the-future.sql'), 'create schema future;');
  await prepareRoles(url);
  await migrate(url, folder);
  await t.rejects(migrate(url), /newer than this version of jifen, which does not know 9999-from-the-future/);
});

test('a migration that fails is named, and nothing of it stays', async t => {
  const url = await emptyDatabase(t);
  const folder = await copyOfMigrations(t);
  await writeFile(join(folder, '9999-broken.sql'), 'create schema broken; select 1 / 0;');
  await prepareRoles(url);
  await t.rejects(
    migrate(url, folder),
    /Migration 9999-broken failed and the whole run was rolled back: division by zero/,
  );
  const client = await connect(t, url);
  t.same((await client.query("select to_regnamespace('broken') as there")).rows, [{ there: null }]);
});

test('migrations have consecutive numbers and names', async t => {
  const files = await migrationFiles();
  t.same(
    files.map(name => Number(name.slice(0, 4))),
    files.map((_, i) => i + 1),
  );
  for (const name of files) t.match(name, /^\d{4}-[a-z0-9-]+\.sql$/);
});

test('migrations/schema.sql is what the migrations add up to', async t => {
  const url = await emptyDatabase(t);
  await prepareRoles(url);
  await migrate(url);
  const client = await connect(t, url);
  const { rows } = await client.query('show server_version_num');
  // Other versions word the same thing differently; the file is written from the embedded one.
  if (!rows[0].server_version_num.startsWith('18')) return t.pass('compared on PostgreSQL 18 only');
  const golden = await readFile(join(migrationsFolder, 'schema.sql'), 'utf8').catch(() => '');
  t.ok(golden === (await schemaText(client)), 'run `npm run schema`, and read the difference before you commit it');
});

test('a migration that was released is as it was', async t => {
  t.same(await changedSinceRelease(migrationsFolder), [], 'put it back, and write a new migration');
});

test('a released migration that was changed or taken away is seen', async t => {
  const folder = await copyOfMigrations(t);
  await appendFile(join(folder, '0003-identity.sql'), '-- an afterthought\n');
  await rm(join(folder, '0004-villages.sql'));
  await writeFile(join(folder, '9999-more.sql'), 'create schema more;');
  t.same(await changedSinceRelease(folder), ['0003-identity.sql', '0004-villages.sql']);
});

test('orders made before they kept names get those their goods had then', async t => {
  const url = await emptyDatabase(t);
  const folder = await copyOfMigrations(t);
  const first = (await migrationFiles()).findIndex(name => name.endsWith('-names-on-orders.sql'));
  for (const name of (await migrationFiles()).slice(first)) await rm(join(folder, name));
  await prepareRoles(url);
  await migrate(url, folder);
  const client = await connect(t, url);
  const village = '520281127101';
  const [store, rice, soap, order] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  // The rows by themselves: what they refer to is of no matter here.
  await client.query('set session_replication_role = replica');
  const goods = `insert into store.goods (village, id, sku, name, unit, category, is_service, min_stock, created_by, created_at)`;
  await client.query(`${goods} values ($1, $2, 'G1', '面条', '把', '粮油', false, 0, $2, '2026-11-01')`, [
    village,
    rice,
  ]);
  await client.query(`${goods} values ($1, $2, 'G2', E'肥皂\n合计 1 分', '块', '日用', false, 0, $2, '2026-11-01')`, [
    village,
    soap,
  ]);
  await client.query(
    `insert into store.redemption (village, id, household_id, store_id, price_list_id, points, mode, presented, state, since,
       handed_over_at, handed_over_by, hand_over_presented, business_date, occurred_at, back_entry, created_by, created_at)
     values ($1, $2, $3, $3, $3, 5, 'counter', 'card', 'fulfilled', '2026-11-10', '2026-11-10', $3, 'card', '2026-11-10',
       '2026-11-10', false, $3, '2026-11-10')`,
    [village, order, store],
  );
  for (const [line, id] of [rice, soap].entries()) {
    await client.query(`insert into store.redemption_line values ($1, $2, $3, $4, 1, 5)`, [
      village,
      order,
      line + 1,
      id,
    ]);
  }
  for (const [version, field, from, to, at] of [
    [2, 'name', '打米', '大米', '2026-11-09'],
    [3, 'name', '大米', '米', '2026-11-11'],
    [4, 'name', '米', '面条', '2026-11-12'],
    [4, 'unit', '袋', '把', '2026-11-12'],
  ]) {
    await client.query(
      `insert into corrections.correction (village, id, subject, subject_id, version, field, old_value, new_value, by_user, at)
       values ($1, $2, 'goods', $3, $4, $5, $6, $7, $2, $8)`,
      [village, randomUUID(), rice, version, field, from, to, at],
    );
  }
  await migrate(url);
  const { rows } = await client.query('select name, unit from store.redemption_line order by line');
  t.strictSame(rows, [
    { name: '大米', unit: '袋' },
    { name: '肥皂 合计 1 分', unit: '块' },
  ]);
});

async function migrationFiles(): Promise<string[]> {
  return (await readdir(migrationsFolder))
    .filter(name => !['functions', 'released.txt', 'schema.sql'].includes(name))
    .sort();
}

async function copyOfMigrations(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-migrations-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await cp(migrationsFolder, folder, { recursive: true });
  return folder;
}

async function emptyDatabase(t: Test): Promise<string> {
  const cluster = await openCluster();
  const url = await createEmptyDatabase(cluster);
  t.teardown(() => dropDatabase(cluster.url, new URL(url).pathname.slice(1)));
  return url;
}

async function connect(t: Test, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}
