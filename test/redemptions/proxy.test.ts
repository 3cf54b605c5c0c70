import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('somebody fetches for three households a day, and is named', async t => {
  const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
  const { keeper, clerk, service } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const proxy = { name: '李小红', relation: '女儿' };
  const households = [];
  for (let n = 0; n < 8; n += 1) households.push(await shop.household(100));
  const order = (id: string, fields: object = {}) =>
    shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true, proxy, ...fields }));

  const early = await order(households[0]!, { handOver: false });
  isRefused(t, early, '400 validation-failed', { errors: ['/proxy dependency'] });
  const made = await order(households[0]!);
  t.match([made.status, made.body.proxy], [201, { name: '李*红', relation: '女儿' }]);
  const url = `${at}/redemptions/${made.body.id}`;
  t.same((await clerk('GET', url)).body.proxy, proxy, 'whoever sees names sees this one');
  t.match((await keeper('GET', `${url}/receipt`)).body.text, /代领人 +李\*红（女儿）/);

  t.equal((await order(households[0]!)).status, 201, 'the same household again is no other');
  const waiting = await shop.redeem(keeper, shop.order(households[1]!, { [soap]: 1 }, { mode: 'pickup' }));
  const fetched = await settled(keeper, `${at}/redemptions/${waiting.body.id}/fulfil`, {
    ...(await shop.card(households[1]!)),
    proxy: { ...proxy, name: '李　小红' },
  });
  t.match([fetched.status, fetched.body.proxy?.relation], [200, '女儿']);

  const answers = await Promise.all(households.slice(2).map(id => order(id)));
  t.equal(answers.filter(({ status }) => status === 201).length, 1, 'a third, of six at once');
  const refused = answers.filter(({ status }) => status !== 201);
  for (const answer of refused) isRefused(t, answer, '422 proxy-limit', { limit: 3, used: 3 });
  const left = await Promise.all(households.slice(2).map(id => shop.points(id)));
  t.equal(left.filter(({ available }) => available === 97).length, 1, 'and nothing was taken for what was refused');

  t.equal((await order(households[7]!, { proxy: { name: '王大力', relation: '邻居' } })).status, 201, 'somebody else');
  const { body } = await shop.redeem(
    keeper,
    shop.order(households[7]!, { [soap]: 1 }, { handOver: true, proxy: undefined }),
  );
  t.equal(body.proxy, null);
  service.clock.set('2026-11-24T02:00:00Z');
  t.equal((await order(households[7]!)).status, 201, 'the day after');
});

t.test('a village may want no proxies', async t => {
  const shop = await openShop(t, { policy: { proxyHouseholdsPerDay: 0 } });
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 1 });
  const fields = { handOver: true, proxy: { name: '李小红', relation: '女儿' } };
  const answer = await shop.redeem(shop.keeper, shop.order(await shop.household(9), { [soap]: 1 }, fields));
  isRefused(t, answer, '422 proxy-limit', { limit: 0, used: 0 });
});
