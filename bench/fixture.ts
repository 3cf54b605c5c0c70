import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openDatabase } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { prepareRoles } from '../src/db/roles.ts';
import { openSealer, type Sealer } from '../src/identity/sealing.ts';
import { clockOfTree, type ProcessorClock } from './processor-time.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { city, fillTown, type Staff, type Village } from './town.ts';

/** Villages of a city with their households, a rule to award by, and the service running on them. */
export interface Fixture {
  ownerUrl: string;
  appUrl: string;
  /** As the service has it, for people who need a second factor. */
  sealer: Sealer;
  service: ServiceProcess;
  /** Of all processes of the PostgreSQL it stands in. */
  postgres: ProcessorClock;
  staff: Staff;
  villages: Village[];
  openedOn: string;
}

export interface Size {
  villages: number;
  households: number;
}

/** An embedded PostgreSQL in a temporary folder, for as many fixtures as are wanted. */
export interface Cluster {
  url: string;
  open(database: string, size: Size): Promise<Fixture>;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-bench-'));
  const postgres = await startEmbedded({ folder: join(folder, 'postgres'), log: () => undefined });
  const [pid] = (await readFile(join(postgres.dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
  const clock = clockOfTree(Number(pid));
  const services: ServiceProcess[] = [];
  return {
    url: postgres.url,
    async open(name, size) {
      await onClient(postgres.url, client => client.query(`create database ${name}`));
      const fixture = await openFixture(named(postgres.url, name), join(folder, name), size);
      services.push(fixture.service);
      return { ...fixture, postgres: clock };
    },
    async stop() {
      for (const service of services) await service.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openFixture(ownerUrl: string, folder: string, size: Size): Promise<Omit<Fixture, 'postgres'>> {
  const appUrl = await prepareRoles(ownerUrl);
  await migrate(ownerUrl);
  const database = openDatabase(appUrl, { onError: () => undefined });
  const sealer = openSealer(join(folder, 'keys'));
  const town = await fillTown(database, sealer, size);
  await database.close();
  await settle(ownerUrl);
  const service = await startService(ownerUrl, folder);
  return { ownerUrl, appUrl, sealer, service, ...town };
}

/**
 * Statistics, visibility and checkpoint as they are when nobody has written for a while. Like autovacuum it leaves alone
 * what has not changed: of a table that was looked at while it was empty, PostgreSQL believes for ever after that it is.
 */
export async function settle(ownerUrl: string): Promise<void> {
  await onClient(ownerUrl, async client => {
    const { rows } = await client.query(`
      select format('vacuum analyze %I.%I', schemaname, relname) as command
        from pg_stat_user_tables where n_live_tup > 0`);
    for (const { command } of rows) await client.query(command);
    await client.query('checkpoint');
  });
}

/** A connection as the service has them, with every village of the city in its scope. */
export async function connectAsApp(fixture: Fixture): Promise<pg.Client> {
  const client = await connect(fixture.appUrl);
  await client.query(`set jifen.scope = '${city}'`);
  return client;
}

export function connectAsOwner(fixture: Fixture): Promise<pg.Client> {
  return connect(fixture.ownerUrl);
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  // What fails says so by its query; a connection that is cut because everything is being stopped says nothing new.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** `count` connections at once. */
export function connectAll(count: number, open: () => Promise<pg.Client>): Promise<pg.Client[]> {
  return Promise.all(Array.from({ length: count }, open));
}

export async function endAll(clients: pg.Client[]): Promise<void> {
  await Promise.all(clients.map(client => client.end()));
}

export async function onClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function named(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
