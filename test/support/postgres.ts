import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { accountFor, env, findPrograms, giveTo, run } from '../../src/db/embedded-binaries.ts';
import { freePort } from './free-port.ts';
import { patienceMs } from './waiting.ts';

/** A PostgreSQL of the tests' own, started directly, so that whoever kills it also buries it: a zombie would keep its port. */
export interface OwnPostgres {
  url: string;
  /** Starts it, or starts it again after a kill, and waits until it answers. Answers after how many milliseconds. */
  start(settings?: string[]): Promise<number>;
  /** `kill -9` of the server and of each of its processes. */
  kill(): Promise<void>;
  /** True while its server process runs. */
  runs(): boolean;
  /** Ends it and removes everything. */
  remove(): Promise<void>;
}

/**
 * @param durable whether a commit waits for the disk, as the service's own PostgreSQL does. Ordinary tests do without:
 *   what they prove has nothing to do with the disk.
 * @param folders where data and write-ahead log lie, when they lie somewhere in particular
 */
export async function makePostgres(
  durable: boolean,
  folders: { data?: string; wal?: string } = {},
): Promise<OwnPostgres> {
  const folder = await fs.mkdtemp(join(tmpdir(), 'jifen-test-'));
  const data = folders.data ?? join(folder, 'data');
  const account = await accountFor(folder);
  const { bin } = await findPrograms('', account, () => undefined);
  for (const made of [data, ...(folders.wal === undefined ? [] : [folders.wal])])
    await fs.mkdir(made, { recursive: true, mode: 0o700 });
  if (account !== undefined) {
    for (const made of [folder, data, folders.wal]) if (made !== undefined) await giveTo(account, made);
  }
  const options = [
    '--username=postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  const wal = folders.wal === undefined ? [] : [`--waldir=${folders.wal}`];
  await run(join(bin, 'initdb'), [`--pgdata=${data}`, ...options, ...wal], {
    env,
    cwd: folder,
    ...account,
  });
  const port = await freePort();
  const url = `postgres://postgres:trusted@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  let output: string[] = [];
  // Whatever becomes of the test, no server stays behind.
  process.once('exit', () => server?.kill('SIGKILL'));

  return {
    url,
    runs: () => server !== undefined && server.exitCode === null && server.signalCode === null,
    async start(settings = output) {
      output = settings;
      const begun = performance.now();
      const all = [...always, ...(durable ? safe : hasty), `port=${port}`, ...settings].flatMap(setting => [
        '-c',
        setting,
      ]);
      await using log = await fs.open(join(folder, 'log'), 'a');
      const launch = () =>
        spawn(join(bin, 'postgres'), ['-D', data, ...all], {
          env,
          cwd: data,
          stdio: ['ignore', log.fd, log.fd],
          ...account,
        });
      server = launch();
      while (!(await answers(url))) {
        // Processes of a killed server hold its memory until their statements end, and no other starts before.
        if (server.exitCode !== null) server = launch();
        if (performance.now() - begun > patienceMs)
          throw new Error(
            `PostgreSQL does not start: ${(await fs.readFile(join(folder, 'log'), 'utf8')).slice(-2_000)}`,
          );
        await wait(20);
      }
      return performance.now() - begun;
    },
    kill: () => killTree(server!),
    async remove() {
      if (server !== undefined) await killTree(server);
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

const safe = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on'];
const hasty = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

/** What the service's own PostgreSQL has, too. */
const always = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=120',
  'shared_buffers=256MB',
  'max_wal_size=2GB',
  'autovacuum_naptime=15s',
  'timezone=UTC',
  'lc_messages=C',
  'log_min_messages=fatal',
  'log_min_error_statement=panic',
  // A recovery asks the disk for everything at once, and not file by file: it takes a second less.
  ...(process.platform === 'linux' ? ['recovery_init_sync_method=syncfs'] : []),
];

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Each of them has a process group of its own. The first is stopped, so that it makes no more while they are counted. */
async function killTree(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGSTOP');
  for (const pid of [...childrenOf(server.pid!), server.pid!]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await gone;
}

function childrenOf(parent: number): number[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => parentOf(pid) === parent);
}

/** Source: proc(5), /proc/pid/stat: the fourth field, after a name that may hold anything. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
