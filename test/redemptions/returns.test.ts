import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50, returnDays: 7 } });
const { service, keeper, clerk, admin } = shop;
const soap = await shop.goods('肥皂');
const rice = await shop.goods('大米');
const haircut = await shop.goods('理发', { isService: true });
await shop.prices({ [soap]: 3, [rice]: 40, [haircut]: 10 });
await shop.stock({ [soap]: 100, [rice]: 100 });

async function bought(pieces: Record<string, number>, fields: object = {}) {
  const id = await shop.household(100);
  const { status, body, text } = await shop.redeem(keeper, shop.order(id, pieces, { handOver: true, ...fields }));
  t.equal(status, 201, text);
  return { id, redemptionId: body.id as string };
}

function propose(redemptionId: string, fields: object = {}) {
  return settled(keeper, `${at}/returns`, { redemptionId, reason: '包装破损', restock: true, ...fields });
}

t.test('the whole comes back', async t => {
  const { id, redemptionId } = await bought({ [soap]: 2, [rice]: 1, [haircut]: 1 });
  const shelf = await shop.level(rice);
  const made = await propose(redemptionId);
  const url = `${at}/returns/${made.body.id}`;
  t.match([made.status, made.headers.location], [201, url]);
  t.match(made.body, {
    state: 'proposed',
    points: 56,
    restock: true,
    proposedBy: keeper.actor.id,
    transactionNumber: null,
  });
  t.equal(made.body.lines.length, 3);
  t.same(await shop.points(id), { available: 44, held: 0 }, 'nothing moves yet');
  const second = await propose(redemptionId);
  isRefused(t, second, '409 already-exists', { existingId: made.body.id, field: 'redemptionId' });

  const key = { 'idempotency-key': randomUUID() };
  const approved = await admin('POST', `${url}/approve`, undefined, key);
  t.match(
    [approved.status, approved.body],
    [200, { state: 'approved', decidedBy: admin.actor.id, transactionNumber: Number }],
  );
  const replay = await admin('POST', `${url}/approve`, undefined, key);
  t.match([replay.status, replay.text], [200, approved.text]);
  t.match((await keeper('GET', url)).body, approved.body);
  t.same(await shop.points(id), { available: 100, held: 0 });
  t.same(await shop.level(rice), { onShelf: shelf.onShelf + 1, reserved: 0 });
  const order = (await keeper('GET', `${at}/redemptions/${redemptionId}`)).body;
  t.match(order, { state: 'returned', transactionNumbers: [Number, approved.body.transactionNumber] });
  const receipt = await keeper('GET', `${at}/redemptions/${redemptionId}/receipt`);
  t.equal(receipt.body.speech, '退货成功，退回五十六分，还剩一百分。');

  const again = await admin('POST', `${url}/approve`);
  isRefused(t, again, '409 wrong-state', { state: 'approved', since: '2026-11-23T02:00:00.000Z' });
  isRefused(t, await propose(redemptionId), '409 wrong-state', {
    state: 'returned',
    since: '2026-11-23T02:00:00.000Z',
  });
});

t.test('a part comes back, spoiled', async t => {
  const { id, redemptionId } = await bought({ [soap]: 3, [rice]: 1 });
  const shelf = await shop.level(soap);
  const made = await propose(redemptionId, { lines: [{ goodsId: soap, quantity: 2 }], restock: false });
  t.match([made.status, made.body], [201, { points: 6, lines: [{ goodsId: soap, quantity: 2 }] }]);
  const approved = await settled(clerk, `${at}/returns/${made.body.id}/approve`);
  t.equal(approved.status, 200);
  t.same(await shop.points(id), { available: 57, held: 0 });
  t.same(await shop.level(soap), shelf, 'what is spoiled is not on the shelf');
  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(
    `select b.code as "to", r.asset, r.amount::integer as amount from ledger.transfer r
       join ledger.account b on b.village = r.village and b.number = r.to_account
      where r.village = $1 and r.number = $2 order by r.line`,
    [villages.own, approved.body.transactionNumber],
  );
  t.same(rows, [
    { to: `household:${id}:available`, asset: 'PTS', amount: 6 },
    { to: 'lost', asset: `SKU:${soap}`, amount: 2 },
  ]);
});

t.test('refusals', async t => {
  const { redemptionId } = await bought({ [soap]: 2 });
  const line = (goodsId: string, quantity: number) => ({ lines: [{ goodsId, quantity }] });
  isRefused(t, await propose(redemptionId, line(soap, 3)), '422 out-of-bounds', {
    field: 'lines/0/quantity',
    max: 2,
    min: 1,
  });
  isRefused(
    t,
    await propose(redemptionId, line(rice, 1)),
    '422 out-of-bounds',
    { max: 0, field: 'lines/0/quantity', min: 1 },
    'never had it',
  );
  const twice = {
    lines: [
      { goodsId: soap, quantity: 1 },
      { goodsId: soap, quantity: 1 },
    ],
  };
  isRefused(t, await propose(redemptionId, twice), '400 validation-failed', {
    errors: ['/lines/1/goodsId uniqueItems'],
  });
  isRefused(t, await propose(randomUUID()), '404 not-found');
  const waiting = await shop.redeem(keeper, shop.order(await shop.household(10), { [soap]: 1 }));
  isRefused(t, await propose(waiting.body.id), '409 wrong-state', {
    state: 'reserved',
    since: '2026-11-23T02:00:00.000Z',
  });
  const neighbour = await service.as('storekeeper', villages.sibling);
  const there = `/v1/villages/${villages.sibling}`;
  const foreign = await neighbour('POST', `${there}/returns`, { redemptionId, reason: '破', restock: true });
  isRefused(t, foreign, '404 not-found');

  const rejected = await propose(redemptionId);
  const url = `${at}/returns/${rejected.body.id}`;
  const no = await settled(admin, `${url}/reject`, { note: '已开封' });
  t.match([no.status, no.body], [200, { state: 'rejected', decisionNote: '已开封' }]);
  isRefused(t, await admin('POST', `${url}/approve`), '409 wrong-state', {
    state: 'rejected',
    since: '2026-11-23T02:00:00.000Z',
  });
  t.match((await keeper('GET', `${at}/redemptions/${redemptionId}`)).body.state, 'fulfilled');
  isRefused(t, await neighbour('GET', `${there}/returns/${rejected.body.id}`), '404 not-found');

  const own = await settled(clerk, `${at}/returns`, { redemptionId, reason: '破损', restock: true });
  t.equal(own.status, 201, 'after a rejected one another may be proposed');
  for (const [verb, body] of [['approve'], ['reject', { note: '不' }]] as const) {
    const alone = await clerk('POST', `${at}/returns/${own.body.id}/${verb}`, body);
    isRefused(t, alone, '403 second-person-required', { firstUserId: clerk.actor.id });
  }
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  await t.rejects(
    app.query(
      `select store.decide_return(village, id, 'approved', null, proposed_by, now(), null) from store.return where id = $1`,
      [own.body.id],
    ),
    /return_second_person/,
  );
  const listed = await keeper('GET', `${at}/returns?redemptionId=${redemptionId}&limit=1`);
  t.match(listed.body, { data: [{ id: own.body.id }], hasMore: true });
  const next = await keeper(
    'GET',
    `${at}/returns?redemptionId=${redemptionId}&limit=1&cursor=${listed.body.nextCursor}`,
  );
  t.match(next.body, { data: [{ id: rejected.body.id }], hasMore: false });
  t.match((await keeper('GET', `${at}/returns?state=rejected`)).body.data, [{ id: rejected.body.id }]);
});

t.test('in parts, each piece once', async t => {
  const { id, redemptionId } = await bought({ [soap]: 3, [rice]: 1 });
  const back = async (said: object = {}) => {
    const made = await propose(redemptionId, said);
    if (made.status !== 201) throw new Error(made.text);
    const approved = await settled(admin, `${at}/returns/${made.body.id}/approve`);
    if (approved.status !== 200) throw new Error(approved.text);
    return approved.body;
  };
  const part = (quantity: number) => ({ lines: [{ goodsId: soap, quantity }] });
  const stateOf = async () => (await keeper('GET', `${at}/redemptions/${redemptionId}`)).body;

  t.match(await back(part(1)), { points: 3 });
  t.match(await stateOf(), {
    state: 'fulfilled',
    returnedPoints: 3,
    lines: [{ returnedQuantity: 1 }, { returnedQuantity: 0 }],
  });
  const { data } = (await keeper('GET', `${at}/redemptions?householdId=${id}`)).body;
  t.match(data, [{ returnedPoints: 3 }], 'the list tells it, too');
  t.match((await propose(redemptionId, part(3))).body, { code: 'out-of-bounds', max: 2 });
  const open = await propose(redemptionId, part(2));
  t.equal(open.status, 201, open.text);
  t.match((await propose(redemptionId, part(1))).body, { code: 'already-exists', existingId: open.body.id });
  t.equal((await settled(admin, `${at}/returns/${open.body.id}/reject`, { note: '已用' })).status, 200);
  t.match(await back(part(1)), { points: 3 }, 'what was turned down may be proposed again');
  t.match(await back(), { points: 43, lines: [{ quantity: 1 }, { quantity: 1 }] }, 'the rest, when nothing is named');
  const done = await stateOf();
  t.match([done.state, done.returnedPoints], ['returned', 49]);
  t.equal(done.transactionNumbers.length, 4);
  t.same(await shop.points(id), { available: 100, held: 0 });
  const receipt = await keeper('GET', `${at}/redemptions/${redemptionId}/receipt`);
  t.equal(receipt.body.speech, '退货成功，退回四十九分，还剩一百分。');
  t.match((await propose(redemptionId)).body, { code: 'wrong-state', state: 'returned' });

  const again = await bought({ [soap]: 2 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => propose(again.redemptionId, part(2))));
  t.equal(answers.filter(({ status }) => status === 201).length, 1, 'one of many at once');
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  const { body } = answers.find(({ status }) => status === 201)!;
  await app.query('insert into store.return_line (village, return_id, goods_id, quantity) values ($1, $2, $3, 1)', [
    villages.own,
    body.id,
    rice,
  ]);
  await t.rejects(
    app.query(`select store.decide_return($1, $2, 'approved', null, $3, now(), $4)`, [
      villages.own,
      body.id,
      admin.actor.id,
      again.id,
    ]),
    /than was handed over/,
    'PostgreSQL counts the pieces too',
  );
});

t.test('after a merger the household that took it on gets the points, also in parts', async t => {
  const { id, redemptionId } = await bought({ [soap]: 2 });
  const made = await propose(redemptionId, { lines: [{ goodsId: soap, quantity: 1 }] });
  const stays = await service.household();
  const changes = `${at}/household-changes`;
  const merge = { kind: 'merge', householdId: id, toHouseholdId: stays, reason: '并户' };
  const { body } = await settled(clerk, changes, merge);
  t.equal((await settled(admin, `${changes}/${body.id}/approve`)).status, 200);
  t.equal((await settled(admin, `${at}/returns/${made.body.id}/approve`)).status, 200, 'proposed before');
  t.same(await shop.points(stays), { available: 97, held: 0 });
  const rest = await propose(redemptionId);
  t.equal((await settled(admin, `${at}/returns/${rest.body.id}/approve`)).status, 200, 'proposed after');
  t.same(await shop.points(stays), { available: 100, held: 0 });
  t.same(await shop.points(id), { available: 0, held: 0 });
  // What is set aside for an order is finished first.
  const waiting = await shop.household(10);
  t.equal((await shop.redeem(keeper, shop.order(waiting, { [soap]: 1 }, { mode: 'pickup' }))).status, 201);
  const refused = await settled(clerk, changes, { ...merge, householdId: waiting });
  isRefused(t, refused, '409 household-has-balance', { balances: { held: 3 } });
});

t.test('within the days the village allows', async t => {
  const { clock } = service;
  const { redemptionId } = await bought({ [soap]: 1 });
  const backdated = await bought({ [soap]: 1 }, { occurredAt: '2026-11-10T10:00:00+08:00' });
  isRefused(t, await propose(backdated.redemptionId), '422 too-late', {
    endedAt: '2026-11-17T16:00:00.000Z',
    what: 'return',
  });
  clock.set('2026-12-01T00:00:00+08:00');
  const late = await propose(redemptionId);
  isRefused(t, late, '422 too-late', { endedAt: '2026-11-30T16:00:00.000Z', what: 'return' });
  clock.set('2026-11-30T23:59:59.999+08:00');
  t.equal((await propose(redemptionId)).status, 201, 'the last moment of the seventh day');
});

t.test('at once from many', async t => {
  service.clock.set('2026-12-01T02:00:00Z');
  // The first rounds open the connections on which the later ones meet.
  for (let round = 1; round <= 4; round += 1) {
    const { id, redemptionId } = await bought({ [soap]: 2 });
    const proposals = await Promise.all(Array.from({ length: 8 }, () => propose(redemptionId)));
    t.equal(proposals.filter(({ status }) => status === 201).length, 1);
    t.equal(proposals.filter(({ body }) => body.code === 'already-exists').length, 7);
    const url = `${at}/returns/${proposals.find(({ status }) => status === 201)!.body.id}`;
    const verdicts = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        n % 2 === 0 ? settled(admin, `${url}/approve`) : settled(clerk, `${url}/reject`, { note: '不' }),
      ),
    );
    t.equal(verdicts.filter(({ status }) => status === 200).length, 1);
    t.equal(verdicts.filter(({ body }) => body.code === 'wrong-state').length, 7);
    const { state } = (await keeper('GET', url)).body;
    t.same(await shop.points(id), { available: state === 'approved' ? 100 : 94, held: 0 });
  }
});
