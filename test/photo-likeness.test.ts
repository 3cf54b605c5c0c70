import sharp from 'sharp';
import tap, { test } from 'tap';
import { turnsOf } from '../src/photos/likeness.ts';
import { pictureOf } from '../src/photos/picture.ts';
import { nearMax, resemblingMax } from '../src/photos/read.ts';
import { isRefused } from './support/refusal.ts';
import { drawScene, sceneSize } from './support/scenes.ts';
import { connect, openService, villages } from './support/service.ts';

/*
 * Forty scenes, and what becomes of them when somebody wants one photo to count twice. The numbers are printed: they are
 * where the thresholds of src/photos/read.ts come from.
 */

tap.setTimeout(900_000);

const scenesMax = 40;
const now = Temporal.Instant.from('2026-11-23T02:00:00Z');
const viewsIn = async (bytes: Buffer) => (await pictureOf(bytes, now)).views;
const scenes = await Promise.all(Array.from({ length: scenesMax }, (_, seed) => drawScene(seed + 1)));

/** How many bits differ, counted one by one. */
function differing(a: bigint, b: bigint): number {
  return [...BigInt.asUintN(64, a ^ b).toString(2)].filter(bit => bit === '1').length;
}

/** Between two pictures: either as it is in any position, with the other as it is or cut. */
function distanceOf(a: bigint[], b: bigint[]): number {
  const oneWay = (plain: bigint, views: bigint[]) =>
    Math.min(...turnsOf(plain).flatMap(turn => views.map(view => differing(turn, view))));
  return Math.min(oneWay(a[0]!, b), oneWay(b[0]!, a));
}

type Change = (scene: Buffer) => Promise<Buffer>;

const again: Record<string, Change> = {
  'saved anew at quality 60': scene => sharp(scene).jpeg({ quality: 60 }).toBuffer(),
  'half as large': scene => sharp(scene).resize(320).jpeg().toBuffer(),
  brighter: scene => sharp(scene).modulate({ brightness: 1.25 }).jpeg().toBuffer(),
  'turned by 90°': scene => sharp(scene).rotate(90).jpeg().toBuffer(),
  'turned by 180°': scene => sharp(scene).rotate(180).jpeg().toBuffer(),
  'turned by 270°': scene => sharp(scene).rotate(270).jpeg().toBuffer(),
  mirrored: scene => sharp(scene).flop().jpeg().toBuffer(),
  'cut, mirrored and small': async scene =>
    sharp(await cut(scene, 6, 0.1))
      .flop()
      .resize(400)
      .jpeg()
      .toBuffer(),
};

/** Without a part at some of its sides: 1 left, 2 top, 4 right, 8 bottom, in every sum. */
function cut(scene: Buffer, sides: number, part: number): Promise<Buffer> {
  const { width, height } = sceneSize;
  const off = (side: number, length: number) => (sides & side ? Math.round(length * part) : 0);
  const [left, top] = [off(1, width), off(2, height)];
  return sharp(scene)
    .extract({ left, top, width: width - left - off(4, width), height: height - top - off(8, height) })
    .jpeg()
    .toBuffer();
}

test('forty scenes', async t => {
  const views = await Promise.all(scenes.map(viewsIn));

  await t.test('what was done to one is seen through', async t => {
    for (const [name, change] of Object.entries(again)) {
      const distances = await measure(async (scene, index) =>
        distanceOf(await viewsIn(await change(scene)), views[index]!),
      );
      t.ok(distances.at(-1)! <= nearMax, `${name}: ${told(distances)}`);
    }
    // Two of the fifteen for each scene: every one of them comes five times.
    const cuts = await Promise.all(
      [0, 7].map(shift =>
        measure(async (scene, index) =>
          distanceOf(await viewsIn(await cut(scene, 1 + ((index + shift) % 15), 0.1)), views[index]!),
        ),
      ),
    );
    const distances = cuts.flat().sort((a, b) => a - b);
    t.ok(distances.at(-1)! <= nearMax, `cut by a tenth at any sides: ${told(distances)}`);
    const less = await measure(async (scene, index) =>
      distanceOf(await viewsIn(await cut(scene, 1 + (index % 15), 0.06)), views[index]!),
    );
    t.ok(less[scenesMax / 2]! <= resemblingMax, `cut by 6 %, which no view is made for: ${told(less)}`);
  });

  await t.test('and no two of them are taken for one', async t => {
    const distances = views
      .flatMap((one, index) => views.slice(0, index).map(other => distanceOf(one, other)))
      .sort((a, b) => a - b);
    t.equal(distances.length, 780);
    t.ok(distances[0]! > nearMax, `different scenes: ${told(distances)}`);
  });

  async function measure(work: (scene: Buffer, index: number) => Promise<number>): Promise<number[]> {
    const distances = await Promise.all(scenes.map(work));
    return distances.sort((a, b) => a - b);
  }

  function told(distances: number[]): string {
    return `from ${distances[0]} over ${distances[distances.length >> 1]} to ${distances.at(-1)}`;
  }
});

test('in a village', async t => {
  const service = await openService(t);
  const [clerk, reviewer, elsewhere] = [
    await service.as('clerk'),
    await service.as('reviewer'),
    await service.as('clerk', villages.sibling),
  ];
  const [one, other] = [await service.household(), await service.household()];
  const upload = async (bytes: Buffer, householdId: string, caller = clerk, village: string = villages.own) => {
    const answer = await caller('POST', `/v1/villages/${village}/photos?householdId=${householdId}`, bytes);
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.headers.location!;
  };
  const similarTo = async (photo: string) => (await reviewer('GET', `${photo}/similar`)).body.data;
  const idIn = (photo: string) => photo.split('/').at(-1);

  const first = await upload(scenes[0]!, one);
  t.strictSame(await similarTo(first), [], 'the first photo of a village is like no other');
  for (const scene of scenes.slice(1, 12)) await upload(scene, other);

  const same = await upload(scenes[0]!, other);
  const turned = await upload(await again['cut, mirrored and small']!(scenes[0]!), other);
  const far = await service.household({}, villages.sibling);
  await upload(scenes[0]!, far, elsewhere, villages.sibling);

  const found = await similarTo(first);
  t.match(found[0], { id: idIn(same), householdId: other, distance: 0, level: 'same', links: { thumb: String } });
  t.match(found[1], { id: idIn(turned), level: 'near', removedAt: null });
  t.ok(found[1].distance <= nearMax);
  t.notOk(
    found.slice(2).some((photo: { level: string }) => photo.level !== 'resembling'),
    'no other scene is near',
  );
  t.match(
    (await similarTo(turned))
      .slice(0, 2)
      .map((photo: { id: string }) => photo.id)
      .sort(),
    [idIn(first), idIn(same)].sort(),
    'and the other way round, from the part to the whole',
  );
  const { links } = found[1];
  t.equal((await service.anonymous('GET', links.thumb)).status, 200, 'both can be looked at side by side');

  // A sum of its own, in JavaScript, finds the same distances as PostgreSQL.
  const owner = await connect(t, service.ownerUrl);
  const { rows } = await owner.query('select id, views::text[] from photos.photo where village = $1', [villages.own]);
  const viewsById = new Map<string, bigint[]>(rows.map(row => [row.id, row.views.map(BigInt)]));
  const view = viewsById.get(idIn(turned)!)!;
  const expected = [...viewsById]
    .filter(([id]) => id !== idIn(turned))
    .map(([id, views]): [string, number] => [id, distanceOf(view, views)])
    .filter(([, distance]) => distance <= resemblingMax);
  const told = (await similarTo(turned)).map(({ id, distance }: { id: string; distance: number }) => [id, distance]);
  t.strictSame(new Map(told), new Map(expected));

  await t.test('what was removed is shown only where it was used', async t => {
    await clerk('DELETE', turned);
    t.notOk((await similarTo(first)).some((photo: { id: string }) => photo.id === idIn(turned)));
    await owner.query(
      `insert into photos.use (sha256, village, photo_id, claim_id, used_at)
       select sha256, village, id, gen_random_uuid(), now() from photos.photo where id = $1`,
      [idIn(turned)],
    );
    const [, shown] = await similarTo(first);
    t.match(shown, { id: idIn(turned), level: 'near', removedAt: String, links: null });
  });

  await t.test('of many the nearest twenty', async t => {
    const copies = await service.household();
    for (let n = 0; n < 24; n += 1)
      await upload(
        await sharp(scenes[0]!)
          .jpeg({ quality: 50 + n })
          .toBuffer(),
        copies,
      );
    const many = await similarTo(first);
    t.equal(many.length, 20);
    const distances = many.map((photo: { distance: number }) => photo.distance);
    t.strictSame(
      distances,
      distances.toSorted((a: number, b: number) => a - b),
    );
    t.equal(many[0].level, 'same');
  });

  isRefused(t, await reviewer('GET', first.replace(/.{4}$/, '0000').concat('/similar')), '404 not-found');
});
