import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

const shop = await openShop(t);
const { service, admin, keeper, storeId } = shop;

async function bring(lines: object[], fields: object = { type: 'receipt' }) {
  service.clock.pass({ minutes: 1 });
  const made = await settled(keeper, `${at}/stock-documents`, { storeId, reason: '进货', lines, ...fields });
  t.equal((await settled(admin, `${at}/stock-documents/${made.body.id}/post`)).status, 200, made.text);
}
async function expiring(days: number, store = storeId) {
  const { body } = await keeper('GET', `${at}/stock-expiries?storeId=${store}&days=${days}`);
  return body.data.map((row: { goodsId: string; expiresOn: string; quantity: number; expired: boolean }) => [
    ...[row.goodsId, row.expiresOn, row.quantity],
    ...(row.expired ? ['expired'] : []),
  ]);
}

t.test('what came first went first; what is left expires on its own days', async t => {
  const milk = await shop.goods('牛奶');
  const salt = await shop.goods('食盐');
  await bring([{ goodsId: milk, quantity: 10, expiresOn: '2026-12-01' }]);
  await bring([
    { goodsId: milk, quantity: 10, expiresOn: '2026-12-20' },
    { goodsId: salt, quantity: 5 },
  ]);
  t.strictSame(await expiring(30), [
    [milk, '2026-12-01', 10],
    [milk, '2026-12-20', 10],
  ]);
  t.strictSame(await expiring(8), [[milk, '2026-12-01', 10]]);
  t.strictSame(await expiring(7), []);
  await bring([{ goodsId: milk, quantity: 7 }], { type: 'writeOff' });
  t.strictSame(await expiring(30), [
    [milk, '2026-12-01', 3],
    [milk, '2026-12-20', 10],
  ]);
  await shop.prices({ [milk]: 1 });
  const waiting = await shop.redeem(keeper, shop.order(await shop.household(50), { [milk]: 2 }, { mode: 'pickup' }));
  t.equal(waiting.status, 201, waiting.text);
  t.strictSame((await expiring(8))[0], [milk, '2026-12-01', 3], 'what is set aside is still there');
  await bring([{ goodsId: milk, quantity: 5 }], { type: 'writeOff' });
  t.strictSame(await expiring(30), [[milk, '2026-12-20', 8]]);

  const other = (await settled(admin, `${at}/stores`, { name: '流动超市' })).body.id;
  await bring([{ goodsId: milk, quantity: 6, expiresOn: '2026-12-20' }], { type: 'transfer', toStoreId: other });
  t.strictSame([await expiring(30), await expiring(30, other)], [[[milk, '2026-12-20', 2]], [[milk, '2026-12-20', 6]]]);
  service.clock.set('2026-12-20T02:00:00Z');
  t.strictSame(await expiring(0), [[milk, '2026-12-20', 2, 'expired']]);
  const next = await keeper('GET', `${at}/stock-expiries?storeId=${other}&limit=1`);
  t.strictSame([next.body.data.length, next.body.hasMore], [1, false]);
  isRefused(t, await keeper('GET', `${at}/stock-expiries?storeId=${randomUUID()}`), '404 not-found');
});
