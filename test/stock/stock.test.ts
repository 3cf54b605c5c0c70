import { randomUUID } from 'node:crypto';
import t from 'tap';
import { grant } from '../../src/identity/tables.ts';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t);
const { service, admin, keeper, storeId } = shop;

function draft(lines: object[], fields: object = {}) {
  return settled(keeper, `${at}/stock-documents`, { type: 'receipt', storeId, reason: '双凤粮油店', lines, ...fields });
}

t.test('a receipt is drafted by one person and posted by another', async t => {
  const rice = await shop.goods('大米', { minStock: 20 });
  const oil = await shop.goods('菜籽油');
  const made = await draft([
    { goodsId: rice, quantity: 10, costFen: 3510, expiresOn: '2027-06-30' },
    { goodsId: rice, quantity: 5, expiresOn: '2027-12-31' },
    { goodsId: oil, quantity: 4 },
  ]);
  const url = `${at}/stock-documents/${made.body.id}`;
  t.match([made.status, made.headers.location], [201, url]);
  t.match(made.body, {
    state: 'draft',
    draftedBy: keeper.actor.id,
    decidedBy: null,
    transactionNumber: null,
    lines: [{ goodsId: rice, quantity: 10, costFen: 3510, expiresOn: '2027-06-30' }, { quantity: 5 }, { goodsId: oil }],
  });
  t.same(await shop.level(rice), { onShelf: 0, reserved: 0 }, 'a draft moves nothing');

  const key = { 'idempotency-key': randomUUID() };
  const posted = await admin('POST', `${url}/post`, undefined, key);
  t.match(
    [posted.status, posted.body],
    [200, { state: 'posted', decidedBy: admin.actor.id, transactionNumber: Number }],
  );
  const replay = await admin('POST', `${url}/post`, undefined, key);
  t.match([replay.status, replay.text], [200, posted.text]);
  const again = await admin('POST', `${url}/post`);
  isRefused(t, again, '409 wrong-state', { state: 'posted', since: '2026-11-23T02:00:00.000Z' });
  t.match((await keeper('GET', url)).body, posted.body, 'read again, it says the same');

  const levels = await keeper('GET', `${at}/stock-levels?storeId=${storeId}`);
  t.match(levels.body.data, [
    { goodsId: rice, onShelf: 15, reserved: 0, minStock: 20, low: true },
    { goodsId: oil, onShelf: 4, low: false },
  ]);
  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(
    'select actor, approver, memo from ledger.transaction where village = $1 and number = $2',
    [villages.own, posted.body.transactionNumber],
  );
  // What people write may name people, and the book never forgets: the words stay with the document.
  t.strictSame(rows, [{ actor: keeper.actor.id, approver: admin.actor.id, memo: null }]);
});

t.test('refusals of a draft', async t => {
  const haircut = await shop.goods('理发', { isService: true });
  const milk = await shop.goods('牛奶');
  const today = '2026-11-23';
  const refused = async (lines: object[], said?: object) => (await draft(lines, said)).body;
  isRefused(t, await refused([{ goodsId: haircut, quantity: 1 }]), '422 out-of-bounds', {
    field: 'lines/0/quantity',
    min: 0,
    max: 0,
  });
  isRefused(t, await refused([{ goodsId: milk, quantity: 1, expiresOn: today }]), '422 out-of-bounds', {
    field: 'lines/0/expiresOn',
    min: '2026-11-24',
    max: null,
  });
  isRefused(t, await refused([{ goodsId: milk, quantity: 1 }], { storeId: randomUUID() }), '404 not-found');
  isRefused(t, await refused([{ goodsId: randomUUID(), quantity: 1 }]), '404 not-found', { field: 'goodsId' });
  isRefused(t, await refused([{ goodsId: milk, quantity: 0 }]), '400 validation-failed', {
    errors: ['/lines/0/quantity minimum'],
  });
  const old = await draft([{ goodsId: milk, quantity: 1, expiresOn: today }], { type: 'writeOff' });
  t.equal(old.status, 201, 'what has expired is what a write-off is for');

  const soon = await draft([{ goodsId: milk, quantity: 1, expiresOn: '2026-11-24' }]);
  service.clock.pass({ hours: 24 });
  const late = await admin('POST', `${at}/stock-documents/${soon.body.id}/post`);
  isRefused(
    t,
    late,
    '422 out-of-bounds',
    { field: 'lines/0/expiresOn', min: '2026-11-25', max: null },
    'expired meanwhile',
  );
  service.clock.pass({ hours: -24 });
});

t.test('nobody decides on the own draft', async t => {
  const rice = await shop.goods('糯米');
  const both = await service.callerFor(
    {
      ...keeper.actor,
      grants: [
        ['storekeeper', villages.own],
        ['villageAdmin', villages.own],
      ],
    },
    null,
  );
  await service.inVillage(villages.own, async tx => {
    await tx.insert(grant).values({
      id: randomUUID(),
      userId: keeper.actor.id,
      role: 'villageAdmin',
      prefix: villages.own,
      grantedAt: '2026-11-23T00:00:00.000Z',
    });
  });
  const { body } = await draft([{ goodsId: rice, quantity: 1 }]);
  for (const [verb, said] of [['post'], ['reject', { note: '不对' }]] as const) {
    const refused = await both('POST', `${at}/stock-documents/${body.id}/${verb}`, said);
    isRefused(t, refused, '403 second-person-required', { firstUserId: keeper.actor.id });
  }
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  await t.rejects(
    app.query(
      `update store.stock_document set state = 'posted', decided_by = drafted_by, decided_at = now() where id = $1`,
      [body.id],
    ),
    /stock_document_second_person/,
    'nor by SQL',
  );
  await t.rejects(
    app.query(`update store.stock_document set state = 'posted', decided_at = now() where id = $1`, [body.id]),
    /stock_document_decided/,
    'nor by nobody',
  );
  await t.rejects(app.query('update store.stock_line set quantity = 1'), /permission denied/);
  await t.rejects(app.query('delete from store.stock_document'), /permission denied/);

  const turnedDown = await admin('POST', `${at}/stock-documents/${body.id}/reject`, { note: '数量不符' });
  t.match([turnedDown.status, turnedDown.body], [200, { state: 'rejected', decisionNote: '数量不符' }]);
  const late = await admin('POST', `${at}/stock-documents/${body.id}/post`);
  isRefused(t, late, '409 wrong-state', { state: 'rejected', since: '2026-11-23T02:00:00.000Z' });
  t.same(await shop.level(rice), { onShelf: 0, reserved: 0 });
});

t.test('a write-off takes what is there and no more', async t => {
  const eggs = await shop.goods('鸡蛋');
  const never = await shop.goods('皮蛋');
  await shop.stock({ [eggs]: 5 });
  const decide = async (goodsId: string, quantity: number) => {
    const { body } = await draft([{ goodsId, quantity }], { type: 'writeOff', reason: '破损' });
    return admin('POST', `${at}/stock-documents/${body.id}/post`);
  };
  isRefused(t, await decide(eggs, 6), '422 insufficient-stock', {
    available: 5,
    required: 6,
    lines: [{ goodsId: eggs, available: 5, required: 6 }],
  });
  isRefused(
    t,
    await decide(never, 1),
    '422 insufficient-stock',
    { available: 0, required: 1, lines: [{ goodsId: never, available: 0, required: 1 }] },
    'never received',
  );
  t.match(await decide(eggs, 2), { status: 200, body: { state: 'posted' } });
  t.same(await shop.level(eggs), { onShelf: 3, reserved: 0 });
});

t.test('posted at once by many: the goods come once', async t => {
  // The first rounds open the connections on which the later ones meet.
  for (let round = 1; round <= 4; round += 1) {
    const salt = await shop.goods('食盐');
    const { body } = await draft([{ goodsId: salt, quantity: 7 }]);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => settled(admin, `${at}/stock-documents/${body.id}/post`)),
    );
    t.equal(answers.filter(({ status }) => status === 200).length, 1);
    t.equal(answers.filter(answer => answer.body.code === 'wrong-state').length, 7);
    t.same(await shop.level(salt), { onShelf: 7, reserved: 0 });
  }
});

t.test('lists', async t => {
  const drafts = await keeper('GET', `${at}/stock-documents?state=draft&type=writeOff&limit=1`);
  t.match(drafts.body.data, [{ state: 'draft', type: 'writeOff' }]);
  const page = await keeper('GET', `${at}/stock-documents?limit=2`);
  t.equal(page.body.hasMore, true);
  const next = await keeper('GET', `${at}/stock-documents?limit=2&cursor=${page.body.nextCursor}`);
  t.not(next.body.data[0].id, page.body.data[0].id);
  isRefused(t, await keeper('GET', `${at}/stock-levels?storeId=${randomUUID()}`), '404 not-found');
  const auditor = await service.as('auditor');
  t.equal((await auditor('GET', `${at}/stock-documents/${page.body.data[0].id}`)).status, 200);
  const neighbour = await service.as('storekeeper', villages.sibling);
  const there = `/v1/villages/${villages.sibling}`;
  isRefused(t, await neighbour('GET', `${there}/stock-documents/${page.body.data[0].id}`), '404 not-found');
  isRefused(t, await neighbour('GET', `${there}/stock-levels?storeId=${storeId}`), '404 not-found');
  const foreignStore = await settled(neighbour, `${there}/stock-documents`, {
    type: 'receipt',
    storeId,
    reason: '进货',
    lines: [{ goodsId: randomUUID(), quantity: 1 }],
  });
  isRefused(t, foreignStore, '404 not-found', {}, 'goods never go to another village’s shelf');
});
