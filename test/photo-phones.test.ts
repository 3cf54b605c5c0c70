import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { deflateSync } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import sharp from 'sharp';
import tap, { test } from 'tap';
import { fileInForm } from '../src/http/file-in-form.ts';
import { pictureOf } from '../src/photos/picture.ts';
import { isRefused } from './support/refusal.ts';
import { openService, villages } from './support/service.ts';
import { pngFile, smallPhoto } from './support/small-photo.ts';

/* What phones and their apps send: large pictures, other names for the same format, forms, and HEIC. */

tap.setTimeout(300_000);

const at = `/v1/villages/${villages.own}/photos`;
const mib = 1024 * 1024;

const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#567' }, limitInputPixels: false });

/** A `ftyp` box: its brand, its version and what it is compatible with. */
function heif(...brands: string[]): Buffer {
  const box = Buffer.from(`\0\0\0\0ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`, 'latin1');
  box.writeUInt32BE(box.length);
  return Buffer.concat([box, Buffer.alloc(400)]);
}

/** The body of a form, and the headers that go with it. */
function formOf(...parts: { name: string; filename?: string; content: Buffer | string }[]) {
  const boundary = `----${randomUUID()}`;
  const chunks = parts.flatMap(({ name, filename, content }) => [
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"`),
    Buffer.from(filename === undefined ? '' : `; filename="${filename}"\r\ncontent-type: application/octet-stream`),
    Buffer.from('\r\n\r\n'),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  return {
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

test('photos of phones', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  let url = '';
  t.beforeEach(async () => {
    url = `${at}?householdId=${await service.household()}`;
  });

  await t.test('of fifty million pixels and more, and panoramas', async t => {
    const [width, height] = [8160, 6144];
    const line = deflateSync(Buffer.alloc((width + 1) * height), { level: 9 });
    const photos: [string, Buffer, number, number][] = [
      ['8160 × 6144, JPEG', await flat(width, height).jpeg().toBuffer(), 2048, 1542],
      ['8160 × 6144, progressive', await flat(width, height).jpeg({ progressive: true }).toBuffer(), 2048, 1542],
      ['8160 × 6144, PNG', pngFile({ width, height, depth: 8, kind: 0 }, [['IDAT', line]]), 2048, 1542],
      ['8160 × 6144, WebP', await flat(width, height).webp({ effort: 0 }).toBuffer(), 2048, 1542],
      ['12000 × 9000', await flat(12_000, 9_000).jpeg().toBuffer(), 2048, 1536],
      ['a panorama of 16382 × 3900', await flat(16_382, 3_900).jpeg().toBuffer(), 2048, 488],
      ['an upright panorama', await flat(3_900, 16_382).jpeg().toBuffer(), 488, 2048],
    ];
    for (const [name, bytes, width, height] of photos) {
      t.match(await clerk('POST', url, bytes), { status: 201, body: { width, height, bytes: bytes.length } }, name);
    }
  });

  await t.test('of more than eight MiB', async t => {
    const jpeg = await sharp(smallPhoto(1)).jpeg().toBuffer();
    const bytes = Buffer.concat([jpeg, Buffer.alloc(18 * mib)]);
    t.match(await clerk('POST', url, bytes), { status: 201, body: { bytes: bytes.length } });
    isRefused(t, await clerk('POST', url, Buffer.alloc(20 * mib + 1)), '413 body-too-large');
  });

  await t.test('under any name of their format', async t => {
    const types = ['image/jpg', 'IMAGE/JPG', 'image/pjpeg', 'image/x-png', 'image/heic', 'image/heif'];
    for (const [seed, type] of types.entries()) {
      t.match(await clerk('POST', url, smallPhoto(seed), { 'content-type': type }), { status: 201 }, type);
    }
  });

  await t.test('HEIC is refused in words that help', async t => {
    const files = [heif('heic', 'mif1', 'heic'), heif('mif1', 'mif1', 'heic'), heif('hevc'), heif('heix')];
    for (const bytes of files) {
      for (const type of ['image/heic', 'image/jpeg']) {
        const chinese = await clerk('POST', url, bytes, { 'content-type': type });
        isRefused(t, chinese, '415 media-type-unsupported', { format: 'heic' });
        t.match(chinese.body.detail, /^照片是手机的“高效”格式，无法识别。请在相机设置中关闭“高效”格式/);
        const english = await clerk('POST', url, bytes, { 'content-type': type, 'accept-language': 'en' });
        t.match(english.body.detail, /^HEIC photos cannot be read\. Set the camera to JPEG/);
      }
    }
    const form = formOf({ name: 'file', filename: 'IMG_0001.HEIC', content: heif('heic') });
    isRefused(t, await clerk('POST', url, form.body, form.headers), '415 media-type-unsupported', { format: 'heic' });
    for (const other of [heif('avif', 'mif1'), heif('isom'), Buffer.from('\0\0\0\x08ftyp'), Buffer.from('heic')]) {
      const answer = await clerk('POST', url, other);
      isRefused(t, answer, '415 media-type-unsupported');
      t.notOk('format' in answer.body, 'what is not HEIC is not called so');
    }
  });

  await t.test('several in one form are none', async t => {
    const two = formOf(...[42, 43].map(n => ({ name: 'file', filename: `${n}.png`, content: smallPhoto(n) })));
    const answer = await clerk('POST', url, two.body, two.headers);
    isRefused(t, answer, '400 validation-failed', { errors: ['/file unique'] });
    t.match(answer.body.errors, [{ pointer: '/file', detail: /一个文件/ }]);
    t.equal((await clerk('POST', url, smallPhoto(42))).status, 201, 'nothing of them was kept');
  });

  await t.test('in a form, whose file it is', async t => {
    const first = smallPhoto(40);
    const form = () =>
      formOf(
        { name: 'householdId', content: randomUUID() },
        { name: 'anything', filename: '../../院子.jpg', content: first },
      );
    const key = { 'idempotency-key': randomUUID() };
    const sent = form();
    const made = await clerk('POST', url, sent.body, { ...sent.headers, ...key });
    t.match(made, {
      status: 201,
      body: { bytes: first.length, sha256: createHash('sha256').update(first).digest('hex') },
    });
    const again = form();
    t.match(
      await clerk('POST', url, again.body, { ...again.headers, ...key }),
      { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { id: made.body.id } },
      'with another boundary it is the same call',
    );
    t.match(await clerk('POST', url, first), { status: 200, body: { id: made.body.id } }, 'and the same file');
  });

  await t.test('in forms that are broken, or hold too much', async t => {
    const file = { name: 'file', filename: 'a.jpg', content: smallPhoto(50) };
    const whole = formOf(file);
    const refused = async (
      body: Buffer,
      headers: Record<string, string>,
      how: string,
      code: Parameters<typeof isRefused>[2] = '415 media-type-unsupported',
    ) => isRefused(t, await clerk('POST', url, body, headers), code, {}, how);
    await refused(whole.body.subarray(0, -40), whole.headers, 'cut');
    await refused(whole.body, { 'content-type': 'multipart/form-data; boundary=other' }, 'of another boundary');
    const none = formOf({ name: 'file', content: 'words' });
    await refused(none.body, none.headers, 'without a file');
    const many = formOf(...Array.from({ length: 40 }, (_, n) => ({ name: `f${n}`, content: 'x' })), file);
    await refused(many.body, many.headers, 'of forty fields');
    const large = formOf({ ...file, content: Buffer.alloc(20 * mib) });
    await refused(large.body, large.headers, 'too large', '413 body-too-large');
    t.match(await clerk('POST', url, whole.body, whole.headers), { status: 201 }, 'it goes on');
  });
});

test('a form that announces no length is read no further than its limit', async t => {
  const { body, headers } = formOf({ name: 'file', filename: 'a.jpg', content: Buffer.alloc(1_000) });
  const read = (maxBytes: number) => fileInForm({ headers } as FastifyRequest, Readable.from([body]), maxBytes);
  t.equal((await read(body.length)).length, 1_000);
  await t.rejects(read(body.length - 1), { code: 'body-too-large' });
});

test('what one picture may hold is bounded by how it is decoded', async t => {
  const now = Temporal.Instant.from('2026-11-23T02:00:00Z');
  const progressive = await flat(7_300, 7_200).jpeg({ progressive: true, quality: 20 }).toBuffer();
  await t.rejects(pictureOf(progressive, now), { code: 'out-of-bounds', facts: { field: 'pixels', max: 52_000_000 } });
  t.match(await pictureOf(await flat(7_300, 7_200).jpeg({ quality: 20 }).toBuffer(), now), { width: 2048 });
  const over = await flat(11_000, 10_001).jpeg({ quality: 20 }).toBuffer();
  await t.rejects(pictureOf(over, now), { code: 'out-of-bounds', facts: { field: 'pixels', max: 110_000_000 } });
});
