import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { getConstructionPlans } from 'pg-boss';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Runs what is missing of `migrations/`, in order, as `jifen_owner`. Several processes may start at once: they wait for
 * one another on an advisory lock. Answers the names of the migrations that were run.
 */
export async function migrate(ownerUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('set role jifen_owner');
    // Under forced row-level security an UPDATE without a scope silently touches no row; this turns it into an error.
    await client.query('set row_security = off');
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
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    await createQueues(client);
    return run.map(migration => migration.name);
  } finally {
    await client.end();
  }
}

/**
 * The job queue's own tables: the app has no DDL, so pg-boss's plans are run here, once. They open and close a database
 * transaction themselves, hence a lock of the connection around them.
 */
async function createQueues(client: pg.Client): Promise<void> {
  await client.query('select pg_advisory_lock(7231, 2)');
  const { rows } = await client.query("select to_regnamespace('jobs') is not null as there");
  if (!rows[0].there) await client.query(getConstructionPlans('jobs'));
  await client.query(`
    grant usage on schema jobs to jifen_app;
    grant select, insert, update, delete on all tables in schema jobs to jifen_app;
    grant execute on all functions in schema jobs to jifen_app;`);
  await client.query('select pg_advisory_unlock(7231, 2)');
}
