import { t } from 'tap';
import { insisting, pointsOf, readyToRace, tally } from './support/awards.ts';
import { firstViolation } from './support/invariants.ts';
import { isRefused } from './support/refusal.ts';
import { connect, testPolicy, villages } from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';

t.setTimeout(900_000);

t.test('base points: everybody has them, nobody spends them', async t => {
  const shop = await openShop(t, { now: '2026-11-23T02:00:00Z', policy: { basePoints: 0 } });
  const { service, keeper, clerk } = shop;
  const admin = insisting(shop.admin);
  const give = () => admin('POST', `${at}/base-points`);
  const none = await give();
  isRefused(t, none, '403 feature-off', { feature: 'basePoints' });

  const policy = (settings: object) => settled(admin, `${at}/policies`, { ...testPolicy, ...settings });
  await policy({ validFrom: '2026-11-24', basePoints: 10, basePeriod: 'month' });
  service.clock.set('2026-11-24T02:00:00Z');
  const [one, two] = [await service.household(), await service.household()];
  const frozenHousehold = await service.household();
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`update households.household set state = 'frozen' where id = $1`, [frozenHousehold]);

  await readyToRace(service);
  const rush = await Promise.all(Array.from({ length: 6 }, give));
  t.strictSame(tally(rush), { 200: 6 });
  t.strictSame(rush.map(({ body }) => body.given).sort(), [0, 0, 0, 0, 0, 2], 'once, however many ask');
  t.match(rush.find(({ body }) => body.given === 2)!.body, {
    period: '2026-11',
    points: 10,
    households: 2,
    already: 0,
  });
  t.match(await pointsOf(clerk, one), { available: 0, base: 10, honour: 0 });
  t.match(await pointsOf(clerk, frozenHousehold), { base: 0 });

  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 10 });
  const bought = await shop.redeem(keeper, shop.order(one, { [soap]: 1 }, { handOver: true }));
  isRefused(t, bought, '422 insufficient-points', { available: 0, required: 3 });

  const late = await service.household();
  t.match((await give()).body, { given: 1, already: 2 }, 'whoever came since');
  service.clock.set('2026-11-30T15:59:59.999Z');
  t.match((await give()).body, { period: '2026-11', given: 0 });
  service.clock.set('2026-11-30T16:00:00Z');
  t.match((await give()).body, { period: '2026-12', given: 3 }, 'the next month, in Asia/Shanghai');
  t.match(await pointsOf(clerk, two), { base: 20 });
  t.match(await pointsOf(clerk, late), { base: 20 });

  for (const [validFrom, basePeriod, period] of [
    ['2026-12-02', 'year', '2026'],
    ['2026-12-03', 'once', 'once'],
  ] as const) {
    await policy({ validFrom, basePoints: 1, basePeriod });
    service.clock.set(`${validFrom}T02:00:00Z`);
    t.match((await give()).body, { period, points: 1, given: 3, already: 0 });
    t.match((await give()).body, { period, given: 0, already: 3 });
  }
  const { data } = (await clerk('GET', `${at}/transactions?kind=basePoints&limit=1`)).body;
  t.match(data, [{ actorId: admin.actor.id, businessDate: '2026-12-03', transfers: [{ from: 'issued', amount: 1 }] }]);
  t.match((await clerk('GET', `${at}/households/${one}/entries?account=base&limit=1`)).body.data, [{ balance: 22 }]);
  t.equal(await firstViolation(owner), null);
  isRefused(t, await keeper('POST', `/v1/villages/${villages.own}/base-points`), '403 forbidden', {
    requiredRoles: ['villageAdmin'],
  });
});
