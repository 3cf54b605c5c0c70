import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MigrationBuilder, runner } from 'node-pg-migrate';
import pg from 'pg';
import { getConstructionPlans } from 'pg-boss';
import { replaceFunctions } from './migrate-functions.ts';

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Runs what is missing of the migrations in `folder`, in order, as `jifen_owner`, and then replaces the functions whose
 * files have changed: all in one database transaction. Several processes may start at once: they wait for one another on
 * an advisory lock. Answers the names of what was run, such as `0001-ledger` and `functions/ledger/post`.
 *
 * @throws Error when the database was migrated by a newer version, or a migration that has run was changed since
 */
export async function migrate(ownerUrl: string, folder = migrationsFolder): Promise<string[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('set role jifen_owner');
    // Under forced row-level security an UPDATE without a scope silently touches no row; this turns it into an error.
    await client.query('set row_security = off');
    // Ends with the connection, after everything below.
    await client.query('select pg_advisory_lock(7231, 2)');
    await client.query('begin');
    const files = await digests(folder);
    await refuseStrangers(client, files);
    const run = await runMissing(client, folder);
    await remember(client, files);
    const replaced = await replaceFunctions(client, join(folder, 'functions'));
    await client.query('commit');
    await createQueues(client);
    return [...run, ...replaced.map(name => `functions/${name.replace('.', '/')}`)];
  } finally {
    // What was not committed goes with the connection.
    await client.end();
  }
}

/** SHA-256 of every migration, by its name. */
export async function digests(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).filter(name => /^\d{4}-.*\.sql$/.test(name)).sort();
  const texts = await Promise.all(names.map(name => readFile(join(folder, name))));
  return new Map(
    names.map((name, i) => [name.slice(0, -'.sql'.length), createHash('sha256').update(texts[i]!).digest('hex')]),
  );
}

async function refuseStrangers(client: pg.Client, files: Map<string, string>): Promise<void> {
  const rows = await contentOf(client);
  const newer = rows.filter(row => !files.has(row.name)).map(row => row.name);
  if (newer.length > 0) {
    throw new Error(
      `The database is newer than this version of jifen, which does not know ${newer.join(', ')}. Start the version that created it.`,
    );
  }
  const changed = rows.filter(row => files.get(row.name) !== row.sha256).map(row => row.name);
  if (changed.length > 0) {
    throw new Error(
      `Migration changed after it had run in this database: ${changed.join(', ')}. Restore the file and write a new migration instead.`,
    );
  }
}

/** Names of the migrations that have run in a database; none where it was never migrated. */
export async function listMigrations(client: pg.Client): Promise<string[]> {
  return (await contentOf(client)).map(({ name }) => name);
}

async function contentOf(client: pg.Client): Promise<{ name: string; sha256: string }[]> {
  const { rows: tables } = await client.query("select to_regclass('jifen.migration_content') is not null as there");
  if (!tables[0].there) return [];
  const { rows } = await client.query('select name, sha256 from jifen.migration_content order by name');
  return rows;
}

async function runMissing(client: pg.Client, folder: string): Promise<string[]> {
  let current = '';
  const info = (line: string) => {
    current = /### MIGRATION (\S+)/.exec(line)?.[1] ?? current;
  };
  try {
    const run = await runner({
      dbClient: client,
      dir: folder,
      // What has no number is no migration: schema.sql is what they add up to, released.txt what must not change.
      ignorePattern: '(?!\\d{4}-).*',
      migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadAll }],
      direction: 'up',
      schema: 'jifen',
      createSchema: true,
      migrationsTable: 'migration',
      // The lock and the database transaction are the caller's.
      noLock: true,
      singleTransaction: false,
      checkOrder: true,
      logger: { info, warn: () => undefined, error: () => undefined },
    });
    return run.map(migration => migration.name);
  } catch (cause) {
    const what = current === '' ? 'Migrating' : `Migration ${current}`;
    throw new Error(`${what} failed and the whole run was rolled back: ${(cause as Error).message}.`, { cause });
  }
}

const loadAll = (paths: string[]) => Promise.all(paths.map(load));

async function load(path: string) {
  const text = await withIncludes(path);
  const up = (pgm: MigrationBuilder) => {
    pgm.noTransaction();
    pgm.sql(text);
  };
  return { id: path, filePaths: [path], actions: { up, down: false as const } };
}

/** A migration with the functions that its tables need: each where a line names its file, as psql would have it. */
async function withIncludes(path: string): Promise<string> {
  const parts = (await readFile(path, 'utf8')).split(/^\\ir +(\S+)$/m);
  const texts = parts.map((part, i) => (i % 2 === 0 ? part : readFile(join(path, '..', part), 'utf8')));
  return (await Promise.all(texts)).join('');
}

/** Keeps the digest of each migration as it ran. */
async function remember(client: pg.Client, files: Map<string, string>): Promise<void> {
  await client.query(`create table if not exists jifen.migration_content (
    name text constraint migration_content_pkey primary key, sha256 text not null)`);
  await client.query(
    'insert into jifen.migration_content select * from unnest($1::text[], $2::text[]) on conflict do nothing',
    [[...files.keys()], [...files.values()]],
  );
}

/**
 * The job queue's own tables: the app has no DDL, so pg-boss's plans are run here, once. They open and close a database
 * transaction themselves.
 */
async function createQueues(client: pg.Client): Promise<void> {
  const { rows } = await client.query("select to_regnamespace('jobs') is not null as there");
  if (!rows[0].there) await client.query(getConstructionPlans('jobs'));
  await client.query(`
    grant usage on schema jobs to jifen_app;
    grant select, insert, update, delete on all tables in schema jobs to jifen_app;
    grant execute on all functions in schema jobs to jifen_app;`);
}
