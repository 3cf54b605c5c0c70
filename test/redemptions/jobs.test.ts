import t from 'tap';
import { startWorker } from '../../src/app.ts';
import { expire } from '../../src/redemptions/cancel.ts';
import { expireOverdue } from '../../src/redemptions/jobs.ts';
import { expireQueue } from '../../src/redemptions/redemption.ts';
import { isRefused } from '../support/refusal.ts';
import { connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';
import { until } from '../support/waiting.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const soon = { reservationMinutes: 1, redemptionsPerDay: 1, pickupDays: 2 };

t.test('time ends a reservation', async t => {
  const shop = await openShop(t, { policy: soon });
  const { service, keeper } = shop;
  const { database, clock } = service;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 10 });
  const id = await shop.household(10);
  const made = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }));
  const key = { village: villages.own, redemptionId: made.body.id };
  const url = `${at}/redemptions/${made.body.id}`;
  const owner = await connect(t, service.ownerUrl);
  const jobs = async () =>
    (
      await owner.query('select name, data, start_after, singleton_key, state from jobs.job where name = $1', [
        expireQueue,
      ])
    ).rows;

  t.match(await jobs(), [
    { data: key, start_after: new Date(made.body.expiresAt), singleton_key: made.body.id, state: 'created' },
  ]);
  const refused = await shop.redeem(keeper, shop.order(await shop.household(1), { [soap]: 1 }));
  isRefused(t, refused, '422 insufficient-points', { available: 1, required: 3 });
  t.equal((await jobs()).length, 1, 'a refused order asks for no job');

  clock.pass({ seconds: 59 });
  await t.rejects(
    service.inVillage(villages.own, tx => expire(tx, key, clock.now())),
    /not before/,
    'too early: tried again later',
  );
  t.equal(await expireOverdue({ database, clock }), 0);
  clock.pass({ seconds: 1 });
  const late = await keeper('POST', `${url}/fulfil`, {});
  isRefused(t, late, '410 expired', { expiredAt: made.body.expiresAt, what: 'redemption' }, 'before the job has run');
  t.equal(await expireOverdue({ database, clock }), 1);
  t.equal(await expireOverdue({ database, clock }), 0, 'once');
  t.equal(await service.inVillage(villages.own, tx => expire(tx, key, clock.now())), false, 'the job comes too late');
  t.match((await keeper('GET', url)).body, {
    state: 'expired',
    pickupCode: null,
    transactionNumbers: [Number, Number],
  });
  isRefused(
    t,
    await keeper('POST', `${url}/fulfil`, {}),
    '410 expired',
    { what: 'redemption', expiredAt: '2026-11-23T02:01:00.000Z' },
    'after it has run, the same',
  );
  isRefused(t, await keeper('POST', `${url}/cancel`), '409 wrong-state', {
    state: 'expired',
    since: '2026-11-23T02:01:00.000Z',
  });
  t.same(await shop.points(id), { available: 10, held: 0 });
  t.same(await shop.level(soap), { onShelf: 10, reserved: 0 });
  t.equal((await shop.redeem(keeper, shop.order(id, { [soap]: 1 }))).status, 201, 'the day’s use came back');
});

t.test('a lost job is found by the sweep, in every village', async t => {
  const shop = await openShop(t, { policy: soon });
  const { service, keeper } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 10 });
  const waiting: string[] = [];
  for (let made = 0; made < 3; made += 1) {
    const { body } = await shop.redeem(keeper, shop.order(await shop.household(10), { [soap]: 1 }));
    waiting.push(body.id);
  }
  const owner = await connect(t, service.ownerUrl);
  await owner.query('delete from jobs.job');
  await settled(keeper, `${at}/redemptions/${waiting[0]}/cancel`);
  service.clock.pass({ minutes: 5 });
  t.equal(await expireOverdue(service), 2);
  t.same(await shop.level(soap), { onShelf: 10, reserved: 0 });
});

t.test('the worker itself', async t => {
  // The queue keeps real time, so the test's clock shows it too.
  const shop = await openShop(t, { now: Temporal.Now.instant().toString(), policy: soon, worker: true });
  const { service, keeper } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 10 });
  const [first, second] = [await shop.household(10), await shop.household(10)];
  await startWorker(service);
  const stateOf = async (id: string) => (await keeper('GET', `${at}/redemptions/${id}`)).body.state;

  const made = await shop.redeem(keeper, shop.order(first, { [soap]: 1 }));
  t.equal(made.status, 201);
  // A minute is long: the job that stands for it is asked for once more, with two seconds.
  service.clock.set(made.body.expiresAt);
  await service.inVillage(villages.own, tx =>
    service.jobs.send(
      tx,
      expireQueue,
      { village: villages.own, redemptionId: made.body.id },
      {
        key: 'short',
        startAfter: Temporal.Now.instant().add({ seconds: 2 }).toString({ fractionalSecondDigits: 3 }),
      },
    ),
  );
  t.equal(await stateOf(made.body.id), 'reserved');
  await until(async () => (await stateOf(made.body.id)) === 'expired', 'expired by the job');
  t.same(await shop.points(first), { available: 10, held: 0 });

  // Fifty minutes ago by the queue's clock: the job of the order itself runs at once.
  service.clock.set(Temporal.Now.instant().subtract({ minutes: 50 }).toString());
  const overdue = await shop.redeem(keeper, shop.order(second, { [soap]: 1 }));
  t.equal(overdue.status, 201, overdue.text);
  service.clock.set(Temporal.Now.instant().toString());
  await until(async () => (await stateOf(overdue.body.id)) === 'expired', 'with the job it was made with');
  t.same(await shop.level(soap), { onShelf: 10, reserved: 0 });
});
