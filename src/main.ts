import { mkdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { build, queues, startWorker } from './app.ts';
import { releaseBackups, scheduleBackups } from './backup/schedule.ts';
import { foldersOf } from './backup/source.ts';
import { systemClock } from './calendar.ts';
import { openBookSigner } from './checkpoints/signer.ts';
import { backupFolderOf, type Config, readConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { openJobs } from './db/jobs.ts';
import { openPostgres } from './db/open.ts';
import { explainError } from './explain-error.ts';
import { quotasOf } from './http/limits.ts';
import { openKeys } from './identity/keys.ts';
import { openSealer } from './identity/sealing.ts';
import { folderStore } from './photos/folder-store.ts';
import { s3Store } from './photos/s3-store.ts';
import { loadOnFirstStart, welcome } from './sample/first-start.ts';
import { followCertificate, readCertificate } from './tls/certificate.ts';

/** What was opened, in order: closing goes the other way. */
type Closing = (() => Promise<unknown>)[];

/** Whoever supervises the process kills it after 30 seconds. Cut off here it leaves no more behind than a kill would. */
const stopMs = 25_000;

async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({
    level: config.logLevel,
    redact: ['*.password', '*.pin', '*.refreshToken', '*.accessToken', '*.code'],
  });
  const closing: Closing = [];
  let stopping = false;
  /** Ends what was opened, and the process with `code`, or with 1 if that takes too long. The first reason counts. */
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log.error({ stopMs }, 'stopping took too long');
      process.exit(1);
    }, stopMs);
    for (const step of closing.reverse())
      await step().catch(error => log.error({ err: error }, 'error while stopping'));
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'stopping');
      void stop(0);
    });
  }

  try {
    await start(config, log, closing, reason => {
      if (!stopping) log.fatal(reason);
      void stop(1);
    });
  } catch (error) {
    // Whoever presses Ctrl-C during a start pulls the database from under it.
    if (!stopping) complain(error);
    await stop(1);
  }
}

/** Opens everything, the service last. `lost` hears why the database went away. */
async function start(config: Config, log: Logger, closing: Closing, lost: (reason: string) => void): Promise<void> {
  const certificate = config.tls === null ? null : await readCertificate(config.tls);
  const onError = (error: Error) => log.error({ err: error }, 'database connection failed');
  const opening = openPostgres(config, line => log.info(line));
  // Before it is there: Ctrl-C during the first start waits for it, so that no PostgreSQL stays behind.
  closing.push(async () => (await opening.catch(() => null))?.stop());
  const { appUrl, migrated, embedded, closed } = await opening;
  void closed.then(lost);
  if (migrated.length > 0) log.info({ migrated }, 'migrated');

  const database = openDatabase(appUrl, { onError });
  closing.push(() => database.close());
  const jobs = await openJobs(appUrl, queues, { worker: config.role !== 'api', onError });
  closing.push(() => jobs.stop());
  const keyFolder = join(config.dataDir, 'keys');
  const signer = openBookSigner(keyFolder, { origin: config.origin, clock: systemClock });
  const photos =
    config.photoBucket === null ? folderStore(join(config.dataDir, 'photos')) : s3Store(config.photoBucket);
  if (config.role !== 'api') await startWorker({ database, jobs, clock: systemClock, signer, photos });
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  if (config.role === 'worker') {
    log.info({ version }, 'processing jobs');
    return;
  }
  const sealer = openSealer(keyFolder);
  const sample = await loadOnFirstStart(config, { database, sealer, jobs });
  const app = await build({
    database,
    jobs,
    keys: openKeys(keyFolder, systemClock),
    sealer,
    signer,
    photos,
    clock: systemClock,
    origin: config.origin,
    version,
    corsOrigins: config.corsOrigins,
    quotas: quotasOf(config.requestsPerMinute),
    tls: certificate,
    minClientVersion: config.minClientVersion,
    pairingsPerHour: config.pairingsPerHour,
    trustProxy: config.trustProxy,
    bodyBaseMs: 30_000,
    eventLoopDelayMaxMs: 2_000,
    logger: log,
  });
  closing.push(async () => {
    // Requests under way may end; a client that never finishes its own must not keep the service from stopping.
    const impatience = setTimeout(() => app.server.closeAllConnections(), 5_000);
    await app.close();
    clearTimeout(impatience);
  });
  const address = await app.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: address => `jifen ${version} is listening at ${address}; API reference at ${address}/docs`,
  });
  if (config.tls !== null && certificate !== null) {
    const server = app.server as unknown as Server;
    const following = followCertificate(server, config.tls, { shown: certificate, log, intervalMs: 10_000 });
    closing.push(async () => following.stop());
  }
  if (sample !== null) process.stdout.write(welcome(config, address, sample));
  if (embedded === null) return;
  const source = { postgres: embedded, folders: foldersOf(config), version };
  if (config.backup === null) return void releaseBackups(source, log);
  const own = backupFolderOf(config.dataDir);
  if (config.backup.backups === own) await mkdir(own, { recursive: true, mode: 0o700 });
  const backups = scheduleBackups(source, config.backup, { clock: systemClock, log });
  closing.push(() => backups.stop());
  backups.start();
}

function complain(error: unknown): void {
  process.stderr.write(`jifen: ${explainError(error)}\n`);
}

try {
  await main();
} catch (error) {
  complain(error);
  process.exitCode = 1;
}
