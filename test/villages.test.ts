import { test } from 'tap';
import { openService, testPolicy, villages } from './support/service.ts';

const ours = `/v1/villages/${villages.own}`;

test('divisions', async t => {
  const service = await openService(t);
  const admin = await service.as('platformAdmin');
  const clerk = await service.as('clerk');

  await t.test('are listed level by level, as far as one’s scope reaches', async t => {
    const names = async (caller: typeof admin, parent?: string) =>
      (await caller('GET', `/v1/divisions${parent === undefined ? '' : `?parent=${parent}`}`)).body.data.map(
        (row: { name: string }) => row.name,
      );
    t.strictSame(await names(admin), ['贵州省']);
    t.strictSame(await names(admin, '520200000000'), ['六枝特区', '盘州市']);
    t.strictSame(await names(clerk, '520200000000'), ['盘州市'], 'above one’s own village, not beside it');
    t.strictSame(await names(clerk, '520281127000'), ['封家湾社区']);
    t.equal((await clerk('GET', '/v1/divisions/520203000000')).status, 404);
    t.equal((await clerk('GET', '/v1/divisions/520281000000')).body.name, '盘州市');
  });

  await t.test('are entered below their parent, once', async t => {
    const place = {
      code: '520281128000',
      level: 'town',
      parentCode: '520281000000',
      name: '胜境镇',
      kind: '镇',
      provisional: false,
      households: null,
    };
    const enter = (more: object) => admin('POST', '/v1/divisions', { ...place, ...more });
    t.equal((await enter({})).status, 201);
    t.match((await enter({})).body, { status: 409, code: 'already-exists' });
    for (const odd of [
      { code: '520282128000' },
      { code: '520281128001' },
      { level: 'village' },
      { parentCode: null },
      { level: 'province', parentCode: '520281000000' },
    ]) {
      t.match((await enter(odd)).body, { status: 422, code: 'out-of-bounds' }, JSON.stringify(odd));
    }
    t.equal((await enter({ code: '520299001000', parentCode: '520299000000' })).status, 404);
  });
});

test('villages', async t => {
  const service = await openService(t);
  const admin = await service.as('platformAdmin');

  await t.test('are opened once, on a division of level village, not in the future', async t => {
    const open = (village: string, openedOn = '2026-10-01') => admin('POST', '/v1/villages', { village, openedOn });
    t.match((await open('520281127103', '2026-11-24')).body, { code: 'business-date-refused', latest: '2026-11-23' });
    const opened = await open('520281127103');
    t.match(opened.body, { village: '520281127103', name: '待开社区', openedOn: '2026-10-01' });
    t.match((await open('520281127103')).body, { status: 409, code: 'already-exists' });
    t.equal((await open('520281127000')).status, 404, 'a town is no village');
    t.equal((await open('520281127999')).status, 404);
    const clerk = await service.as('clerk', '520281127103');
    t.equal((await clerk('GET', '/v1/villages/520281127103/households')).status, 200);
  });

  await t.test('are listed by scope', async t => {
    const codes = async (caller: typeof admin) =>
      (await caller('GET', '/v1/villages')).body.data.map((row: { village: string }) => row.village);
    t.ok((await codes(admin)).includes(villages.foreign));
    t.strictSame(await codes(await service.as('clerk')), [villages.own]);
    const county = await codes(await service.as('supervisor'));
    t.ok(county.includes(villages.sibling));
    t.notOk(county.includes(villages.foreign));
  });

  await t.test('that are not open here are not there, even in scope', async t => {
    const supervisor = await service.as('supervisor');
    t.equal((await supervisor('GET', '/v1/villages/520281127888/households')).status, 404);
    t.equal((await supervisor('GET', '/v1/villages/abc/households')).status, 404);
  });

  await t.test('have groups, each number once', async t => {
    const clerk = await service.as('clerk');
    t.equal((await clerk('POST', `${ours}/grids`, { number: 2, name: '第二组' })).status, 201);
    t.match((await clerk('POST', `${ours}/grids`, { number: 2, name: '另一组' })).body, { code: 'already-exists' });
    t.strictSame((await clerk('GET', `${ours}/grids`)).body.data, [
      { number: 1, name: '第一组' },
      { number: 2, name: '第二组' },
    ]);
  });
});

test('policies', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const set = (more: object) => admin('POST', `${ours}/policies`, { ...testPolicy, validFrom: '2026-12-01', ...more });

  await t.test('hold from their day on, and never reach back', async t => {
    t.match((await set({ validFrom: '2026-11-23' })).body, { code: 'business-date-refused', earliest: '2026-11-24' });
    t.equal((await set({ directAwardMaxPoints: 7 })).status, 201);
    t.match((await set({ directAwardMaxPoints: 8 })).body, { status: 409, code: 'already-exists' });
    const max = async (on: string) => (await admin('GET', `${ours}/policy?on=${on}`)).body.directAwardMaxPoints;
    t.equal(await max('2026-11-30'), 30);
    t.equal(await max('2026-12-01'), 7);
    t.equal((await admin('GET', `${ours}/policy`)).body.validFrom, '2026-01-01');
    t.equal((await admin('GET', `${ours}/policies`)).body.data.length, 2);
  });

  await t.test('the day turns at midnight in Shanghai', async t => {
    service.clock.set('2026-11-23T15:59:59Z');
    t.equal((await set({ validFrom: '2026-11-24' })).status, 201);
    service.clock.set('2026-11-23T16:00:00Z');
    t.match((await set({ validFrom: '2026-11-24' })).body, { earliest: '2026-11-25' });
    t.equal((await admin('GET', `${ours}/policy`)).body.validFrom, '2026-11-24');
  });

  await t.test('keep inside what can be', async t => {
    for (const odd of [
      { directAwardPublicityDays: 2 },
      { exchangeDays: [{ weekday: 1, dayOfMonth: 1, opens: '09:00', closes: '10:00' }] },
      { exchangeDays: [{ weekday: null, dayOfMonth: null, opens: '09:00', closes: '10:00' }] },
      { exchangeDays: [{ weekday: 1, dayOfMonth: null, opens: '10:00', closes: '10:00' }] },
    ]) {
      t.match((await set({ validFrom: '2027-01-01', ...odd })).body, { status: 422, code: 'out-of-bounds' });
    }
    t.match((await set({ validFrom: '2027-02-30' })).body, { status: 400, code: 'validation-failed' });
  });
});
