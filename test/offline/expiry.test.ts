import { randomUUIDv7 } from 'node:crypto';
import pg from 'pg';
import t from 'tap';
import { dayOf, iso } from '../../src/calendar.ts';
import { postRun } from '../../src/expiry/jobs.ts';
import { issueCard } from '../../src/households/cards.ts';
import { postOne } from '../../src/ledger/post.ts';
import { award } from '../../src/ledger/transactions.ts';
import { firstViolation } from '../support/invariants.ts';
import { offlineDevice } from '../support/offline-device.ts';
import { nobody, villages } from '../support/service.ts';
import { at, openShop } from '../support/shop.ts';

t.setTimeout(300_000);

t.test(
  'points of an allowance keep their days: spent in time they are spent, and back too late they have ended',
  async t => {
    const shop = await openShop(t, { now: '2026-11-28T02:00:00Z' });
    const { service, clerk } = shop;
    const soap = await shop.goods('肥皂');
    const priceListId = await shop.prices({ [soap]: 5 });
    await shop.stock({ [soap]: 10 });
    const home = await service.household();
    const now = service.clock.now();
    const card = await service.inVillage(villages.own, tx =>
      issueCard(tx, nobody, { village: villages.own, householdId: home }, now),
    );
    for (const expiresOn of ['2026-11-30', null]) {
      const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
      const gift = { awardId: randomUUIDv7(), householdId: home, points: 10, honour: true, pending: false };
      const given = award(event, { ...gift, expiresOn, limits: [], frozen: {} });
      await service.inVillage(villages.own, tx => postOne(tx, villages.own, { ...given, kind: 'given' }));
    }
    const device = offlineDevice(service, await service.asKiosk());
    const [{ allowance }] = (await device.allowances([home])).body.results;
    t.equal(allowance.points, 20);
    service.clock.set('2026-12-01T01:00:00Z');
    device.sign('redeem', {
      householdId: home,
      cardId: card.id,
      allowanceId: allowance.allowanceId,
      priceListId,
      lines: [{ goodsId: soap, quantity: 1, unitPoints: 5 }],
    });
    t.match((await device.upload()).body.results, [{ verdict: 'applied' }], 'set aside in time');
    await device.caller('POST', `/v1/kiosk/allowances/${allowance.allowanceId}/return`, { headSeq: 1 });
    const points = (await clerk('GET', `${at}/households/${home}/points`)).body;
    t.strictSame([points.available, points.ended], [10, 5]);
    const [again] = (await device.allowances([home])).body.results;
    t.equal(again.allowance.points, 10, 'what has ended lies with no kiosk');
    const owner = new pg.Client({ connectionString: service.ownerUrl });
    await owner.connect();
    t.equal(await firstViolation(owner), null);
    await owner.end();
  },
);

t.test('a year end passes by what lies with a kiosk, and takes it when it is back', async t => {
  const policy = { yearEnd: 'clear' as const, expiryNoticeDays: 7 };
  const { service, clerk } = await openShop(t, { now: '2026-12-20T02:00:00Z', policy });
  const home = await service.household();
  await service.givePoints(home, 50);
  const [admin, supervisor] = [await service.as('villageAdmin'), await service.as('supervisor')];
  const made = await admin('POST', `${at}/expiry-runs`, { kind: 'yearEnd', year: 2026 });
  t.equal(made.status, 201, made.text);
  const url = made.headers.location!;
  t.equal((await admin('POST', `${url}/announce`)).status, 200);
  service.clock.set('2027-01-04T02:00:00Z');
  const device = offlineDevice(service, await service.asKiosk());
  const [{ allowance }] = (await device.allowances([home])).body.results;
  t.equal(allowance.points, 30);
  const agreed = await supervisor('POST', `${url}/approve`);
  t.equal(agreed.status, 200, agreed.text);
  await postRun(service, { village: villages.own, runId: made.body.id });
  const available = async () => (await clerk('GET', `${at}/households/${home}/points`)).body.available;
  t.equal(await available(), 0, 'what was not with the kiosk');
  const back = await device.caller('POST', `/v1/kiosk/allowances/${allowance.allowanceId}/return`, { headSeq: 0 });
  t.equal(back.body.pointsReturned, 30);
  t.equal(await available(), 0, 'the neighbour who had no allowance has lost it too');
  const verified = await (await service.as('auditor'))('POST', `${at}/book/verify`);
  t.match(verified.body, { sound: true }, verified.text);
});
