import { randomUUID } from 'node:crypto';
import { test } from 'tap';
import { isRefused } from '../support/refusal.ts';
import { villages } from '../support/service.ts';
import { openShop } from '../support/shop.ts';

const at = `/v1/villages/${villages.own}`;

test('at a kiosk', async t => {
  const shop = await openShop(t);
  const { service } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const [first, second] = [await shop.household(20), await shop.household(20)];
  const one = await service.asHousehold(first);
  // The next household at the same device.
  const two = await service.deviceCallerFor(one.key, { ...one.actor, id: second, householdId: second }, villages.own);
  const order = shop.order(undefined, { [soap]: 1 }, { handOver: true });
  const redeem = (caller: typeof one, key: string, more = {}) =>
    caller('POST', `${at}/redemptions`, { ...order, ...more }, { 'idempotency-key': key });

  await t.test('a key answers the household that used it, and not the next one', async t => {
    const key = randomUUID();
    const done = await redeem(one, key);
    t.equal(done.status, 201, done.text);
    t.equal((await redeem(one, key)).text, done.text);
    t.equal(two.actor.client, one.actor.client, 'both keys are the device’s');
    isRefused(t, await redeem(two, key), '422 idempotency-key-reused');
  });

  await t.test('a key is short enough to be asked after', async t => {
    const long = await redeem(one, 'k'.repeat(65));
    isRefused(t, long, '400 validation-failed', { errors: ['/headers/idempotency-key pattern'] });
    t.equal((await redeem(one, 'k'.repeat(64))).status, 201);
  });

  await t.test('a household does not choose an earlier day for itself', async t => {
    const yesterday = service.clock.now().subtract({ hours: 24 }).toString();
    const late = await redeem(two, randomUUID(), { occurredAt: yesterday });
    isRefused(t, late, '422 business-date-refused', { earliest: '2026-11-23', latest: '2026-11-23' });
  });
});
