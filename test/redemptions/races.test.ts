import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { expire } from '../../src/redemptions/cancel.ts';
import { type Caller, connect, type Reply, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, keeper, clerk } = shop;
const rice = await shop.goods('大米');
const soap = await shop.goods('肥皂');
await shop.prices({ [rice]: 40, [soap]: 3 });
await shop.stock({ [soap]: 1_000 });

function tally(answers: Reply[]): Record<string, number> {
  const counted = Map.groupBy(answers, ({ status, body }) => (status < 300 ? String(status) : body.code));
  return Object.fromEntries([...counted].map(([answer, of]) => [answer, of.length]));
}

t.test('64 callers and the last bag of rice', async t => {
  const callers: Caller[] = [];
  for (let made = 0; made < 64; made += 1) {
    const id = await shop.household(100);
    callers.push(await service.asHousehold(id));
  }
  for (const handOver of [true, false]) {
    await shop.stock({ [rice]: 1 });
    const answers = await Promise.all(
      callers.map(caller => shop.redeem(caller, shop.order(undefined, { [rice]: 1 }, { handOver }))),
    );
    t.same(tally(answers), { 201: 1, 'insufficient-stock': 63 }, handOver ? 'handed over' : 'reserved');
  }
  t.same(await shop.level(rice), { onShelf: 0, reserved: 1 });
  const owner = await connect(t, service.ownerUrl);
  await owner.query('set row_security = off');
  const { rows } = await owner.query(`
    select sum(100 - balance)::integer as paid, min(balance)::integer >= 20 as fair
      from ledger.account where code like 'household:%:available'`);
  t.same(rows, [{ paid: 80, fair: true }], 'two bags were paid for, and no third');
  const { rows: orders } = await owner.query('select count(*)::integer as n from store.redemption');
  t.same(orders, [{ n: 2 }], 'a refused order leaves nothing behind');
});

t.test('points for one, and eight rivals', async t => {
  await shop.stock({ [rice]: 100 });
  for (let round = 0; round < 5; round += 1) {
    const id = await shop.household(41);
    const own = await service.asHousehold(id);
    const callers = [own, keeper, clerk, own, keeper, clerk, own, keeper];
    const answers = await Promise.all(callers.map(caller => shop.redeem(caller, shop.order(id, { [rice]: 1 }))));
    t.same(tally(answers), { 201: 1, 'insufficient-points': 7 });
    t.same(await shop.points(id), { available: 1, held: 40 });
  }
});

t.test('one key from many at once: one order', async t => {
  const id = await shop.household(100);
  const own = await service.asHousehold(id);
  const key = { 'idempotency-key': `"${id}"` };
  const body = shop.order(undefined, { [soap]: 1 }, { handOver: true });
  const answers = await Promise.all(Array.from({ length: 16 }, () => own('POST', `${at}/redemptions`, body, key)));
  const ids = new Set(answers.filter(({ status }) => status === 201).map(answer => answer.body.id));
  t.equal(ids.size, 1);
  t.ok(
    answers.every(({ status, body }) => status === 201 || status === 503 || body.code === 'idempotency-in-progress'),
  );
  t.same(await shop.points(id), { available: 97, held: 0 });
});

t.test('handed over, cancelled and expired at once: exactly one', async t => {
  const outcomes = new Set<string>();
  for (let round = 0; round < 16; round += 1) {
    const id = await shop.household(10);
    const own = await service.asHousehold(id);
    const before = await shop.level(soap);
    const { body } = await shop.redeem(own, shop.order(undefined, { [soap]: 1 }));
    const url = `${at}/redemptions/${body.id}`;
    const over = Temporal.Instant.from(body.expiresAt);
    // Called directly, it would always be first: it sets out later from round to round.
    const time = async () => {
      await wait(round ** 2);
      return service.inVillage(villages.own, tx => expire(tx, { village: villages.own, redemptionId: body.id }, over));
    };
    const hand = () => shop.fulfil(keeper, body.id);
    const undo = () => settled(own, `${url}/cancel`);
    // Whoever is asked first tends to win: each takes its turn at the front.
    const inTurn = [hand, undo, time, hand, undo, time].slice(round % 3);
    const answers = await Promise.all(inTurn.map(act => act()));
    const won = answers.filter(answer => (typeof answer === 'boolean' ? answer : answer.status === 200));
    t.equal(won.length, 1, `round ${round}`);

    const { state, transactionNumbers } = (await keeper('GET', url)).body;
    outcomes.add(state);
    t.equal(transactionNumbers.length, 2);
    const paid = state === 'fulfilled' ? 3 : 0;
    t.same(await shop.points(id), { available: 10 - paid, held: 0 });
    t.same(await shop.level(soap), { onShelf: before.onShelf - (paid > 0 ? 1 : 0), reserved: before.reserved });
    const lost = answers.filter((answer): answer is Reply => typeof answer !== 'boolean' && answer.status !== 200);
    t.ok(
      lost.every(answer => answer.status === 409 || answer.body.code === 'expired'),
      JSON.stringify(tally(lost)),
    );
  }
  t.comment(`outcomes: ${[...outcomes].join(', ')}`);
  t.ok(outcomes.size > 1, 'the race was one');
});
