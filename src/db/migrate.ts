import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { getConstructionPlans } from 'pg-boss';

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Runs what is missing of the migrations in `folder`, in order, as `jifen_owner`. Several processes may start at once:
 * they wait for one another on an advisory lock. Answers the names of the migrations that were run.
 *
 * @throws Error when the database was migrated by a newer version, or a file that has run was changed since
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
    const files = await digests(folder);
    await refuseStrangers(client, files);
    const run = await runMissing(client, folder);
    await remember(client, files);
    await createQueues(client);
    return run;
  } finally {
    await client.end();
  }
}

/** SHA-256 of every migration, by its name. */
async function digests(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).filter(name => /^\d{4}-.*\.sql$/.test(name)).sort();
  const texts = await Promise.all(names.map(name => readFile(join(folder, name))));
  return new Map(
    names.map((name, i) => [name.slice(0, -'.sql'.length), createHash('sha256').update(texts[i]!).digest('hex')]),
  );
}

async function refuseStrangers(client: pg.Client, files: Map<string, string>): Promise<void> {
  const { rows: tables } = await client.query("select to_regclass('jifen.migration_content') is not null as there");
  if (!tables[0].there) return;
  const { rows } = await client.query('select name, sha256 from jifen.migration_content order by name');
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

async function runMissing(client: pg.Client, folder: string): Promise<string[]> {
  let current = '';
  const info = (line: string) => {
    current = /### MIGRATION (\S+)/.exec(line)?.[1] ?? current;
  };
  try {
    const run = await runner({
      dbClient: client,
      dir: folder,
      // schema.sql is what the migrations add up to, written by a script; it is not one of them.
      ignorePattern: '(\\..*|schema\\.sql)',
      direction: 'up',
      schema: 'jifen',
      createSchema: true,
      migrationsTable: 'migration',
      advisoryLockMode: 'wait',
      checkOrder: true,
      logger: { info, warn: () => undefined, error: () => undefined },
    });
    return run.map(migration => migration.name);
  } catch (cause) {
    throw new Error(`Migration ${current} failed and was rolled back: ${(cause as Error).message}.`, { cause });
  }
}

/** Keeps what each migration said when it ran. */
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
