import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { type Test, test } from 'tap';
import { Type } from 'typebox';
import { compression, holdsCredentials } from '../src/http/compression.ts';
import { declaredOperations } from './support/declared.ts';
import { openService, type Service, villages } from './support/service.ts';

interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  /** What went over the line. */
  bytes: Buffer;
}

/** A call over a socket whose answer is left as it came. */
function ask(address: string, method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(`${address}${path}`, { method, headers }, async response => {
      const bytes = await buffer(response);
      resolve({ status: response.statusCode!, headers: response.headers as Answer['headers'], bytes });
    });
    asking.on('error', reject).end();
  });
}

async function opened(t: Test): Promise<Service & { address: string }> {
  const service = await openService(t);
  return { ...service, address: await service.app.listen({ host: '127.0.0.1', port: 0 }) };
}

test('answers over 1 kB are compressed as the caller asks, and smaller ones are not', async t => {
  const { address, as, household } = await opened(t);
  for (let i = 0; i < 12; i++) await household();
  const clerk = await as('clerk');
  const path = `/v1/villages/${villages.own}/households`;
  const get = (headers: Record<string, string>, query = '') =>
    ask(address, 'GET', path + query, { authorization: `Bearer ${clerk.token}`, ...headers });

  const plain = await get({});
  t.equal(plain.headers['content-encoding'], undefined);
  t.ok(plain.bytes.length > 1024);
  const { data } = JSON.parse(plain.bytes.toString());
  t.equal(data.length, 12);

  const brotli = await get({ 'accept-encoding': 'gzip, deflate, br' });
  t.equal(brotli.headers['content-encoding'], 'br');
  t.match(brotli.headers.vary, /accept-encoding/i);
  t.strictSame(brotliDecompressSync(brotli.bytes), plain.bytes);
  t.ok(brotli.bytes.length < plain.bytes.length / 2, `${brotli.bytes.length} of ${plain.bytes.length} bytes`);

  const gzip = await get({ 'accept-encoding': 'gzip' });
  t.equal(gzip.headers['content-encoding'], 'gzip');
  t.strictSame(gunzipSync(gzip.bytes), plain.bytes);

  t.equal((await get({ 'accept-encoding': 'br;q=0, gzip;q=0' })).headers['content-encoding'], undefined);
  t.equal((await get({ 'accept-encoding': 'br' }, '?limit=1')).headers['content-encoding'], undefined, 'a small one');
  const head = await ask(address, 'HEAD', path, {
    authorization: `Bearer ${clerk.token}`,
    'accept-encoding': 'br',
  });
  t.match(head, { status: 200, bytes: Buffer.alloc(0) });
});

test('refusals, exports and pages are compressed too', async t => {
  const { address, as } = await opened(t);
  const clerk = await as('clerk');
  const auditor = await as('auditor');
  const wrong = JSON.stringify({ items: Array.from({ length: 20 }, () => ({ nothing: 'of use' })) });
  const refused = await fetch(`${address}/v1/villages/${villages.own}/awards/batch`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${clerk.token}`,
      'content-type': 'application/json',
      'idempotency-key': 'a',
      'accept-encoding': 'br',
    },
    body: wrong,
  });
  t.equal(refused.status, 400);
  t.equal(refused.headers.get('content-encoding'), 'br');
  t.match(await refused.json(), { code: 'validation-failed' });

  // What has no length beforehand is compressed while it is read.
  const journal = `/v1/villages/${villages.own}/journal?from=2026-11-01&to=2026-12-01&format=csv`;
  const asked = { authorization: `Bearer ${auditor.token}` };
  const plain = await ask(address, 'GET', journal, asked);
  const exported = await ask(address, 'GET', journal, { ...asked, 'accept-encoding': 'gzip' });
  t.match(plain, { status: 200, headers: { 'content-type': /^text\/csv/ } });
  t.match(exported, { status: 200, headers: { 'content-encoding': 'gzip' } });
  t.strictSame(gunzipSync(exported.bytes), plain.bytes);

  const style = await ask(address, 'GET', '/docs/static/swagger-ui.css', { 'accept-encoding': 'br' });
  t.match(style, { status: 200, headers: { 'content-encoding': 'br', 'cache-control': 'public, max-age=86400' } });
  const part = await ask(address, 'GET', '/docs/static/swagger-ui.css', {
    'accept-encoding': 'br',
    range: 'bytes=0-4999',
  });
  t.equal(part.status, 206);
  t.equal(part.headers['content-encoding'], undefined);
  t.strictSame(part.bytes, brotliDecompressSync(style.bytes).subarray(0, 5000));
});

test('a compressed body is not taken', async t => {
  const { address } = await opened(t);
  const answer = await fetch(`${address}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: 'x',
  });
  t.equal(answer.status, 400);
});

test('answers that sign somebody in are never compressed', async t => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(compression);
  const Padding = Type.String({ maxLength: 4000 });
  const padding = 'a'.repeat(4000);
  const token = Type.Object({ signedIn: Type.Object({ accessToken: Padding }) });
  app.get('/token', { schema: { response: { 200: token } } }, async () => ({ signedIn: { accessToken: padding } }));
  app.get('/text', { schema: { response: { 200: Type.Object({ note: Padding }) } } }, async () => ({ note: padding }));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const encodingOf = async (path: string) =>
    (await ask(address, 'GET', path, { 'accept-encoding': 'br' })).headers['content-encoding'];
  t.equal(await encodingOf('/token'), undefined);
  t.equal(await encodingOf('/text'), 'br');

  // Whatever sounds like a credential in the contract is one to the service.
  const { app: service } = await openService(t);
  const named = declaredOperations(service).filter(({ answers }) =>
    namesIn(answers).some(name => /token|deviceCode|secret|recovery|^password$/i.test(name)),
  );
  t.strictSame(
    named.filter(({ answers }) => !holdsCredentials(answers)).map(({ id }) => id),
    [],
  );
  t.ok(named.length >= 8, `${named.length} operations`);
});

/** The fields of a schema, however deep. */
function namesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { properties } = node as { properties?: object };
  return [...Object.keys(properties ?? {}), ...Object.values(node).flatMap(namesIn)];
}

test('the contract is written and compressed once, and asked for again by its ETag', async t => {
  const { address } = await opened(t);
  const plain = await ask(address, 'GET', '/openapi.json');
  t.match(plain, { status: 200, headers: { 'content-type': /^application\/json/, 'cache-control': 'no-cache' } });
  for (const [encoding, decompress, bytesMax] of [
    ['br', brotliDecompressSync, 90_000],
    ['gzip', gunzipSync, 120_000],
  ] as const) {
    const answer = await ask(address, 'GET', '/openapi.json', { 'accept-encoding': encoding });
    t.match(answer.headers, { 'content-encoding': encoding, etag: plain.headers.etag! });
    t.ok(answer.bytes.length < bytesMax, `${answer.bytes.length} bytes as ${encoding}`);
    t.strictSame(decompress(answer.bytes), plain.bytes);
  }
  const again = await ask(address, 'GET', '/openapi.json', { 'if-none-match': plain.headers.etag! });
  t.match(again, { status: 304, bytes: Buffer.alloc(0) });
  t.match(await ask(address, 'GET', '/docs/json'), { status: 302, headers: { location: '/openapi.json' } });
});
