import { createHash, createHmac, randomBytes, randomInt, randomUUIDv7 } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type pg from 'pg';
import tap, { type Test, test } from 'tap';
import { iso } from '../src/calendar.ts';
import { enrolMany } from '../src/households/enrol-many.ts';
import { apply, changesSince, contentOf, fromSnapshot, type ModelKiosk, snapshotOf } from './support/model-kiosk.ts';
import { isRefused } from './support/refusal.ts';
import { diceOf } from './support/scenes.ts';
import { connect, nobody, openService, villages } from './support/service.ts';
import { at, openShop, type Shop } from './support/shop.ts';
import { untilBlocked } from './support/waiting.ts';

tap.setTimeout(900_000);

const own = villages.own;
const empty = { households: [], cards: [], goods: [], priceLists: [], policies: [], stock: [], pickups: [] };

test('a snapshot holds the village as its kiosk needs it, and nothing else', async t => {
  const shop = await openShop(t);
  const { service } = shop;
  const rice = await shop.goods('大米', { barcode: '2000000000015' });
  const old = await shop.goods('旧货');
  const soap = await shop.goods('肥皂');
  const first = await shop.prices({ [rice]: 15, [old]: 3, [soap]: 2 });
  await shop.stock({ [rice]: 20, [soap]: 1 });
  await shop.admin('POST', `${at}/goods/${old}/archive`);
  const next = await shop.prices({ [rice]: 16 }, '2026-12-01');
  const home = await shop.household(100);
  const { cardCode } = await shop.card(home);
  const closed = await service.household({ members: [{ name: '李四' }] });
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`update households.household set state = 'closed' where id = $1`, [closed]);
  const pickup = await shop.redeem(shop.keeper, shop.order(home, { [rice]: 2 }, { mode: 'pickup' }));
  t.equal(pickup.status, 201, pickup.text);
  await service.household({}, villages.sibling);

  const kiosk = await service.asKiosk();
  const { body, headers, text } = await snapshotOf(kiosk);
  const { collections, cardSalt } = body;
  const number = (await shop.clerk('GET', `${at}/households/${home}`)).body.number;
  t.strictSame(collections.households, [{ id: home, number, headName: '张*三', state: 'active', hasPin: false }]);
  const hash = createHmac('sha256', cardSalt)
    .update(createHash('sha256').update(cardCode).digest())
    .digest('base64url');
  t.strictSame(collections.cards, [{ id: hash, householdId: home }]);
  t.strictSame(
    collections.goods.map((one: { id: string }) => one.id),
    [rice, soap].sort(),
  );
  t.equal(collections.goods.find((one: { id: string }) => one.id === rice).barcode, '2000000000015');
  t.strictSame(
    collections.priceLists.map(({ id, validFrom }: { id: string; validFrom: string }) => [id, validFrom]),
    [
      [first, '2026-01-01'],
      [next, '2026-12-01'],
    ],
  );
  t.strictSame(collections.priceLists[1].items, [{ goodsId: rice, points: 16 }]);
  t.strictSame(
    collections.stock,
    [
      { id: rice, onShelf: 18 },
      { id: soap, onShelf: 1 },
    ].sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
  const { expiresAt } = pickup.body;
  const lines = [{ goodsId: rice, quantity: 2 }];
  t.strictSame(collections.pickups, [{ id: pickup.body.id, householdId: home, points: 30, expiresAt, lines }]);
  t.equal(collections.policies.length, 1);
  t.equal(collections.policies[0].redemptionsPerDay, 3);
  t.equal(collections.policies[0].exchangeDays.length, 7);

  const digest = createHash('sha256').update(cardCode).digest();
  for (const [what, secret] of Object.entries({
    code: cardCode,
    'digest, hexadecimal': digest.toString('hex'),
    'digest, base64url': digest.toString('base64url'),
    name: '张小三',
    phone: '13812341234',
    'pick-up code': pickup.body.pickupCode,
  })) {
    t.notOk(text.includes(`"${secret}"`), `no ${what}`);
  }

  const etag = headers.etag!;
  t.equal(headers['cache-control'], 'no-cache');
  const again = await kiosk('GET', '/v1/kiosk/snapshot', undefined, { 'if-none-match': etag });
  t.equal(again.status, 304);
  t.equal(again.text, '');
  service.clock.pass({ minutes: 10 });
  t.equal((await snapshotOf(kiosk)).text, text, 'the same to the byte while nothing changes');
  await shop.stock({ [rice]: 1 });
  const changed = await kiosk('GET', '/v1/kiosk/snapshot', undefined, { 'if-none-match': etag });
  t.equal(changed.status, 200);
  t.not(changed.headers.etag, etag);

  const delta = (await changesSince(kiosk, body.cursor)).body;
  t.strictSame(delta.collections, { ...empty, stock: [{ id: rice, onShelf: 19 }] });
  t.strictSame(delta.deleted, empty);
  t.equal(delta.cursor, changed.body.cursor);
  t.strictSame((await changesSince(kiosk, delta.cursor)).body, {
    cursor: delta.cursor,
    collections: empty,
    deleted: empty,
  });

  await t.test('another store, and another salt', async t => {
    const other = (await shop.admin('POST', `${at}/stores`, { name: '流动超市', place: '三组' })).body;
    const moved = await service.asKiosk();
    await owner.query('update kiosks.kiosk set store_id = $1 where id = $2', [other.id, moved.actor.id]);
    const there = (await snapshotOf(moved)).body;
    t.strictSame([there.collections.stock, there.collections.pickups], [[], []]);
    t.strictSame(there.collections.households, collections.households);
    t.not(there.collections.cards[0].id, hash, 'the same card has another hash');
  });

  await t.test('a new day', async t => {
    service.clock.set('2026-12-01T02:00:00Z');
    const { body: day } = await changesSince(kiosk, delta.cursor);
    t.strictSame(day.deleted, { ...empty, priceLists: [first] }, 'yesterday’s prices are gone, today’s were known');
    t.strictSame(day.collections, empty);
  });
});

test('whom it is not for', async t => {
  const service = await openService(t);
  const home = await service.household();
  const kiosk = await service.asKiosk();
  const { cursor } = (await snapshotOf(kiosk)).body;
  const urls = ['/v1/kiosk/snapshot', `/v1/kiosk/changes?cursor=${cursor}`];
  for (const url of urls) {
    isRefused(t, await service.anonymous('GET', url), '401 unauthenticated', {}, url);
    for (const caller of [await service.as('clerk'), await service.asHousehold(home)]) {
      isRefused(t, await caller('GET', url), '403 forbidden', { requiredRoles: ['kiosk'] }, url);
    }
  }

  const neighbour = await service.asKiosk(villages.sibling);
  t.strictSame((await snapshotOf(neighbour)).body.collections.households, [], 'another village has its own');
  for (const [who, caller] of Object.entries({ neighbour, 'second kiosk': await service.asKiosk() })) {
    await snapshotOf(caller);
    isRefused(t, await caller('GET', urls[1]!), '410 cursor-expired', {}, `a cursor of another kiosk: ${who}`);
  }
  const [kioskId, version, tag] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  const forged = [
    [],
    [1, 2],
    [kioskId],
    [kioskId, String(version), tag],
    [kioskId, version, null],
    [kioskId, version, 'x'],
    [kioskId, version + 0.5, tag],
    [kioskId, -1, tag],
    [kioskId, 2 ** 53, tag],
    [kioskId, 1e300, tag],
  ].map(parts => Buffer.from(JSON.stringify(parts)).toString('base64url'));
  for (const bad of ['none', 'bnVsbA', ...forged, 'x'.repeat(500)]) {
    isRefused(t, await kiosk('GET', `/v1/kiosk/changes?cursor=${bad}`), '410 cursor-expired', {}, bad.slice(0, 20));
  }
  t.equal((await kiosk('GET', '/v1/kiosk/changes')).body.code, 'validation-failed');

  const admin = await service.as('villageAdmin');
  for (const [verb, what] of [
    ['suspend', 'suspended'],
    ['retire', 'retired'],
  ]) {
    t.equal((await admin('POST', `${at}/kiosks/${kiosk.actor.id}/${verb}`)).status, 200);
    for (const url of urls) {
      const { status, body } = await kiosk('GET', url);
      t.ok(
        ['device-suspended', 'session-revoked'].includes(body.code),
        `a kiosk that is ${what}: ${status} ${body.code}`,
      );
    }
  }
});

test('whoever was away too long starts afresh', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const kiosk = await service.asKiosk();
  const home = await service.household();
  const issued = (await clerk('POST', `${at}/households/${home}/cards`)).body;
  const start = (await snapshotOf(kiosk)).body;
  t.equal(start.collections.cards.length, 1);
  await clerk('POST', `${at}/cards/${issued.id}/revoke`);
  const revoked = (await changesSince(kiosk, start.cursor)).body;
  t.equal(revoked.deleted.cards.length, 1);

  service.clock.pass({ hours: 24 * 29 });
  await service.household();
  const late = (await changesSince(kiosk, start.cursor)).body;
  t.strictSame(late.deleted.cards, revoked.deleted.cards, 'after 29 days it is still told');
  service.clock.pass({ hours: 24 * 2 });
  await service.household();
  await changesSince(kiosk, late.cursor);
  const old = await kiosk('GET', `/v1/kiosk/changes?cursor=${start.cursor}`);
  isRefused(t, old, '410 cursor-expired', {}, 'the revocation is forgotten, and so is who would need it');
  t.equal((await changesSince(kiosk, revoked.cursor)).body.deleted.cards.length, 0, 'who knew it goes on');
  t.strictSame((await snapshotOf(kiosk)).body.collections.cards, []);

  const owner = await connect(t, service.ownerUrl);
  await owner.query('update kiosks.sync_version set tag = $1', [randomBytes(9)]);
  const { cursor } = late;
  isRefused(
    t,
    await kiosk('GET', `/v1/kiosk/changes?cursor=${cursor}`),
    '410 cursor-expired',
    {},
    'a restored database',
  );
});

test('what was changed early and committed late is told', async t => {
  const service = await openService(t);
  const home = await service.household();
  const kiosk = await service.asKiosk();
  const start = (await snapshotOf(kiosk)).body;
  const late = await connect(t, service.ownerUrl);
  await late.query('begin');
  await late.query(`update households.household set state = 'frozen' where id = $1`, [home]);
  const newcomer = await service.household();
  const between = (await changesSince(kiosk, start.cursor)).body;
  t.strictSame(
    between.collections.households.map((one: { id: string }) => one.id),
    [newcomer],
  );
  await late.query('commit');
  const after = (await changesSince(kiosk, between.cursor)).body;
  t.strictSame(
    after.collections.households.map(({ id, state }: { id: string; state: string }) => [id, state]),
    [[home, 'frozen']],
  );
});

test('two questions at once do not record one state over the other', async t => {
  const service = await openService(t);
  const home = await service.household();
  const kiosk = await service.asKiosk();
  const start = (await snapshotOf(kiosk)).body;
  const gate = await connect(t, service.ownerUrl);
  const watch = await connect(t, service.ownerUrl);
  const setState = (state: string) =>
    watch.query('update households.household set state = $1 where id = $2', [state, home]);

  // Both have read, the first a frozen household, the second an active one, and wait to record it.
  await gate.query('begin');
  await gate.query('lock table kiosks.sync_version in share row exclusive mode');
  await setState('frozen');
  const first = changesSince(kiosk, start.cursor);
  await untilBlocked(watch, 1);
  await setState('active');
  await service.household();
  const second = changesSince(kiosk, start.cursor);
  await untilBlocked(watch, 2);
  await gate.query('commit');

  const model = fromSnapshot(start);
  for (const { body } of [await first, await second]) apply(model, body);
  t.strictSame(contentOf(model), contentOf(fromSnapshot((await snapshotOf(kiosk)).body)));
  apply(model, (await changesSince(kiosk, model.cursor)).body);
  t.strictSame(contentOf(model), contentOf(fromSnapshot((await snapshotOf(kiosk)).body)));
});

test('many at once are all answered', async t => {
  const service = await openService(t);
  const kiosk = await service.asKiosk();
  const start = (await snapshotOf(kiosk)).body;
  for (let round = 0; round < 5; round += 1) {
    const home = await service.household();
    const answers = await Promise.all(Array.from({ length: 4 }, () => changesSince(kiosk, start.cursor)));
    for (const { body } of answers) {
      t.ok(body.collections.households.some((one: { id: string }) => one.id === home));
    }
    t.equal(new Set(answers.map(({ body }) => body.cursor)).size, 1, 'one version for all');
  }
});

/** One thing that happens in a village, of the kinds that a kiosk is told. */
async function happen(shop: Shop, dice: (from: number, to: number) => number, world: World): Promise<void> {
  const { service, admin, clerk, keeper } = shop;
  const any = <T>(from: readonly T[]) => from[dice(0, from.length - 1)];
  const home = any(world.homes);
  const goods = any(world.goods);
  switch (dice(0, 13)) {
    case 0:
      world.homes.push(await service.household({ members: [{ name: `新户${dice(0, 99)}` }] }));
      return;
    case 1: {
      const { body } = await clerk('POST', `${at}/households/${home}/cards`);
      if (body.id !== undefined) world.cards.push(body.id);
      return;
    }
    case 2:
    case 3:
      await clerk('POST', `${at}/cards/${any(world.cards)}/revoke`);
      return;
    case 4:
      await admin('POST', `${at}/households/${home}/${any(['freeze', 'unfreeze'])}`, { reason: '核对户籍' });
      return;
    case 5:
      await world.owner.query(`update households.household set state = 'closed' where id = $1`, [home]);
      return;
    case 6:
      await clerk('PUT', `${at}/households/${home}/pin`, { pin: '402857' });
      return;
    case 7:
      world.goods.push(await shop.goods(`货${dice(0, 999)}`));
      return;
    case 8:
      await keeper('POST', `${at}/goods/${goods}/${any(['archive', 'restore'])}`);
      return;
    case 9: {
      const day = service.clock
        .now()
        .add({ hours: 24 * dice(1, 3) })
        .toString()
        .slice(0, 10);
      const items = world.goods.map(goodsId => ({ goodsId, points: dice(1, 9) }));
      const { body } = await admin('POST', `${at}/price-lists`, { validFrom: day, items });
      if (body.id !== undefined && dice(0, 2) === 0) await admin('POST', `${at}/price-lists/${body.id}/withdraw`);
      return;
    }
    case 10:
      await shop.stock({ [goods!]: dice(1, 9) });
      return;
    case 11: {
      const order = shop.order(home, { [goods!]: 1 }, { mode: any(['pickup', 'counter']), handOver: false });
      const { body } = await shop.redeem(keeper, order);
      if (body.id !== undefined) world.orders.push(body.id);
      return;
    }
    case 12:
      await keeper('POST', `${at}/redemptions/${any(world.orders)}/cancel`);
      return;
    default:
      service.clock.pass({ hours: dice(1, 30) });
  }
}

/** Whole numbers from `from` to `to`. */
function wholeDice(seed: number): (from: number, to: number) => number {
  const dice = diceOf(seed);
  return (from, to) => Math.min(to, Math.floor(dice(from, to + 1)));
}

interface World {
  homes: string[];
  cards: string[];
  goods: string[];
  orders: string[];
  /** For what the service does only under conditions that are not the matter here. */
  owner: pg.Client;
}

test('a kiosk that loses, repeats and mixes up answers has what a fresh one has', async t => {
  const seed = Number(process.env.JIFEN_SEED ?? randomInt(2 ** 31));
  t.comment(`seed ${seed}`);
  const dice = wholeDice(seed);
  const shop = await openShop(t, { now: '2026-10-05T02:00:00Z' });
  const { service } = shop;
  const world: World = { homes: [], cards: [], goods: [], orders: [], owner: await connect(t, shop.service.ownerUrl) };
  for (let i = 0; i < 8; i += 1) world.homes.push(await shop.household(200));
  for (let i = 0; i < 5; i += 1) world.goods.push(await shop.goods(`初${i}`));
  await shop.prices(Object.fromEntries(world.goods.map(id => [id, 2])));
  await shop.stock(Object.fromEntries(world.goods.map(id => [id, 30])));

  const kiosk = await service.asKiosk();
  const model: ModelKiosk = fromSnapshot((await snapshotOf(kiosk)).body);
  const arrived: Parameters<typeof apply>[1][] = [];
  const seen = { changed: 0, deleted: 0 };
  for (let step = 0; step < 60; step += 1) {
    for (let left = dice(1, 4); left > 0; left -= 1) await happen(shop, dice, world);
    const answer = (await changesSince(kiosk, model.cursor)).body;
    if (dice(0, 3) === 0) continue; // It was lost on the way: the next question has the same cursor.
    arrived.push(answer);
    apply(model, answer);
    if (dice(0, 3) === 0) apply(model, answer);
    if (dice(0, 7) === 0) {
      // An old answer comes again, late; its cursor comes with it.
      apply(model, arrived[dice(0, arrived.length - 1)]!);
      apply(model, (await changesSince(kiosk, model.cursor)).body);
    }
    seen.changed += Object.values<object[]>(answer.collections).flat().length;
    seen.deleted += Object.values<string[]>(answer.deleted).flat().length;
    const fresh = fromSnapshot((await snapshotOf(kiosk)).body);
    t.strictSame(contentOf(model), contentOf(fresh), `step ${step}, seed ${seed}`);
    const { cards: _ours, ...ours } = contentOf(model);
    const { cards: _theirs, ...theirs } = contentOf(fromSnapshot((await snapshotOf(await service.asKiosk())).body));
    t.strictSame(ours, theirs, 'a kiosk that was never told anything has the same');
  }
  t.ok(seen.changed > 40 && seen.deleted > 8, `${seen.changed} entries changed, ${seen.deleted} gone`);
});

const surnames = [...'王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗'];
const given = [...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文辉鹏飞'];

/** An EAN-13 for use within a shop. */
function barcodeOf(index: number): string {
  const digits = `200${String(index).padStart(9, '0')}`;
  const sum = [...digits].reduce((total, digit, place) => total + Number(digit) * (place % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** How many bytes the servers of this process write to callers that come from now on, headers included. */
function countWritten(t: Test): () => number {
  const sockets = new Set<Socket>();
  const note = (message: unknown) => void sockets.add((message as { socket: Socket }).socket);
  subscribe('net.server.socket', note);
  t.teardown(() => unsubscribe('net.server.socket', note));
  return () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0);
}

test('how many bytes it takes', async t => {
  const written = countWritten(t);
  const shop = await openShop(t, { line: true });
  const { service } = shop;
  const dice = wholeDice(2026);
  const pick = (from: string[]) => from[dice(0, from.length - 1)]!;
  const newcomers = Array.from({ length: 2_000 }, (_, index) => ({
    number: `H${String(index + 1).padStart(4, '0')}`,
    grid: 1,
    members: [{ name: `${pick(surnames)}${pick(given)}${pick(given)}` }],
  }));
  const homes = await service.inVillage(own, tx => enrolMany(tx, nobody.id, own, newcomers, service.clock.now()));
  // Every household has a card, and every fourth a second one.
  const cards = homes.flatMap((id, index) => (index % 4 === 0 ? [id, id] : [id]));
  const cardIds = cards.map(() => randomUUIDv7());
  const owner = await connect(t, service.ownerUrl);
  await owner.query(
    `insert into households.card (village, id, household_id, code_hash, issued_by, issued_at)
     select $1, c.id, c.home, decode(c.digest, 'hex'), $2, $3
       from unnest($4::uuid[], $5::uuid[], $6::text[]) c (id, home, digest)`,
    [own, nobody.id, iso(service.clock.now()), cardIds, cards, cards.map(() => randomBytes(32).toString('hex'))],
  );
  const goods: string[] = [];
  for (let i = 0; i < 200; i += 1) {
    const name = `${pick(given)}${pick(surnames)}牌${pick(['大米', '洗衣粉', '食用油', '毛巾', '牙膏', '酱油'])}${i}`;
    goods.push(await shop.goods(name, { barcode: barcodeOf(i), category: pick(['粮油副食', '日用百货', '洗护用品']) }));
  }
  await shop.prices(Object.fromEntries(goods.map(id => [id, dice(1, 60)])));
  for (let from = 0; from < 200; from += 50) {
    await shop.stock(Object.fromEntries(goods.slice(from, from + 50).map(id => [id, 100])));
  }

  const kiosk = await service.asKiosk();
  const ask = async (url: string) => {
    const before = written();
    const { body, headers, text } = await kiosk('GET', url, undefined, { 'accept-encoding': 'br' });
    t.equal(headers['content-encoding'], 'br');
    return { bytes: written() - before, plain: Buffer.byteLength(text), body };
  };
  const whole = await ask('/v1/kiosk/snapshot');
  t.equal(whole.body.collections.households.length, 2_000);
  t.equal(whole.body.collections.cards.length, 2_500);
  t.equal(whole.body.collections.priceLists[0].items.length, 200);
  t.comment(`snapshot: ${whole.bytes} bytes of ${whole.plain}`);
  t.ok(whole.bytes < 300_000, `${whole.bytes} bytes`);

  // A busy day: forty redemptions, ten of them to be picked up, twelve new cards, six lost ones, new prices for all.
  for (let i = 0; i < 40; i += 1) {
    const home = homes[i * 7]!;
    await service.givePoints(home, 300);
    await shop.card(home);
    const fields = i % 4 === 0 ? { mode: 'pickup' } : { handOver: true };
    const { status, text } = await shop.redeem(
      shop.keeper,
      shop.order(home, { [goods[i * 3]!]: 1, [goods[i]!]: 2 }, fields),
    );
    t.equal(status, 201, text);
  }
  for (let i = 0; i < 6; i += 1) {
    t.equal((await shop.clerk('POST', `${at}/cards/${cardIds[i * 11]}/revoke`)).status, 200);
    await shop.clerk('PUT', `${at}/households/${homes[i * 13]}/pin`, { pin: '402857' });
    await service.household({ members: [{ name: '新来户' }] });
  }
  await shop.prices(Object.fromEntries(goods.map(id => [id, dice(1, 60)])), '2026-12-01');
  const day = await ask(`/v1/kiosk/changes?cursor=${whole.body.cursor}`);
  t.equal(day.body.collections.priceLists.length, 1);
  t.equal(day.body.collections.pickups.length, 10);
  t.equal(day.body.deleted.cards.length, 6);
  t.comment(`a day: ${day.bytes} bytes of ${day.plain}`);
  t.ok(day.bytes < 10_000, `${day.bytes} bytes`);
});
