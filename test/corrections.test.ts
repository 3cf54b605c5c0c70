import { sql } from 'drizzle-orm';
import { test } from 'tap';
import { isRefused } from './support/refusal.ts';
import { patch } from './support/sample-calls.ts';
import { type Caller, openService, type Reply, type Service, villages } from './support/service.ts';

const at = `/v1/villages/${villages.own}`;

const mergePatch = { 'content-type': 'application/merge-patch+json' };

/** Changes something as it is now, or as a version that is named says it was. */
async function correct(by: Caller, url: string, body: object, etag?: string): Promise<Reply> {
  const named = etag ?? (await by('GET', url)).headers.etag;
  const call = patch(url, body, named);
  return by('PATCH', url, body, call.headers);
}

/** Corrections of something, the newest first: `field from → to`. */
async function historyOf(by: Caller, query: string): Promise<string[]> {
  const { body } = await by('GET', `${at}/corrections?${query}`);
  return body.data.map((one: { field: string; from: string; to: string }) => `${one.field} ${one.from} → ${one.to}`);
}

async function enrol(service: Service, ...members: { name: string; phone?: string; idLast4?: string }[]) {
  const id = await service.household({ address: '第一组 8 号', members });
  const clerk = await service.as('clerk');
  const { body } = await clerk('GET', `${at}/households/${id}`);
  return { id, url: `${at}/households/${id}`, number: body.number, memberUrl: `${at}/members/${body.headMemberId}` };
}

test('a member is corrected, and what was written before is kept', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const { id, memberUrl } = await enrol(service, { name: '张三', phone: '13812341234', idLast4: '1111' });
  const memberId = memberUrl.split('/').at(-1);

  const first = await clerk('GET', memberUrl);
  t.equal(first.headers.etag, '"1"');
  t.match(first.body, { id: memberId, householdId: id, name: '张三', phone: '13812341234', isHead: true });

  const corrected = await correct(clerk, memberUrl, { name: '章三', phone: null });
  t.equal(corrected.status, 200);
  t.equal(corrected.headers.etag, '"2"');
  t.match(corrected.body, { name: '章三', phone: null, idLast4: '1111' });
  t.strictSame((await clerk('GET', memberUrl)).body, corrected.body);
  t.equal((await clerk('GET', `${at}/households?q=章三`)).body.data[0].id, id, 'and is found by the new name');
  t.strictSame((await clerk('GET', `${at}/households?q=张三`)).body.data, [], 'no longer by the old one');

  const { data } = (await clerk('GET', `${at}/corrections?subjectId=${memberId}`)).body;
  const known = {
    subject: 'member',
    subjectId: memberId,
    householdId: id,
    version: 2,
    byUserId: clerk.actor.id,
    at: '2026-11-23T02:00:00.000Z',
  };
  t.strictSame(
    data.map(({ id: _, ...one }: { id: string }) => one),
    [
      { ...known, field: 'phone', from: '13812341234', to: null },
      { ...known, field: 'name', from: '张三', to: '章三' },
    ],
  );

  await t.test('the same once more changes nothing', async t => {
    const again = await correct(clerk, memberUrl, { name: '章三', phone: null });
    t.strictSame([again.status, again.body, again.headers.etag], [200, corrected.body, '"2"']);
    t.strictSame((await correct(clerk, memberUrl, {})).body, corrected.body, 'nor does nothing');
    t.equal((await historyOf(clerk, `subjectId=${memberId}`)).length, 2);
  });

  await t.test('a version that was overtaken changes nothing, and none is asked for', async t => {
    const call = { ...patch(memberUrl, { phone: '19900000963' }) };
    const { 'if-match': _, ...bare } = call.headers!;
    for (const headers of [bare, { ...bare, 'if-match': '*' }, { ...bare, 'if-match': '"2", *' }]) {
      isRefused(t, await clerk('PATCH', memberUrl, call.body, headers), '428 version-required', { etag: '"2"' });
    }
    for (const etag of ['"1"', '2', 'W/"2"', '"3"', '"1", "3"']) {
      isRefused(t, await correct(clerk, memberUrl, { phone: '19900000963' }, etag), '412 version-stale', {
        etag: '"2"',
      });
    }
    t.equal((await correct(clerk, memberUrl, { phone: '19900000963' }, '"1", "2"')).headers.etag, '"3"');
  });

  await t.test('of two at once, one is told', async t => {
    const { etag } = (await clerk('GET', memberUrl)).headers;
    const both = await Promise.all(
      ['13900000001', '13900000002'].map(phone => correct(clerk, memberUrl, { phone }, etag)),
    );
    t.strictSame(both.map(({ status }) => status).sort(), [200, 412]);
    const [won] = both.filter(({ status }) => status === 200);
    t.equal((await clerk('GET', memberUrl)).body.phone, won!.body.phone);
  });

  await t.test('as something that is no merge patch it is not taken', async t => {
    const headers = { 'if-match': '"4"', 'content-type': 'application/json' };
    isRefused(t, await clerk('PATCH', memberUrl, { phone: null }, headers), '415 media-type-unsupported');
    isRefused(t, await correct(clerk, memberUrl, { diedOn: '2026-11-01' }), '400 validation-failed', {
      errors: ['/diedOn additionalProperties'],
    });
    for (const name of ['=1+1', '张\u0007三', '合计', null]) {
      t.equal((await correct(clerk, memberUrl, { name })).status, 400, `${name}`);
    }
  });
});

test('a corrected person may be nobody else who is registered', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const other = await enrol(service, { name: '阿卜杜拉·买买提', phone: '13800000001', idLast4: '2222' });
  const { memberUrl } = await enrol(service, { name: '阿卜杜拉', phone: '13800000001' });
  const refused = { place: 0, number: other.number };
  isRefused(t, await correct(clerk, memberUrl, { name: '阿卜杜拉•买买提' }), '409 member-elsewhere', refused);
  t.equal((await correct(clerk, memberUrl, { name: '阿卜杜拉•买买提', idLast4: '333X' })).status, 200, 'a namesake');
  isRefused(t, await correct(clerk, memberUrl, { idLast4: '2222' }), '409 member-elsewhere', refused);
  isRefused(t, await correct(clerk, memberUrl, { idLast4: null }), '409 member-elsewhere', refused);
  t.equal((await correct(clerk, memberUrl, { idLast4: null, phone: null })).status, 200);
  t.equal((await correct(clerk, memberUrl, { name: '阿卜杜拉·买买提' })).status, 200, 'and not oneself');
});

test('a household is corrected', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  const { id, url } = await enrol(service, { name: '张三' });
  const other = await enrol(service, { name: '李四' });

  const corrected = await correct(clerk, url, { number: 'H0009', grid: null, address: '第一组 9 号' });
  t.strictSame([corrected.status, corrected.headers.etag], [200, '"2"']);
  t.match(corrected.body, { number: 'H0009', grid: null, address: '第一组 9 号' });
  t.strictSame((await clerk('GET', url)).body, corrected.body);
  t.equal((await correct(admin, url, { grid: 1 })).body.grid, 1);
  t.strictSame(await historyOf(clerk, `householdId=${id}&subject=household`), [
    'grid null → 1',
    'address 第一组 8 号 → 第一组 9 号',
    'grid 1 → null',
    'number H0001 → H0009',
  ]);

  isRefused(t, await correct(clerk, url, { grid: 44 }), '404 not-found', { field: 'grid' });
  isRefused(t, await correct(clerk, url, { number: 'H02' }), '409 already-exists', {
    field: 'number',
    existingId: other.id,
  });
  isRefused(t, await correct(clerk, url, { number: 'H99999999' }), '422 number-far', {
    number: 'H99999999',
    next: 'H0010',
  });
  const far = await correct(clerk, url, { number: 'H99999999', numberConfirmed: true });
  t.equal(far.body.number, 'H99999999');
  t.equal((await correct(clerk, url, { number: 'H099999999' })).status, 400, 'a number has eight digits');
  t.equal((await correct(clerk, url, { number: 'H0009' })).status, 200);
  t.equal((await correct(clerk, url, { number: 'H9' })).body.number, 'H9', 'its own number may be written otherwise');
  isRefused(t, await correct(clerk, url, { grid: 1 }, '"1"'), '412 version-stale', { etag: '"6"' });

  await service.inVillage(villages.own, tx =>
    tx.execute(
      sql`select households.set_state(village, id, 'closed', gen_random_uuid(), now(), null) from households.household where id = ${id}`,
    ),
  );
  isRefused(t, await correct(clerk, url, { grid: null }), '409 household-not-active', { state: 'closed' });
  const memberUrl = `${at}/members/${corrected.body.headMemberId}`;
  isRefused(t, await correct(clerk, memberUrl, { phone: '19900000963' }), '409 household-not-active', {
    state: 'closed',
  });
});

test('nobody corrects the own household, or that of kin', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const supervisor = await service.as('supervisor');
  const { id, url, memberUrl } = await enrol(service, { name: '张三', phone: '13812341234' });
  await supervisor('PUT', `${at}/users/${clerk.actor.id}/kin`, { entries: [{ householdId: id, relation: 'kin' }] });
  for (const [of, body] of [
    [memberUrl, { name: '章三' }],
    [memberUrl, { phone: '19900000963' }],
    [memberUrl, { idLast4: '166X' }],
    [url, { address: '第一组 9 号' }],
    [url, { grid: null }],
    [url, { number: 'H0002' }],
  ] as const) {
    isRefused(t, await correct(clerk, of, body), '403 own-household', {}, JSON.stringify(body));
  }
  t.strictSame(await historyOf(clerk, `householdId=${id}`), [], 'and nothing is written');
  t.equal((await correct(await service.as('clerk'), memberUrl, { phone: '19900000963' })).status, 200);

  await t.test('not even past the service', async t => {
    for (const write of [
      sql`update households.member set phone = '19900000000'`,
      sql`update households.member set name = '某人'`,
      sql`update households.member set id_last4 = '0000'`,
      sql`update households.household set address = '别处'`,
      sql`update households.household set number = 'H7'`,
      sql`update corrections.correction set new_value = 'x'`,
      sql`delete from corrections.correction`,
    ]) {
      await t.rejects(
        service.inVillage(villages.own, tx => tx.execute(write)),
        { cause: { code: '42501' } },
      );
    }
  });
});

test('who sees what was corrected', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const mine = await enrol(service, { name: '欧阳三', phone: '13812341234', idLast4: '1111' });
  const other = await enrol(service, { name: '司马懿' });
  await correct(clerk, mine.memberUrl, { name: '欧　阳三', phone: '19900000963', idLast4: '166X' });
  await correct(clerk, mine.url, { address: '第一组 9 号' });
  await correct(clerk, other.url, { address: '第二组 1 号' });

  const whole = [
    'address 第一组 8 号 → 第一组 9 号',
    'idLast4 1111 → 166X',
    'phone 13812341234 → 19900000963',
    'name 欧阳三 → 欧　阳三',
  ];
  const masked = [
    'address null → null',
    'idLast4 null → null',
    'phone 138****1234 → 199****0963',
    'name 欧*三 → 欧*三',
  ];
  const query = `householdId=${mine.id}`;
  for (const role of ['clerk', 'villageAdmin'] as const) {
    t.strictSame(await historyOf(await service.as(role), query), whole, role);
  }
  for (const role of ['supervisor', 'auditor', 'supervisionBoard', 'storekeeper'] as const) {
    t.strictSame(await historyOf(await service.as(role), query), masked, role);
  }
  t.strictSame(await historyOf(await service.asHousehold(mine.id), ''), whole, 'the household itself, and no other');
  t.strictSame(await historyOf(await service.asHousehold(mine.id, villages.own, 'card'), ''), masked, 'with a card');
  t.strictSame(await historyOf(await service.asHousehold(mine.id), `householdId=${other.id}`), [], 'nor by asking');

  const sibling = await service.as('clerk', villages.sibling);
  isRefused(t, await sibling('GET', `${at}/corrections`), '404 not-found');
  isRefused(t, await sibling('GET', mine.memberUrl), '404 not-found');
  isRefused(t, await correct(sibling, mine.memberUrl, { phone: null }, '"1"'), '404 not-found');
  const elsewhere = mine.memberUrl.replace(villages.own, villages.sibling);
  isRefused(t, await correct(sibling, elsewhere, { phone: null }, '"1"'), '404 not-found');
  const keeper = await service.as('storekeeper');
  for (const url of [mine.memberUrl, mine.url]) {
    isRefused(t, await correct(keeper, url, {}, '"1"'), '403 forbidden', { requiredRoles: ['clerk', 'villageAdmin'] });
  }
});

test('the name of a group is corrected', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const url = `${at}/grids/1`;
  const { body, headers } = await clerk('GET', url);
  t.strictSame([body, headers.etag], [{ number: 1, name: '第一组' }, '"1"']);
  const corrected = await correct(clerk, url, { name: '河东组' });
  t.strictSame([corrected.status, corrected.body, corrected.headers.etag], [200, { number: 1, name: '河东组' }, '"2"']);
  t.strictSame((await clerk('GET', url)).body, corrected.body);
  t.strictSame((await correct(clerk, url, { name: '河东组' })).headers.etag, '"2"', 'what it is already is no change');
  isRefused(t, await correct(clerk, url, { name: '河西组' }, '"1"'), '412 version-stale', { etag: '"2"' });
  isRefused(t, await clerk('PATCH', url, { name: '河西组' }, mergePatch), '428 version-required', { etag: '"2"' });
  t.strictSame(await historyOf(await service.as('supervisor'), 'subject=grid&subjectId=1'), ['name 第一组 → 河东组']);
  const household = await service.asHousehold(await service.household());
  t.strictSame(await historyOf(household, ''), [], 'which is no household’s file');
  isRefused(t, await correct(clerk, `${at}/grids/44`, { name: '河西组' }, '"1"'), '404 not-found');
  isRefused(t, await clerk('GET', `${at}/grids/44`), '404 not-found');
  t.equal((await correct(clerk, url, { number: 2 })).status, 400, 'its number stays');
  isRefused(t, await correct(await service.as('storekeeper'), url, {}, '"2"'), '403 forbidden', {
    requiredRoles: ['villageAdmin', 'clerk'],
  });
  const sibling = await service.as('clerk', villages.sibling);
  isRefused(t, await correct(sibling, url, { name: '河西组' }, '"2"'), '404 not-found');
});

test('the name of a user is corrected', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const made = await admin('POST', '/v1/users', {
    login: 'clerk7',
    name: '王文数',
    password: 'seven bags of rice',
    grant: { role: 'clerk', prefix: villages.own },
  });
  const url = `/v1/users/${made.body.id}`;
  t.equal((await admin('GET', url)).headers.etag, '"1"');
  const corrected = await correct(admin, url, { name: '王文书' });
  t.strictSame(
    [corrected.status, corrected.body, corrected.headers.etag],
    [200, { ...made.body, name: '王文书' }, '"2"'],
  );
  t.strictSame((await admin('GET', url)).body, corrected.body);
  t.equal((await correct(admin, url, { name: '王文书' })).headers.etag, '"2"', 'what it is already is no change');
  isRefused(t, await correct(admin, url, { name: '王文' }, '"1"'), '412 version-stale', { etag: '"2"' });
  isRefused(t, await admin('PATCH', url, { name: '王文' }, mergePatch), '428 version-required', { etag: '"2"' });
  const { data } = (await (await service.as('auditor'))('GET', `${url}/events`)).body;
  t.strictSame(
    data.map(({ id: _, ...one }: { id: string }) => one),
    [
      {
        kind: 'nameCorrected',
        from: '王文数',
        to: '王文书',
        byUserId: admin.actor.id,
        at: '2026-11-23T02:00:00.000Z',
      },
    ],
  );
  t.equal((await correct(admin, url, { login: 'clerk8' })).status, 400, 'a login stays');
  t.equal((await correct(admin, url, { name: '=1+1' })).status, 400);

  isRefused(t, await correct(admin, `/v1/users/${admin.actor.id}`, { name: '某人' }, '"1"'), '404 not-found');
  const supervisor = await service.as('supervisor');
  isRefused(t, await correct(supervisor, url, { name: '某人' }), '404 not-found', {}, 'whom others appoint');
  isRefused(t, await correct(await service.as('clerk'), url, {}, '"2"'), '403 forbidden', {
    requiredRoles: ['platformAdmin', 'supervisor', 'villageAdmin'],
  });
  const sibling = await service.as('villageAdmin', villages.sibling);
  isRefused(t, await correct(sibling, url, { name: '某人' }, '"2"'), '404 not-found');
  isRefused(t, await sibling('GET', `${url}/events`), '404 not-found');
});
