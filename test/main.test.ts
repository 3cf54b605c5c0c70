import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import tap, { type Test, test } from 'tap';
import { createEmptyDatabase, dropDatabase, openCluster } from './support/cluster.ts';
import { untilGone } from './support/processes.ts';
import { until } from './support/waiting.ts';

// Processes of their own, and two first starts of about five seconds each.
tap.setTimeout(900_000);

/** One installation, which the first test makes and the others go on with. */
const folder = await mkdtemp(join(tmpdir(), 'jifen-main-'));
tap.teardown(() => rm(folder, { recursive: true, force: true }));

const password = 'seven bags of rice';

test('a first start, a crash, a second start, and a clean end', async t => {
  const occupant = createServer().listen(5432, '127.0.0.1');
  t.teardown(() => occupant.close());
  await once(occupant, 'listening').catch(() => undefined);

  const made = await jifen(t, { JIFEN_DATA_DIR: folder }, ['admin', 'create', 'root1', '管理员', '--password-stdin']);
  t.same(made, { code: 0, out: 'root1 can sign in as platformAdmin.\n', err: '' });

  const first = await startService(t, { JIFEN_DATA_DIR: folder });
  t.equal(await readiness(first.url), 200);
  const token = await signIn(first.url, 'root1', password);
  const province = {
    code: '520000000000',
    level: 'province',
    parentCode: null,
    name: '贵州省',
    kind: '省',
    provisional: false,
    households: null,
  };
  const entered = await fetch(`${first.url}/v1/divisions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'a-province' },
    body: JSON.stringify(province),
  });
  t.equal(entered.status, 201);

  const second = await jifen(t, { JIFEN_DATA_DIR: folder }, ['migrate']);
  t.equal(second.code, 2);
  t.match(
    second.err,
    /^jifen: The database in .* is in use by another running instance\. Stop that instance, or .*\n$/,
  );
  const third = await run(t, 'src/main.ts', { JIFEN_DATA_DIR: folder });
  t.match(third, { code: 1, err: /^jifen: The database in .* is in use by another running instance\..*\n$/ });

  first.child.kill('SIGKILL');
  await first.exit;
  const again = await startService(t, { JIFEN_DATA_DIR: folder });
  t.comment(`ready again after ${again.readyAfterMs} ms`);
  const kept = await fetch(`${again.url}/v1/divisions/520000000000`, {
    headers: { authorization: `Bearer ${await signIn(again.url, 'root1', password)}` },
  });
  t.equal(kept.status, 200, 'what was acknowledged before the kill is there');

  const postmaster = await postmasterOf(folder);
  again.child.kill('SIGINT');
  t.same(await again.exit, { code: 0, err: '' }, 'Ctrl-C is a clean end');
  // It leaves no PostgreSQL behind.
  await untilGone(postmaster);
});

test('Ctrl-C in the middle of the first start is a clean end too', async t => {
  const empty = await mkdtemp(join(tmpdir(), 'jifen-main-'));
  t.teardown(() => rm(empty, { recursive: true, force: true }));
  const child = spawnNode(t, ['src/main.ts'], { JIFEN_DATA_DIR: empty });
  while (!existsSync(join(empty, 'postgres'))) await sleep(20);
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  t.equal(code, 0);
  await untilGone(await postmasterOf(empty).catch(() => 0));
  const service = await startService(t, { JIFEN_DATA_DIR: empty });
  t.equal(await readiness(service.url), 200, 'the next start finds nothing in its way');
  process.kill(await postmasterOf(empty), 'SIGKILL');
  t.equal((await service.exit).code, 1, 'and when its PostgreSQL dies, the service ends and says why');
  t.match(service.lines.join(), 'PostgreSQL ended unexpectedly');
});

test('a client that never ends its request does not keep the service from stopping', async t => {
  const service = await startService(t, { JIFEN_DATA_DIR: folder });
  const { hostname, port } = new URL(service.url!);
  const socket = connect(Number(port), hostname);
  // The end comes as a reset, which is what is wanted.
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  // Answered once, it is known; then it begins what it never ends.
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  socket.write(
    'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"lo',
  );
  service.child.kill('SIGINT');
  t.match(await service.exit, { code: 0 });
});

test('what is wrong with the environment is reported in one line', async t => {
  const occupant = createServer().listen(0, '127.0.0.1');
  t.teardown(() => occupant.close());
  await once(occupant, 'listening');
  const port = String((occupant.address() as AddressInfo).port);
  const cases: [Record<string, string>, string][] = [
    [{ PORT: 'many' }, 'PORT must be integer.'],
    [{ JIFEN_ROLE: 'king' }, 'JIFEN_ROLE must be equal to one of the allowed values: all, api, worker.'],
    [{ JIFEN_ROLE: 'api' }, 'JIFEN_ROLE=api requires DATABASE_URL: the embedded database serves a single process.'],
    [{ DATABASE_APP_URL: 'postgres://x' }, 'DATABASE_APP_URL requires DATABASE_URL, which migrations run with.'],
    [
      { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
      'Cannot use DATABASE_URL: connect ECONNREFUSED 127.0.0.1:1.',
    ],
    [
      { JIFEN_POSTGRES_BIN: '/nowhere', JIFEN_DATA_DIR: folder },
      'JIFEN_POSTGRES_BIN: PostgreSQL in /nowhere does not run here: spawn /nowhere/postgres ENOENT',
    ],
    [
      { PORT: port, JIFEN_DATA_DIR: folder },
      `Port ${port} on 127.0.0.1 is already in use: stop the process that uses it, or set PORT.`,
    ],
  ];
  for (const [env, line] of cases) {
    const { code, err } = await run(t, 'src/main.ts', env);
    t.same({ code, err }, { code: 1, err: `jifen: ${line}\n` });
  }
});

/** Status of /readyz, once the service has stopped shedding the load of its own start. */
async function readiness(url: string): Promise<number> {
  let status = 503;
  await until(async () => {
    ({ status } = await fetch(`${url}/readyz`));
    return status !== 503;
  }, `${url} is ready`);
  return status;
}

test('several processes start at once on one empty external database', async t => {
  const cluster = await openCluster();
  const url = await createEmptyDatabase(cluster);
  t.teardown(() => dropDatabase(cluster.url, new URL(url).pathname.slice(1)));
  const env = { DATABASE_URL: url, JIFEN_DATA_DIR: folder };
  const [one, other, worker] = await Promise.all([
    startService(t, { ...env, JIFEN_ROLE: 'api' }),
    startService(t, { ...env, JIFEN_ROLE: 'api' }),
    startService(t, { ...env, JIFEN_ROLE: 'worker' }),
  ]);
  t.equal(await readiness(one.url), 200);
  t.equal(await readiness(other.url), 200);
  t.equal(worker.url, undefined, 'a worker does not listen');
  for (const { child } of [one, other, worker]) child.kill('SIGTERM');
  for (const { exit } of [one, other, worker]) t.same(await exit, { code: 0, err: '' });
  const { code, out } = await jifen(t, env, ['migrate']);
  t.same({ code, out }, { code: 0, out: 'The database is up to date.\n' });
});

test('the command makes administrators, checks books and explains itself', async t => {
  const env = { JIFEN_DATA_DIR: folder };
  t.match((await jifen(t, env, ['--help'])).out, 'jifen admin create <login> <name>');
  t.match(await jifen(t, env, ['admin', 'destroy']), { code: 2, err: 'Unknown command' });
  t.match(await jifen(t, env, ['migrate', '--force']), { code: 2, err: /Unknown option '--force'/ });
  t.match(await jifen(t, env, ['admin', 'create', 'Root', '管理员']), { code: 2, err: 'The login must have 2 to 64' });
  const made = await jifen(t, env, ['admin', 'create', 'root2', '管理员']);
  t.match(made.out, /this password, which is shown only once:\n[\w-]{20}\n$/);
  t.match(await jifen(t, env, ['admin', 'create', 'root1', '管理员']), {
    code: 2,
    err: 'jifen: User root1 already exists.\n',
  });
  t.same(await jifen(t, env, ['verify']), { code: 0, out: '', err: '' });
  t.match(await jifen(t, env, ['verify', '520281127101']), {
    code: 2,
    err: 'There is no book for village 520281127101',
  });
  const service = await startService(t, env);
  await signIn(service.url, 'root2', made.out.trimEnd().split('\n').at(-1)!);
});

const root = fileURLToPath(new URL('..', import.meta.url));

/** Nothing of the environment of the tests reaches the service, but where Node keeps what it has compiled. */
function spawnNode(t: Test, args: string[], env: Record<string, string>): ChildProcess {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH, HOME, NODE_COMPILE_CACHE, JIFEN_SAMPLE: 'off', PORT: '0', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdin?.on('error', () => undefined);
  return child;
}

interface Service {
  child: ChildProcess;
  /** Undefined for a worker. */
  url: string;
  readyAfterMs: number;
  /** Its log. */
  lines: string[];
  exit: Promise<{ code: number | null; err: string }>;
}

/** Starts the service and waits until it says that it is ready. */
async function startService(t: Test, env: Record<string, string>): Promise<Service> {
  const begun = Date.now();
  const child = spawnNode(t, ['src/main.ts'], env);
  const err = text(child.stderr!);
  let ended = false;
  const exit = once(child, 'exit').then(async ([code]) => {
    ended = true;
    return { code, err: await err };
  });
  const lines: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', (data: string) => lines.push(data));
  const ready = /listening at (http:\S+);|processing jobs/;
  while (!ready.test(lines.join('')) && !ended) await sleep(20);
  if (ended) throw new Error(`the service did not start: ${(await exit).err}${lines.join('')}`);
  const url = ready.exec(lines.join(''))?.[1] as string;
  return { child, url, readyAfterMs: Date.now() - begun, lines, exit };
}

/** Runs a program to its end. */
async function run(t: Test, program: string, env: Record<string, string>, args: string[] = []) {
  const child = spawnNode(t, [program, ...args], env);
  child.stdin!.end(`${password}\n`);
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
  return { code, out, err };
}

function jifen(t: Test, env: Record<string, string>, args: string[]) {
  return run(t, 'bin/jifen.js', env, args);
}

async function signIn(url: string, login: string, secret: string): Promise<string> {
  const ask = () =>
    fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login, password: secret }),
    });
  let answer = await ask();
  // A service that has only just started may have more to do than it takes on, and says so.
  await until(async () => {
    if (answer.status === 503) answer = await ask();
    return answer.status !== 503;
  }, 'the service has time for a sign-in');
  if (answer.status !== 201) throw new Error(`signing in was answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'cluster', 'data', 'postmaster.pid'), 'utf8'), 10);
}
