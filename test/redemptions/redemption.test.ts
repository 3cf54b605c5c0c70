import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, keeper, clerk, admin, storeId } = shop;
const rice = await shop.goods('大米');
const soap = await shop.goods('肥皂');
const haircut = await shop.goods('理发', { isService: true });
const unpriced = await shop.goods('酱油');
const never = await shop.goods('皮蛋');
const first = await shop.prices({ [rice]: 40, [soap]: 3, [haircut]: 10, [never]: 5 });
await shop.stock({ [rice]: 100, [soap]: 100 });

t.test('quote, reserve, hand over', async t => {
  const id = await shop.household(100);
  const own = await service.asHousehold(id);
  const lines = [
    { goodsId: rice, quantity: 1 },
    { goodsId: haircut, quantity: 2 },
  ];
  const quote = await own('POST', `${at}/redemptions/quote`, { storeId, lines });
  t.match(
    [quote.status, quote.body],
    [
      200,
      {
        householdId: id,
        priceListId: first,
        points: 60,
        available: 100,
        remaining: 40,
        openNow: true,
        nextExchangeAt: '2026-11-23T16:00:00.000Z',
        lines: [
          { goodsId: rice, unitPoints: 40, points: 40 },
          { goodsId: haircut, unitPoints: 10, quantity: 2, points: 20, isService: true },
        ],
      },
    ],
  );
  t.same(await shop.points(id), { available: 100, held: 0 }, 'a quote changes nothing');

  const pinned = await service.asHousehold(id, villages.own, 'cardAndPin');
  const before = await shop.level(rice);
  const made = await shop.redeem(
    pinned,
    shop.order(undefined, { [rice]: 1, [haircut]: 2 }, { priceListId: first, points: 60 }),
  );
  const url = `${at}/redemptions/${made.body.id}`;
  t.match([made.status, made.headers.location], [201, url]);
  t.match(made.body, {
    state: 'reserved',
    number: /^R-20261123-[0-9]{4,}$/,
    householdId: id,
    points: 60,
    presented: 'cardAndPin',
    kioskId: pinned.actor.kioskId,
    pickupCode: /^[0-9]{8}$/,
    expiresAt: '2026-11-23T02:15:00.000Z',
    handedOverAt: null,
    backEntry: false,
    transactionNumbers: [Number],
  });
  t.same(await shop.points(id), { available: 40, held: 60 });
  t.same(await shop.level(rice), { onShelf: before.onShelf - 1, reserved: before.reserved + 1 });

  t.match((await own('GET', url)).body, made.body, 'the household sees its code with its PIN');
  const carded = await service.asHousehold(id, villages.own, 'card');
  t.equal((await carded('GET', url)).body.pickupCode, null, 'a card that was found does not show it');
  t.notOk((await carded('GET', `${url}/receipt`)).text.includes(made.body.pickupCode));
  t.match((await carded('GET', `${at}/redemptions`)).body.data, [{ id: made.body.id, pickupCode: null }]);
  t.equal((await keeper('GET', url)).body.pickupCode, null, 'the storekeeper is told it');
  const { pickupCode } = made.body;
  const byCode = await keeper('POST', `${at}/redemptions/by-code`, { pickupCode });
  t.match([byCode.status, byCode.body], [200, { id: made.body.id, state: 'reserved' }]);

  const bySlip = (caller: typeof keeper, number: string) =>
    caller('POST', `${at}/redemptions/by-code`, { number }).then(({ status, body }) => body.id ?? status);
  const { number } = made.body;
  t.equal(await bySlip(keeper, number), made.body.id, 'what the QR code of the slip holds');
  t.equal(await bySlip(own, number), made.body.id);
  const stranger = await service.asHousehold(await service.household());
  t.equal(await bySlip(stranger, number), 404, 'a household finds its own only');
  isRefused(t, await stranger('POST', `${at}/redemptions/by-code`, { pickupCode }), '404 not-found');
  t.equal(await bySlip(keeper, number.replace('R-2026', 'R-2025')), 404, 'the whole number counts');
  t.equal(await bySlip(keeper, 'R-20261123-0001'), 404, 'a transaction that is no order');
  t.equal(await bySlip(keeper, 'R-20261123-999999'), 404);
  const both = await keeper('POST', `${at}/redemptions/by-code`, { pickupCode, number });
  isRefused(t, both, '400 validation-failed', { errors: [' maxProperties'] });
  const neither = await keeper('POST', `${at}/redemptions/by-code`, {});
  isRefused(t, neither, '400 validation-failed', { errors: [' minProperties'] });

  const wrong = await keeper('POST', `${url}/fulfil`, {
    pickupCode: pickupCode === '00000000' ? '1'.repeat(8) : '00000000',
  });
  isRefused(t, wrong, '422 pickup-code-wrong', { attemptsLeft: 4 });
  const key = { 'idempotency-key': randomUUID() };
  const done = await keeper('POST', `${url}/fulfil`, { pickupCode }, key);
  t.match(
    [done.status, done.body],
    [200, { state: 'fulfilled', pickupCode: null, handedOverAt: '2026-11-23T02:00:00.000Z', number: made.body.number }],
  );
  t.equal(done.body.transactionNumbers.length, 2);
  const replay = await keeper('POST', `${url}/fulfil`, { pickupCode }, key);
  t.match([replay.status, replay.text, replay.headers['idempotency-replayed']], [200, done.text, 'true']);
  t.same(await shop.points(id), { available: 40, held: 0 });
  t.same(await shop.level(rice), { onShelf: before.onShelf - 1, reserved: before.reserved });
  t.match((await keeper('GET', url)).body, done.body);

  const again = await keeper('POST', `${url}/fulfil`, {});
  isRefused(t, again, '409 wrong-state', { state: 'fulfilled', since: done.body.since });
  const undone = await keeper('POST', `${url}/cancel`);
  isRefused(t, undone, '409 wrong-state', { state: 'fulfilled', since: '2026-11-23T02:00:00.000Z' });
  isRefused(
    t,
    await keeper('POST', `${at}/redemptions/by-code`, { pickupCode }),
    '404 not-found',
    {},
    'its code finds nothing',
  );
  t.equal(await bySlip(keeper, number), made.body.id, 'its receipt still does');
});

t.test('handed over at once: one transaction, points and goods together', async t => {
  const id = await shop.household(100);
  const key = { 'idempotency-key': randomUUID() };
  const body = shop.order(id, { [rice]: 1, [soap]: 2, [haircut]: 1 }, { handOver: true });
  const made = await clerk('POST', `${at}/redemptions`, body, key);
  t.match(
    [made.status, made.body],
    [201, { state: 'fulfilled', points: 56, presented: 'card', pickupCode: null, expiresAt: null, kioskId: null }],
  );
  const replay = await clerk('POST', `${at}/redemptions`, body, key);
  t.match([replay.status, replay.text], [201, made.text]);
  t.same(await shop.points(id), { available: 44, held: 0 });
  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(
    `select t.kind, r.asset, r.amount::integer as amount, a.code as "from", b.code as "to", t.frozen
       from ledger.transaction t
       join ledger.transfer r using (village, number)
       join ledger.account a on a.village = r.village and a.number = r.from_account
       join ledger.account b on b.village = r.village and b.number = r.to_account
      where t.village = $1 and t.number = $2 order by r.line`,
    [villages.own, made.body.transactionNumbers[0]],
  );
  t.match(rows, [
    { kind: 'redemption', asset: 'PTS', amount: 56, from: `household:${id}:available`, to: 'redeemed' },
    { asset: `SKU:${rice}`, amount: 1, from: `shelf:${storeId}`, to: 'handedOut' },
    { asset: `SKU:${soap}`, amount: 2, from: `shelf:${storeId}`, to: 'handedOut' },
  ]);
  t.equal(rows.length, 3, 'a service moves no goods');
  t.equal(rows[0].frozen[`goods:${rice}`], '1 × 40');
  t.equal(rows[0].frozen.priceListId, first);
});

t.test('cancelled: everything is as it was', async t => {
  const id = await shop.household(40);
  const own = await service.asHousehold(id);
  const before = await shop.level(rice);
  const made = await shop.redeem(own, shop.order(undefined, { [rice]: 1 }));
  const undone = await settled(own, `${at}/redemptions/${made.body.id}/cancel`);
  t.match(
    [undone.status, undone.body],
    [200, { state: 'cancelled', pickupCode: null, transactionNumbers: [Number, Number] }],
  );
  t.same(await shop.points(id), { available: 40, held: 0 });
  t.same(await shop.level(rice), before);
  const again = await own('POST', `${at}/redemptions/${made.body.id}/cancel`);
  isRefused(t, again, '409 wrong-state', { state: 'cancelled', since: '2026-11-23T02:00:00.000Z' });
  isRefused(t, await keeper('POST', `${at}/redemptions/${made.body.id}/fulfil`, {}), '409 wrong-state', {
    state: 'cancelled',
    since: '2026-11-23T02:00:00.000Z',
  });
});

t.test('refusals of an order', async t => {
  const id = await shop.household(100);
  const refused = (body: object) => shop.redeem(keeper, body);
  const order = (pieces: Record<string, number>, said?: object) => shop.order(id, pieces, said);
  isRefused(t, await refused(shop.order(undefined, { [rice]: 1 })), '400 validation-failed', {
    errors: ['/householdId required'],
  });
  isRefused(t, await refused(order({ [rice]: 1 }, { handOver: true, mode: 'pickup' })), '400 validation-failed', {
    errors: ['/mode dependency'],
  });
  isRefused(t, await refused(order({ [rice]: 1 }, { occurredAt: '2026-11-20T02:00:00Z' })), '400 validation-failed', {
    errors: ['/occurredAt dependency'],
  });
  const line = { goodsId: rice, quantity: 1 };
  isRefused(t, await refused({ ...order({}), lines: [line, line] }), '400 validation-failed', {
    errors: ['/lines/1/goodsId uniqueItems'],
  });
  isRefused(t, await refused(order({ [rice]: 101 })), '400 validation-failed', {
    errors: ['/lines/0/quantity maximum'],
  });
  isRefused(t, await refused(order({ [randomUUID()]: 1 })), '404 not-found', { field: 'goodsId' });
  isRefused(t, await refused(order({ [rice]: 1 }, { storeId: randomUUID() })), '404 not-found');
  isRefused(t, await refused(shop.order(randomUUID(), { [rice]: 1 })), '404 not-found');
  isRefused(t, await refused(order({ [unpriced]: 1 })), '422 goods-not-offered', {
    goodsId: unpriced,
    reason: 'noPrice',
  });
  isRefused(t, await refused(order({ [rice]: 3 })), '422 insufficient-points', { available: 100, required: 120 });
  const rich = await shop.household(10_000);
  isRefused(t, await refused(shop.order(rich, { [soap]: 100, [rice]: 100 })), '422 insufficient-stock', {
    available: 98,
    required: 100,
    lines: [{ goodsId: soap, available: 98, required: 100 }],
  });
  isRefused(t, await refused(order({ [never]: 1 })), '422 insufficient-stock', {
    available: 0,
    required: 1,
    lines: [{ goodsId: never, available: 0, required: 1 }],
  });
  t.same(await shop.points(id), { available: 100, held: 0 }, 'nothing moved');

  await keeper('POST', `${at}/goods/${soap}/archive`);
  isRefused(t, await refused(order({ [soap]: 1 })), '422 goods-not-offered', { goodsId: soap, reason: 'archived' });
  const quote = await keeper('POST', `${at}/redemptions/quote`, {
    storeId,
    householdId: id,
    lines: [{ goodsId: soap, quantity: 1 }],
  });
  isRefused(t, quote, '422 goods-not-offered', { goodsId: soap, reason: 'archived' });
  await keeper('POST', `${at}/goods/${soap}/restore`);

  await settled(admin, `${at}/households/${id}/freeze`, { reason: '待核实' });
  isRefused(t, await refused(order({ [soap]: 1 })), '409 household-not-active', { state: 'frozen' });
  const frozen = await keeper('POST', `${at}/redemptions/quote`, { storeId, householdId: id, lines: [line] });
  isRefused(t, frozen, '409 household-not-active', { state: 'frozen' });
  await settled(admin, `${at}/households/${id}/unfreeze`, { reason: '已核实' });
});

t.test('a household acts only for itself', async t => {
  const id = await shop.household(100);
  const own = await service.asHousehold(id);
  const stranger = await service.asHousehold(await shop.household(100));
  const made = await shop.redeem(own, shop.order(id, { [soap]: 1 }, { mode: 'pickup' }));
  t.equal(made.status, 201, 'its own id may stand there');
  const url = `${at}/redemptions/${made.body.id}`;
  for (const [method, path, body] of [
    ['GET', url],
    ['GET', `${url}/receipt`],
    ['POST', `${url}/fulfil`, {}],
    ['POST', `${url}/cancel`],
    ['POST', `${at}/redemptions`, shop.order(id, { [soap]: 1 })],
    ['POST', `${at}/redemptions/quote`, { storeId, householdId: id, lines: [{ goodsId: soap, quantity: 1 }] }],
    ['GET', `${at}/redemptions?householdId=${id}`],
    ['GET', `${at}/offers?storeId=${storeId}&householdId=${id}`],
  ] as const) {
    const refused = await stranger(method, path, body);
    isRefused(t, refused, '404 not-found', {}, `${method} ${path}`);
  }
  t.same((await stranger('GET', `${at}/redemptions`)).body.data, []);
  t.match((await own('GET', `${at}/redemptions`)).body.data, [{ id: made.body.id, pickupCode: made.body.pickupCode }]);
  const listed = await keeper('GET', `${at}/redemptions?householdId=${id}&state=reserved`);
  t.match(listed.body.data, [{ id: made.body.id, pickupCode: null }]);
  t.same((await keeper('GET', `${at}/redemptions?householdId=${id}&state=fulfilled`)).body.data, []);
  t.same((await keeper('GET', `${at}/redemptions?householdId=${id}&businessTo=2026-11-23`)).body.data, []);
  t.equal((await keeper('GET', `${at}/redemptions?householdId=${id}&businessFrom=2026-11-23`)).body.data.length, 1);
  const done = await settled(own, `${url}/fulfil`, {});
  t.match([done.status, done.body.state], [200, 'fulfilled'], 'at a kiosk it takes its goods itself');
  const neighbour = await service.as('storekeeper', villages.sibling);
  isRefused(t, await neighbour('GET', `/v1/villages/${villages.sibling}/redemptions/${made.body.id}`), '404 not-found');

  const page = await keeper('GET', `${at}/redemptions?limit=1`);
  const next = await keeper('GET', `${at}/redemptions?limit=1&cursor=${page.body.nextCursor}`);
  t.ok(next.body.data[0].id < page.body.data[0].id, 'the newest first');
});

t.test('the card that was shown', async t => {
  const id = await shop.household(100);
  const card = await clerk('POST', `${at}/households/${id}/cards`);
  const { code: cardCode, id: cardId } = card.body;
  const named = await shop.redeem(keeper, shop.order(undefined, { [soap]: 1 }, { cardCode, handOver: true }));
  t.match([named.status, named.body], [201, { householdId: id, presented: 'card' }]);
  const confirmed = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { cardCode, handOver: true }));
  t.match([confirmed.status, confirmed.body.presented], [201, 'card']);
  const other = await shop.household(10);
  const foreign = await shop.redeem(keeper, shop.order(other, { [soap]: 1 }, { cardCode }));
  isRefused(t, foreign, '404 card-unknown', {}, 'somebody else’s card');
  const unknown = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { cardCode: 'PS1.NOBODY' }));
  isRefused(t, unknown, '404 card-unknown');
  await clerk('POST', `${at}/cards/${cardId}/revoke`);
  const lost = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { cardCode }));
  isRefused(t, lost, '403 card-revoked');
});

t.test('above some points a card without a PIN is not enough', async t => {
  const id = await shop.household(200);
  const carded = await service.asHousehold(id, villages.own, 'card');
  const pinned = await service.asHousehold(id, villages.own, 'cardAndPin');
  const small = await shop.redeem(carded, shop.order(undefined, { [rice]: 1, [haircut]: 1 }));
  t.equal(small.status, 201, '50 points, the limit itself');
  const large = shop.order(undefined, { [rice]: 1, [haircut]: 1, [soap]: 1 });
  isRefused(t, await shop.redeem(carded, large), '403 pin-required', { abovePoints: 50 });
  const made = await shop.redeem(pinned, large);
  t.equal(made.status, 201);
  const taken = await carded('POST', `${at}/redemptions/${made.body.id}/fulfil`, {});
  isRefused(t, taken, '403 pin-required', { abovePoints: 50 }, 'nor to take the goods');
  t.equal((await settled(pinned, `${at}/redemptions/${made.body.id}/fulfil`, {})).status, 200);
});

t.test('a price that changes', async t => {
  const id = await shop.household(200);
  const waiting = await shop.redeem(keeper, shop.order(id, { [rice]: 1 }, { mode: 'pickup' }));
  t.equal(waiting.body.points, 40);
  const second = await shop.prices({ [rice]: 50, [soap]: 3 }, '2026-11-24');
  service.clock.pass({ hours: 24 });
  const stale = await shop.redeem(keeper, shop.order(id, { [rice]: 1 }, { priceListId: first, points: 40 }));
  isRefused(t, stale, '409 price-changed', {
    priceListId: second,
    points: 50,
    lines: [{ goodsId: rice, unitPoints: 50, quantity: 1 }],
  });
  isRefused(t, await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { priceListId: first })), '409 price-changed', {
    priceListId: second,
    points: 3,
    lines: [{ goodsId: soap, quantity: 1, unitPoints: 3 }],
  });
  isRefused(t, await shop.redeem(keeper, shop.order(id, { [rice]: 1 }, { points: 40 })), '409 price-changed', {
    priceListId: second,
    points: 50,
    lines: [{ goodsId: rice, quantity: 1, unitPoints: 50 }],
  });
  isRefused(t, await shop.redeem(keeper, shop.order(id, { [haircut]: 1 })), '422 goods-not-offered', {
    goodsId: haircut,
    reason: 'noPrice',
  });

  const kept = await shop.fulfil(keeper, waiting.body.id);
  t.match([kept.status, kept.body.points], [200, 40], 'what was reserved keeps its price');
  t.same(await shop.points(id), { available: 160, held: 0 });
  const fresh = await shop.redeem(
    keeper,
    shop.order(id, { [rice]: 1 }, { priceListId: second, points: 50, handOver: true }),
  );
  t.match([fresh.status, fresh.body.points], [201, 50]);
  const back = await shop.redeem(
    keeper,
    shop.order(
      id,
      { [rice]: 1 },
      { handOver: true, occurredAt: '2026-11-23T02:00:00Z', priceListId: first, points: 40 },
    ),
  );
  t.match([back.status, back.body.points], [201, 40], 'what left yesterday costs what it cost yesterday');
  service.clock.pass({ hours: -24 });
});

t.test('recorded later than it happened', async t => {
  const id = await shop.household(500);
  const record = (occurredAt: string, fields: object = {}) =>
    shop.redeem(clerk, shop.order(id, { [soap]: 1 }, { handOver: true, occurredAt, ...fields }));
  const opId = randomUUID();
  const made = await record('2026-10-15T10:00:00+08:00', { opId });
  t.match(
    [made.status, made.body],
    [
      201,
      {
        backEntry: true,
        businessDate: '2026-10-15',
        occurredAt: '2026-10-15T02:00:00.000Z',
        handedOverAt: '2026-10-15T02:00:00.000Z',
        createdAt: '2026-11-23T02:00:00.000Z',
        number: /^R-20261015-/,
        opId,
      },
    ],
  );
  const twice = await record('2026-10-15T10:00:00+08:00', { opId });
  isRefused(t, twice, '409 already-exists', { existingId: made.body.id, field: 'opId' }, 'a new key, the same op');
  const late = await record('2026-09-23T23:59:59+08:00');
  isRefused(t, late, '422 business-date-refused', { earliest: '2026-09-24', latest: '2026-11-23' });
  t.equal((await record('2026-09-24T00:00:00+08:00')).status, 201, 'sixty days, and no more');
  isRefused(
    t,
    await record('2026-11-23T02:05:00.001Z'),
    '422 business-date-refused',
    { earliest: '2026-09-24', latest: '2026-11-23', serverTime: '2026-11-23T02:00:00.000Z' },
    'the future',
  );
  t.equal((await record('2026-11-23T02:00:00.000Z')).status, 201);

  const rivals = await Promise.all(
    Array.from({ length: 8 }, () =>
      record('2026-10-16T10:00:00+08:00', { opId: '0193563d-2222-7000-8000-000000000009' }),
    ),
  );
  const [winner] = rivals.filter(({ status }) => status === 201);
  t.ok(winner, 'one op at once from many');
  t.equal(rivals.filter(({ body }) => body.existingId === winner!.body.id).length, 7);
});

t.test('offers', async t => {
  const id = await shop.household(20);
  const own = await service.asHousehold(id);
  const offered = await own('GET', `${at}/offers?storeId=${storeId}`);
  t.match(
    [offered.status, offered.body],
    [200, { householdId: id, available: 20, priceListId: first, businessDate: '2026-11-23', openNow: true, storeId }],
  );
  const of = (goodsId: string) => offered.body.data.find((offer: { goodsId: string }) => offer.goodsId === goodsId);
  t.match(of(rice), { points: 40, affordable: false, reason: 'notEnoughPoints', onShelf: Number });
  t.match(of(soap), { points: 3, affordable: true, reason: null });
  t.match(of(haircut), { points: 10, onShelf: null, affordable: true, reason: null, isService: true });
  t.match(of(never), { onShelf: 0, affordable: true, reason: 'outOfStock' });
  t.equal(of(unpriced), undefined);
  const staff = await keeper('GET', `${at}/offers?storeId=${storeId}&householdId=${id}`);
  t.same(staff.body, offered.body);
  const anybody = await keeper('GET', `${at}/offers?storeId=${storeId}`);
  t.match(anybody.body, { householdId: null, available: null, data: [{ affordable: null }] });
  isRefused(t, await keeper('GET', `${at}/offers?storeId=${randomUUID()}`), '404 not-found');
  isRefused(t, await keeper('GET', `${at}/offers?storeId=${storeId}&householdId=${randomUUID()}`), '404 not-found');
});

t.test('as the service’s role, no statement can hand an order over by itself', async t => {
  const id = await shop.household(40);
  const made = await shop.redeem(keeper, shop.order(id, { [rice]: 1 }));
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  for (const statement of [
    `update store.redemption set state = 'fulfilled' where id = '${made.body.id}'`,
    `update store.redemption set points = 1 where id = '${made.body.id}'`,
    `update store.redemption_line set unit_points = 1`,
    `update store.price set points = 1`,
    `delete from store.redemption`,
  ]) {
    await t.rejects(app.query(statement), /check constraint|permission denied/, statement);
  }
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.sibling]);
  t.equal((await app.query('select from store.redemption')).rowCount, 0, 'and a neighbour sees none');
});

t.test('the admin may do what the storekeeper does', async t => {
  const id = await shop.household(10);
  const made = await shop.redeem(admin, shop.order(id, { [soap]: 1 }));
  t.equal((await settled(admin, `${at}/redemptions/${made.body.id}/cancel`)).status, 200);
});
