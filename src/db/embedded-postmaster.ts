// The server process of a data directory: starting it, finding it again, and telling it from all other processes.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { type Account, env, type Programs } from './embedded-binaries.ts';

export interface Postmaster {
  pid: number;
  port: number;
}

export async function spawnPostmaster(place: {
  folder: string;
  data: string;
  programs: Programs;
  account: Account | undefined;
  /** More settings, `name=value`, for this start alone. */
  settings: readonly string[];
}): Promise<Postmaster> {
  const { folder, data, programs, account } = place;
  const port = await freePort();
  await using log = await fs.open(join(folder, 'postgres.log'), 'a', 0o600);
  await log.truncate();
  const options = [...settings, ...place.settings, `port=${port}`, markOf(data)].flatMap(setting => ['-c', setting]);
  await using door = account && (await fs.open(data));
  const child = spawn(join(programs.bin, 'postgres'), ['-D', nameFor(data, account), ...options], {
    env,
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd, door?.fd ?? 'ignore'],
    // Ctrl-C in a terminal is for the service alone, which finishes its requests before it stops PostgreSQL.
    detached: true,
    ...account,
  });
  child.unref();
  await once(child, 'spawn');
  return { pid: child.pid ?? 0, port };
}

/** The running server of `data`, whoever started it. */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const { pid, port } = await readLockFile(data);
  if (!(pid > 0 && port > 0)) return undefined;
  if (isPostmaster(pid, data)) return { pid, port };
  // After a crash of the machine or container some other process may have the number, and PostgreSQL would refuse to
  // start. Should we be wrong, it still refuses, by the shared memory that belongs to the directory.
  if (signal(pid, 0)) await fs.rm(lockFileOf(data), { force: true });
  return undefined;
}

/** A zombie has no command line, and counts as gone: the new parent of a taken-over server may never reap it. */
export function isPostmaster(pid: number, data: string): boolean {
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
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Source: PostgreSQL, src/include/utils/pidfile.h. `ready` is what pg_ctl waits for, too. */
export async function readLockFile(data: string): Promise<{ pid: number; port: number; ready: boolean }> {
  const lines = (await fs.readFile(lockFileOf(data), 'utf8').catch(() => '')).split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/**
 * The data directory as PostgreSQL is told. When it runs as another user than we do, its fourth stream is this folder, which
 * we have opened, so that it needs no way through the folders above: they may be closed to everybody but root. (The working
 * directory would do as well, but PostgreSQL 15 leaves it while it looks for itself, and cannot come back.)
 */
export function nameFor(data: string, account: Account | undefined): string {
  return account !== undefined && existsSync('/proc/self/fd') ? '/proc/self/fd/3' : data;
}

function lockFileOf(data: string): string {
  return join(data, 'postmaster.pid');
}

/** A setting without effect, last on the command line, that tells the server of `data` from all other processes. */
function markOf(data: string): string {
  return `jifen.data_folder=${data}`;
}

/** A port that is free now. PostgreSQL cannot choose one itself, and may lose this one again: see the attempts of `startEmbedded`. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * An eighth of the memory that this process may have, between PostgreSQL’s own default and two gigabytes: the service and the
 * files that PostgreSQL reads want the rest. Pages that are not needed are never touched.
 */
function sharedMegabytes(): number {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.min(2048, Math.max(128, Math.floor(bytes / 8 / 2 ** 20)));
}

/** The first four are defaults and promises: set here, postgresql.conf cannot override them. */
const settings = [
  'fsync=on',
  'full_page_writes=on',
  'synchronous_commit=on',
  'data_sync_retry=off',
  'listen_addresses=127.0.0.1',
  // The path of a socket may have about 100 characters, and folders are often deeper than that.
  'unix_socket_directories=',
  'max_connections=120',
  `shared_buffers=${sharedMegabytes()}MB`,
  // After a checkpoint each page is written whole when it first changes: of the log of a large book that was two thirds.
  // So they are seldom, but no further apart than what a start after a crash reads in seven seconds.
  'checkpoint_timeout=15min',
  'max_wal_size=2GB',
  // The log that is kept for a backup which cannot be written (its disk is full, or not there) must not fill this one.
  'max_slot_wal_keep_size=2GB',
  // Until a young table has its first statistics, all of its indexes look alike to the planner, and a post may read its
  // whole village for each cause.
  'autovacuum_naptime=15s',
  'timezone=UTC',
  'log_timezone=UTC',
  'lc_messages=C',
  'logging_collector=off',
  'log_destination=stderr',
  // Errors reach the service, which logs them without names. PostgreSQL would write whole statements.
  'log_min_messages=fatal',
  'log_min_error_statement=panic',
];
