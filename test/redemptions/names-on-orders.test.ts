import t from 'tap';
import { patch } from '../support/sample-calls.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

t.test('goods that are corrected keep their old names on every paper made before', async t => {
  const shop = await openShop(t);
  const { keeper, admin, clerk } = shop;
  const rice = await shop.goods('大米', { unit: '袋' });
  await shop.prices({ [rice]: 20 });
  await shop.stock({ [rice]: 10 });
  const household = await shop.household(100);
  const order = shop.order(household, { [rice]: 1 }, { handOver: true });
  const made = await shop.redeem(keeper, order);
  t.equal(made.status, 201, made.text);
  const id: string = made.body.id;
  const back = await settled(keeper, `${at}/returns`, { redemptionId: id, reason: '包装破损', restock: true });
  const papers = async () => ({
    redemption: (await clerk('GET', `${at}/redemptions/${id}`)).body,
    listed: (await clerk('GET', `${at}/redemptions?householdId=${household}`)).body.data,
    receipt: (await clerk('GET', `${at}/redemptions/${id}/receipt`)).body.text,
    back: (await clerk('GET', `${at}/returns/${back.body.id}`)).body,
    statement: (await clerk('GET', `${at}/households/${household}/entries`)).body,
  });
  const before = await papers();
  t.match(before.redemption.lines, [{ name: '大米', unit: '袋' }]);
  t.match(before.receipt, /大米 ×1/);
  t.match(before.back.lines, [{ name: '大米' }]);

  const url = `${at}/goods/${rice}`;
  const body = { name: '面条', unit: '把' };
  const { etag } = (await keeper('GET', url)).headers;
  const corrected = await keeper('PATCH', url, body, patch(url, body, etag).headers);
  t.equal(corrected.status, 200, corrected.text);
  t.strictSame(await papers(), before);
  t.equal((await settled(admin, `${at}/returns/${back.body.id}/approve`)).body.lines[0].name, '大米');
  const next = await shop.redeem(keeper, order);
  t.match(next.body.lines, [{ name: '面条', unit: '把' }], 'an order made since has the new name');
});

t.test('a line feed in the name of goods that were entered long ago forges no line of a receipt', async t => {
  const shop = await openShop(t);
  const rice = await shop.goods('大米');
  const owner = await connect(t, shop.service.ownerUrl);
  await owner.query('set role jifen_owner');
  await owner.query('select set_config($1, $2, false)', ['jifen.scope', villages.own]);
  await owner.query('update store.goods set name = $1 where id = $2', ['大米\n合计 1 分', rice]);
  await shop.prices({ [rice]: 20 });
  await shop.stock({ [rice]: 10 });
  const made = await shop.redeem(shop.keeper, shop.order(await shop.household(100), { [rice]: 1 }, { handOver: true }));
  t.match(made.body.lines, [{ name: '大米 合计 1 分' }], made.text);
  const { text } = (await shop.keeper('GET', `${at}/redemptions/${made.body.id}/receipt`)).body;
  t.equal(text.split('\n').filter((line: string) => line.startsWith('合计')).length, 1, text);
});
