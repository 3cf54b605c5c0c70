import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { queues } from '../../src/app.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { openJobs } from '../../src/db/jobs.ts';
import { migrate } from '../../src/db/migrate.ts';
import { prepareRoles } from '../../src/db/roles.ts';

const template = 'jifen_test_template';

/** A PostgreSQL for tests, with one migrated database that every test file copies. */
export interface Cluster {
  url: string;
  stop(): Promise<void>;
}

let own: Promise<Cluster> | undefined;

/**
 * The cluster of this run: the one that test/run.ts has started for all files, or, when a file is run by itself, an
 * embedded one of its own, which goes with the process.
 */
export async function openCluster(): Promise<Cluster> {
  const shared = process.env.JIFEN_TEST_CLUSTER;
  if (shared !== undefined) return { url: shared, stop: async () => undefined };
  if (own === undefined) {
    own = startCluster(undefined);
    // Imported here and not above: test/run.ts is no test, and importing tap would make it one.
    const { t } = await import('tap');
    t.teardown(async () => (await own)?.stop());
  }
  return own;
}

/** Starts an embedded cluster, or takes the external one at `url`, and makes the template in it. */
export async function startCluster(url: string | undefined): Promise<Cluster> {
  if (url !== undefined) {
    await makeTemplate(url);
    return { url, stop: () => dropDatabase(url, template) };
  }
  const folder = await mkdtemp(join(tmpdir(), 'jifen-test-'));
  const embedded = await startEmbedded({ folder, log: () => undefined });
  await makeTemplate(embedded.url);
  return {
    url: embedded.url,
    async stop() {
      await embedded.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Copies the template. Answers the owner's connection string of the new database. */
export async function createDatabase(cluster: Cluster): Promise<string> {
  const name = `jifen_test_${randomBytes(6).toString('hex')}`;
  // Two copies of one template at once refuse each other: the second comes a moment later.
  for (let left = 50; ; left -= 1) {
    try {
      await onMaintenance(cluster.url, client => client.query(`create database ${name} template ${template}`));
      return databaseUrl(cluster.url, name);
    } catch (error) {
      if (left === 0 || (error as { code?: string }).code !== '55006') throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

/** A database with nothing in it, for tests of migrating. Answers its connection string. */
export async function createEmptyDatabase(cluster: Cluster): Promise<string> {
  const name = `jifen_test_${randomBytes(6).toString('hex')}`;
  await onMaintenance(cluster.url, client => client.query(`create database ${name}`));
  return databaseUrl(cluster.url, name);
}

export async function dropDatabase(clusterUrl: string, name: string): Promise<void> {
  await onMaintenance(clusterUrl, client => client.query(`drop database if exists ${name} with (force)`));
}

async function makeTemplate(url: string): Promise<void> {
  await dropDatabase(url, template);
  await onMaintenance(url, client => client.query(`create database ${template}`));
  const owner = databaseUrl(url, template);
  const app = await prepareRoles(owner);
  await migrate(owner);
  // Each queue that is made takes locks and a table's worth of rows: once, and every copy has them.
  const jobs = await openJobs(app, queues, { worker: false, onError: () => undefined });
  await jobs.stop();
}

function databaseUrl(clusterUrl: string, name: string): string {
  const url = new URL(clusterUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function onMaintenance(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(url, 'postgres') });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
