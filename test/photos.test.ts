import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import tap, { test } from 'tap';
import { startWorker } from '../src/app.ts';
import { folderStore } from '../src/photos/folder-store.ts';
import { removeFiles } from '../src/photos/jobs.ts';
import { keyOf } from '../src/photos/photo-store.ts';
import { pictureOf } from '../src/photos/picture.ts';
import { usePhotos } from '../src/photos/use.ts';
import { openWaitingRoom } from '../src/photos/waiting-room.ts';
import { exifOf, honestExif, withSegments } from './support/hostile-photos.ts';
import { isRefused, refusalOf } from './support/refusal.ts';
import { type Caller, connect, openService, type Service, villages } from './support/service.ts';
import { pngOf, smallPhoto } from './support/small-photo.ts';
import { until, untilBlocked } from './support/waiting.ts';

tap.setTimeout(900_000);

const at = `/v1/villages/${villages.own}/photos`;
const now = Temporal.Instant.from('2026-11-23T02:00:00Z');
const forHousehold = (householdId: string) => `${at}?householdId=${householdId}`;

/** A JPEG file that no other seed has, with more segments in it. */
async function jpegOf(seed: number, ...segments: [number, Buffer][]): Promise<Buffer> {
  return withSegments(await sharp(smallPhoto(seed)).jpeg().toBuffer(), ...segments);
}

test('a photo', async t => {
  const service = await openService(t);
  const [clerk, admin, reviewer] = [
    await service.as('clerk'),
    await service.as('villageAdmin'),
    await service.as('reviewer'),
  ];
  const owner = await connect(t, service.ownerUrl);

  await t.test('is uploaded by its household at a kiosk, or for it, in three formats', async t => {
    const householdId = await service.household();
    const household = await service.asHousehold(householdId);
    const bytes = smallPhoto(1);
    const made = await household('POST', at, bytes, { 'content-type': 'image/png' });
    t.match(made, { status: 201, headers: { location: `${at}/${made.body.id}` } });
    t.match(made.body, {
      householdId,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      width: 32,
      height: 24,
      uploadedBy: householdId,
      uploadedAt: '2026-11-23T02:00:00.000Z',
      removedAt: null,
      links: { expiresAt: '2026-11-23T02:05:00.000Z' },
    });
    const webp = await sharp(smallPhoto(2)).webp().toBuffer();
    t.match(await clerk('POST', forHousehold(householdId), webp, { 'content-type': 'image/webp' }), { status: 201 });
    t.match(await admin('POST', forHousehold(householdId), await jpegOf(3)), { status: 201 });
    t.match(await household('POST', forHousehold(householdId), smallPhoto(4)), { status: 201 });

    const other = await service.household();
    isRefused(t, await household('POST', forHousehold(other), smallPhoto(5)), '404 not-found');
    isRefused(t, await clerk('POST', at, smallPhoto(5)), '400 validation-failed', {
      errors: ['/querystring/householdId required'],
    });
    isRefused(t, await clerk('POST', forHousehold(randomUUID()), smallPhoto(5)), '404 not-found');
    const afar = await service.household({}, villages.sibling);
    isRefused(t, await clerk('POST', forHousehold(afar), smallPhoto(5)), '404 not-found');
    isRefused(
      t,
      await clerk('POST', forHousehold(householdId), smallPhoto(5), { 'idempotency-key': '' }),
      '400 idempotency-key-required',
    );
    await owner.query(`update households.household set state = 'closed' where id = $1`, [other]);
    isRefused(t, await clerk('POST', forHousehold(other), smallPhoto(5)), '409 household-not-active', {
      state: 'closed',
    });

    const stranger = await service.asHousehold(await service.household());
    t.equal((await household('GET', made.headers.location!)).status, 200);
    isRefused(
      t,
      await stranger('GET', made.headers.location!),
      '404 not-found',
      {},
      'another household’s is not there',
    );
  });

  await t.test('comes once, however often its bytes come', async t => {
    const [one, other] = [await service.household(), await service.household()];
    const key = { 'idempotency-key': randomUUID() };
    const first = await clerk('POST', forHousehold(one), smallPhoto(10), key);
    t.equal(first.status, 201);
    const replay = await clerk('POST', forHousehold(one), smallPhoto(10), key);
    t.match(replay, { status: 201, headers: { 'idempotency-replayed': 'true' } });
    t.match(replay.body, { id: first.body.id, links: null, captured: null }, 'links are not kept');
    isRefused(t, await clerk('POST', forHousehold(one), smallPhoto(11), key), '422 idempotency-key-reused');
    const again = await clerk('POST', forHousehold(one), smallPhoto(10));
    t.match(again, { status: 200, body: { id: first.body.id, links: { thumb: String } } });
    const elsewhere = await clerk('POST', forHousehold(other), smallPhoto(10));
    t.equal(elsewhere.status, 201);
    t.not(elsewhere.body.id, first.body.id, 'of another household it is another photo');

    const household = await service.household();
    const bytes = pngOf(300, 200, (x, y) => [x % 256, y, (x * y) % 256]);
    const answers = await Promise.all(Array.from({ length: 6 }, () => clerk('POST', forHousehold(household), bytes)));
    t.strictSame([...new Set(answers.map(({ body }) => body.id))].length, 1, 'also at the same moment');
    t.ok(answers.every(({ status }) => status === 201 || status === 200));
    const { rows } = await owner.query('select id from photos.photo where household_id = $1', [household]);
    t.equal(rows.length, 1);
    t.strictSame(await filesOf(service, [rows[0].id]), [`${rows[0].id}-full.jpg`, `${rows[0].id}-thumb.jpg`]);
    const all = (await owner.query('select id from photos.photo')).rows.map(row => row.id);
    // They go when the answer has been sent.
    await until(async () => (await filesOf(service)).length <= all.length * 2, 'no file stays without a photo');
    t.equal((await filesOf(service)).length, all.length * 2, 'and no file without a photo');
  });

  await t.test('keeps what the camera wrote as hints for those who decide', async t => {
    const householdId = await service.household();
    const household = await service.asHousehold(householdId);
    const supervisor = await service.as('supervisor');
    const captured = {
      at: '2026-11-22T00:30:00.000Z',
      latitudeMicrodegrees: 26_101_233,
      longitudeMicrodegrees: 105_475_000,
    };
    const made = await clerk('POST', forHousehold(householdId), await jpegOf(20, [0xe1, honestExif]));
    t.match(
      made,
      { status: 201, body: { captured: null, width: 24, height: 32 } },
      'turned upright, and no hint for clerks',
    );
    for (const caller of [reviewer, admin, household, await service.as('supervisionBoard')]) {
      t.strictSame((await caller('GET', made.headers.location!)).body.captured, captured);
    }
    for (const caller of [clerk, supervisor, await service.as('auditor')]) {
      t.match(await caller('GET', made.headers.location!), { status: 200, body: { captured: null } });
    }
  });

  await t.test('comes thirty times a day, by the day in Shanghai', async t => {
    const householdId = await service.household();
    service.clock.set('2026-11-23T15:59:00Z');
    for (let n = 0; n < 30; n += 1) {
      const { status } = await clerk('POST', forHousehold(householdId), smallPhoto(100 + n));
      if (status !== 201) t.fail(`${n}: ${status}`);
    }
    const over = await clerk('POST', forHousehold(householdId), smallPhoto(130));
    t.match(over.headers, { 'retry-after': '60' });
    isRefused(t, over, '429 too-many-requests', { policy: 'photosPerDay', limit: 30, retryAfterSeconds: 60 });
    t.equal(
      (await clerk('POST', forHousehold(householdId), smallPhoto(100))).status,
      200,
      'one that is there is no new one',
    );
    t.equal((await clerk('POST', forHousehold(await service.household()), smallPhoto(130))).status, 201);
    service.clock.set('2026-11-23T16:00:00Z');
    t.equal((await clerk('POST', forHousehold(householdId), smallPhoto(130))).status, 201, 'at midnight');
    service.clock.set('2026-11-23T02:00:00Z');
  });

  await t.test('is looked at by links that end after five minutes', async t => {
    const made = await clerk(
      'POST',
      forHousehold(await service.household()),
      pngOf(900, 600, (x, y) => [x % 256, y % 256, 9]),
    );
    const { links } = (await reviewer('GET', made.headers.location!)).body;
    for (const [variant, edge] of [
      ['thumb', 320],
      ['full', 900],
    ] as const) {
      const answer = await service.app.inject({ method: 'GET', url: links[variant] });
      t.match(answer.headers, {
        'content-type': 'image/jpeg',
        'cache-control': 'private, max-age=300',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
      });
      t.match(await sharp(answer.rawPayload).metadata(), { format: 'jpeg', width: edge });
    }
    const token = new URL(links.full, 'http://x').searchParams.get('token')!;
    const content = (said: string) => service.anonymous('GET', `/v1/photo-content?token=${said}`);
    isRefused(t, await content(clerk.token), '404 not-found', {}, 'a sign-in is no link');
    const disguised = service.tokens.sign({ ...clerk.actor, id: `${villages.own}/${made.body.id}/full` }, 300);
    isRefused(t, await content(disguised), '404 not-found', {}, 'not even one that says what a link says');
    isRefused(
      t,
      await service.anonymous('GET', made.headers.location!, undefined, { authorization: `Bearer ${token}` }),
      '401 unauthenticated',
      {},
      'and a link is no sign-in',
    );
    const [head, claims, signature] = token.split('.');
    const other = Buffer.from(Buffer.from(claims!, 'base64url').toString().replace('/full', '/thum')).toString(
      'base64url',
    );
    for (const input of [
      'x',
      'a.b.c',
      `${head}.${claims}`,
      `${head}.${other}.${signature}`,
      `${head}.${claims}.${signature!.replace(/^./, c => (c === 'A' ? 'B' : 'A'))}`,
    ]) {
      isRefused(t, await content(input), '404 not-found', {}, input.slice(0, 20));
    }
    isRefused(t, await service.anonymous('GET', '/v1/photo-content'), '400 validation-failed', {
      errors: ['/querystring/token required'],
    });
    service.clock.pass({ seconds: 299 });
    t.match(await content(token), { status: 200, headers: { 'cache-control': 'private, max-age=1' } });
    service.clock.pass({ seconds: 1 });
    isRefused(t, await content(token), '410 expired', { expiredAt: '2026-11-23T02:05:00.000Z' });
  });
});

/** Names of all files in the store, or of those of some photos. */
async function filesOf(service: Service, ids?: string[]): Promise<string[]> {
  const names = (await readdir(service.photoFolder, { recursive: true })).map(path => path.split('/').at(-1)!);
  return names
    .filter(name => name.endsWith('.jpg') && (ids === undefined || ids.some(id => name.startsWith(id))))
    .sort();
}

test('a photo is removed', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const owner = await connect(t, service.ownerUrl);
  const householdId = await service.household();
  const household = await service.asHousehold(householdId);
  let seed = 0;
  const upload = async (caller: Caller) => {
    seed += 1;
    const { body, headers } = await caller('POST', forHousehold(householdId), smallPhoto(seed));
    return { id: body.id as string, url: headers.location!, links: body.links };
  };
  const use = (photoId: string, claimId = randomUUID()) =>
    service.inVillage(villages.own, tx =>
      usePhotos(tx, villages.own, { claimId, householdId, photoIds: [photoId] }, service.clock.now()),
    );

  await t.test('by whoever uploaded it, and its picture goes', async t => {
    const { id, url, links } = await upload(household);
    t.equal((await household('DELETE', url)).status, 204);
    t.equal((await household('DELETE', url)).status, 204, 'twice is once');
    t.match((await clerk('GET', url)).body, { removedAt: '2026-11-23T02:00:00.000Z', links: null });
    isRefused(t, await service.anonymous('GET', links.full), '404 not-found', {}, 'at once, whatever lies there');
    t.equal((await filesOf(service, [id])).length, 2);
    await removeFiles(service, { village: villages.own, photoId: id });
    await removeFiles(service, { village: villages.own, photoId: id });
    t.strictSame(await filesOf(service, [id]), []);
    const again = await household('POST', at, smallPhoto(seed));
    t.equal(again.status, 201, 'it may come again');
    t.not(again.body.id, id);
    t.strictSame(
      await refusalOf(use(id)),
      { code: 'not-found', facts: { field: 'photoIds' } },
      'and shows nothing any more',
    );
  });

  await t.test('by the administrator too, and by nobody else', async t => {
    const { url } = await upload(household);
    isRefused(t, await clerk('DELETE', url), '403 forbidden');
    const stranger = await service.asHousehold(await service.household());
    isRefused(t, await stranger('DELETE', url), '404 not-found');
    isRefused(t, await household('DELETE', (await upload(clerk)).url), '403 forbidden');
    t.equal((await (await service.as('villageAdmin'))('DELETE', url)).status, 204);
    isRefused(t, await clerk('DELETE', url.replace(/.{4}$/, '0000')), '404 not-found');
  });

  await t.test('not while a claim uses it', async t => {
    const { id, url } = await upload(household);
    await use(id);
    isRefused(t, await household('DELETE', url), '409 wrong-state', { state: 'used' });
    await owner.query('update photos.use set claim_id = null where photo_id = $1', [id]);
    t.equal((await household('DELETE', url)).status, 204, 'but when it was given back');
  });

  await t.test('or used, never both', async t => {
    const { id, url } = await upload(household);
    const removal = await service.inVillage(villages.own, async tx => {
      await usePhotos(tx, villages.own, { claimId: randomUUID(), householdId, photoIds: [id] }, service.clock.now());
      const removal = household('DELETE', url);
      await untilBlocked(owner);
      return { answer: removal };
    });
    isRefused(t, await removal.answer, '409 wrong-state', { state: 'used' }, 'the removal waits for the claim');
    for (let n = 0; n < 8; n += 1) {
      const { id, url } = await upload(household);
      const [used, removed] = await Promise.allSettled([use(id), household('DELETE', url)]);
      const isRemoved = removed.status === 'fulfilled' && removed.value.status === 204;
      t.not(used.status === 'fulfilled', isRemoved, used.status);
    }
  });

  await t.test('and a file of one that stands is not touched', async t => {
    const { id } = await upload(household);
    await removeFiles(service, { village: villages.own, photoId: id });
    await removeFiles(service, { village: villages.own, photoId: randomUUID() });
    t.equal((await filesOf(service, [id])).length, 2);
  });
});

test('files go by a job', async t => {
  const service = await openService(t, { worker: true });
  await startWorker(service);
  const clerk = await service.as('clerk');
  const { body, headers } = await clerk('POST', forHousehold(await service.household()), smallPhoto(1));
  t.equal((await filesOf(service, [body.id])).length, 2);
  await clerk('DELETE', headers.location!);
  await until(async () => (await filesOf(service, [body.id])).length === 0, 'the job removes the files');
});

test('a store that fails', async t => {
  let broken = true;
  const folder = await mkdtemp(join(tmpdir(), 'jifen-photos-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const whole = folderStore(folder);
  const lines: string[] = [];
  const service = await openService(t, {
    photos: {
      ...whole,
      put: (key, bytes) => (broken ? Promise.reject(new Error('disk full')) : whole.put(key, bytes)),
    },
    log: line => lines.push(line),
  });
  const clerk = await service.as('clerk');
  const url = forHousehold(await service.household());
  const key = { 'idempotency-key': randomUUID() };
  const answer = await clerk('POST', url, smallPhoto(1), key);
  isRefused(t, answer, '503 unavailable', { retryAfterSeconds: 5 });
  t.equal(answer.headers['retry-after'], '5');
  t.notMatch(answer.text, /disk/);
  t.match(lines.join(''), /disk full/, 'the log says why');
  broken = false;
  const made = await clerk('POST', url, smallPhoto(1), key);
  t.equal(made.status, 201, 'nothing stood in the way of the next try');
  await whole.remove(keyOf(villages.own, made.body.id, 'full'));
  isRefused(
    t,
    await service.anonymous('GET', made.body.links.full),
    '404 not-found',
    {},
    'a file that is lost is not there',
  );
  t.notMatch(lines.join(''), /token=/, 'no link is in the log');
});

test('a folder of photos', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'jifen-photos-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const store = folderStore(join(folder, 'deep', 'photos'));
  const id = '0193563d-1111-7000-8000-0000000000a7';
  const key = keyOf(villages.own, id, 'full');
  t.equal(key, `${villages.own}/a7/${id}-full.jpg`);
  for (const [village, photo] of [
    ['../..', id],
    [villages.own, `../${id.slice(3)}`],
    ['', id],
    [villages.own, ''],
  ] as const) {
    t.throws(() => keyOf(village, photo, 'full'), /no key of ours/);
  }
  t.equal(await store.get(key), undefined);
  await store.remove(key);
  await Promise.all(Array.from({ length: 8 }, (_, n) => store.put(key, Buffer.alloc(100_000, n))));
  const bytes = await buffer((await store.get(key))!);
  t.equal(bytes.length, 100_000);
  t.ok(
    bytes.every(byte => byte === bytes[0]),
    'of writers at once one is whole',
  );
  t.strictSame(
    await readdir(join(folder, 'deep', 'photos', villages.own, 'a7')),
    [`${id}-full.jpg`],
    'nothing unfinished',
  );
  t.equal((await stat(join(folder, 'deep', 'photos', key))).mode & 0o077, 0, 'for nobody else to read');
  await store.remove(key);
  t.equal(await store.get(key), undefined);

  await writeFile(join(folder, 'file'), '');
  await t.rejects(folderStore(join(folder, 'file')).put(key, bytes), { code: 'ENOTDIR' }, 'a folder that is a file');
});

test('a photo comes over a line as it does in the other tests', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 });
  const send = async (bytes: Buffer) =>
    fetch(address + forHousehold(await service.household()), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${clerk.token}`,
        'content-type': 'image/png',
        'idempotency-key': randomUUID(),
      },
      body: new Uint8Array(bytes),
    });
  t.equal((await send(smallPhoto(90))).status, 201);
  const several = await Promise.all([91, 92, 93, 94, 95].map(seed => send(smallPhoto(seed))));
  t.strictSame(
    several.map(answer => answer.status),
    [201, 201, 201, 201, 201],
    'those that had to wait too',
  );
});

test('pictures are drawn two at a time', async t => {
  const room = openWaitingRoom({ atOnce: 2, seats: 3 });
  let under = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const work = async () => {
    under += 1;
    most = Math.max(most, under);
    await new Promise<void>(resolve => ends.push(resolve));
    under -= 1;
  };
  const gone = new AbortController();
  const all = [room(work), room(work), room(work), room(work, gone.signal), room(work)];
  const noSeat = { code: 'unavailable', facts: { retryAfterSeconds: 5 } };
  t.strictSame(await refusalOf(room(work)), noSeat, 'a sixth finds no seat');
  gone.abort();
  const settled = Promise.allSettled(all);
  while (under > 0 || ends.length > 0) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  t.strictSame(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  t.equal(most, 2);
  await t.rejects(
    room(async () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  const last = room(async () => 7);
  t.equal(await last, 7, 'whoever fails leaves its place');
});

test('a picture is upright whatever Exif says', async t => {
  const scene = pngOf(40, 20, (x, y) =>
    x < 20 ? (y < 10 ? [250, 0, 0] : [0, 250, 0]) : y < 10 ? [0, 0, 250] : [250, 250, 0],
  );
  const jpeg = await sharp(scene).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
  for (let orientation = 0; orientation <= 9; orientation += 1) {
    const bytes = withSegments(jpeg, [0xe1, exifOf({ main: [[0x0112, 3, 1, orientation]] })]);
    const picture = await pictureOf(bytes, now);
    const [own, theirs] = await Promise.all(
      [sharp(picture.full), sharp(await sharp(bytes).autoOrient().jpeg().toBuffer())].map(one =>
        one.resize(2, 2, { fit: 'fill', kernel: 'nearest' }).raw().toBuffer(),
      ),
    );
    t.ok(
      own!.every((value, index) => Math.abs(value - theirs![index]!) < 40),
      `orientation ${orientation}`,
    );
  }
});
