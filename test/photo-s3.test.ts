import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import tap, { type Test, test } from 'tap';
import { keyOf } from '../src/photos/photo-store.ts';
import { type Bucket, s3Store } from '../src/photos/s3-store.ts';
import { isRefused } from './support/refusal.ts';
import { openService, villages } from './support/service.ts';
import { smallPhoto } from './support/small-photo.ts';

/* Photos in a bucket, of a server that speaks S3 over HTTP on this machine. */

tap.setTimeout(900_000);

interface S3rver {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}
const S3rver: new (options: object) => S3rver = createRequire(import.meta.url)('@20minutes/s3rver');

async function openBucket(t: Test): Promise<{ config: Bucket; folder: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-s3-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: folder,
    configureBuckets: [{ name: 'photos' }],
  });
  const { port } = await server.run();
  let open = true;
  const close = async () => {
    if (open) await server.close();
    open = false;
  };
  t.teardown(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  const config = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    bucket: 'photos',
    keyId: 'S3RVER',
    secret: 'S3RVER',
  };
  return { config, folder, close };
}

const key = keyOf(villages.own, '0193563d-1111-7000-8000-0000000000a7', 'full');

test('a bucket', async t => {
  const { config, folder, close } = await openBucket(t);
  const store = s3Store(config);
  t.equal(await store.get(key), undefined);
  await store.remove(key);
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 31) % 256));
  await store.put(key, bytes);
  t.ok((await buffer((await store.get(key))!)).equals(bytes), 'byte for byte');
  t.ok(
    (await readdir(folder, { recursive: true })).some(path => path.startsWith(`photos/${key}`)),
    'at its path',
  );
  await store.put(key, bytes.subarray(0, 9));
  t.equal((await buffer((await store.get(key))!)).length, 9, 'a second one takes its place');
  await store.remove(key);
  t.equal(await store.get(key), undefined);

  await t.test('that is not ours, or not there, is an error', async t => {
    await t.rejects(s3Store({ ...config, keyId: 'nobody' }).put(key, bytes), { name: 'InvalidAccessKeyId' });
    await t.rejects(s3Store({ ...config, secret: 'guessed' }).put(key, bytes), { name: 'SignatureDoesNotMatch' });
    t.equal(await store.get(key), undefined, 'and nothing was written');
    const other = s3Store({ ...config, bucket: 'nobody' });
    await t.rejects(other.put(key, bytes), { name: 'NoSuchBucket' });
    await t.rejects(other.get(key), { name: 'NoSuchBucket' });
    await close();
    await t.rejects(store.put(key, bytes), { cause: { code: 'ECONNREFUSED' } });
    await t.rejects(store.get(key), { cause: { code: 'ECONNREFUSED' } });
  });
});

test('a server that says nothing is not waited for', async t => {
  const mute = createServer(socket => socket.on('error', () => undefined));
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<{ destroy(): void }>();
  mute.on('connection', socket => sockets.add(socket));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  const { port } = mute.address() as { port: number };
  const said = { endpoint: `http://127.0.0.1:${port}`, region: 'x', bucket: 'photos', keyId: 'x', secret: 'x' };
  const began = performance.now();
  await t.rejects(s3Store(said).put(key, Buffer.alloc(9)), { message: 'The bucket does not answer.' });
  t.comment(`given up after ${Math.round(performance.now() - began)} ms`);
});

test('a service with a bucket', async t => {
  const { config, folder, close } = await openBucket(t);
  const service = await openService(t, { photos: s3Store(config) });
  const clerk = await service.as('clerk');
  const url = `/v1/villages/${villages.own}/photos?householdId=${await service.household()}`;
  const made = await clerk('POST', url, smallPhoto(1));
  t.equal(made.status, 201);
  const shown = await service.app.inject({ method: 'GET', url: made.body.links.full });
  t.match(await sharp(shown.rawPayload).metadata(), { format: 'jpeg', width: 32, height: 24 });
  const files = (await readdir(folder, { recursive: true })).filter(path => path.includes(made.body.id));
  t.ok(files.some(path => path.includes('-thumb.jpg')) && files.some(path => path.includes('-full.jpg')));
  await close();
  isRefused(t, await clerk('POST', url, smallPhoto(2)), '503 unavailable', { retryAfterSeconds: 5 });
  isRefused(t, await service.anonymous('GET', made.body.links.full), '503 unavailable', { retryAfterSeconds: 5 });
});
