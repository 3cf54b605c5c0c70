import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import tap, { type Test, test } from 'tap';
import { migrate, migrationsFolder } from '../../src/db/migrate.ts';
import { readFunctions } from '../../src/db/migrate-functions.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { createDatabase, createEmptyDatabase, dropDatabase, openCluster } from '../support/cluster.ts';
import { drifted, effectsOf } from '../support/functions.ts';

tap.setTimeout(120_000);

const files = await readFunctions(join(migrationsFolder, 'functions'));

test('each file defines the function that its path names, grants it or does not, and does nothing else', async t => {
  const { client } = await openMigrated(t);
  for (const { name, text } of files) {
    const { commands, touched } = await effectsOf(client, text);
    t.same(touched, [name], name);
    t.ok(['CREATE', 'CREATE,GRANT'].includes(commands.join()), `${name}: ${commands}`);
    t.match(text, /^-- /, `${name} opens with its contract`);
    t.ok(text.split('\n').length <= 151, `${name} has no more than 150 lines`);
  }
});

test('a file that does more is seen', async t => {
  const { client } = await openMigrated(t);
  const { text } = files.find(file => file.name === 'ledger.escape')!;
  const more: [string, string[]][] = [
    [`create or replace function ledger.more() returns integer language sql return 1;`, ['ledger.more']],
    [`create table ledger.more (id uuid);`, ['class more']],
    [`grant select on ledger.book to public;`, ['class book']],
    [`alter table ledger.account drop constraint account_lots;`, ['class account']],
  ];
  for (const [added, touched] of more) {
    const effects = await effectsOf(client, text + added);
    t.same(effects.touched.sort(), ['ledger.escape', ...touched].sort(), added);
    t.not(effects.commands.join() + effects.touched.join(), 'CREATE,GRANTledger.escape', added);
  }
});

test('the functions of the database are what their files say, and each has a file', async t => {
  const { client } = await openMigrated(t);
  t.same(await drifted(client, files), []);
});

test('functions that were changed by hand are seen', async t => {
  const { client } = await openMigrated(t);
  await client.query(`
    create or replace function ledger.leaf(canonical text) returns bytea language sql return ''::bytea;
    alter function ledger.post set work_mem = '1GB';
    alter function ledger.floor_of volatile;
    grant execute on function ledger.post_each to jifen_app;
    grant execute on function rules.fill to public;
    revoke execute on function publicity.publish from jifen_app;
    create function ledger.other() returns integer language sql return 1;
    create function ledger.refused() returns integer language sql return 1;
    drop function rules.discard;`);
  t.same((await drifted(client, files)).map(signature => signature.replace(/\(.*/, '')).sort(), [
    'ledger.floor_of',
    'ledger.leaf',
    'ledger.other',
    'ledger.post',
    'ledger.post_each',
    'ledger.refused',
    'publicity.publish',
    'rules.discard',
    'rules.fill',
  ]);
});

test('a changed file replaces its function in a database that is there, and no other', async t => {
  const { client, url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  t.same(await migrate(url, folder), []);
  const before = await versions(client);
  await change(folder, 'ledger/escape', text => text.replace("E'\\\\r'", "'?'"));
  // What was granted by hand goes with the function that it was granted on.
  await client.query('grant execute on function ledger.escape, ledger.refused to jifen_app');
  await change(folder, 'ledger/escape', text => text.replace(/^grant .*/m, ''));
  t.same(await migrate(url, folder), ['functions/ledger/escape']);
  const after = await versions(client);
  t.same(
    [...after.keys()].filter(name => after.get(name) !== before.get(name) && name !== 'ledger.refused'),
    ['ledger.escape'],
  );
  const { rows } = await client.query(
    `select ledger.escape(E'a\rb') as text, has_function_privilege('jifen_app', 'ledger.escape(text)', 'execute') as granted`,
  );
  t.strictSame(rows, [{ text: 'a?b', granted: false }]);
  t.same(await migrate(url, folder), [], 'and is replaced once');
});

test('what is new is made in the order in which it needs each other', async t => {
  const { client, url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  await change(
    folder,
    'ledger/a',
    () => 'create or replace function ledger.a() returns integer language sql return ledger.b();',
  );
  await change(
    folder,
    'ledger/b',
    () => 'create or replace function ledger.b() returns integer language sql return 7;',
  );
  t.same(await migrate(url, folder), ['functions/ledger/a', 'functions/ledger/b']);
  const { rows } = await client.query('select ledger.a()');
  t.strictSame(rows, [{ a: 7 }]);
});

test('a file that fails is named, and nothing of the run stays', async t => {
  const { client, url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  await writeFile(join(folder, '9999-more.sql'), 'create schema more;');
  await change(folder, 'ledger/escape', text => text.replace("E'\\\\r'", "'?'"));
  await change(folder, 'ledger/post', text => text.replace('begin', 'begin if'));
  await t.rejects(
    migrate(url, folder),
    /^Function ledger\.post failed and the whole run was rolled back: syntax error/,
  );
  const { rows } = await client.query(
    `select to_regnamespace('more') as more, ledger.escape(E'a\rb') as text, (select count(*)::integer from jifen.migration where name = '9999-more') as ran`,
  );
  t.strictSame(rows, [{ more: null, text: 'a\\rb', ran: 0 }]);
});

test('what `create or replace` cannot do is done by a migration that drops', async t => {
  const { client, url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  await change(folder, 'rules/fill', text => text.replaceAll('p_rules', 'p_list'));
  await t.rejects(
    migrate(url, folder),
    /^Function rules\.fill failed.*: cannot change name of input parameter "p_rules"\. Drop/,
  );
  await change(folder, 'rules/fill', text =>
    text.replaceAll('p_list', 'p_rules').replace('p_rules jsonb', 'p_rules jsonb, p_more text'),
  );
  await t.rejects(migrate(url, folder), /^A name must have one function, but there are rules\.fill.* and rules\.fill/);
  await writeFile(join(folder, '9998-drop.sql'), 'drop function if exists rules.fill;');
  t.same(await migrate(url, folder), ['9998-drop', 'functions/rules/fill']);
  // Files that are as they were are run again where a migration has dropped their functions.
  await writeFile(join(folder, '9999-once-more.sql'), 'drop function if exists ledger.refused cascade;');
  t.same(await migrate(url, folder), ['9999-once-more', 'functions/ledger/floor_refusal', 'functions/ledger/refused']);
  const changed = await readFunctions(join(folder, 'functions'));
  t.same(await drifted(client, changed), []);
  // In a new database nothing is there yet to be dropped.
  const cluster = await openCluster();
  const another = await createEmptyDatabase(cluster);
  await prepareRoles(another);
  await migrate(another, folder);
  const fresh = new pg.Client({ connectionString: another });
  await fresh.connect();
  t.same(await drifted(fresh, changed), []);
  await fresh.end();
  await dropDatabase(cluster.url, new URL(another).pathname.slice(1));
});

test('a function goes by a migration, and not with its file alone', async t => {
  const { client, url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  await rm(join(folder, 'functions/rules/discard.sql'));
  await t.rejects(
    migrate(url, folder),
    /^The database has functions without a file: rules\.discard\. Start the version/,
  );
  await writeFile(join(folder, '9999-drop.sql'), 'drop function if exists rules.discard;');
  t.same(await migrate(url, folder), ['9999-drop']);
  t.same((await client.query("select to_regproc('rules.discard') as there")).rows, [{ there: null }]);
});

test('an older version does not put its functions back', async t => {
  const { url } = await openMigrated(t);
  const folder = await copyOfMigrations(t);
  await change(folder, 'ledger/escape', text => `-- Better.\n${text}`);
  t.same(await migrate(url, folder), ['functions/ledger/escape']);
  await t.rejects(
    migrate(url),
    /^The database is newer than this version of jifen: it has later versions of ledger\.escape\. Start/,
  );
});

async function change(folder: string, name: string, by: (text: string) => string): Promise<void> {
  const path = join(folder, 'functions', `${name}.sql`);
  const text = await readFile(path, 'utf8').catch(() => '');
  const changed = by(text);
  if (changed === text) throw new Error(`nothing to change in ${name}`);
  await writeFile(path, changed);
}

/** The row of each function in the catalogue, as a number that changes when it is written. */
async function versions(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query(
    `select pronamespace::regnamespace || '.' || proname as name, xmin from pg_proc
      where pronamespace::regnamespace::text in ('ledger', 'rules', 'claims', 'households', 'publicity')`,
  );
  return new Map(rows.map(row => [row.name, row.xmin]));
}

async function copyOfMigrations(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-functions-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await cp(migrationsFolder, folder, { recursive: true });
  return folder;
}

async function openMigrated(t: Test): Promise<{ client: pg.Client; url: string }> {
  const cluster = await openCluster();
  const url = await createDatabase(cluster);
  // A copy of the template has its roles, but not their rights in the database as a whole.
  await prepareRoles(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await dropDatabase(cluster.url, new URL(url).pathname.slice(1));
  });
  return { client, url };
}
