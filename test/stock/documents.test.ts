import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';
import { smallPhoto } from '../support/small-photo.ts';

t.setTimeout(900_000);

const shop = await openShop(t);
const { service, admin, keeper, clerk, storeId } = shop;
const mobile = (await settled(admin, `${at}/stores`, { name: '流动超市' })).body.id;
const rice = await shop.goods('大米');
const oil = await shop.goods('菜籽油');

const tooOld = { field: 'lines/0/expiresOn', min: '2026-11-24', max: null };
const forbidden = { requiredRoles: ['storekeeper', 'villageAdmin'] };

const draft = (type: string, lines: object[], fields: object = {}) =>
  settled(keeper, `${at}/stock-documents`, { type, storeId, reason: '单据', lines, ...fields });
const post = (id: string) => settled(admin, `${at}/stock-documents/${id}/post`);

async function photo(seed: number) {
  return (await keeper('POST', `${at}/photos?ofVillage=true`, smallPhoto(seed))).body.id as string;
}

async function onShelf(store: string, goodsId: string): Promise<number> {
  const { body } = await keeper('GET', `${at}/stock-levels?storeId=${store}&limit=200`);
  return body.data.find((row: { goodsId: string }) => row.goodsId === goodsId).onShelf;
}

t.test('a purchase names its invoice, which is received once', async t => {
  const lines = [{ goodsId: rice, quantity: 40, costFen: 3510, expiresOn: '2027-06-30' }];
  const invoice = { supplier: '双凤粮油店', invoiceNumber: '00123' };
  const photoId = await photo(1);
  const made = await draft('purchase', lines, { ...invoice, photoIds: [photoId] });
  t.match(
    [made.status, made.body],
    [201, { type: 'purchase', ...invoice, donor: null, photoIds: [photoId] }],
    made.text,
  );
  isRefused(t, await draft('purchase', lines, invoice), '409 already-exists');
  isRefused(
    t,
    await draft('purchase', lines, { ...invoice, invoiceNumber: '00124', photoIds: [photoId] }),
    '422 photo-reused',
    {
      photoId,
    },
  );
  const rejected = await settled(admin, `${at}/stock-documents/${made.body.id}/reject`, { note: '数量不符' });
  t.equal(rejected.status, 200);
  const again = await draft('purchase', lines, { ...invoice, photoIds: [photoId] });
  t.equal(again.status, 201, 'what was turned down may come again, with its photo');
  t.match(await post(again.body.id), { status: 200, body: { state: 'posted', supplier: '双凤粮油店' } });
  t.equal(await onShelf(storeId, rice), 40);
  isRefused(t, await draft('purchase', lines, invoice), '409 already-exists', undefined, 'also once it was posted');
  t.equal(
    (await draft('purchase', lines, { ...invoice, supplier: '另一家' })).status,
    201,
    'another has its own numbers',
  );

  for (const missing of ['supplier', 'invoiceNumber']) {
    const refused = await draft('purchase', lines, { ...invoice, [missing]: undefined });
    isRefused(t, refused, '400 validation-failed', { errors: [`/${missing} required`] });
  }
  const withoutCost = await draft('purchase', [{ goodsId: rice, quantity: 1 }], invoice);
  isRefused(t, withoutCost, '400 validation-failed', { errors: ['/lines/0/costFen required'] });
  isRefused(t, await draft('receipt', lines, invoice), '400 validation-failed', {
    errors: ['/supplier additionalProperties', '/invoiceNumber additionalProperties'],
  });
  const expired = [{ goodsId: rice, quantity: 1, costFen: 1, expiresOn: '2026-11-23' }];
  isRefused(t, await draft('purchase', expired, { ...invoice, invoiceNumber: '9' }), '422 out-of-bounds', tooOld);
});

t.test('the same invoice by many at once is drafted once', async t => {
  const lines = [{ goodsId: oil, quantity: 1, costFen: 100 }];
  for (let round = 1; round <= 3; round += 1) {
    const said = { supplier: '粮站', invoiceNumber: `R${round}` };
    const answers = await Promise.all(Array.from({ length: 6 }, () => draft('purchase', lines, said)));
    t.equal(answers.filter(({ status }) => status === 201).length, 1);
    t.equal(answers.filter(({ body }) => body.code === 'already-exists').length, 5);
  }
});

t.test('a donation names its donor and what the goods are worth', async t => {
  const given = { donor: '爱心企业', declaredValueFen: 50_000 };
  const made = await draft('donation', [{ goodsId: oil, quantity: 10 }], given);
  t.match([made.status, made.body], [201, { ...given, supplier: null }], made.text);
  t.match(await post(made.body.id), { status: 200 });
  t.equal(await onShelf(storeId, oil), 10);
  isRefused(
    t,
    await draft('donation', [{ goodsId: oil, quantity: 1, expiresOn: '2026-11-23' }], given),
    '422 out-of-bounds',
    tooOld,
  );
  isRefused(t, await draft('donation', [{ goodsId: oil, quantity: 1 }]), '400 validation-failed', {
    errors: ['/donor required', '/declaredValueFen required'],
  });
});

t.test('goods go to an event, and to another store, in one transaction each', async t => {
  const issue = await draft('issue', [{ goodsId: oil, quantity: 2 }], { event: '重阳节慰问', receiver: '王建国' });
  t.match([issue.status, issue.body], [201, { event: '重阳节慰问', receiver: '王建国' }], issue.text);
  t.match(await post(issue.body.id), { status: 200 });
  t.equal(await onShelf(storeId, oil), 8);
  isRefused(
    t,
    await draft('issue', [{ goodsId: oil, quantity: 2 }], { event: '重阳节慰问' }),
    '400 validation-failed',
    {
      errors: ['/receiver required'],
    },
  );

  const moved = await draft('transfer', [{ goodsId: oil, quantity: 3 }], { toStoreId: mobile });
  t.match(await post(moved.body.id), { status: 200, body: { toStoreId: mobile } });
  t.same([await onShelf(storeId, oil), await onShelf(mobile, oil)], [5, 3]);
  const back = await draft('transfer', [{ goodsId: oil, quantity: 4 }], { storeId: mobile, toStoreId: storeId });
  isRefused(t, await post(back.body.id), '422 insufficient-stock', {
    available: 3,
    required: 4,
    lines: [{ goodsId: oil, available: 3, required: 4 }],
  });
  t.same([await onShelf(storeId, oil), await onShelf(mobile, oil)], [5, 3], 'nothing is nowhere');
  isRefused(
    t,
    await draft('transfer', [{ goodsId: oil, quantity: 1 }], { toStoreId: storeId }),
    '400 validation-failed',
    {
      errors: ['/toStoreId dependency'],
    },
  );
  isRefused(t, await draft('transfer', [{ goodsId: oil, quantity: 1 }], { toStoreId: randomUUID() }), '404 not-found');

  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(
    `select t.kind, f.code as source, g.code as target, l.amount from ledger.transaction t
       join ledger.transfer l on l.village = t.village and l.number = t.number
       join ledger.account f on f.village = l.village and f.number = l.from_account
       join ledger.account g on g.village = l.village and g.number = l.to_account
      where t.village = $1 and t.kind in ('stockIssue', 'stockTransfer') order by t.number`,
    [villages.own],
  );
  t.strictSame(
    rows.map(row => [row.kind, row.source, row.target, Number(row.amount)]),
    [
      ['stockIssue', `shelf:${storeId}`, 'handedOut', 2],
      ['stockTransfer', `shelf:${storeId}`, `shelf:${mobile}`, 3],
    ],
  );
});

t.test('photos of the village belong to no household, and storekeepers see no others', async t => {
  const own = await photo(7);
  t.match(await keeper('GET', `${at}/photos/${own}`), { status: 200, body: { householdId: null } });
  t.equal(await photo(7), own, 'the same file is the same photo');
  const householdId = await service.household();
  const theirs = (await clerk('POST', `${at}/photos?householdId=${householdId}`, smallPhoto(8))).body.id;
  isRefused(t, await keeper('GET', `${at}/photos/${theirs}`), '404 not-found');
  isRefused(t, await clerk('POST', `${at}/photos?ofVillage=true`, smallPhoto(9)), '403 forbidden', forbidden);
  isRefused(
    t,
    await keeper('POST', `${at}/photos?ofVillage=true&householdId=${householdId}`, smallPhoto(9)),
    '400 validation-failed',
    {
      errors: ['/querystring/ofVillage dependency'],
    },
  );
  const household = await service.asHousehold(householdId);
  isRefused(t, await household('GET', `${at}/photos/${own}`), '404 not-found');
  isRefused(t, await household('POST', `${at}/photos?ofVillage=true`, smallPhoto(10)), '403 forbidden', forbidden);
  const made = await draft('writeOff', [{ goodsId: oil, quantity: 1 }], { photoIds: [theirs] });
  isRefused(t, made, '404 not-found', { field: 'photoIds' });
  const used = await draft('writeOff', [{ goodsId: oil, quantity: 1 }], { photoIds: [own] });
  t.equal(used.status, 201);
  isRefused(t, await keeper('DELETE', `${at}/photos/${own}`), '409 wrong-state', { state: 'used' });
});
