import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { build, queues } from './app.ts';
import { systemClock } from './calendar.ts';
import { type Config, readConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { startEmbedded } from './db/embedded.ts';
import { openJobs } from './db/jobs.ts';
import { migrate } from './db/migrate.ts';
import { prepareRoles } from './db/roles.ts';
import { defaultQuotas } from './http/limits.ts';
import { openKeys } from './identity/keys.ts';

/** Starts the service and answers how to stop it. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({
    level: config.logLevel,
    redact: ['*.password', '*.pin', '*.refreshToken', '*.accessToken', '*.code'],
  });
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of closing.reverse()) await step().catch(error => log.error({ err: error }, 'while stopping'));
  };

  try {
    const { ownerUrl, embedded } = await openPostgres(config, line => log.info(line));
    if (embedded !== null) {
      closing.push(() => embedded.stop());
    }
    const appUrl = config.databaseAppUrl !== '' ? config.databaseAppUrl : await prepareRoles(ownerUrl);
    const run = await migrate(ownerUrl);
    if (run.length > 0) log.info({ migrations: run }, 'migrated');

    const onError = (error: Error) => log.error({ err: error }, 'database connection');
    const database = openDatabase(appUrl, { onError });
    closing.push(() => database.close());
    const jobs = await openJobs(appUrl, queues, { worker: config.role !== 'api', onError });
    closing.push(() => jobs.stop());
    const keys = openKeys(join(config.dataDir, 'keys'), systemClock);
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    const app = await build({
      database,
      jobs,
      keys,
      clock: systemClock,
      origin: config.origin,
      version,
      corsOrigins: config.corsOrigins,
      quotas: defaultQuotas,
      trustProxy: config.trustProxy,
      logger: log,
    });
    closing.push(() => app.close());
    if (config.role !== 'worker') await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    await close();
    throw error;
  }

  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, 'stopping');
      void close().then(() => process.exit(0));
    });
  }
}

async function openPostgres(config: Config, log: (line: string) => void) {
  if (config.databaseUrl !== '') return { ownerUrl: config.databaseUrl, embedded: null };
  const embedded = await startEmbedded({ folder: join(config.dataDir, 'postgres'), log });
  return { ownerUrl: embedded.url, embedded };
}

await main();
