import { test } from 'tap';
import { isRefused } from './support/refusal.ts';
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
    t.strictSame(await names(clerk, '520200000000'), ['盘州市'], 'above one’s own village, not next to it');
    t.strictSame(await names(clerk, '520281127000'), ['封家湾社区']);
    isRefused(t, await clerk('GET', '/v1/divisions/520203000000'), '404 not-found');
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
    isRefused(t, await enter({}), '409 already-exists');
    const inside = { min: '520281000000', max: '520281000000' };
    const nowhere = { min: null, max: null };
    for (const [odd, bounds] of [
      [{ code: '520282128000' }, inside],
      [{ code: '520281128001' }, inside],
      [{ level: 'village' }, inside],
      [{ parentCode: null }, nowhere],
      [{ level: 'province', parentCode: '520281000000' }, inside],
    ] as const) {
      isRefused(t, await enter(odd), '422 out-of-bounds', { field: 'code', ...bounds }, JSON.stringify(odd));
    }
    isRefused(t, await enter({ code: '520299001000', parentCode: '520299000000' }), '404 not-found');
  });
});

test('villages', async t => {
  const service = await openService(t);
  const admin = await service.as('platformAdmin');

  await t.test('are opened once, on a division of level village, not in the future', async t => {
    const open = (village: string, openedOn = '2026-10-01') => admin('POST', '/v1/villages', { village, openedOn });
    isRefused(t, await open('520281127103', '2026-11-24'), '422 business-date-refused', {
      latest: '2026-11-23',
      earliest: null,
    });
    const opened = await open('520281127103');
    t.match(opened.body, { village: '520281127103', name: '待开社区', openedOn: '2026-10-01' });
    isRefused(t, await open('520281127103'), '409 already-exists');
    isRefused(t, await open('520281127000'), '404 not-found', {}, 'a town is no village');
    isRefused(t, await open('520281127999'), '404 not-found');
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
    isRefused(t, await supervisor('GET', '/v1/villages/520281127888/households'), '404 not-found');
    isRefused(t, await supervisor('GET', '/v1/villages/abc/households'), '404 not-found');
  });

  await t.test('have groups, each number once', async t => {
    const clerk = await service.as('clerk');
    t.equal((await clerk('POST', `${ours}/grids`, { number: 2, name: '第二组' })).status, 201);
    isRefused(t, await clerk('POST', `${ours}/grids`, { number: 2, name: '另一组' }), '409 already-exists');
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
    isRefused(t, await set({ validFrom: '2026-11-23' }), '422 business-date-refused', {
      earliest: '2026-11-24',
      latest: null,
    });
    t.equal((await set({ directAwardMaxPoints: 7 })).status, 201);
    isRefused(t, await set({ directAwardMaxPoints: 8 }), '409 already-exists');
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
    const day = { opens: '09:00', closes: '10:00' };
    for (const [odd, facts] of [
      [{ directAwardPublicityDays: 2 }, { field: 'directAwardPublicityDays', min: 3, max: 7 }],
      [{ exchangeDays: [{ weekday: 1, dayOfMonth: 1, ...day }] }, { field: 'exchangeDays/0', min: 1, max: 1 }],
      [{ exchangeDays: [{ weekday: null, dayOfMonth: null, ...day }] }, { field: 'exchangeDays/0', min: 1, max: 1 }],
      [
        { exchangeDays: [{ weekday: 1, dayOfMonth: null, opens: '10:00', closes: '10:00' }] },
        { field: 'exchangeDays/0/closes', min: '10:00', max: '24:00' },
      ],
    ] as const) {
      isRefused(t, await set({ validFrom: '2027-01-01', ...odd }), '422 out-of-bounds', facts);
    }
    isRefused(t, await set({ validFrom: '2027-02-30' }), '400 validation-failed', { errors: ['/validFrom format'] });
  });
});
