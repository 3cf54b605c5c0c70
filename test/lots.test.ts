import { t } from 'tap';
import { awarding, insisting, pointsOf, readyToRace, tally } from './support/awards.ts';
import { viewLots } from './support/lots.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { openService, type Reply, testPolicy, villages } from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';

t.setTimeout(900_000);

/** A rule of `points`, without caps. */
const worth = (points: number) => ruleDraft(`R${points}`, { points });

t.test('points by the day they expire', async t => {
  const policy = { expiryMonths: 12, redemptionsPerDay: 50, householdDayMaxPoints: 1_000 };
  const shop = await openShop(t, { policy });
  const { service, keeper, admin, clerk } = shop;
  const supervisor = insisting(await service.as('supervisor'));
  const rules = await adoptRules(service, [worth(5), worth(10)]);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 1_000 });
  const lots = await viewLots(t, service);
  let occasion = 0;
  const award = async (householdId: string, points: 5 | 10, occurredAt?: string) => {
    occasion += 1;
    const settings = {
      ruleId: rules[`R${points}`],
      householdId,
      occasion: `o${occasion}`,
      ...(occurredAt && { occurredAt }),
    };
    const reply = await awarding(clerk)(settings);
    if (reply.status !== 201) throw new Error(reply.text);
    return reply.body.id as string;
  };
  const buy = async (householdId: string, pieces: number, fields: object = {}) => {
    const reply = await shop.redeem(keeper, shop.order(householdId, { [soap]: pieces }, fields));
    t.equal(reply.status, 201, reply.text);
    return reply.body as { id: string; pickupCode: string };
  };
  const giveBack = async (redemptionId: string, fields: object = {}) => {
    const { body } = await settled(keeper, `${at}/returns`, { redemptionId, reason: '破', restock: true, ...fields });
    const approved = await settled(admin, `${at}/returns/${body.id}/approve`);
    t.equal(approved.status, 200, approved.text);
  };
  const reverse = async (awardId: string) => {
    const url = `/v1/villages/${villages.own}/reversals`;
    const { body } = await settled(clerk, url, { awardId, reason: '登记错户' });
    return supervisor('POST', `${url}/${body.id}/approve`);
  };

  await t.test('goods that come back in parts bring back the lots they took, the last first', async t => {
    const id = await service.household();
    await award(id, 5, '2026-10-31T02:00:00Z');
    await award(id, 5, '2026-11-01T02:00:00Z');
    await award(id, 5);
    const { id: redemptionId } = await buy(id, 4, { handOver: true });
    t.strictSame(await lots.of(id), { '2027-11-30': 3 });
    const expected: Record<string, number>[] = [
      { '2027-11-30': 6 },
      { '2027-11-30': 9 },
      { '2027-10-31': 2, '2027-11-30': 10 },
      { '2027-10-31': 5, '2027-11-30': 10 },
    ];
    for (const left of expected) {
      await giveBack(redemptionId, { lines: [{ goodsId: soap, quantity: 1 }] });
      t.strictSame(await lots.of(id), left);
    }
  });

  await t.test('they last to the end of their month a year later, by the day of Asia/Shanghai', async t => {
    const id = await service.household();
    await award(id, 10, '2026-10-31T15:59:59.999Z');
    await award(id, 10, '2026-10-31T16:00:00Z');
    await service.givePoints(id, 10);
    t.strictSame(await lots.of(id), { '2027-10-31': 10, '2027-11-30': 10, infinity: 10 });
    t.match(await pointsOf(clerk, id), {
      available: 30,
      expiring: [
        { points: 10, expiresOn: '2027-10-31' },
        { points: 10, expiresOn: '2027-11-30' },
      ],
    });
    await lots.sound(t, 'after awards');
  });

  await t.test('what expires first is spent first, and comes back last', async t => {
    const id = await service.household();
    await service.givePoints(id, 10);
    await award(id, 10, '2026-11-01T00:00:00+08:00');
    await award(id, 10, '2026-10-31T23:59:59+08:00');
    const first = await buy(id, 4, { handOver: true });
    t.strictSame(await lots.of(id), { '2027-11-30': 8, infinity: 10 });
    const second = await buy(id, 5, { handOver: true });
    t.strictSame(await lots.of(id), { infinity: 3 });
    await giveBack(second.id, { lines: [{ goodsId: soap, quantity: 3 }] });
    t.strictSame(await lots.of(id), { '2027-11-30': 2, infinity: 10 }, 'a part: what never expires comes back first');
    await giveBack(first.id);
    t.strictSame(await lots.of(id), { '2027-10-31': 10, '2027-11-30': 4, infinity: 10 }, 'the whole: as it was taken');
    const third = await buy(id, 4, { handOver: true });
    t.strictSame(await lots.of(id), { '2027-11-30': 2, infinity: 10 });
    await giveBack(third.id, { lines: [{ goodsId: soap, quantity: 1 }] });
    t.strictSame(await lots.of(id), { '2027-10-31': 1, '2027-11-30': 4, infinity: 10 }, 'of two dates the later');
    await lots.sound(t, 'after returns');
  });

  await t.test('two orders that wait keep their own lots', async t => {
    const id = await service.household();
    await award(id, 5, '2026-10-31T10:00:00+08:00');
    await award(id, 10);
    await service.givePoints(id, 5);
    const early = await buy(id, 2);
    const late = await buy(id, 4);
    t.strictSame(await lots.of(id), { infinity: 2 });
    t.strictSame(await lots.of(id, 'held'), { '2027-10-31': 5, '2027-11-30': 10, infinity: 3 });
    const fulfilled = await settled(keeper, `${at}/redemptions/${late.id}/fulfil`, { pickupCode: late.pickupCode });
    t.equal(fulfilled.status, 200, fulfilled.text);
    t.strictSame(await lots.of(id, 'held'), { '2027-10-31': 5, '2027-11-30': 1 }, 'the later order took its own');
    t.equal((await settled(keeper, `${at}/redemptions/${early.id}/cancel`)).status, 200);
    t.strictSame(await lots.of(id), { '2027-10-31': 5, '2027-11-30': 1, infinity: 2 });
    t.strictSame(await lots.of(id, 'held'), {});
    await lots.sound(t, 'after orders');
  });

  await t.test('a reversal takes the lot that the award gave', async t => {
    const id = await service.household();
    await award(id, 10, '2026-10-31T10:00:00+08:00');
    const wrong = await award(id, 5);
    await award(id, 5);
    t.equal((await reverse(wrong)).status, 200);
    t.strictSame(await lots.of(id), { '2027-10-31': 10, '2027-11-30': 5 }, 'not what expires first');
    await lots.sound(t, 'after a reversal');
  });

  await t.test('what is spent of an award is owed, and the lots stay right', async t => {
    const id = await service.household();
    const wrong = await award(id, 5);
    await buy(id, 1, { handOver: true });
    t.equal((await reverse(wrong)).status, 200);
    t.match(await pointsOf(clerk, id), { available: 0, arrears: 3, honour: 0, expiring: { length: 0 } });
    t.strictSame(await lots.of(id), {});
    await lots.sound(t, 'after a clawback');
  });

  await t.test('a clawback and a purchase at once', async t => {
    await readyToRace(service);
    const homes: { id: string; awardId: string }[] = [];
    for (let made = 0; made < 8; made += 1) {
      const id = await service.household();
      homes.push({ id, awardId: await award(id, 5) });
    }
    const pairs = await Promise.all(
      homes.map(({ id, awardId }) =>
        Promise.all([
          reverse(awardId),
          shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true })) as Promise<Reply>,
        ]),
      ),
    );
    for (const [index, [reversed, bought]] of pairs.entries()) {
      const { id } = homes[index]!;
      t.equal(reversed.status, 200, reversed.text);
      const arrears = bought.status === 201 ? 3 : 0;
      if (arrears === 0) isRefused(t, bought, '422 insufficient-points', { available: 0, required: 3 });
      t.match(await pointsOf(clerk, id), { available: 0, arrears, honour: 0 });
    }
    t.comment(tally(pairs.map(([, bought]) => bought)));
    await lots.sound(t, 'after the race');
  });

  await t.test('at the edge of the year', async t => {
    service.clock.set('2026-12-31T15:59:59.999Z');
    const id = await service.household();
    await award(id, 10);
    service.clock.set('2026-12-31T16:00:00Z');
    await award(id, 10);
    t.strictSame(await lots.of(id), { '2027-12-31': 10, '2028-01-31': 10 });
  });

  await t.test('points on the notice board keep their lots', async t => {
    const tomorrow = '2027-01-02';
    const settings = { ...testPolicy, ...policy, directAwardPublicityDays: 3, expiryMonths: 14, validFrom: tomorrow };
    t.equal((await settled(admin, `${at}/policies`, settings)).status, 201);
    service.clock.set('2027-01-02T01:00:00Z');
    const id = await service.household();
    const wrong = await award(id, 5);
    await award(id, 10);
    t.match(await pointsOf(clerk, id), { available: 0, pending: 15, expiring: { length: 0 } });
    t.strictSame(await lots.of(id, 'pending'), { '2028-03-31': 15 });
    t.equal((await reverse(wrong)).status, 200);
    t.strictSame(await lots.of(id, 'pending'), { '2028-03-31': 10 });
    await lots.sound(t, 'with pending points');
  });

  const sound = await settled(await service.as('auditor'), `${at}/book/verify`);
  t.match(sound.body, { sound: true }, 'the service finds its own book sound');
});

t.test('the budget of a year', async t => {
  const policy = {
    issuingFund: '村集体经济',
    issuingBudgetFen: 5_099,
    pointValueFen: 100,
    householdDayMaxPoints: 1_000,
    expiryMonths: 12,
  };
  const service = await openService(t, { policy, now: '2026-12-30T02:00:00Z' });
  const rules = await adoptRules(service, [worth(5), { ...worth(1), direction: 'deduction' }]);
  const clerk = await service.as('clerk');
  const supervisor = insisting(await service.as('supervisor'));
  const award = awarding(clerk);
  const id = await service.household();
  let occasion = 0;
  const give = (fields: object = {}) => {
    occasion += 1;
    return award({ ruleId: rules.R5, householdId: id, occasion: `o${occasion}`, ...fields });
  };

  await readyToRace(service);
  const rush = await Promise.all(Array.from({ length: 16 }, () => give()));
  t.strictSame(tally(rush), { 201: 10, 'budget-exhausted': 6 }, 'exactly fifty points of 5,099 fen');
  const refused = await give();
  isRefused(t, refused, '422 budget-exhausted', { limit: 50, used: 50 });
  t.equal((await pointsOf(clerk, id)).available, 50);

  const reversals = `/v1/villages/${villages.own}/reversals`;
  const awardId = rush.find(({ status }) => status === 201)!.body.id;
  const { body } = await insisting(clerk)('POST', reversals, { awardId, reason: '登记错户' });
  t.equal((await supervisor('POST', `${reversals}/${body.id}/approve`)).status, 200);
  const again = await Promise.all(Array.from({ length: 6 }, () => give()));
  t.strictSame(tally(again), { 201: 1, 'budget-exhausted': 5 }, 'a reversal gives back');

  service.clock.set('2026-12-31T15:59:59.999Z');
  isRefused(t, await give(), '422 budget-exhausted', { limit: 50, used: 50 }, 'the last moment of the year');
  service.clock.set('2026-12-31T16:00:00.000Z');
  t.equal((await give()).status, 201, 'the first of the next');
  isRefused(
    t,
    await give({ occurredAt: '2026-12-31T15:59:59.999Z' }),
    '422 budget-exhausted',
    { limit: 50, used: 50 },
    'entered late',
  );

  const deduction = await give({ ruleId: rules.R1 });
  isRefused(t, deduction, '422 out-of-bounds', { field: 'points', min: 1, max: 30 }, 'no deduction is a direct award');
  await (await viewLots(t, service)).sound(t, 'after the rush');
});
