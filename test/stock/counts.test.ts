import { randomUUID } from 'node:crypto';
import t from 'tap';
import { grant } from '../../src/identity/tables.ts';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

const shop = await openShop(t);
const { service, admin, keeper, clerk, storeId } = shop;
const [rice, oil, salt] = [await shop.goods('大米'), await shop.goods('菜籽油'), await shop.goods('食盐')];
await shop.stock({ [rice]: 20, [oil]: 10, [salt]: 5 });

const open = (body: object = { storeId }) => settled(keeper, `${at}/stock-counts`, body);
const handIn = (caller: typeof keeper, id: string, counted: Record<string, number>) =>
  settled(caller, `${at}/stock-counts/${id}/figures`, {
    figures: Object.entries(counted).map(([goodsId, pieces]) => ({ goodsId, counted: pieces })),
  });
const read = async (id: string) => (await admin('GET', `${at}/stock-counts/${id}`)).body;

t.test('two people count blind, and a third posts what they found', async t => {
  const made = await open();
  t.match([made.status, made.body], [201, { state: 'open', goodsCount: 3, firstBy: null }], made.text);
  t.strictSame(made.body.documentIds, []);
  const { id } = made.body;
  t.strictSame(
    made.body.lines.map((line: { goodsId: string; result: null }) => [line.goodsId, line.result]),
    [
      [rice, null],
      [oil, null],
      [salt, null],
    ],
  );
  t.notMatch(made.text, /"(book|onShelf)"/, 'the sheet does not tell what the book has');

  const found = { [rice]: 18, [oil]: 11, [salt]: 5 };
  const first = await handIn(keeper, id, found);
  t.match([first.status, first.body], [200, { state: 'open', firstBy: keeper.actor.id }], first.text);
  t.notMatch(first.text, /"(counted|first|book)":/, 'nor what the first one found');
  t.notMatch(JSON.stringify(await read(id)), /"(counted|first|book)":/);
  isRefused(t, await handIn(keeper, id, found), '403 second-person-required', { firstUserId: keeper.actor.id });

  const second = await handIn(clerk, id, found);
  t.match([second.status, second.body], [200, { state: 'agreed', secondBy: clerk.actor.id }], second.text);
  t.strictSame(
    second.body.lines.map((line: { result: object }) => line.result),
    [
      { first: 18, second: 18, book: 20, difference: -2 },
      { first: 11, second: 11, book: 10, difference: 1 },
      { first: 5, second: 5, book: 5, difference: 0 },
    ],
  );
  t.equal(second.body.documentIds.length, 2);
  t.same(await shop.level(rice), { onShelf: 20, reserved: 0 }, 'nothing is overwritten');
  isRefused(t, await handIn(keeper, id, found), '409 wrong-state', {
    state: 'agreed',
    since: '2026-11-23T02:00:00.000Z',
  });

  for (const documentId of second.body.documentIds) {
    const url = `${at}/stock-documents/${documentId}`;
    const { body } = await admin('GET', url);
    t.match(body, { state: 'draft', countId: id, countedBy: keeper.actor.id, draftedBy: clerk.actor.id });
    t.match((await admin('POST', `${url}/post`, undefined, { 'idempotency-key': randomUUID() })).status, 200);
  }
  t.same(await shop.level(rice), { onShelf: 18, reserved: 0 });
  t.same(await shop.level(oil), { onShelf: 11, reserved: 0 });
  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(
    `select asset, balance from ledger.account where village = $1 and code = 'countDifference' order by balance`,
    [villages.own],
  );
  t.strictSame(
    rows.map(row => [row.asset, Number(row.balance)]),
    [
      [`SKU:${oil}`, -1],
      [`SKU:${rice}`, 2],
    ],
  );
});

t.test('neither of those who counted decides on the difference', async t => {
  const { id } = (await open({ storeId, goodsIds: [salt] })).body;
  const both = await service.as('storekeeper');
  await service.inVillage(villages.own, async tx => {
    await tx.insert(grant).values({
      id: randomUUID(),
      userId: both.actor.id,
      role: 'villageAdmin',
      prefix: villages.own,
      grantedAt: '2026-11-23T00:00:00.000Z',
    });
  });
  await handIn(both, id, { [salt]: 4 });
  const { documentIds } = (await handIn(clerk, id, { [salt]: 4 })).body;
  const url = `${at}/stock-documents/${documentIds[0]}`;
  const grants = ['storekeeper', 'villageAdmin'].map(role => [role, villages.own]) as typeof both.actor.grants;
  const asAdmin = await service.callerFor({ ...both.actor, grants }, null);
  const refused = await settled(asAdmin, `${url}/post`);
  isRefused(t, refused, '403 second-person-required', { firstUserId: both.actor.id });
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  await t.rejects(
    app.query(
      `update store.stock_document set state = 'posted', decided_by = counted_by, decided_at = now() where id = $1`,
      [documentIds[0]],
    ),
    /stock_document_counted_by_another/,
    'nor by SQL',
  );
  await t.rejects(
    app.query(`update store.stock_count set second_by = first_by where id = $1`, [id]),
    /stock_count_second_person/,
    'nor counts twice',
  );
  await t.rejects(app.query('update store.stock_count_line set book = 0'), /permission denied/);
  t.match((await settled(admin, `${url}/reject`, { note: '再数一遍' })).status, 200);
  t.same(await shop.level(salt), { onShelf: 5, reserved: 0 });
});

t.test('a count of two minds, or of goods that moved, counts for nothing', async t => {
  const { id } = (await open({ storeId, goodsIds: [salt] })).body;
  await handIn(keeper, id, { [salt]: 4 });
  const { body } = await handIn(clerk, id, { [salt]: 5 });
  t.strictSame([body.state, body.documentIds], ['disagreed', []]);
  t.match((await read(id)).lines, [{ result: { first: 4, second: 5, book: 5, difference: null } }]);

  const stale = (await open({ storeId, goodsIds: [salt] })).body.id;
  await handIn(keeper, stale, { [salt]: 5 });
  await shop.stock({ [salt]: 1 });
  const ended = await handIn(clerk, stale, { [salt]: 5 });
  t.strictSame([ended.body.state, ended.body.documentIds], ['stale', []]);
  const listed = await keeper('GET', `${at}/stock-counts?state=stale`);
  t.match(listed.body.data, [{ id: stale, state: 'stale', goodsCount: 1 }]);
  t.equal(listed.body.data.length, 1);
});

t.test('what is missing may be more than one paper brings', async t => {
  const seeds = await shop.goods('菜籽');
  for (let left = 3; left > 0; left -= 1) await shop.stock({ [seeds]: 100_000 });
  const { id } = (await open({ storeId, goodsIds: [seeds] })).body;
  for (const caller of [keeper, clerk]) t.equal((await handIn(caller, id, { [seeds]: 0 })).status, 200);
  const [documentId] = (await read(id)).documentIds;
  const posted = await settled(admin, `${at}/stock-documents/${documentId}/post`);
  t.match([posted.status, posted.body], [200, { lines: [{ quantity: 300_000 }] }], posted.text);
});

t.test('refusals', async t => {
  const haircut = await shop.goods('理发', { isService: true });
  isRefused(t, await open({ storeId: randomUUID() }), '404 not-found');
  isRefused(t, await open({ storeId, goodsIds: [randomUUID()] }), '404 not-found', { field: 'goodsId' });
  isRefused(t, await open({ storeId, goodsIds: [haircut] }), '422 out-of-bounds', {
    field: 'goodsIds/0',
    min: 0,
    max: 0,
  });
  const empty = (await settled(admin, `${at}/stores`, { name: '空店' })).body.id;
  isRefused(t, await open({ storeId: empty }), '422 out-of-bounds', { field: 'goodsIds', min: 1, max: 200 });
  const { id } = (await open({ storeId, goodsIds: [rice, oil] })).body;
  for (const counted of [{ [rice]: 1 }, { [rice]: 1, [salt]: 1 }, { [rice]: 1, [oil]: 1, [salt]: 1 }]) {
    isRefused(t, await handIn(keeper, id, counted), '400 validation-failed', { errors: ['/figures dependency'] });
  }
  isRefused(t, await handIn(keeper, randomUUID(), { [rice]: 1 }), '404 not-found');
  const neighbour = await service.as('storekeeper', villages.sibling);
  isRefused(t, await neighbour('GET', `/v1/villages/${villages.sibling}/stock-counts/${id}`), '404 not-found');
});

t.test('handed in by many at once: two count, no more', async t => {
  const others = await Promise.all([1, 2, 3].map(() => service.as('clerk')));
  const { id } = (await open({ storeId, goodsIds: [rice] })).body;
  const answers = await Promise.all([keeper, ...others].map(caller => handIn(caller, id, { [rice]: 17 })));
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 200, 409, 409]);
  t.equal((await read(id)).documentIds.length, 1);
});
