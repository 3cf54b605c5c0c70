import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { queues } from '../../src/app.ts';
import { openJobs } from '../../src/db/jobs.ts';
import { migrate } from '../../src/db/migrate.ts';
import { prepareRoles } from '../../src/db/roles.ts';
import { makePostgres } from './postgres.ts';

const template = 'jifen_test_template';

/** A PostgreSQL for tests, with one migrated database that every test file copies. */
export interface Cluster {
  url: string;
  stop(): Promise<void>;
}

const own = new Map<boolean, Promise<Cluster>>();

/**
 * The cluster of ordinary tests: the one that test/run.ts has started for all files, or, when a file is run by itself, one
 * of its own, which goes with the process. Its commits do not wait for a disk.
 */
export function openCluster(): Promise<Cluster> {
  return clusterOf(process.env.JIFEN_TEST_CLUSTER, false);
}

/**
 * The cluster of storms, whose commits wait for the disk.
 * @throws Error if it says otherwise: a storm over it would prove nothing
 */
export async function openDurableCluster(): Promise<Cluster> {
  const cluster = await clusterOf(process.env.JIFEN_TEST_DURABLE_CLUSTER, true);
  const found = await durabilityOf(cluster);
  if (Object.values(found).some(setting => setting !== 'on'))
    throw new Error(`this PostgreSQL is not durable: ${JSON.stringify(found)}`);
  return cluster;
}

async function clusterOf(shared: string | undefined, durable: boolean): Promise<Cluster> {
  if (shared !== undefined) return { url: shared, stop: async () => undefined };
  let started = own.get(durable);
  if (started === undefined) {
    started = startCluster(undefined, { durable });
    own.set(durable, started);
    const cluster = started;
    // Imported here and not above: test/run.ts is no test, and importing tap would make it one.
    const { t } = await import('tap');
    t.teardown(async () => (await cluster).stop());
  }
  return started;
}

/** What a cluster says of waiting for the disk: `on` or `off` each. */
export async function durabilityOf(cluster: Cluster): Promise<Record<string, string>> {
  const settings = ['fsync', 'full_page_writes', 'synchronous_commit'];
  const found: Record<string, string> = {};
  await onMaintenance(cluster.url, async client => {
    for (const name of settings) found[name] = (await client.query(`show ${name}`)).rows[0][name];
  });
  return found;
}

/** Starts a PostgreSQL, or takes the one at `url`, and makes the template in it. */
export async function startCluster(
  url: string | undefined,
  { durable }: { durable: boolean } = { durable: false },
): Promise<Cluster> {
  if (url !== undefined) {
    await makeTemplate(url);
    return { url, stop: () => dropDatabase(url, template) };
  }
  const postgres = await makePostgres(durable);
  await postgres.start();
  await makeTemplate(postgres.url);
  return { url: postgres.url, stop: () => postgres.remove() };
}

/** Copies the template. Answers the owner's connection string of the new database. */
export async function createDatabase(cluster: Cluster): Promise<string> {
  const name = `jifen_test_${randomBytes(6).toString('hex')}`;
  // Two copies of one template at once refuse each other: the second comes a moment later.
  for (let left = 600; ; left -= 1) {
    try {
      await onMaintenance(cluster.url, client => client.query(`create database ${name} template ${template}`));
      return databaseUrl(cluster.url, name);
    } catch (error) {
      if (left === 0 || (error as { code?: string }).code !== '55006') throw error;
      await sleep(100);
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
