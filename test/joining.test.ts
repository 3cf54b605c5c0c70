import { randomUUID } from 'node:crypto';
import { test } from 'tap';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, openService, villages } from './support/service.ts';
import { openShop } from './support/shop.ts';

const at = `/v1/villages/${villages.own}`;
const applications = `${at}/join-applications`;

const content = (over: object = {}) => ({
  grid: 1,
  address: '第一组 8 号',
  phone: '19900000963',
  members: [
    { name: '杨光荣', idLast4: '166X' },
    { name: '杨小妹', isMinor: true, guardian: '杨光荣' },
  ],
  consent: { given: true, by: '杨光荣' },
  ...over,
});

test('a household joins, and can redeem', async t => {
  const shop = await openShop(t);
  const { service, keeper } = shop;
  const [clerk, admin] = [await service.as('clerk'), await service.as('villageAdmin')];

  const kiosk = await service.asKiosk();
  const key = { 'idempotency-key': randomUUID() };
  const made = await kiosk('POST', applications, content(), key);
  t.equal(made.status, 201, made.text);
  t.match(made.body, { state: 'submitted', channel: 'kiosk', duplicates: { length: 0 }, householdId: null });
  t.strictSame((await kiosk('POST', applications, content(), key)).body, made.body, 'the same call twice');
  t.notMatch(made.text, /杨光荣|19900000963|166X|8 号/, 'who stands at the kiosk next sees nobody');
  const url = made.headers.location!;
  t.match((await clerk('GET', url)).body, {
    members: [
      { name: '杨光荣', idLast4: '166X' },
      { isMinor: true, guardian: '杨光荣' },
    ],
    consentBy: '杨光荣',
  });
  for (const role of ['reviewer', 'supervisor', 'auditor', 'storekeeper', 'supervisionBoard'] as const) {
    const masked = await (await service.as(role))('GET', url);
    t.match(masked.body, { members: [{ name: '杨*荣', idLast4: null }, { guardian: '杨*荣' }], phone: '199****0963' });
    t.notMatch(masked.text, /杨光荣|166X|8 号/, role);
  }

  const approved = await admin('POST', `${url}/approve`, {});
  t.equal(approved.status, 200, approved.text);
  t.match(approved.body, { state: 'approved', decidedBy: admin.actor.id, duplicates: { length: 0 } });
  const { householdId } = approved.body;
  t.match((await clerk('GET', `${at}/households/${householdId}`)).body, {
    state: 'active',
    headName: '杨光荣',
    memberCount: 2,
    address: '第一组 8 号',
    members: [{ phone: '19900000963' }, { name: '杨小妹', phone: null }],
  });
  t.equal((await clerk('POST', `${at}/households/${householdId}/cards`)).status, 201);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 10 });
  await service.givePoints(householdId, 5);
  const redeemed = await shop.redeem(keeper, shop.order(householdId, { [soap]: 1 }, { handOver: true }));
  t.equal(redeemed.status, 201, redeemed.text);

  for (const [verb, allowedFrom, body] of [
    ['approve', ['submitted'], {}],
    ['reject', ['submitted'], { reason: '重复' }],
    ['return', ['submitted'], { question: '？' }],
    ['resubmit', ['returned'], { answer: '。', corrected: null }],
    ['withdraw', ['submitted', 'returned'], undefined],
  ] as const) {
    isRefused(
      t,
      await admin('POST', `${url}/${verb}`, body),
      '409 wrong-state',
      { state: 'approved', allowedFrom, since: '2026-11-23T02:00:00.000Z' },
      verb,
    );
  }
});

test('who decides, and on what', async t => {
  const service = await openService(t);
  const [clerk, admin, second] = [
    await service.as('clerk'),
    await service.as('villageAdmin'),
    await service.as('villageAdmin'),
  ];
  const apply = async (over: object = {}, by = clerk) => {
    const { status, body, text, headers } = await by('POST', applications, content(over));
    t.equal(status, 201, text);
    return { ...body, url: headers.location! };
  };

  await t.test('no list, then a list', async t => {
    t.strictSame((await clerk('GET', applications)).body, { data: [], nextCursor: null, hasMore: false });
    const ids = [(await apply()).id, (await apply()).id];
    const page = (await clerk('GET', `${applications}?limit=1`)).body;
    t.equal(page.data[0].id, ids[1], 'the newest first');
    t.equal((await clerk('GET', `${applications}?limit=1&cursor=${page.nextCursor}`)).body.data[0].id, ids[0]);
    isRefused(t, await clerk('GET', `${applications}?state=rejected&cursor=${page.nextCursor}`), '400 cursor-mismatch');
    t.strictSame((await clerk('GET', `${applications}?state=approved`)).body.data, []);
  });

  await t.test('consent, guardians and groups', async t => {
    const refused = async (over: object) => (await clerk('POST', applications, content(over))).body;
    isRefused(t, await refused({ consent: { given: false, by: '杨光荣' } }), '400 validation-failed', {
      errors: ['/consent/given const'],
    });
    isRefused(t, await refused({ consent: { given: true } }), '400 validation-failed', {
      errors: ['/consent/by required'],
    });
    const minor = { name: '杨小妹', isMinor: true };
    isRefused(t, await refused({ members: [{ name: '杨光荣' }, minor] }), '400 validation-failed', {
      errors: ['/members/1/guardian required'],
    });
    isRefused(t, await refused({ members: [{ ...minor, guardian: '杨光荣' }] }), '400 validation-failed', {
      errors: ['/members/0/isMinor required'],
    });
    isRefused(t, await refused({ grid: 99 }), '404 not-found', { field: 'grid' });
  });

  await t.test('a question is answered', async t => {
    const { url } = await apply();
    t.match((await clerk('POST', `${url}/return`, { question: '电话少一位？' })).body, {
      state: 'returned',
      question: '电话少一位？',
      returnedBy: clerk.actor.id,
    });
    isRefused(t, await admin('POST', `${url}/approve`, {}), '409 wrong-state', {
      state: 'returned',
      allowedFrom: ['submitted'],
      since: '2026-11-23T02:00:00.000Z',
    });
    t.match(
      (await second('POST', `${url}/resubmit`, { answer: '已更正', corrected: content({ phone: '13811112222' }) }))
        .body,
      {
        state: 'submitted',
        answer: '已更正',
        phone: '13811112222',
      },
    );
    const masked = await (await service.as('reviewer'))('GET', url);
    t.match(masked.body, { question: null, answer: null });
    isRefused(t, await second('POST', `${url}/approve`, {}), '403 second-person-required', {
      firstUserId: second.actor.id,
    });

    await clerk('POST', `${url}/return`, { question: '门牌？' });
    await clerk('POST', `${url}/resubmit`, { answer: '无', corrected: null });
    isRefused(
      t,
      await second('POST', `${url}/approve`, {}),
      '403 second-person-required',
      { firstUserId: second.actor.id },
      'whose words stand in it does not decide, whoever answered after',
    );
    const app = await connect(t, service.appUrl);
    await app.query(`set jifen.scope = '${villages.own}'`);
    await t.rejects(
      app.query(`select households.decide_join('${villages.own}', $1, 'rejected', $2, now(), '…', null)`, [
        url.split('/').at(-1),
        second.actor.id,
      ]),
      /join_application_editors/,
    );
    t.equal((await clerk('POST', `${url}/withdraw`)).body.state, 'withdrawn');
  });

  await t.test('a rejection has its reason', async t => {
    const { url } = await apply({}, admin);
    isRefused(t, await admin('POST', `${url}/reject`, { reason: '不住本村' }), '403 second-person-required', {
      firstUserId: admin.actor.id,
    });
    t.match((await second('POST', `${url}/reject`, { reason: '不住本村' })).body, {
      state: 'rejected',
      reason: '不住本村',
      decidedBy: second.actor.id,
      householdId: null,
    });
  });

  await t.test('duplicates are pointed out', async t => {
    const there = await service.household({
      grid: 1,
      members: [
        { name: '龙应芬', phone: '13900001111', idLast4: '3792' },
        { name: '龙小军', idLast4: '1111' },
      ],
    });
    const family = (name: string, idLast4: string | null, phone: string | null = null) => ({
      grid: 1,
      phone: null,
      members: [{ name, idLast4, phone }],
    });
    const seen = async (over: object) =>
      (await apply(over)).duplicates.map(({ likeness, householdId }: Record<string, string>) => [
        likeness,
        householdId === there,
      ]);
    t.strictSame(await seen(family('龙应芬', '3792')), [['person', true]]);
    t.strictSame(await seen(family('龙应芬', '0000')), [['nameAndGrid', true]]);
    t.strictSame(await seen({ ...family('龙应芬', null), grid: null }), []);
    t.strictSame(await seen(family('别人', '3792', '13900001111')), [['phone', true]]);
    t.strictSame(await seen({ ...family('别人', null), phone: '13900001111' }), [['phone', true]]);
    t.strictSame(await seen(family('别人', '3792')), []);

    const atKiosk = await (await service.asKiosk())('POST', applications, content(family('龙应芬', '3792')));
    t.strictSame(atKiosk.body.duplicates, [], 'but not to whoever stands at a kiosk');

    const same = await apply({ members: [{ name: '别人' }, { name: '龙小军', idLast4: '1111' }] });
    const refused = await admin('POST', `${same.url}/approve`, {});
    isRefused(t, refused, '409 member-elsewhere', { place: 1 });
    t.notMatch(refused.text, /龙/);
    const alike = await apply(family('龙应芬', '0001'));
    t.equal((await admin('POST', `${alike.url}/approve`, {})).status, 200, 'who is only alike is a person’s to decide');
    await service.inVillage(villages.own, tx =>
      tx.$client.query(
        `select households.set_state(village, id, 'closed', gen_random_uuid(), now(), null) from households.household where id = '${there}'`,
      ),
    );
    t.equal((await admin('POST', `${same.url}/approve`, { number: 'J0001' })).body.state, 'approved', 'it has moved');
    const taken = await apply({ members: [{ name: '又一人' }] });
    isRefused(t, await admin('POST', `${taken.url}/approve`, { number: 'J0001' }), '409 already-exists');
  });

  await t.test('of the same person, applied for twice at once, one household', async t => {
    const urls = await Promise.all(
      Array.from({ length: 6 }, () => apply({ members: [{ name: '双胞', idLast4: '4321' }] }).then(one => one.url)),
    );
    const answers = await Promise.all(urls.map((url, n) => (n % 2 ? admin : second)('POST', `${url}/approve`, {})));
    t.equal(answers.filter(({ status }) => status === 200).length, 1);
    t.equal(answers.filter(({ body }) => body.code === 'member-elsewhere').length, 5);
  });

  await t.test('nobody decides on the own household or on kin', async t => {
    const there = await service.household({ grid: 1, members: [{ name: '罗家', phone: '13700001111' }] });
    await second('PUT', `${at}/users/${admin.actor.id}/kin`, { entries: [{ householdId: there, relation: 'kin' }] });
    const { url } = await apply({ members: [{ name: '罗小家', phone: '13700001111' }] });
    for (const [verb, body] of [
      ['approve', {}],
      ['reject', { reason: '…' }],
    ] as const) {
      const refused = await admin('POST', `${url}/${verb}`, body);
      isRefused(t, refused, '403 own-household', {}, verb);
    }
    const own = await apply({ members: [{ name: '测试villageAdmin' }] });
    isRefused(t, await admin('POST', `${own.url}/approve`, {}), '403 own-household', {}, 'the own name');

    const app = await connect(t, service.appUrl);
    await app.query(`set jifen.scope = '${villages.own}'`);
    const decide = (state: string, by: string) =>
      app.query(`select households.decide_join($1, $2, $3, $4, now(), '…', null)`, [
        villages.own,
        url.split('/').at(-1),
        state,
        by,
      ]);
    await t.rejects(decide('rejected', admin.actor.id), /own household or of kin/);
    await t.rejects(decide('rejected', clerk.actor.id), /join_application_second_person/);
    await t.rejects(decide('approved', second.actor.id), /join_application_approved/);
    await t.rejects(
      app.query('select households.decide_join($1, $2, $3, null, null, null, null)', [
        villages.own,
        url.split('/').at(-1),
        'rejected',
      ]),
      /join_application_decided/,
    );
    for (const statement of [
      'delete from households.join_application',
      `update households.join_application set decided_by = '${second.actor.id}'`,
      `update households.join_application set created_by = '${second.actor.id}'`,
      `update households.join_application set household_id = '${there}'`,
    ]) {
      await t.rejects(app.query(statement), { code: '42501' }, statement);
    }
    await t.rejects(app.query(`update households.join_application set state = 'approved'`), { code: '23514' });
    t.equal((await second('POST', `${url}/approve`, {})).status, 200);
  });
});

test('whose kin somebody is', async t => {
  const service = await openService(t);
  const [clerk, admin, second] = [
    await service.as('clerk'),
    await service.as('villageAdmin'),
    await service.as('villageAdmin'),
  ];
  const of = (who: typeof clerk) => `${at}/users/${who.actor.id}/kin`;
  const [a, b] = [await service.household({ number: 'A1' }), await service.household({ number: 'B2' })];
  const [own, kin] = [
    (id: string) => ({ householdId: id, relation: 'own' }),
    (id: string) => ({ householdId: id, relation: 'kin' }),
  ];
  const put = async (by: typeof clerk, whose: typeof clerk, ...entries: object[]) =>
    (await by('PUT', of(whose), { entries })).body;

  t.strictSame((await clerk('GET', of(clerk))).body, { userId: clerk.actor.id, data: [] });
  t.match(await put(clerk, clerk, own(a)), {
    data: [{ householdNumber: 'A1', relation: 'own', declaredBy: clerk.actor.id }],
  });
  t.match(await put(clerk, clerk, own(a), kin(b)), { data: [{ householdNumber: 'A1' }, { householdNumber: 'B2' }] });
  for (const fewer of [[], [own(a)], [kin(a), kin(b)]]) {
    isRefused(
      t,
      await put(clerk, clerk, ...fewer),
      '403 second-person-required',
      { firstUserId: clerk.actor.id },
      'what is said stays said',
    );
  }
  t.match(await put(admin, admin, own(a)), { data: [{ relation: 'own' }] });
  isRefused(t, await put(admin, admin), '403 second-person-required', { firstUserId: admin.actor.id });
  isRefused(t, await put(clerk, admin, kin(b)), '404 not-found', {}, 'no clerk says it of others');
  isRefused(t, await clerk('GET', of(admin)), '404 not-found');
  isRefused(t, await put(admin, clerk, own(a), own(b)), '409 already-exists');
  isRefused(t, await put(admin, clerk, own(a), kin(a)), '409 already-exists', { field: 'entries' });
  isRefused(t, await put(admin, clerk, kin(randomUUID())), '404 not-found', { field: 'householdId' });
  t.match(await put(admin, clerk, kin(a), own(b)), { data: [{ relation: 'kin' }, { relation: 'own' }] });
  t.match(await put(admin, clerk, own(b)), { data: [{ householdNumber: 'B2' }] });
  t.strictSame(await put(second, admin), { userId: admin.actor.id, data: [] });
  const elsewhere = await service.as('clerk', villages.foreign);
  isRefused(t, await put(admin, elsewhere, kin(a)), '404 not-found', {}, 'nor of people of another village');

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  await t.rejects(app.query('update households.kin set ended_by = user_id, ended_at = now()'), /kin_end_second_person/);
});

test('nobody decides on a reversal of kin', async t => {
  const service = await openService(t);
  const [clerk, admin, supervisor] = [
    await service.as('clerk'),
    await service.as('villageAdmin'),
    await service.as('supervisor'),
  ];
  const { ENV03: ruleId } = await adoptRules(service, [ruleDraft('ENV03')]);
  const householdId = await service.household();
  const line = { ruleId, householdId, memberId: null, quantity: 1, occasion: '清扫', note: null };
  const award = await clerk('POST', `${at}/awards`, line);
  t.equal(award.status, 201, award.text);
  const { headers } = await clerk('POST', `${at}/reversals`, { awardId: award.body.id, reason: '登记错户' });
  const kin = `${at}/users/${admin.actor.id}/kin`;
  t.equal((await supervisor('PUT', kin, { entries: [{ householdId, relation: 'own' }] })).status, 200);
  const url = headers.location!;
  isRefused(t, await admin('POST', `${url}/approve`), '403 own-household');
  isRefused(t, await admin('POST', `${url}/reject`, { reason: '无误' }), '403 own-household');
  t.equal((await supervisor('PUT', kin, { entries: [] })).status, 200);
  t.equal((await admin('POST', `${url}/approve`)).status, 200, 'once it has ended');
});
