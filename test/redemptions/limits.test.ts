import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { at, openShop, settled } from '../support/shop.ts';
import { smallPhoto } from '../support/small-photo.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('exchange days', async t => {
  const shop = await openShop(t, {
    now: '2026-11-23T02:00:00Z',
    policy: {
      redemptionsPerDay: 50,
      exchangeDays: [
        { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '17:00' },
        { weekday: null, dayOfMonth: 15, opens: '09:00', closes: '17:00' },
      ],
    },
  });
  const { service, keeper } = shop;
  const { clock } = service;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const id = await shop.household(100);
  const order = (fields: object) => shop.redeem(keeper, shop.order(id, { [soap]: 1 }, fields));

  for (const handOver of [true, false]) {
    const monday = await order({ handOver });
    isRefused(t, monday, '422 exchange-closed', { nextExchangeAt: '2026-11-27T01:00:00.000Z' });
  }
  const quote = await keeper('POST', `${at}/redemptions/quote`, {
    storeId: shop.storeId,
    householdId: id,
    lines: [{ goodsId: soap, quantity: 1 }],
  });
  t.match(quote.body, { openNow: false, nextExchangeAt: '2026-11-27T01:00:00.000Z' }, 'a quote says when');

  const waiting = await order({ mode: 'pickup' });
  t.match([waiting.status, waiting.body.expiresAt], [201, '2026-11-30T02:00:00.000Z'], 'ordered on any day');
  const household = await service.asHousehold(id);
  const early = await household('POST', `${at}/redemptions/${waiting.body.id}/fulfil`, {});
  isRefused(
    t,
    early,
    '422 exchange-closed',
    { nextExchangeAt: '2026-11-27T01:00:00.000Z' },
    'a kiosk opens on an exchange day',
  );
  const elder = await order({ mode: 'pickup' });
  const brought = await shop.fulfil(keeper, elder.body.id);
  t.equal(brought.status, 200, 'the storekeeper hands over on any');

  clock.set('2026-11-27T08:59:59.999+08:00');
  isRefused(t, await order({ handOver: true }), '422 exchange-closed', { nextExchangeAt: '2026-11-27T01:00:00.000Z' });
  clock.set('2026-11-27T09:00:00+08:00');
  t.equal((await order({ handOver: true })).status, 201);
  const last = await order({});
  t.equal((await shop.fulfil(keeper, waiting.body.id)).status, 200);
  t.equal((await settled(keeper, `${at}/redemptions/${last.body.id}/cancel`)).status, 200);
  clock.set('2026-11-27T16:59:59.999+08:00');
  const inTime = await order({});
  t.equal(inTime.status, 201);
  clock.set('2026-11-27T17:00:00+08:00');
  isRefused(t, await order({ handOver: true }), '422 exchange-closed', { nextExchangeAt: '2026-12-04T01:00:00.000Z' });
  clock.set('2026-11-27T17:05:00+08:00');
  const served = await shop.fulfil(keeper, inTime.body.id);
  t.equal(served.status, 200, 'who was at the counter in time is served');

  clock.set('2026-12-15T09:00:00+08:00');
  t.equal((await order({ handOver: true })).status, 201, 'the fifteenth, a Tuesday');
  clock.set('2026-12-16T09:00:00+08:00');
  isRefused(t, await order({ handOver: true }), '422 exchange-closed', { nextExchangeAt: '2026-12-18T01:00:00.000Z' });
  let photos = 0;
  const past = async (occurredAt: string) => {
    photos += 1;
    const { body } = await keeper('POST', `${at}/photos?householdId=${id}`, smallPhoto(photos));
    const slip = { photoId: body.id, reason: '停电，记在纸上' };
    return order({ handOver: true, occurredAt, cardCode: undefined, slip });
  };
  t.equal((await past('2026-11-27T16:59:59+08:00')).status, 201, 'a slip is judged for the moment it happened');
  isRefused(t, await past('2026-11-26T10:00:00+08:00'), '422 exchange-closed', {
    nextExchangeAt: '2026-11-27T01:00:00.000Z',
  });
});

t.test('redemptions a day end at midnight in Shanghai', async t => {
  const shop = await openShop(t, { now: '2026-11-23T15:59:00Z', policy: { redemptionsPerDay: 2 } });
  const { service, keeper } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const id = await shop.household(100);
  const order = (said: object) => shop.redeem(keeper, shop.order(id, { [soap]: 1 }, said));
  const full = { limit: 2, used: 2, resetsOn: '2026-11-24' };
  service.clock.set('2026-11-23T12:00:00+08:00');

  t.equal((await order({ handOver: true })).status, 201);
  const waiting = await order({ mode: 'pickup' });
  t.equal(waiting.status, 201);
  isRefused(t, await order({ handOver: true }), '422 redemption-limit', full);
  const other = await shop.household(10);
  t.equal((await shop.redeem(keeper, shop.order(other, { [soap]: 1 }))).status, 201, 'each household has its own');

  await settled(keeper, `${at}/redemptions/${waiting.body.id}/cancel`);
  t.equal((await order({ handOver: true })).status, 201, 'cancelling gave the use back');
  service.clock.set('2026-11-23T23:58:59.999+08:00');
  isRefused(t, await order({ handOver: true }), '422 redemption-limit', full);
  service.clock.set('2026-11-24T00:00:00+08:00');
  t.equal((await order({ handOver: true })).status, 201, 'a new day');
  const yesterday = await order({ handOver: true, occurredAt: '2026-11-23T10:00:00+08:00' });
  isRefused(t, yesterday, '422 redemption-limit', full, 'yesterday is still full');

  const rivals = await Promise.all(Array.from({ length: 8 }, () => order({ handOver: true })));
  t.equal(rivals.filter(({ status }) => status === 201).length, 1, 'one use is left for eight');
  t.equal(rivals.filter(({ body }) => body.code === 'redemption-limit').length, 7);
});

t.test('places on an exchange day', async t => {
  const shop = await openShop(t, { policy: { exchangeDayMaxVisits: 2, redemptionsPerDay: 50 } });
  const { keeper } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const order = async (fields: object) =>
    shop.redeem(keeper, shop.order(await shop.household(10), { [soap]: 1 }, fields));

  t.equal((await order({ handOver: true })).status, 201);
  const waiting = await order({});
  t.equal(waiting.status, 201);
  isRefused(t, await order({ handOver: true }), '422 exchange-full', {
    capacity: 2,
    nextExchangeAt: '2026-11-23T16:00:00.000Z',
  });
  t.equal((await order({ mode: 'pickup' })).status, 201, 'an order for another day is no visit');
  await settled(keeper, `${at}/redemptions/${waiting.body.id}/cancel`);
  t.equal((await order({ handOver: true })).status, 201, 'whoever leaves makes room');
});
