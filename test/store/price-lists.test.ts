import { randomUUID } from 'node:crypto';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { connect, type Reply, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(900_000);

/** Noon of a day. */
const noon = (day: string) => `${day}T04:00:00Z`;

t.test('a list that is not in force yet is withdrawn, and the one before it goes on', async t => {
  const shop = await openShop(t);
  const { service, admin, keeper, storeId } = shop;
  const soap = await shop.goods('肥皂');
  await shop.stock({ [soap]: 10 });
  const first = await shop.prices({ [soap]: 3 });
  const wrong = await shop.prices({ [soap]: 30 }, '2026-12-01');
  const list = `${at}/price-lists/${wrong}`;
  t.match((await keeper('GET', list)).body, { state: 'published', withdrawnBy: null, withdrawnAt: null });

  const key = { 'idempotency-key': randomUUID() };
  const withdrawn = await admin('POST', `${list}/withdraw`, undefined, key);
  const told = { state: 'withdrawn', withdrawnBy: admin.actor.id, withdrawnAt: '2026-11-23T02:00:00.000Z' };
  t.match([withdrawn.status, withdrawn.body], [200, { id: wrong, validFrom: '2026-12-01', itemCount: 1, ...told }]);
  const replay = await admin('POST', `${list}/withdraw`, undefined, key);
  t.match([replay.text, replay.headers['idempotency-replayed']], [withdrawn.text, 'true']);
  const again = await admin('POST', `${list}/withdraw`);
  isRefused(t, again, '409 wrong-state', { state: 'withdrawn', since: '2026-11-23T02:00:00.000Z' });
  t.match((await keeper('GET', list)).body, told);
  t.match((await keeper('GET', `${at}/price-lists`)).body.data, [
    { id: wrong, ...told },
    { id: first, state: 'published' },
  ]);

  const kiosk = await service.asKiosk();
  const { storeId: there } = (await admin('GET', `${at}/kiosks/${kiosk.actor.id}`)).body;
  const offered = async () => {
    const { body } = await kiosk('GET', `${at}/offers?storeId=${there}`);
    return [body.priceListId, body.data[0]?.points];
  };
  for (const day of ['2026-11-30', '2026-12-01', '2026-12-02']) {
    service.clock.set(noon(day));
    t.strictSame(await offered(), [first, 3], `a kiosk shows the list before on ${day}`);
  }
  const id = await shop.household(100);
  const lines = [{ goodsId: soap, quantity: 1 }];
  const quote = await keeper('POST', `${at}/redemptions/quote`, { storeId, householdId: id, lines });
  t.match(quote.body, { priceListId: first, points: 3 });
  t.equal((await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true }))).body.points, 3);

  const right = await shop.prices({ [soap]: 4 }, '2026-12-03');
  service.clock.set(noon('2026-12-03'));
  t.strictSame(await offered(), [right, 4]);
});

t.test('its day is free again, and it was not the first', async t => {
  const shop = await openShop(t);
  const { admin, keeper } = shop;
  const soap = await shop.goods('肥皂');
  const early = await shop.prices({ [soap]: 3 }, '2026-12-01');
  const publish = (validFrom: string, points: number) =>
    settled(admin, `${at}/price-lists`, { validFrom, items: [{ goodsId: soap, points }] });
  isRefused(t, await publish('2026-12-01', 4), '422 business-date-refused', { earliest: '2026-11-24', latest: null });
  isRefused(t, await publish('2026-11-01', 4), '422 business-date-refused', { earliest: '2026-11-24', latest: null });
  t.equal((await settled(admin, `${at}/price-lists/${early}/withdraw`)).status, 200);
  t.equal((await publish('2026-11-01', 4)).status, 201, 'nobody has bought by any list yet');
  const second = await publish('2026-12-01', 5);
  t.equal(second.status, 201, 'the day of the one that was withdrawn');
  t.equal((await settled(admin, `${at}/price-lists/${second.body.id}/withdraw`)).status, 200);
  const third = await publish('2026-12-01', 6);
  t.equal(third.status, 201, 'and again');

  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: Reply = await keeper('GET', `${at}/price-lists?limit=1${cursor && `&cursor=${cursor}`}`);
    seen.push(...body.data.map((row: { id: string }) => row.id));
    cursor = body.nextCursor;
  }
  t.strictSame(seen.slice(0, 3), [third.body.id, second.body.id, early], 'lists of one day are each on a page');
  t.equal(new Set(seen).size, 4);
});

t.test('refusals', async t => {
  const shop = await openShop(t);
  const { service, admin, keeper, clerk } = shop;
  const soap = await shop.goods('肥皂');
  const first = await shop.prices({ [soap]: 3 });
  const next = await shop.prices({ [soap]: 4 }, '2026-12-01');
  const withdraw = (id: string) => settled(admin, `${at}/price-lists/${id}/withdraw`);
  isRefused(t, await withdraw(first), '409 wrong-state', { state: 'inForce', since: '2026-01-01' });
  for (const caller of [keeper, clerk]) {
    const refused = await caller('POST', `${at}/price-lists/${next}/withdraw`);
    isRefused(t, refused, '403 forbidden', { requiredRoles: ['villageAdmin'] });
  }
  const there = `/v1/villages/${villages.sibling}`;
  const neighbour = await service.as('villageAdmin', villages.sibling);
  isRefused(t, await neighbour('POST', `${at}/price-lists/${next}/withdraw`), '404 not-found');
  isRefused(t, await neighbour('POST', `${there}/price-lists/${next}/withdraw`), '404 not-found');
  isRefused(t, await withdraw(randomUUID()), '404 not-found');

  // The last second of the day before, and the first of its day.
  service.clock.set('2026-11-30T15:59:59.999Z');
  const last = await shop.prices({ [soap]: 5 }, '2026-12-02');
  t.equal((await withdraw(last)).status, 200);
  service.clock.set('2026-11-30T16:00:00Z');
  isRefused(t, await withdraw(next), '409 wrong-state', { state: 'inForce', since: '2026-12-01' });

  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  const late = `update store.price_list set withdrawn_by = gen_random_uuid(), withdrawn_at = '2026-11-30T16:00:00Z' where id = $1`;
  await t.rejects(app.query(late, [next]), /price_list_withdrawn_in_time/, 'PostgreSQL holds it too');
  await t.rejects(app.query(`update store.price_list set valid_from = '2027-01-01'`), /permission denied/);
});

t.test('withdrawn by four at once: by one', async t => {
  const shop = await openShop(t);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  const next = await shop.prices({ [soap]: 4 }, '2026-12-01');
  const answers = await Promise.all([1, 2, 3, 4].map(() => settled(shop.admin, `${at}/price-lists/${next}/withdraw`)));
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
});
