import { randomUUID } from 'node:crypto';
import t from 'tap';
import { readyToRace } from '../support/awards.ts';
import { isRefused } from '../support/refusal.ts';
import { patch } from '../support/sample-calls.ts';
import { type Caller, connect, type Reply, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, admin, keeper, clerk, storeId } = shop;

/** Changes something as it is now, or as a version that is named says it was. */
async function correct(by: Caller, url: string, body: object, etag?: string): Promise<Reply> {
  const named = etag ?? (await keeper('GET', url)).headers.etag;
  return by('PATCH', url, body, patch(url, body, named).headers);
}

/** Corrections of something, the newest first: `field from → to`. */
async function historyOf(id: string): Promise<string[]> {
  const { body } = await clerk('GET', `${at}/corrections?subjectId=${id}`);
  return body.data.map((one: { field: string; from: string; to: string }) => `${one.field} ${one.from} → ${one.to}`);
}

type Test = Parameters<typeof isRefused>[0];

async function refuseVersions(t: Test, by: Caller, url: string, body: object, standing: string) {
  const { 'if-match': _, ...bare } = patch(url, body).headers!;
  for (const headers of [bare, { ...bare, 'if-match': '*' }]) {
    isRefused(t, await by('PATCH', url, body, headers), '428 version-required', { etag: standing });
  }
  isRefused(t, await correct(by, url, body, '"99"'), '412 version-stale', { etag: standing });
}

async function refuseStrangers(t: Test, url: string, body: object, kept: readonly ['storekeeper' | 'clerk', string[]]) {
  const [role, requiredRoles] = kept;
  const other = await service.as(role);
  isRefused(t, await correct(other, url, body), '403 forbidden', { requiredRoles });
  const neighbour = await service.as('villageAdmin', villages.sibling);
  isRefused(t, await correct(neighbour, url, body), '404 not-found');
  const there = url.replace(villages.own, villages.sibling);
  isRefused(t, await correct(neighbour, there, body, '"1"'), '404 not-found');
  const none = `${url.slice(0, url.lastIndexOf('/'))}/${randomUUID()}`;
  isRefused(t, await correct(admin, none, body, '"1"'), '404 not-found');
}

t.test('goods are corrected, and what they were before is kept', async t => {
  const id = await shop.goods('打米', { sku: 'G001', barcode: '2000000000015', minStock: 5, costFen: 3510 });
  const url = `${at}/goods/${id}`;
  const before = await keeper('GET', url);
  t.equal(before.headers.etag, '"1"');

  const to = { name: '大米', nameEn: 'Rice', unit: '包', barcode: null, category: '粮油', minStock: 20, costFen: null };
  const corrected = await correct(keeper, url, to);
  t.strictSame([corrected.status, corrected.headers.etag], [200, '"2"']);
  t.strictSame(corrected.body, { ...before.body, ...to });
  const after = await keeper('GET', url);
  t.strictSame([after.body, after.headers.etag], [corrected.body, '"2"']);
  t.strictSame((await historyOf(id)).sort(), [
    'barcode 2000000000015 → null',
    'category 粮油副食 → 粮油',
    'costFen 3510 → null',
    'minStock 5 → 20',
    'name 打米 → 大米',
    'nameEn null → Rice',
    'unit 袋 → 包',
  ]);
  const found = async (q: string) => (await keeper('GET', `${at}/goods?q=${encodeURIComponent(q)}`)).body.data.length;
  t.strictSame([await found('大米'), await found('打米'), await found('2000000000015')], [1, 0, 0]);

  const again = await correct(keeper, url, to);
  t.strictSame([again.body, again.headers.etag], [corrected.body, '"2"'], 'the same once more changes nothing');
  t.equal((await correct(admin, url, { sku: 'G002' })).headers.etag, '"3"');
  t.strictSame(await historyOf(id).then(([last]) => last), 'sku G001 → G002');
  await refuseVersions(t, keeper, url, { minStock: 21 }, '"3"');
  await refuseStrangers(t, url, { minStock: 21 }, ['clerk', ['storekeeper', 'villageAdmin']]);

  await readyToRace(service);
  const eight = await Promise.all(
    [30, 31, 32, 33, 34, 35, 36, 37].map(minStock => correct(keeper, url, { minStock }, '"3"')),
  );
  const stale = Array(7).fill(412);
  t.strictSame(eight.map(({ status }) => status).sort(), [200, ...stale], 'of eight at once, seven are told');

  t.equal((await keeper('POST', `${url}/archive`)).status, 200);
  t.match((await correct(keeper, url, { name: '大米（停）' })).body, { name: '大米（停）', state: 'archived' });
});

t.test('what is refused of new goods is refused of corrected ones', async t => {
  await shop.goods('酱油', { sku: 'S001', barcode: '036000291452' });
  const url = `${at}/goods/${await shop.goods('醋', { sku: 'S002', barcode: '96385074' })}`;
  const haircut = `${at}/goods/${await shop.goods('理发', { sku: 'S003', isService: true })}`;
  isRefused(t, await correct(keeper, url, { sku: 'S001' }), '409 already-exists');
  isRefused(t, await correct(keeper, url, { barcode: '036000291452' }), '409 already-exists');
  isRefused(
    t,
    await correct(keeper, url, { barcode: '0036000291452' }),
    '409 already-exists',
    {},
    'with a zero before',
  );
  isRefused(t, await correct(keeper, url, { barcode: '96385075' }), '400 validation-failed', {
    errors: ['/barcode checkDigit'],
  });
  isRefused(t, await correct(keeper, haircut, { minStock: 1 }), '422 out-of-bounds', {
    field: 'minStock',
    min: 0,
    max: 0,
  });
  for (const body of [{ isService: true }, { state: 'archived' }, { createdAt: '2026-11-01T00:00:00Z' }]) {
    const [field] = Object.keys(body);
    isRefused(t, await correct(keeper, url, body), '400 validation-failed', {
      errors: [`/${field} additionalProperties`],
    });
  }
  for (const body of [{ name: null }, { name: '' }, { minStock: -1 }, { unit: '一二三四五六七八九十十' }]) {
    t.equal((await correct(keeper, url, body)).status, 400, JSON.stringify(body));
  }
  const own = await keeper('GET', url);
  t.strictSame([own.headers.etag, own.body.barcode], ['"1"', '96385074'], 'and nothing has changed');
  t.strictSame(await historyOf(own.body.id), []);

  const there = await service.as('storekeeper', villages.sibling);
  const foreign = { sku: 'S001', name: '酱油', unit: '瓶', category: '粮油', isService: false, minStock: 0 };
  const made = await there('POST', `/v1/villages/${villages.sibling}/goods`, { ...foreign, barcode: '96385081' });
  t.equal(made.status, 201);
  t.equal((await correct(keeper, url, { barcode: '96385081' })).status, 200, 'unique in the village, not beyond it');
});

t.test('two goods corrected to one barcode at once: one is', async t => {
  const urls = [`${at}/goods/${await shop.goods('甲')}`, `${at}/goods/${await shop.goods('乙')}`];
  const both = await Promise.all(urls.map(url => correct(keeper, url, { barcode: '6901234567892' }, '"1"')));
  t.strictSame(both.map(({ status }) => status).sort(), [200, 409]);
});

t.test('prices, orders, shelf and book stay as they are', async t => {
  const id = await shop.goods('大米');
  await shop.prices({ [id]: 4 });
  await shop.stock({ [id]: 10 });
  const buyer = await shop.household(100);
  const bought = (await shop.redeem(keeper, shop.order(buyer, { [id]: 2 }, { handOver: true }))).body;
  const waiting = (await shop.redeem(keeper, shop.order(buyer, { [id]: 1 }))).body;
  const transactions = async () =>
    Promise.all(
      [bought, waiting].map(async ({ transactionNumbers: [number] }) => {
        const { body } = await admin('GET', `${at}/transactions/${number}`);
        return [body.leafHash, body.hash, body.frozen];
      }),
    );
  const before = [await transactions(), await shop.level(id), await shop.points(buyer)];
  t.equal((await correct(keeper, `${at}/goods/${id}`, { name: '糯米', unit: '斤', costFen: 1 })).status, 200);
  t.strictSame([await transactions(), await shop.level(id), await shop.points(buyer)], before);
  t.match((await keeper('GET', `${at}/redemptions/${bought.id}`)).body, {
    points: 8,
    lines: [{ goodsId: id, quantity: 2, unitPoints: 4 }],
  });
  t.equal((await shop.fulfil(keeper, waiting.id)).status, 200);
  t.equal((await admin('POST', `${at}/book/verify`)).body.sound, true);
});

t.test('a store is corrected', async t => {
  const url = `${at}/stores/${storeId}`;
  const before = await keeper('GET', url);
  t.match([before.status, before.headers.etag, before.body], [200, '"1"', { name: '积分超市', place: '村委会一楼' }]);
  const second = (await settled(admin, `${at}/stores`, { name: '三组兑换点' })).body;

  const corrected = await correct(admin, url, { name: '积分超市（村口）', place: null });
  t.strictSame([corrected.status, corrected.headers.etag], [200, '"2"']);
  t.strictSame(corrected.body, { ...before.body, name: '积分超市（村口）', place: null });
  t.strictSame((await historyOf(storeId)).sort(), ['name 积分超市 → 积分超市（村口）', 'place 村委会一楼 → null']);
  t.match((await keeper('GET', `${at}/stores`)).body.data[0], corrected.body);
  t.equal((await correct(admin, url, { name: '积分超市（村口）' })).headers.etag, '"2"');

  isRefused(t, await correct(admin, url, { name: '三组兑换点' }), '409 already-exists');
  isRefused(t, await correct(admin, url, { id: second.id }), '400 validation-failed', {
    errors: ['/id additionalProperties'],
  });
  t.equal((await correct(admin, url, { name: null })).status, 400);
  await refuseVersions(t, admin, url, { place: '村口' }, '"2"');
  await refuseStrangers(t, url, { place: '村口' }, ['storekeeper', ['villageAdmin']]);
  isRefused(t, await keeper('GET', `${at}/stores/${randomUUID()}`), '404 not-found');
});

t.test('a stock document is corrected in its words, not in its pieces', async t => {
  const id = await shop.goods('盐');
  const lines = [{ goodsId: id, quantity: 40, costFen: 200, expiresOn: '2031-06-30' }];
  const body = { type: 'receipt', storeId, reason: '双凤粮油店 发票 00123', lines };
  const draft = async () => (await settled(keeper, `${at}/stock-documents`, body)).body.id as string;
  const first = await draft();
  const url = `${at}/stock-documents/${first}`;
  const corrected = await correct(keeper, url, { reason: '双凤粮油店 发票 00132' });
  t.strictSame([corrected.status, corrected.headers.etag], [200, '"2"']);
  t.match(corrected.body, { reason: '双凤粮油店 发票 00132', state: 'draft' });
  t.strictSame(await historyOf(first), ['reason 双凤粮油店 发票 00123 → 双凤粮油店 发票 00132']);
  isRefused(t, await correct(keeper, url, { lines: [{ ...lines[0], quantity: 41 }] }), '400 validation-failed', {
    errors: ['/lines additionalProperties'],
  });

  const posted = await settled(admin, `${url}/post`);
  t.equal(posted.status, 200);
  const wanted = { reason: '双凤粮油店 发票 00133' };
  isRefused(t, await correct(keeper, url, wanted), '403 second-person-required', { firstUserId: keeper.actor.id });
  const { body: paper } = await correct(admin, url, wanted);
  t.strictSame(paper, { ...posted.body, ...wanted });
  t.equal((await correct(admin, url, wanted)).headers.etag, '"3"', 'the same once more changes nothing');
  await refuseVersions(t, admin, url, { reason: '发票' }, '"3"');
  await refuseStrangers(t, url, { reason: '发票' }, ['clerk', ['storekeeper', 'villageAdmin']]);
  t.equal((await admin('POST', `${at}/book/verify`)).body.sound, true);

  const second = await draft();
  await settled(admin, `${at}/stock-documents/${second}/reject`, { note: '重复' });
  isRefused(t, await correct(admin, `${at}/stock-documents/${second}`, wanted), '409 wrong-state', {
    state: 'rejected',
    since: '2026-11-23T02:00:00.000Z',
  });
});

t.test('PostgreSQL lets the service correct nothing else', async t => {
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  for (const past of [
    `update store.goods set is_service = true`,
    `update store.stock_line set quantity = 1`,
    `update store.stock_document set store_id = gen_random_uuid()`,
    `update store.price set points = 1`,
    `update corrections.correction set new_value = 'x'`,
    `delete from corrections.correction`,
  ]) {
    await t.rejects(app.query(past), /permission denied/, past);
  }
});
