import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Test, test } from 'tap';
import { isRefused } from './support/refusal.ts';
import { openService, type Service, villages } from './support/service.ts';
import { until } from './support/waiting.ts';

/* What is sent, and how slowly, is the caller's choice; what the process holds of it is not. */

const mib = 1024 * 1024;
/** One for all, so that what is measured is what the service holds. */
const filler = Buffer.alloc(8 * mib, 0x20);
const photos = `/v1/villages/${villages.own}/photos`;

/** A request whose body announces `bytes` and stays unfinished after `sent` of them. */
async function begin(
  t: Test,
  service: Service,
  call: { method: string; url: string; token?: string; type?: string; bytes: number; sent: number },
): Promise<{ socket: Socket; status: () => number | undefined; closed: Promise<unknown> }> {
  const { port } = service.app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let said = '';
  socket.on('data', data => {
    said += data;
  });
  socket.on('error', () => undefined);
  const closed = new Promise(resolve => socket.on('close', resolve));
  await once(socket, 'connect');
  const lines = [
    `${call.method} ${call.url} HTTP/1.1`,
    'host: jifen',
    `content-type: ${call.type ?? 'application/json'}`,
    `content-length: ${call.bytes}`,
    'idempotency-key: 0123456789',
    ...(call.token === undefined ? [] : [`authorization: Bearer ${call.token}`]),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await new Promise(resolve => socket.write(filler.subarray(0, call.sent), resolve));
  return { socket, status: () => Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1]) || undefined, closed };
}

/** What is held, without what is only not collected yet. */
function memory(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage();
}

test('what everybody may send is small', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const household = await service.asHousehold(await service.household());
  const large = (bytes: number) => `{"x":"${'x'.repeat(bytes)}"}`;
  const json = { 'content-type': 'application/json' };
  for (const url of ['/v1/sessions', '/v1/sessions/refresh', '/v1/kiosk/pairings', '/v1/kiosk/tokens']) {
    isRefused(t, await service.anonymous('POST', url, large(17_000), json), '413 body-too-large', {}, url);
  }
  const claims = `/v1/villages/${villages.own}/claims`;
  isRefused(t, await household('POST', claims, large(70_000), json), '413 body-too-large');
  isRefused(t, await clerk('POST', `${photos}/x/nowhere`, large(900_000), json), '404 not-found');
  isRefused(t, await service.anonymous('POST', '/v1/nowhere', '{"x":', json), '404 not-found', {}, 'nor is it read');
});

test('eighty unfinished uploads of one clerk', async t => {
  const service = await openService(t);
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  const clerk = await service.as('clerk');
  const other = await service.as('clerk');
  const before = memory();
  const uploads = await Promise.all(
    Array.from({ length: 80 }, () =>
      begin(t, service, {
        method: 'POST',
        url: photos,
        token: clerk.token,
        type: 'image/jpeg',
        bytes: 8 * mib,
        sent: 7 * mib,
      }),
    ),
  );
  const refused = () => uploads.filter(({ status }) => status() === 429);
  await until(() => refused().length >= 77, 'all but three are refused');
  // What clients of this process have still in hand goes; what the service held of the refused ones would stay.
  let after = memory();
  await until(() => {
    after = memory();
    return after.arrayBuffers - before.arrayBuffers < 40 * mib;
  }, 'no more is held than those three');
  t.equal(refused().length, 77, 'three are waited for');
  t.comment(
    `RSS ${Math.round((after.rss - before.rss) / mib)} MiB more, buffers ${Math.round((after.arrayBuffers - before.arrayBuffers) / mib)} MiB more`,
  );

  const csv = { 'content-type': 'text/csv' };
  const roster = `/v1/villages/${villages.own}/household-imports?dryRun=true`;
  isRefused(t, await clerk('POST', roster, 'x'.repeat(mib), csv), '429 too-many-requests', {
    retryAfterSeconds: 5,
    policy: 'bodies',
  });
  t.equal((await other('POST', roster, 'x'.repeat(mib), csv)).status, 201, 'another clerk is not refused');

  for (const { socket } of uploads) socket.destroy();
  let answer = await clerk('POST', roster, 'x'.repeat(mib), csv);
  for (let n = 0; n < 100 && answer.status === 429; n += 1) {
    await delay(50);
    answer = await clerk('POST', roster, 'x'.repeat(mib), csv);
  }
  t.equal(answer.status, 201, 'what was hung up is given back');
});

test('a body has a deadline', async t => {
  const service = await openService(t, { bodyBaseMs: 300 });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  for (const url of ['/v1/sessions', '/v1/kiosk/tokens']) {
    const unfinished = await begin(t, service, { method: 'POST', url, bytes: 1_000, sent: 10 });
    await unfinished.closed;
    t.equal(unfinished.status(), 408, url);
  }
  t.equal((await service.anonymous('GET', '/healthz')).status, 200);
});
