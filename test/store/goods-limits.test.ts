import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

t.test('a household has so many pieces of some goods, and no more', async t => {
  const shop = await openShop(t, {
    now: '2026-11-23T02:00:00Z',
    policy: { redemptionsPerDay: 50, exchangeDays: [1, 2, 3, 4, 5, 6, 7].map(everyDay) },
  });
  const { service, keeper } = shop;
  const rice = await shop.goods('大米', { limitQuantity: 3, limitPer: 'month' });
  const salt = await shop.goods('食盐');
  await shop.prices({ [rice]: 5, [salt]: 1 });
  await shop.stock({ [rice]: 100, [salt]: 100 });
  const id = await shop.household(500);
  const order = (household: string, pieces: number, fields: object = { handOver: true }) =>
    shop.redeem(keeper, shop.order(household, { [rice]: pieces, [salt]: 4 }, fields));
  const full = (used: number) => ({ limit: 3, used, goodsId: rice, per: 'month', resetsOn: '2026-12-01' });

  t.equal((await order(id, 2)).status, 201);
  isRefused(t, await order(id, 2), '422 redemption-limit', full(2));
  t.equal((await order(await shop.household(500), 3)).status, 201, 'each household has its own');
  const held = await order(id, 1, { handOver: false });
  t.equal(held.status, 201);
  isRefused(t, await order(id, 1), '422 redemption-limit', full(3));
  await settled(keeper, `${at}/redemptions/${held.body.id}/cancel`);
  t.equal((await order(id, 1)).status, 201, 'what is cancelled is given back');

  const url = `${at}/goods/${rice}`;
  const { etag } = (await keeper('GET', url)).headers;
  const less = await keeper(
    'PATCH',
    url,
    { limitQuantity: 1 },
    {
      'if-match': etag as string,
      'content-type': 'application/merge-patch+json',
    },
  );
  t.match([less.status, less.body], [200, { limitQuantity: 1, limitPer: 'month' }], less.text);
  service.clock.set('2026-12-01T02:00:00Z');
  t.equal((await order(id, 1)).status, 201, 'a new month');
  isRefused(t, await order(id, 1), '422 redemption-limit', { ...full(1), limit: 1, resetsOn: '2027-01-01' });

  // The first rounds open the connections on which the later ones meet.
  for (let round = 1; round <= 3; round += 1) {
    const other = await shop.household(500);
    const answers = await Promise.all(Array.from({ length: 5 }, () => order(other, 1)));
    t.equal(answers.filter(({ status }) => status === 201).length, 1, 'of many at once, one');
    t.equal(answers.filter(({ body }) => body.code === 'redemption-limit').length, 4);
  }

  const half = { sku: 'H1', name: '半', unit: '袋', category: '粮油副食', isService: false, minStock: 0 };
  isRefused(t, await settled(keeper, `${at}/goods`, { ...half, limitQuantity: 1 }), '400 validation-failed', {
    errors: ['/limitPer dependency'],
  });
  isRefused(t, await settled(keeper, `${at}/goods`, { ...half, limitPer: 'day' }), '400 validation-failed', {
    errors: ['/limitQuantity dependency'],
  });
});

function everyDay(weekday: number) {
  return { weekday, dayOfMonth: null, opens: '00:00', closes: '23:59' };
}
