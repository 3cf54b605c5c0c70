// The PostgreSQL that comes with the service: it runs in a folder, for one instance of the service at a time.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Account, accountFor, env, findPrograms, giveTo, makeOnce, type Programs } from './embedded-binaries.ts';
import {
  findPostmaster,
  isPostmaster,
  nameFor,
  type Postmaster,
  readLockFile,
  signal,
  spawnPostmaster,
} from './embedded-postmaster.ts';

export interface EmbeddedPostgres {
  /** Connection string of the superuser, database `postgres`. */
  url: string;
  port: number;
  /** The data directory. (As root, PostgreSQL's own `show data_directory` has another name for it.) */
  dataFolder: string;
  /** Says why, once the server is not ours to use any more: it ended, another instance took it, or `stop` was called. */
  closed: Promise<string>;
  /** Ends the server and every connection to it. What was committed stays. */
  stop(): Promise<void>;
}

/** As much of it as a superuser needs who does not own it. */
export type RunningPostgres = Pick<EmbeddedPostgres, 'url' | 'dataFolder'>;

/**
 * Starts the PostgreSQL in `folder`, makes it first if there is none, or takes over the one that still runs there because
 * its service was killed.
 *
 * @throws Error, in words for the operator: another instance uses the folder, this machine has no binaries that run, or
 *   the server does not start (with the end of its log)
 */
export async function startEmbedded(options: {
  folder: string;
  /** The bin folder of another installation; empty: the PostgreSQL that npm has brought. */
  bin?: string;
  log: (message: string) => void;
  /** More settings, `name=value`, for this start alone. */
  settings?: readonly string[];
  /** How long a recovery may take before the start is given up; PostgreSQL goes on with it. */
  readyWithinMs?: number;
}): Promise<EmbeddedPostgres> {
  const { log, settings = [], readyWithinMs = 180_000 } = options;
  await fs.mkdir(options.folder, { recursive: true, mode: 0o700 });
  const folder = await fs.realpath(options.folder);
  const cluster = join(folder, 'cluster');
  const account = await accountFor(cluster);
  const programs = await findPrograms(options.bin ?? '', account, log);
  await makeOnce(cluster, unfinished => initialise(unfinished, programs, account));
  await fits(join(cluster, 'data'), programs);
  const password = await fs.readFile(join(cluster, 'password'), 'utf8');
  const place: Place = { folder, data: join(cluster, 'data'), password, programs, account, settings, readyWithinMs };

  for (let attempt = 1; ; attempt += 1) {
    const running = await findPostmaster(place.data);
    const server = running ?? (await spawnPostmaster(place));
    const owner = await own(place, server);
    if (owner !== undefined) {
      log(`PostgreSQL ${running ? 'was still running; reusing it' : 'is running'} at 127.0.0.1:${server.port}.`);
      await removeUnfinished(cluster);
      return supervise(place, server, owner, log);
    }
    // It ended before it answered: the port was taken, processes of a killed server still hold its memory (until their
    // statements end), an earlier instance was just stopping, or another start was quicker. All of these pass.
    if (attempt === attemptsMax) throw new Error(`PostgreSQL in ${folder} did not start. ${await endOfLog(folder)}`);
    await sleep(200 * attempt);
  }
}

/**
 * The PostgreSQL that runs in `folder`, for somebody who does not want to own it. Undefined when none runs there, or it is
 * not ready.
 */
export async function findEmbedded(folder: string): Promise<RunningPostgres | undefined> {
  const cluster = join(await fs.realpath(folder).catch(() => folder), 'cluster');
  const data = join(cluster, 'data');
  const server = await findPostmaster(data);
  if (server === undefined || !(await readLockFile(data)).ready) return undefined;
  return { url: urlOf(await fs.readFile(join(cluster, 'password'), 'utf8'), server), dataFolder: data };
}

interface Place {
  folder: string;
  data: string;
  password: string;
  programs: Programs;
  account: Account | undefined;
  settings: readonly string[];
  readyWithinMs: number;
}

/** A connection that holds the owner's advisory lock; `lost` says why it ended. */
interface Owner {
  lost: Promise<string>;
}

const attemptsMax = 8;

/** Fast shutdown, immediate shutdown (the next start recovers), and the end in any case. */
const stopSignals = [
  { name: 'SIGINT', waitMs: 60_000 },
  { name: 'SIGQUIT', waitMs: 10_000 },
  { name: 'SIGKILL', waitMs: 2_000 },
] as const;

/**
 * Removes what killed first starts left. Only the owner may: whoever else still makes a cluster has come too late. Where
 * such a one is still writing, the folder stays for the next start to remove.
 */
async function removeUnfinished(cluster: string): Promise<void> {
  for await (const path of fs.glob(`${basename(cluster)}-*`, { cwd: dirname(cluster) }))
    await fs.rm(join(dirname(cluster), path), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
}

/** @throws Error where the files in `data` are of another major version: PostgreSQL would not read them. */
async function fits(data: string, { bin, version }: Programs): Promise<void> {
  const made = Number.parseInt(await fs.readFile(join(data, 'PG_VERSION'), 'utf8'), 10);
  if (made === version) return;
  throw new Error(
    `The database in ${data} is of PostgreSQL ${made}, and ${bin} is PostgreSQL ${version}. ` +
      'JIFEN_POSTGRES_BIN says which is used: empty, the one that npm brings.',
  );
}

async function initialise(cluster: string, programs: Programs, account: Account | undefined): Promise<void> {
  const data = join(cluster, 'data');
  await fs.mkdir(data, { mode: 0o700 });
  await fs.writeFile(join(cluster, 'password'), randomBytes(24).toString('hex'), { mode: 0o600, flush: true });
  if (account !== undefined) await giveTo(account, cluster);
  const name = nameFor(data, account);
  // The same order and the same letters, from PostgreSQL itself where it can, else from the system's library.
  const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  const locale = ['--encoding=UTF8', ...(programs.version >= 17 ? builtin : ['--locale=C.UTF-8'])];
  const access = ['--username=postgres', `--pwfile=${name}/../password`, '--auth=scram-sha-256'];
  const args = [`--pgdata=${name}`, ...locale, ...access, '--data-checksums', '--no-instructions'];
  await using door = account && (await fs.open(data));
  const child = spawn(join(programs.bin, 'initdb'), args, {
    env,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', door?.fd ?? 'ignore'],
    ...account,
  });
  const [output, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')]);
  if (code !== 0) throw new Error(`PostgreSQL cannot make its files in ${data}.\n${output.trimEnd()}`);
}

/**
 * Waits until `server` answers, through a crash recovery if need be, and becomes its owner. Undefined when it ends before.
 * @throws Error when another instance is the owner, or `place.readyWithinMs` is over
 */
async function own(place: Place, server: Postmaster): Promise<Owner | undefined> {
  const tooLate = AbortSignal.timeout(place.readyWithinMs);
  while (isPostmaster(server.pid, place.data)) {
    // Before it is ready it may not have got the port, and whoever has it must not be asked with our password.
    const owner = (await readLockFile(place.data)).ready ? await lock(place, server) : undefined;
    if (owner !== undefined) return owner;
    // A recovery goes on without us, so the next start has less to wait for.
    if (tooLate.aborted)
      throw new Error(`The database in ${place.folder} is not ready yet. Start again to keep waiting.`);
    await sleep(30);
  }
  return undefined;
}

/** Becomes the owner of `server`. Undefined when it does not answer (yet, or any more). */
async function lock(place: Place, server: Postmaster): Promise<Owner | undefined> {
  const client = new pg.Client({
    connectionString: urlOf(place.password, server),
    application_name: 'jifen owner',
    connectionTimeoutMillis: 5_000,
    // The lock of a killed owner is free as soon as PostgreSQL notices, so it is worth a moment.
    lock_timeout: 2_000,
    options: '-c idle_session_timeout=0',
  });
  const lost = new Promise<string>(resolve => {
    client.on('error', error => resolve(error.message));
    client.on('end', () => resolve('closed'));
  });
  try {
    await client.connect();
    await client.query('select pg_advisory_lock(7231, 0)');
    return { lost };
  } catch (error) {
    await client.end().catch(() => undefined);
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    const the = `The database in ${place.folder}`;
    if (code === '55P03')
      throw new Error(`${the} is in use by another running instance. Stop that instance, or set JIFEN_DATA_DIR.`);
    if (code === '28P01')
      throw new Error(`${the} does not accept the stored password: one of the two has been replaced.`);
    return undefined;
  }
}

function urlOf(password: string, { port }: Postmaster): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

function supervise(place: Place, server: Postmaster, first: Owner, log: (message: string) => void): EmbeddedPostgres {
  let ours = true;
  let stopped: Promise<void> | undefined;
  const closed = watch();
  const { port } = server;
  return { url: urlOf(place.password, server), port, dataFolder: place.data, closed, stop: () => (stopped ??= stop()) };

  /** When one of its processes crashes, PostgreSQL ends all connections and recovers by itself: then we own it again. */
  async function watch(): Promise<string> {
    let reason = '';
    try {
      for (let owner: Owner | undefined = first; owner !== undefined; owner = await own(place, server)) {
        if (owner !== first) log('PostgreSQL has recovered.');
        const loss = await owner.lost;
        if (stopped === undefined) log(`The connection that owns PostgreSQL was lost: ${loss}.`);
      }
      if (stopped !== undefined) return 'PostgreSQL was stopped.';
      reason = `PostgreSQL ended unexpectedly. ${await endOfLog(place.folder)}`;
    } catch (error) {
      ours = false;
      reason = (error as Error).message;
    }
    log(reason);
    return reason;
  }

  async function stop(): Promise<void> {
    for (const { name, waitMs } of stopSignals) {
      if (!ours || !isPostmaster(server.pid, place.data)) break;
      signal(server.pid, name);
      const tooLate = AbortSignal.timeout(waitMs);
      while (isPostmaster(server.pid, place.data) && !tooLate.aborted) await sleep(20);
    }
    await closed;
  }
}

async function endOfLog(folder: string): Promise<string> {
  const text = await fs.readFile(join(folder, 'postgres.log'), 'utf8').catch(() => '');
  return `Its log ends with:\n${text.trimEnd().split('\n').slice(-10).join('\n')}`;
}
