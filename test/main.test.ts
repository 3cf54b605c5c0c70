import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tap, { type Test, test } from 'tap';
import { totpCode } from '../src/identity/second-factor.ts';
import { callerOf, expectOk, signInAs } from '../src/sample/client.ts';
import { createEmptyDatabase, dropDatabase, openCluster } from './support/cluster.ts';
import {
  jifen,
  password,
  postmasterOf,
  readiness,
  run,
  signIn,
  spawnNode,
  startService,
} from './support/installation.ts';
import { untilGone } from './support/processes.ts';

// Processes of their own, and two first starts of about five seconds each.
tap.setTimeout(900_000);

/** One installation, which the first test makes and the others go on with. */
const folder = await mkdtemp(join(tmpdir(), 'jifen-main-'));
// A command that has just ended may leave a PostgreSQL that is still ending.
tap.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const ownPassword = 'eight bottles of oil';

test('a first start, a crash, a second start, and a clean end', async t => {
  const occupant = createServer().listen(5432, '127.0.0.1');
  t.teardown(() => occupant.close());
  await once(occupant, 'listening').catch(() => undefined);

  const made = await jifen(t, { JIFEN_DATA_DIR: folder }, ['admin', 'create', 'root1', '管理员', '--password-stdin']);
  t.match(made, { code: 0, out: /^root1 can sign in as platformAdmin\. The first sign-in asks for .*\n$/, err: '' });

  const first = await startService(t, { JIFEN_DATA_DIR: folder });
  t.equal(await readiness(first.url), 200);
  const { token, totpSecret } = await firstSignIn(first.url, 'root1', password);
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
    headers: {
      authorization: `Bearer ${(await signInAs(again.url!, 'root1', { password: ownPassword, totpSecret })).accessToken}`,
    },
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
    ...['true', '10.0.0.0/0', '10.0.0.2,proxy'].map((value): [Record<string, string>, string] => [
      { JIFEN_TRUST_PROXY: value },
      'JIFEN_TRUST_PROXY must be false, the number of proxies in front of the service (1 to 9), or their addresses, such as 10.0.0.2,fd00::/64.',
    ]),
    ...['kiosk.example', 'https://kiosk.example/shop'].map((value): [Record<string, string>, string] => [
      { JIFEN_CORS_ORIGINS: value },
      `JIFEN_CORS_ORIGINS must be origins such as https://kiosk.example, comma-separated; not ${value}.`,
    ]),
    [{ JIFEN_ROLE: 'api' }, 'JIFEN_ROLE=api requires DATABASE_URL: the embedded database serves a single process.'],
    [
      { JIFEN_BACKUP_KEEP: '0,4,12' },
      'JIFEN_BACKUP_KEEP must be the days, weeks and months to keep, such as 7,4,12; at least one day.',
    ],
    [
      // The example of the age specification, with two letters exchanged.
      { JIFEN_BACKUP_RECIPIENT: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcaq8p' },
      'JIFEN_BACKUP_RECIPIENT must be an age recipient (age1…); jifen backup key makes one.',
    ],
    [
      { DATABASE_URL: 'postgres://x', JIFEN_BACKUP_DIR: '/mnt' },
      'JIFEN_BACKUP_… is for the embedded database. docs/backup.md tells how to back up an external one.',
    ],
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

test('a DATABASE_URL without a password is refused, wherever else the password comes from', async t => {
  const cluster = await openCluster();
  const url = new URL(await createEmptyDatabase(cluster));
  t.teardown(() => dropDatabase(cluster.url, url.pathname.slice(1)));
  const env = { PGPASSWORD: decodeURIComponent(url.password), JIFEN_DATA_DIR: folder };
  url.password = '';
  const { code, err } = await run(t, 'src/main.ts', { ...env, DATABASE_URL: url.href });
  t.same(
    { code, err },
    {
      code: 1,
      err: 'jifen: DATABASE_URL has no password to derive that of jifen_app from. Set DATABASE_APP_URL to the connection string of jifen_app (README, "External PostgreSQL").\n',
    },
  );
});

test('several processes start at once on one empty external database', async t => {
  const cluster = await openCluster();
  const url = await createEmptyDatabase(cluster);
  t.teardown(() => dropDatabase(cluster.url, new URL(url).pathname.slice(1)));
  const dataDir = await mkdtemp(join(tmpdir(), 'jifen-several-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const env = { DATABASE_URL: url, JIFEN_DATA_DIR: dataDir, JIFEN_SAMPLE: 'on' };
  const [one, other, worker] = await Promise.all([
    startService(t, { ...env, JIFEN_ROLE: 'api' }),
    startService(t, { ...env, JIFEN_ROLE: 'api' }),
    startService(t, { ...env, JIFEN_ROLE: 'worker' }),
  ]);
  t.equal(await readiness(one.url), 200);
  t.equal(await readiness(other.url), 200);
  t.equal(worker.url, undefined, 'a worker does not listen');
  const { clerk1 } = JSON.parse(await readFile(join(dataDir, 'sample', 'sign-ins.json'), 'utf8'));
  for (const { url } of [one, other]) t.ok(await signIn(url, 'clerk1', clerk1.password), 'the sample is there once');
  await sampleServes(t, one.url!, dataDir);
  for (const { child } of [one, other, worker]) child.kill('SIGTERM');
  for (const { exit } of [one, other, worker]) {
    const { code, err } = await exit;
    t.equal(code, 0);
    t.notMatch(err, /jifen:|Error/, 'nothing but the progress of the sample');
  }
  const { code, out } = await jifen(t, env, ['migrate']);
  t.same({ code, out }, { code: 0, out: 'The database is up to date.\n' });
});

/** A test household of the sample picks its order up and is served at once, whatever day it is. */
async function sampleServes(t: Test, url: string, dataDir: string): Promise<void> {
  const read = async (name: string) => JSON.parse(await readFile(join(dataDir, 'sample', name), 'utf8'));
  const { accessToken } = await signInAs(url, 'storekeeper1', (await read('sign-ins.json')).storekeeper1);
  const [{ card, order }, , { card: other }] = await read('test-cards.json');
  const ask = async (method: string, path: string, body?: object) =>
    expectOk(await callerOf(url, async () => accessToken)(method, `/v1/villages/520281127101${path}`, body), path);
  const waiting = await ask('POST', '/redemptions/by-code', { number: order.number });
  t.equal((await ask('POST', '/redemptions/by-code', { pickupCode: order.pickupCode })).id, waiting.id);
  const done = await ask('POST', `/redemptions/${waiting.id}/fulfil`, { cardCode: card });
  t.equal(done.state, 'fulfilled');
  const { storeId, lines } = waiting;
  const again = { storeId, lines: [{ goodsId: lines[0].goodsId, quantity: 1 }], handOver: true, mode: 'counter' };
  t.equal((await ask('POST', '/redemptions', { ...again, cardCode: other })).state, 'fulfilled');
}

test('the command makes administrators, checks books and explains itself', async t => {
  const env = { JIFEN_DATA_DIR: folder };
  t.match((await jifen(t, env, ['--help'])).out, 'jifen admin create <login> <name>');
  t.match(await jifen(t, env, ['admin', 'destroy']), { code: 2, err: 'Unknown command' });
  t.match(await jifen(t, env, ['migrate', '--force']), { code: 2, err: /Unknown option '--force'/ });
  t.match(await jifen(t, env, ['admin', 'create', 'Root', '管理员']), { code: 2, err: 'The login must have 2 to 64' });
  const made = await jifen(t, env, ['admin', 'create', 'root2', '管理员']);
  t.match(made.out, /one-time password, which is shown only once:\n[\w-]{20}\n$/);
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
  await firstSignIn(service.url, 'root2', made.out.trimEnd().split('\n').at(-1)!);
});

/** What a new administrator does: changes the one-time password, sets up a second factor, and goes on with a new token. */
async function firstSignIn(
  url: string,
  login: string,
  oneTime: string,
): Promise<{ token: string; totpSecret: string }> {
  const signed = await signInAs(url, login, { password: oneTime, totpSecret: null });
  const change = { currentPassword: oneTime, newPassword: ownPassword };
  await call(url, 'PUT', '/v1/users/current/password', signed.accessToken, change);
  const own = await signInAs(url, login, { password: ownPassword, totpSecret: null });
  const factor = '/v1/users/current/second-factor';
  const { secret } = await call(url, 'POST', factor, own.accessToken, {});
  await call(url, 'POST', `${factor}/confirm`, own.accessToken, { code: totpCode(secret, Temporal.Now.instant()) });
  const { accessToken } = await call(url, 'POST', '/v1/sessions/refresh', null, { refreshToken: own.refreshToken });
  return { token: accessToken, totpSecret: secret };
}

async function call(url: string, method: string, path: string, token: string | null, body: unknown) {
  return expectOk(await callerOf(url, async () => token)(method, path, body), path);
}
