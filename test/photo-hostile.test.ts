import { connect as dial } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import sharp from 'sharp';
import tap, { test } from 'tap';
import { type HostileFile, hostileFiles, planted } from './support/hostile-photos.ts';
import { isRefused } from './support/refusal.ts';
import { type Caller, connect, openService, type Service, villages } from './support/service.ts';
import { smallPhoto } from './support/small-photo.ts';

/* Files that nobody should send: each is refused by name or cleaned, and the service goes on as if nothing had happened. */

tap.setTimeout(900_000);

const at = `/v1/villages/${villages.own}/photos`;

test('hostile files', async t => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.teardown(() => process.off('unhandledRejection', note));
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const files = await hostileFiles();
  t.ok(files.length >= 60, `${files.length} files`);

  const before = process.memoryUsage().rss;
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss);
  }, 20);
  const faults: string[] = [];
  let longest = 0;
  let householdId = '';
  for (const [index, file] of files.entries()) {
    // Thirty a household and day.
    if (index % 25 === 0) householdId = await service.household();
    const began = performance.now();
    const answer = await clerk('POST', `${at}?householdId=${householdId}`, file.bytes, {
      'content-type': 'image/jpeg',
    });
    const took = performance.now() - began;
    const became = answer.status === 201 ? 'cleaned' : answer.body.code;
    if (!file.becomes.includes(became)) faults.push(`${file.name}: ${became}, not ${file.becomes.join(' or ')}`);
    longest = Math.max(longest, took);
    if (answer.status === 201) faults.push(...(await traces(service, file, answer.body.links)));
  }
  clearInterval(watch);
  t.comment(`the longest took ${Math.round(longest)} ms`);
  t.strictSame(faults, []);
  const grown = Math.round((highest - before) / 2 ** 20);
  t.ok(grown < 400, `${grown} MB more than before, at most`);
  t.equal((await clerk('POST', `${at}?householdId=${householdId}`, smallPhoto(1))).status, 201, 'it goes on');
  t.strictSame(unhandled, []);
});

/** What of a cleaned file is still in what is served. */
async function traces(
  service: Service,
  { name }: HostileFile,
  links: { thumb: string; full: string },
): Promise<string[]> {
  const found: string[] = [];
  for (const [variant, edge] of [
    ['thumb', 320],
    ['full', 2048],
  ] as const) {
    const { rawPayload } = await service.app.inject({ method: 'GET', url: links[variant] });
    const text = rawPayload.toString('latin1');
    for (const words of planted) if (text.includes(words)) found.push(`${name}: ${words} in ${variant}`);
    const told = await sharp(rawPayload).metadata();
    for (const part of ['exif', 'xmp', 'iptc', 'icc', 'comments', 'orientation'] as const) {
      if (told[part] !== undefined) found.push(`${name}: ${part} in ${variant}`);
    }
    if (told.format !== 'jpeg' || told.width > edge || told.height > edge) found.push(`${name}: ${variant} is another`);
    if (!rawPayload.subarray(-2).equals(Buffer.from('ffd9', 'hex')))
      found.push(`${name}: something follows ${variant}`);
  }
  return found;
}

test('hostile headers', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const householdId = await service.household();
  const owner = await connect(t, service.ownerUrl);
  const url = `${at}?householdId=${householdId}`;
  const photo = smallPhoto(1);
  const sent = (headers: Record<string, string>, body: Buffer | string = photo, to = url) =>
    clerk('POST', to, body, headers);

  for (const type of [
    'text/html',
    'image/svg+xml',
    'image/gif',
    'application/json',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'image/*',
    'image/jpegx',
    'x',
  ]) {
    isRefused(t, await sent({ 'content-type': type }), '415 media-type-unsupported', {}, type);
  }
  isRefused(t, await sent({ 'content-type': 'image/jpeg' }, ''), '415 media-type-unsupported', {}, 'no body');
  t.equal(
    (await sent({ 'content-type': 'image/webp; charset=utf-8; name="../../x.jpg"' })).status,
    201,
    'its bytes say what it is',
  );
  const odd = { 'content-disposition': 'attachment; filename="../../../etc/passwd"', 'x-file-name': 'C:\\a.jpg' };
  t.equal((await sent(odd, smallPhoto(2))).status, 201, 'no name is looked at');
  const named = await sent({}, smallPhoto(3), `${url}&file=../../x`);
  isRefused(t, named, '400 validation-failed', { errors: ['/querystring/file additionalProperties'] }, 'nor one taken');
  for (const [id, error] of [
    ['..%2f..%2fx', '/querystring/householdId pattern'],
    ['%00', ' nul'],
    [`${householdId}/../x`, '/querystring/householdId maxLength'],
    [householdId.toUpperCase(), '/querystring/householdId pattern'],
  ]) {
    const answer = await sent({}, photo, `${at}?householdId=${id}`);
    isRefused(t, answer, '400 validation-failed', { errors: error!.split(', ') }, id);
  }
  const { rows } = await owner.query('select count(*)::int as photos from photos.photo');
  t.equal(rows[0].photos, 2);

  const { port } = new URL(await service.app.listen({ port: 0, host: '127.0.0.1' }));
  const statusOf = (lines: string[], body: Buffer) => speak(Number(port), clerk, url, lines, body);
  t.match(
    await statusOf([`content-length: ${photo.length + 50}`, 'content-type: image/png'], photo),
    /^$|^HTTP\/1.1 400/,
  );
  t.match(
    await statusOf([`content-length: ${photo.length - 50}`, 'content-type: image/png'], photo),
    /^HTTP\/1.1 4(00|15)/,
  );
  t.match(
    await statusOf(['content-length: 5', 'content-length: 6', 'content-type: image/png'], photo),
    /^HTTP\/1.1 400/,
  );
  t.match(await statusOf(['content-length: 99999999999', 'content-type: image/png'], photo), /^HTTP\/1.1 413/);
  t.match(
    await statusOf(['transfer-encoding: chunked', 'content-length: 5', 'content-type: image/png'], photo),
    /^HTTP\/1.1 400/,
  );
  const two = [`content-length: ${photo.length}`, 'content-type: image/png', 'content-type: text/html'];
  t.match(await statusOf(two, photo), /^HTTP\/1.1 (200|415)/, 'of two content types the first counts, or none');
  t.equal((await clerk('POST', url, smallPhoto(4))).status, 201, 'it goes on');
});

/** Sends a request as it is written, and answers the first line of what comes back; empty when the line is cut. */
function speak(port: number, { token }: Caller, url: string, lines: string[], body: Buffer): Promise<string> {
  return new Promise(resolve => {
    let heard = '';
    const socket = dial(port, '127.0.0.1', () => {
      const head = [
        `POST ${url} HTTP/1.1`,
        'host: x',
        `authorization: Bearer ${token}`,
        'idempotency-key: k',
        ...lines,
      ];
      socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
    });
    socket.on('data', part => {
      heard += part.toString('latin1');
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard.split('\r\n')[0]!));
    void wait(1_000, undefined, { ref: false }).then(() => socket.end());
  });
}
