import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isGtin } from '../../src/store/goods.ts';
import { isRefused } from '../support/refusal.ts';
import { villages } from '../support/service.ts';
import { at, openShop } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t);

t.test('stores: opened once by name', async t => {
  const { admin, keeper } = shop;
  const taken = await admin('POST', `${at}/stores`, { name: '积分超市' });
  isRefused(t, taken, '409 already-exists');
  const second = await admin('POST', `${at}/stores`, { name: '三组兑换点', place: null });
  t.match([second.status, second.headers.location], [201, `${at}/stores/${second.body.id}`]);
  const { body } = await keeper('GET', `${at}/stores?limit=1`);
  t.match(body, { data: [{ name: '积分超市', place: '村委会一楼' }], hasMore: true });
  const rest = await keeper('GET', `${at}/stores?limit=200&cursor=${body.nextCursor}`);
  t.match(rest.body.data.at(-1), { name: '三组兑换点', place: null });
});

t.test('goods: entered, found, archived and restored', async t => {
  const { service, keeper, goods } = shop;
  const rice = {
    sku: 'G001',
    name: '大米（5公斤）',
    nameEn: 'Rice, 5 kg',
    unit: '袋',
    barcode: '2000000000015',
    category: '粮油副食',
    isService: false,
    minStock: 20,
    costFen: 3510,
  };
  const key = { 'idempotency-key': randomUUID() };
  const first = await keeper('POST', `${at}/goods`, rice, key);
  t.match([first.status, first.body], [201, { ...rice, state: 'active' }]);
  t.equal(first.headers.location, `${at}/goods/${first.body.id}`);
  const replay = await keeper('POST', `${at}/goods`, rice, key);
  t.match([replay.status, replay.text, replay.headers['idempotency-replayed']], [201, first.text, 'true']);
  const { id } = first.body;

  await t.test('refusals', async t => {
    const sku = await keeper('POST', `${at}/goods`, { ...rice, barcode: null });
    isRefused(t, sku, '409 already-exists', {}, 'sku is unique');
    const barcode = await keeper('POST', `${at}/goods`, { ...rice, sku: 'G002' });
    isRefused(t, barcode, '409 already-exists', {}, 'barcode is unique');
    const digit = await keeper('POST', `${at}/goods`, { ...rice, sku: 'G002', barcode: '2000000000016' });
    isRefused(t, digit, '400 validation-failed', { errors: ['/barcode checkDigit'] });
    const service_ = await keeper('POST', `${at}/goods`, { ...rice, sku: 'G002', barcode: null, isService: true });
    isRefused(t, service_, '422 out-of-bounds', { field: 'minStock', min: 0, max: 0 });
  });

  await goods('菜籽油（5升）', { sku: 'G013' });
  const found = async (q: string) => {
    const { body } = await keeper('GET', `${at}/goods?q=${encodeURIComponent(q)}`);
    return body.data.map((row: { sku: string }) => row.sku);
  };
  t.same(await found('大米'), ['G001']);
  t.same(await found('rice'), ['G001']);
  t.same(await found('g01'), ['G013']);
  t.same(await found('2000000000015'), ['G001']);
  t.same(await found('%'), [], 'a sign of SQL is a letter');

  const page = await keeper('GET', `${at}/goods?limit=1`);
  t.match(page.body, { data: [{ sku: 'G001' }], hasMore: true });
  const next = await keeper('GET', `${at}/goods?limit=1&cursor=${page.body.nextCursor}`);
  t.match(next.body, { data: [{ sku: 'G013' }], hasMore: false, nextCursor: null });
  const mismatch = await keeper('GET', `${at}/goods?limit=1&q=x&cursor=${page.body.nextCursor}`);
  isRefused(t, mismatch, '400 cursor-mismatch');

  const archived = await keeper('POST', `${at}/goods/${id}/archive`);
  t.match([archived.status, archived.body.state], [200, 'archived']);
  const again = await keeper('POST', `${at}/goods/${id}/archive`);
  isRefused(t, again, '409 wrong-state', { state: 'archived', since: '2026-11-23T02:00:00.000Z' });
  t.match((await keeper('GET', `${at}/goods?state=archived`)).body.data, [{ id }]);
  t.match((await keeper('GET', `${at}/goods/${id}`)).body, { id, state: 'archived' });
  const restored = await keeper('POST', `${at}/goods/${id}/restore`);
  t.match([restored.status, restored.body.state], [200, 'active']);
  isRefused(t, await keeper('POST', `${at}/goods/${id}/restore`), '409 wrong-state', { state: 'active', since: null });
  isRefused(t, await keeper('POST', `${at}/goods/${randomUUID()}/archive`), '404 not-found');

  const neighbour = await service.as('storekeeper', villages.sibling);
  isRefused(t, await neighbour('GET', `/v1/villages/${villages.sibling}/goods/${id}`), '404 not-found');
  const own = await service.asHousehold(await service.household());
  t.equal((await own('GET', `${at}/goods`)).status, 200, 'a household may look');
});

t.test('check digits', async t => {
  for (const right of ['6901234567892', '96385074', '036000291452', '16901234567899', '00036000291452'])
    t.ok(isGtin(right), right);
  for (const wrong of ['96385075', '036000291453', '16901234567898', '000000000', '0']) t.notOk(isGtin(wrong), wrong);
  t.notOk(isGtin('6901234567893'));
  t.notOk(isGtin('9601234567892'), 'two digits exchanged');
});

t.test('price lists are dated and never reach back', async t => {
  const { service, admin, keeper, goods, prices } = shop;
  const rice = await goods('大米');
  const soap = await goods('肥皂');
  const publish = (validFrom: string, items: object[] = [{ goodsId: rice, points: 39 }]) =>
    admin('POST', `${at}/price-lists`, { validFrom, items });

  const tooEarly = await publish('2025-12-31');
  isRefused(t, tooEarly, '422 business-date-refused', { earliest: '2026-01-01', latest: null });
  const unknown = await publish('2026-01-01', [{ goodsId: randomUUID(), points: 1 }]);
  isRefused(t, unknown, '404 not-found', { field: 'goodsId' });
  const twice = await publish('2026-01-01', [
    { goodsId: rice, points: 39 },
    { goodsId: rice, points: 40 },
  ]);
  t.match([twice.status, twice.body.errors?.[0]], [400, { pointer: '/items/1/goodsId', code: 'uniqueItems' }]);

  const first = await publish('2026-01-01', [
    { goodsId: rice, points: 39 },
    { goodsId: soap, points: 3 },
  ]);
  t.match([first.status, first.body.itemCount], [201, 2]);
  t.equal(first.headers.location, `${at}/price-lists/${first.body.id}`);
  t.match((await keeper('GET', first.headers.location!)).body.items, [
    { goodsId: rice, name: '大米', points: 39 },
    { goodsId: soap, points: 3 },
  ]);
  isRefused(
    t,
    await publish('2026-11-23'),
    '422 business-date-refused',
    { earliest: '2026-11-24', latest: null },
    'not today',
  );
  const second = await prices({ [rice]: 45 }, '2026-12-01');
  isRefused(
    t,
    await publish('2026-12-01'),
    '422 business-date-refused',
    { earliest: '2026-11-24', latest: null },
    'one list a day',
  );
  t.match((await publish('2026-11-30')).status, 201, 'before another future one');

  const page = await keeper('GET', `${at}/price-lists?limit=1`);
  t.match(page.body, { data: [{ id: second, validFrom: '2026-12-01', itemCount: 1 }], hasMore: true });
  const rest = await keeper('GET', `${at}/price-lists?cursor=${page.body.nextCursor}`);
  t.same(
    rest.body.data.map((list: { validFrom: string }) => list.validFrom),
    ['2026-11-30', '2026-01-01'],
  );
  const neighbour = await service.as('villageAdmin', villages.sibling);
  isRefused(t, await neighbour('GET', `/v1/villages/${villages.sibling}/price-lists/${second}`), '404 not-found');
});

t.test('two first price lists at once: one is the first', async t => {
  const { admin, goods } = await openShop(t);
  const rice = await goods('大米');
  const answers = await Promise.all(
    [1, 2, 3, 4].map(day =>
      admin('POST', `${at}/price-lists`, { validFrom: `2026-02-0${day}`, items: [{ goodsId: rice, points: 39 }] }),
    ),
  );
  t.equal(answers.filter(({ status }) => status === 201).length, 1);
  t.ok(answers.every(({ status, body }) => status === 201 || body.code === 'business-date-refused'));
});

t.test('goods: barcodes of 8, 12 and 14 digits', async t => {
  const { keeper } = shop;
  const rice = { name: '大米', unit: '袋', category: '粮油副食', isService: false, minStock: 0 };
  const short = { ...rice, sku: 'G008', barcode: '036000291452' };
  t.match((await keeper('POST', `${at}/goods`, short)).body, { barcode: '036000291452' }, 'a code of 12 digits');
  t.equal(
    (await keeper('POST', `${at}/goods`, { ...short, sku: 'G009', barcode: '0036000291452' })).status,
    409,
    'and of 13',
  );
  t.equal((await keeper('GET', `${at}/goods?q=0036000291452`)).body.data[0].sku, 'G008', 'is found as either');
  for (const [sku, barcode] of [
    ['G010', '96385074'],
    ['G011', '16901234567899'],
  ] as const) {
    t.equal((await keeper('POST', `${at}/goods`, { ...rice, sku, barcode })).status, 201, barcode);
  }
});
