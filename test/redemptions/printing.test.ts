import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { type Caller, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, keeper, clerk, admin } = shop;
const soap = await shop.goods('肥皂');
await shop.prices({ [soap]: 3 });
await shop.stock({ [soap]: 100 });
const jobs = `${at}/print-jobs`;

/** A household at a kiosk, and that kiosk. */
async function atKiosk(points = 100) {
  const householdId = await shop.household(points);
  const own = await service.asHousehold(householdId);
  const id = own.actor.kioskId!;
  const device = { kind: 'kiosk', id, client: id, grants: [['kiosk', villages.own]], kioskId: id } as const;
  const kiosk = await service.deviceCallerFor(
    own.key,
    { ...device, grants: [...device.grants], householdId: null, level: null },
    villages.own,
  );
  return { householdId, own, kiosk };
}
const queued = async (caller: Caller) => (await caller('GET', `${jobs}?state=queued`)).body.data;
const say = (caller: Caller, id: string, body: object) => caller('PUT', `${jobs}/${id}/outcome`, body);

t.test('what is done at a kiosk is printed there, after it is done', async t => {
  const { own, kiosk } = await atKiosk();
  const made = await shop.redeem(own, shop.order(undefined, { [soap]: 1 }, { mode: 'pickup' }));
  t.equal(made.status, 201, made.text);
  const [slip, ...none] = await queued(kiosk);
  t.match(slip, {
    redemptionId: made.body.id,
    returnId: null,
    copy: false,
    kioskId: own.actor.kioskId,
    state: 'queued',
  });
  t.same(none, []);
  const url = `${jobs}/${slip.id}/receipt`;
  const paper = await kiosk('GET', `${url}?columns=48`);
  t.match(paper.body, { number: made.body.number, columns: 48 });
  t.ok(paper.body.text.includes(made.body.pickupCode), 'the slip of the household that stood there holds its code');
  t.notOk((await keeper('GET', url)).text.includes(made.body.pickupCode), 'and is the household’s');
  isRefused(t, await kiosk('GET', url, undefined, { accept: 'image/png' }), '406 not-acceptable', {
    supported: ['application/json', 'text/plain', 'application/pdf'],
  });

  const other = await service.asKiosk();
  isRefused(t, await other('GET', url), '404 not-found');
  isRefused(t, await say(other, slip.id, { state: 'printed' }), '404 not-found');
  t.same(await queued(other), []);
  const first = await say(kiosk, slip.id, { state: 'printed' });
  t.match([first.status, first.body.state, first.body.settledAt], [200, 'printed', '2026-11-23T02:00:00.000Z']);
  service.clock.set('2026-11-23T02:00:05Z');
  t.same((await say(kiosk, slip.id, { state: 'printed' })).body, first.body, 'said twice, it is as it was');
  isRefused(t, await say(kiosk, slip.id, { state: 'failed' }), '409 wrong-state', {
    state: 'printed',
    since: '2026-11-23T02:00:00.000Z',
  });
  t.same(await queued(kiosk), []);

  t.equal((await settled(own, `${at}/redemptions/${made.body.id}/cancel`)).status, 200);
  const [undone] = await queued(kiosk);
  t.match((await kiosk('GET', `${jobs}/${undone.id}/receipt`)).body.text, /已取消/);
});

t.test('a dead printer keeps nothing from being exchanged, and a copy says that it is one', async t => {
  const { householdId, own, kiosk } = await atKiosk();
  const made = await shop.redeem(own, shop.order(undefined, { [soap]: 2 }, { handOver: true }));
  t.same(await shop.points(householdId), { available: 94, held: 0 });
  const [job] = await queued(kiosk);
  const failed = await say(kiosk, job.id, { state: 'failed', reason: '缺纸' });
  t.match(failed.body, { state: 'failed', reason: '缺纸' });
  t.same(await shop.points(householdId), { available: 94, held: 0 });

  const asked = () => settled(own, jobs, { redemptionId: made.body.id });
  const again = await asked();
  t.match([again.status, again.body], [201, { copy: false, kioskId: own.actor.kioskId }], 'nothing was printed yet');
  t.equal(again.headers.location, `${jobs}/${again.body.id}/receipt`);
  await say(kiosk, again.body.id, { state: 'printed' });
  const copy = (await asked()).body;
  t.equal(copy.copy, true);
  const text = async (id: string) => (await kiosk('GET', `${jobs}/${id}/receipt`)).body.text;
  t.match(await text(copy.id), /【补打】/);
  t.equal((await text(copy.id)).replace(/ *【补打】\n/, ''), await text(again.body.id), 'otherwise it says the same');

  const key = { 'idempotency-key': randomUUID() };
  const body = { redemptionId: made.body.id };
  const one = await own('POST', jobs, body, key);
  t.equal((await own('POST', jobs, body, key)).text, one.text, 'asked twice with one key, queued once');
  const stranger = await service.asHousehold(await service.household());
  isRefused(t, await stranger('POST', jobs, body), '404 not-found');
});

t.test('at the counter paper is printed when somebody asks', async t => {
  const household = await shop.household(100);
  const { body: order } = await shop.redeem(keeper, shop.order(household, { [soap]: 2 }, { handOver: true }));
  const ofOrder = async () =>
    (await queued(clerk)).filter((job: { redemptionId: string }) => job.redemptionId === order.id);
  t.same(await ofOrder(), []);
  const lines = [{ goodsId: soap, quantity: 1 }];
  const back = await settled(keeper, `${at}/returns`, { redemptionId: order.id, lines, reason: '破损', restock: true });
  t.equal((await settled(admin, `${at}/returns/${back.body.id}/approve`)).status, 200);
  const job = (await settled(keeper, jobs, { redemptionId: order.id, returnId: back.body.id })).body;
  t.match(job, { kioskId: null, returnId: back.body.id, copy: false });
  t.same(await ofOrder(), [job]);
  t.match((await keeper('GET', `${jobs}/${job.id}/receipt`)).body.text, /退货小票/);
  const other = await shop.redeem(keeper, shop.order(household, { [soap]: 1 }, { handOver: true }));
  const mixed = await settled(keeper, jobs, { redemptionId: other.body.id, returnId: back.body.id });
  isRefused(t, mixed, '404 not-found', { field: 'returnId' });
});
