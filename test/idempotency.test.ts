import { randomUUID } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import { test } from 'tap';
import { forgetAnswers } from '../src/posting/keys.ts';
import { isRefused } from './support/refusal.ts';
import { connect, openService, villages } from './support/service.ts';

const newcomer = { grid: 1, members: [{ name: '张小三' }] };

test('a key takes effect once', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const owner = await connect(t, service.ownerUrl);
  const url = `/v1/villages/${villages.own}/households`;
  const send = (key: string, body: unknown = newcomer, caller = clerk, path = url) =>
    caller('POST', path, body, { 'idempotency-key': key });
  const households = async () => (await clerk('GET', `${url}?limit=200`)).body.data.length;

  await t.test('and answers the same again, byte for byte', async t => {
    const key = randomUUID();
    const first = await send(key);
    const second = await send(key);
    t.equal(first.status, 201);
    t.equal(second.status, 201);
    t.equal(second.text, first.text);
    t.equal(second.headers.location, first.headers.location);
    t.notOk('idempotency-replayed' in first.headers);
    t.equal(second.headers['idempotency-replayed'], 'true');
    t.equal(await households(), 1);
  });

  await t.test('bare or quoted, it is one key', async t => {
    const key = randomUUID();
    t.equal((await send(key)).text, (await send(`"${key}"`)).text);
  });

  await t.test('fifty times at once', async t => {
    const before = await households();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(key)));
    const done = answers.filter(answer => answer.status === 201);
    const waiting = answers.filter(answer => answer.body.code === 'idempotency-in-progress');
    t.equal(done.length + waiting.length, 50);
    t.ok(done.length >= 1);
    t.equal(new Set(done.map(answer => answer.text)).size, 1, 'one answer');
    t.equal(done.filter(answer => !('idempotency-replayed' in answer.headers)).length, 1, 'one of them is the first');
    t.equal(await households(), before + 1, 'one household');
  });

  await t.test('with another body it is refused', async t => {
    const key = randomUUID();
    await send(key);
    const other = await send(key, { ...newcomer, address: '别处' });
    isRefused(t, other, '422 idempotency-key-reused');
    const sameMeaning = await send(key, '{"members":[{"name":"张小三"}],  "grid":1}');
    t.equal(sameMeaning.status, 201, 'order and spaces are no other body');
  });

  await t.test('on another operation it is refused', async t => {
    const key = randomUUID();
    await send(key);
    const other = await clerk(
      'POST',
      `/v1/villages/${villages.own}/grids`,
      { number: 5, name: '五组' },
      { 'idempotency-key': key },
    );
    isRefused(t, other, '422 idempotency-key-reused');
  });

  await t.test('of another caller it is another key', async t => {
    const key = randomUUID();
    const first = await send(key);
    const other = await send(key, newcomer, await service.as('clerk'));
    t.equal(other.status, 201);
    t.not(other.body.id, first.body.id);
  });

  await t.test('what was refused is not remembered', async t => {
    const key = randomUUID();
    isRefused(t, await send(key, { ...newcomer, grid: 77 }), '404 not-found', { field: 'grid' });
    t.equal((await send(key)).status, 201, 'the retry is judged afresh');
  });

  await t.test('without a key, or with an invalid one, nothing happens', async t => {
    const before = await households();
    isRefused(t, await send(''), '400 idempotency-key-required');
    isRefused(t, await send('x'.repeat(256)), '400 validation-failed', {
      errors: ['/headers/idempotency-key pattern'],
    });
    isRefused(t, await send('钥匙'), '400 validation-failed', { errors: ['/headers/idempotency-key pattern'] });
    t.equal(await households(), before);
  });

  await t.test('a secret is shown once and kept nowhere', async t => {
    const { id } = (await send(randomUUID())).body;
    const key = randomUUID();
    const cards = `${url}/${id}/cards`;
    const first = await send(key, {}, clerk, cards);
    const second = await send(key, {}, clerk, cards);
    t.match(first.body.code, /^PS1\.[0-9A-HJKMNP-TV-Z]{26}$/);
    t.strictSame(second.body, { ...first.body, code: null });
    const { rows } = await owner.query('select count(*)::int as n from http.idempotency where body like $1', [
      `%${first.body.code}%`,
    ]);
    t.equal(rows[0].n, 0);
  });

  await t.test('is kept for 35 days', async t => {
    const key = randomUUID();
    const first = await send(key);
    const forget = () => forgetAnswers(service.database, Object.values(villages), service.clock.now());
    service.clock.pass({ hours: 24 * 35 });
    await forget();
    t.equal((await send(key)).text, first.text, 'and no day less');
    service.clock.pass({ seconds: 1 });
    await forget();
    t.not((await send(key)).body.id, first.body.id, 'then it is a new key');
    service.clock.set('2026-11-23T02:00:00Z');
  });

  await t.test('an answer that was cut after the commit is given again', async t => {
    const address = await service.app.listen({ host: '127.0.0.1', port: 0 });
    const before = await households();
    const key = randomUUID();
    await cutOff(address, clerk.token, url, key);
    // What became of it is unknown to the caller: the retry settles it.
    const retried = await send(key);
    t.equal(retried.status, 201);
    t.equal(retried.headers['idempotency-replayed'], 'true', 'it had been done');
    t.equal(await households(), before + 1);
  });
});

/** Sends the request over a socket and tears it down at the first byte of the answer, unread. */
function cutOff(address: string, token: string, path: string, key: string): Promise<void> {
  const { hostname, port } = new URL(address);
  const body = JSON.stringify(newcomer);
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: hostname, port: Number(port) }, () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: ${key}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
    socket.once('readable', () => {
      socket.resetAndDestroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
