import { sql } from 'drizzle-orm';
import { t } from 'tap';
import { openAccounts } from '../src/ledger/post.ts';
import { awarding, awardsPath, bookNumber, household, pointsOf, readyToRace, tally } from './support/awards.ts';
import { declareKin } from './support/claims.ts';
import { isRefused, type StatusAndCode } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, openService, villages } from './support/service.ts';
import { untilBlocked } from './support/waiting.ts';

t.test('an award', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const rules = await adoptRules(service, [
    ruleDraft('ENV03', { points: 5, capScope: 'member' }),
    ruleDraft('REC05', { points: 2 }),
    ruleDraft('FLAT', { points: 3, honour: false }),
    ruleDraft('DED01', { direction: 'deduction' }),
  ]);
  const clerk = await service.as('clerk');
  const give = awarding(clerk);

  t.test('is spendable at once where the policy asks for no publicity', async t => {
    const { id, members } = await household(service, 2);
    const reply = await give({
      ruleId: rules.ENV03,
      householdId: id,
      memberId: members[1],
      occasion: '清扫-2026-11-22',
      occurredAt: '2026-11-22T16:30:00+08:00',
      note: '清扫公厕周边',
    });
    t.equal(reply.status, 201, reply.text);
    t.equal(reply.headers.location, `${awardsPath}/${reply.body.id}`);
    t.match(reply.body, {
      number: `A-20261122-${reply.body.transactionNumber}`,
      householdId: id,
      memberId: members[1],
      ruleCode: 'ENV03',
      ruleTitle: '事项ENV03',
      quantity: 1,
      points: 5,
      occasion: '清扫-2026-11-22',
      occurredAt: '2026-11-22T08:30:00.000Z',
      businessDate: '2026-11-22',
      backEntry: true,
      note: '清扫公厕周边',
      state: 'posted',
      batchId: null,
      createdBy: clerk.actor.id,
      reversalNumber: null,
    });
    t.match(await pointsOf(clerk, id), { available: 5, pending: 0, honour: 5 });
    t.strictSame((await clerk('GET', `${awardsPath}/${reply.body.id}`)).body, reply.body);
  });

  t.test('without an occasion is one of its own, and happens now', async t => {
    const { id } = await household(service);
    const one = await give({ ruleId: rules.REC05, householdId: id, quantity: 3 });
    const other = await give({ ruleId: rules.REC05, householdId: id });
    t.match(one.body, {
      occasion: one.body.id,
      points: 6,
      occurredAt: '2026-11-23T02:00:00.000Z',
      businessDate: '2026-11-23',
      backEntry: false,
      memberId: null,
      note: null,
    });
    t.equal(other.status, 201);
    t.equal((await pointsOf(clerk, id)).available, 8);
  });

  t.test('earns honour only where the rule says so', async t => {
    const { id } = await household(service);
    await give({ ruleId: rules.FLAT, householdId: id });
    t.match(await pointsOf(clerk, id), { available: 3, honour: 0 });
  });

  t.test('keeps its terms in the book', async t => {
    const { id } = await household(service);
    const { body } = await give({
      ruleId: rules.REC05,
      householdId: id,
      quantity: 2,
      note: '张小三',
      occasion: '张小三家',
    });
    const owner = await connect(t, service.ownerUrl);
    await owner.query(`set jifen.scope = '${villages.own}'`);
    const { rows } = await owner.query('select * from ledger.transaction where number = $1', [body.transactionNumber]);
    t.match(rows[0], {
      kind: 'award',
      cause: `award:${body.id}`,
      actor: clerk.actor.id,
      memo: null,
      frozen: {
        ruleCode: 'REC05',
        ruleId: rules.REC05,
        ruleBookId: body.ruleBookId,
        ruleBookTitle: '积分细则 2026-01-01',
        unitPoints: '2',
        quantity: '2',
        publicityDays: '0',
      },
    });
    t.notMatch(JSON.stringify(rows[0]), /张小三/, 'and keeps nobody’s name');
  });

  t.test('is refused', async t => {
    const { id, members } = await household(service);
    const stranger = await household(service);
    const frozen = await household(service);
    const owner = await connect(t, service.ownerUrl);
    await owner.query(`set jifen.scope = '${villages.own}'`);
    await owner.query("update households.household set state = 'frozen' where id = $1", [frozen.id]);
    const line = { ruleId: rules.ENV03, householdId: id, memberId: members[0] };
    const nobody = crypto.randomUUID();
    const before = await bookNumber(service);
    const cases: [string, object, StatusAndCode, object][] = [
      ['no such household', { householdId: nobody }, '404 not-found', { field: 'householdId' }],
      ['a frozen household', { householdId: frozen.id }, '409 household-not-active', { state: 'frozen' }],
      ['no such rule', { ruleId: nobody }, '404 not-found', { field: 'ruleId' }],
      ['no member', { memberId: null }, '400 validation-failed', { errors: ['/memberId required'] }],
      ['another household’s member', { memberId: stranger.members[0] }, '404 not-found', { field: 'memberId' }],
      ['too many points', { quantity: 7 }, '422 out-of-bounds', { field: 'points', min: 1, max: 30 }],
      ['a deduction', { ruleId: rules.DED01 }, '422 out-of-bounds', { field: 'points', min: 1, max: 30 }],
      [
        'the future',
        { occurredAt: '2026-11-23T02:05:00.001Z' },
        '422 business-date-refused',
        { earliest: '2026-09-24', latest: '2026-11-23', serverTime: '2026-11-23T02:00:00.000Z' },
      ],
      ['an occasion with a blank', { occasion: 'a b' }, '400 validation-failed', { errors: ['/occasion pattern'] }],
      [
        'an occasion with a wide blank',
        { occasion: 'a　b' },
        '400 validation-failed',
        { errors: ['/occasion pattern'] },
      ],
      [
        'a tab for a T',
        { occurredAt: '2026-11-22\t02:00:00Z' },
        '400 validation-failed',
        { errors: ['/occurredAt pattern'] },
      ],
    ];
    for (const [name, said, code, facts] of cases) {
      isRefused(t, await give({ ...line, ...said }), code, { ...facts }, name);
    }
    const decimals = await give({ ...line, occurredAt: '2026-11-22T02:00:00.123456789Z' });
    t.equal(decimals.body.occurredAt, '2026-11-22T02:00:00.123Z', 'nine decimals, of which three are kept');
    const more = await give({ ...line, occurredAt: '2026-11-22T02:00:00.1234567891Z' });
    isRefused(t, more, '400 validation-failed', { errors: ['/occurredAt pattern'] });
    t.equal(await bookNumber(service), before + 1, 'nothing else was posted');
  });

  t.test('is nothing that one person gives the own household or kin', async t => {
    const [cousin, other] = [await service.as('clerk'), await service.as('clerk')];
    const [home, kins, third] = [await household(service), await household(service), await household(service)];
    await declareKin(service, cousin.actor.id, home.id, 'own');
    await declareKin(service, cousin.actor.id, kins.id);
    const before = await bookNumber(service);
    const input = { ruleId: rules.REC05, quantity: 1 };
    for (const { id } of [home, kins]) {
      isRefused(t, await awarding(cousin)({ ...input, householdId: id }), '403 own-household');
    }
    const items = [third, home, kins].map(({ id }) => ({ ...input, householdId: id }));
    const atomic = await cousin('POST', `${awardsPath}/batch`, { mode: 'atomic', items });
    isRefused(t, atomic, '422 batch-refused', {
      items: [1, 2].map(index => ({ index, ref: null, problem: { answer: '403 own-household' } })),
    });
    t.equal(await bookNumber(service), before);
    const sheet = await cousin('POST', `${awardsPath}/batch`, { mode: 'perItem', items });
    t.match(sheet.body, { succeeded: 1, refused: 2, results: [{ status: 201 }, { status: 403 }, { status: 403 }] });
    t.equal((await awarding(other)({ ...input, householdId: home.id })).status, 201, 'another clerk may');
    await service.inVillage(villages.own, tx =>
      tx.execute(sql`update households.kin set ended_by = ${clerk.actor.id}, ended_at = now()
                      where village = ${villages.own} and user_id = ${cousin.actor.id}`),
    );
    t.equal((await awarding(cousin)({ ...input, householdId: kins.id })).status, 201, 'until it has ended');
  });

  t.test('the same call 50 times at once, with one key, is one transaction', async t => {
    const { id } = await household(service);
    await readyToRace(service);
    const before = await bookNumber(service);
    const key = { 'idempotency-key': 'award-once' };
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => give({ ruleId: rules.REC05, householdId: id }, key)),
    );
    t.strictSame(tally(replies), { 201: 50 });
    t.equal(new Set(replies.map(reply => reply.text)).size, 1, 'one answer, byte for byte');
    t.equal(await bookNumber(service), before + 1);
    t.equal((await pointsOf(clerk, id)).available, 2);
    isRefused(t, await give({ ruleId: rules.REC05, householdId: id, quantity: 2 }, key), '422 idempotency-key-reused');
  });

  t.test('the same occasion 50 times at once, with 50 keys, is one transaction', async t => {
    const { id } = await household(service);
    await readyToRace(service);
    const before = await bookNumber(service);
    const input = { ruleId: rules.REC05, householdId: id, occasion: 'paper-monday' };
    const replies = await Promise.all(Array.from({ length: 50 }, () => give(input)));
    t.strictSame(tally(replies), { 201: 1, 'award-duplicate': 49 });
    t.equal(await bookNumber(service), before + 1);
    const { id: awardId } = replies.find(reply => reply.status === 201)!.body;
    for (const reply of replies.filter(reply => reply.status !== 201)) t.equal(reply.body.awardId, awardId);
    t.equal((await give({ ...input, occasion: 'paper-tuesday' })).status, 201, 'another occasion is another award');
    const neighbour = await household(service);
    t.equal((await give({ ...input, householdId: neighbour.id })).status, 201, 'and another household');
    t.equal((await give({ ...input, ruleId: rules.FLAT })).status, 201, 'and another rule');
  });

  t.test('one occasion pays each member once', async t => {
    const { id, members } = await household(service, 2);
    const said = { ruleId: rules.ENV03, householdId: id, occasion: 'clean-up' };
    t.equal((await give({ ...said, memberId: members[0] })).status, 201);
    const done = await give({ ...said, memberId: members[1] });
    t.equal(done.status, 201);
    isRefused(t, await give({ ...said, memberId: members[1] }), '409 award-duplicate', { awardId: done.body.id });
  });
});

t.test('publicity', async t => {
  const service = await openService(t, { policy: { directAwardPublicityDays: 3 } });
  const rules = await adoptRules(service, [ruleDraft('ENV01'), ruleDraft('HERO', { publicity: 'exempt' })]);
  const clerk = await service.as('clerk');
  const { id } = await household(service);
  const waiting = await awarding(clerk)({ ruleId: rules.ENV01, householdId: id });
  t.equal(waiting.body.state, 'pending');
  t.match(await pointsOf(clerk, id), { available: 0, pending: 5, honour: 0 }, 'not spendable, and no honour yet');
  const exempt = await awarding(clerk)({ ruleId: rules.HERO, householdId: id });
  t.equal(exempt.body.state, 'posted');
  t.match(await pointsOf(clerk, id), { available: 5, pending: 5, honour: 5 });
});

t.test('dates', async t => {
  const service = await openService(t, { policy: { backdateDays: 3 } });
  const rules = await adoptRules(service, [ruleDraft('ENV01', { points: 5 })], { inForceFrom: '2026-01-01' });
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  const { id } = await household(service);
  const on = (occurredAt: string, ruleId = rules.ENV01, who = clerk) =>
    awarding(who)({ ruleId, householdId: id, occurredAt });

  t.test('a clock that is ahead of ours', async t => {
    const other = await household(service);
    const said = (occurredAt: string) => awarding(clerk)({ ruleId: rules.ENV01, householdId: other.id, occurredAt });
    t.match((await said('2026-11-23T10:00:01+08:00')).body, {
      occurredAt: '2026-11-23T02:00:00.000Z',
      backEntry: false,
    });
    t.match((await said('2026-11-23T10:05:00+08:00')).body, { occurredAt: '2026-11-23T02:00:00.000Z' });
    isRefused(t, await said('2026-11-23T10:06:00+08:00'), '422 business-date-refused', {
      earliest: '2026-11-20',
      latest: '2026-11-23',
      serverTime: '2026-11-23T02:00:00.000Z',
      detail: '填写的时间晚于系统时间2026年11月23日 10:00。请核对本机的日期和时间，或改填发生时间。',
    });
  });

  t.test('how late an award may be entered', async t => {
    const bounds = { earliest: '2026-11-20', latest: '2026-11-23' };
    isRefused(t, await on('2026-11-19T23:59:59.999+08:00'), '422 business-date-refused', bounds);
    t.match((await on('2026-11-20T00:00:00+08:00')).body, { businessDate: '2026-11-20', backEntry: true });
    t.match((await on('2026-11-23T00:00:00+08:00')).body, { businessDate: '2026-11-23', backEntry: false });
    service.clock.set('2026-01-02T02:00:00Z');
    t.match((await on('2025-12-31T12:00:00+08:00')).body, { earliest: '2026-01-01', latest: '2026-01-02' });
    service.clock.set('2026-11-23T02:00:00Z');
  });

  t.test('a new book changes no old award, and takes its day', async t => {
    const old = await on('2026-11-22T10:00:00+08:00');
    const next = await adoptRules(service, [ruleDraft('ENV01', { points: 9, title: '新标题' })], {
      inForceFrom: '2026-11-23',
    });
    t.strictSame((await clerk('GET', `${awardsPath}/${old.body.id}`)).body, old.body);
    isRefused(
      t,
      await on('2026-11-23T09:00:00+08:00'),
      '422 rule-not-in-force',
      { ruleId: rules.ENV01, fromOn: '2026-01-01', toOn: '2026-11-23' },
      'the old rule is over',
    );
    isRefused(t, await on('2026-11-22T09:00:00+08:00', next.ENV01), '422 rule-not-in-force', {
      ruleId: next.ENV01,
      fromOn: '2026-11-23',
      toOn: null,
    });
    t.match((await on('2026-11-22T11:00:00+08:00')).body, { points: 5 }, 'a late entry by the rule of its day');
    t.match((await on('2026-11-23T09:00:00+08:00', next.ENV01)).body, { points: 9, ruleTitle: '新标题' });
  });

  t.test('a draft is no rule', async t => {
    const { body } = await admin('POST', `/v1/villages/${villages.own}/rule-books`, {
      title: '草案',
      rules: [ruleDraft('ENV01')],
    });
    isRefused(t, await on('2026-11-23T09:00:00+08:00', body.rules[0].id), '422 rule-not-in-force', {
      ruleId: body.rules[0].id,
      fromOn: null,
      toOn: null,
    });
  });

  t.test('points follow the policy of the day, lateness that of today, publicity the stricter', async t => {
    const policies = `/v1/villages/${villages.own}/policies`;
    const { validFrom: _, ...settings } = (await clerk('GET', `/v1/villages/${villages.own}/policy`)).body;
    const changed = {
      ...settings,
      validFrom: '2026-11-24',
      directAwardMaxPoints: 4,
      backdateDays: 1,
      directAwardPublicityDays: 3,
    };
    t.equal((await admin('POST', policies, changed)).status, 201);
    const next = (await clerk('GET', `/v1/villages/${villages.own}/rules`)).body.data[0].id;
    service.clock.set('2026-11-24T02:00:00Z');
    const tomorrow = await service.as('clerk');
    const late = (occurredAt: string, ruleId = next) => on(occurredAt, ruleId, tomorrow);
    isRefused(t, await late('2026-11-24T09:00:00+08:00'), '422 out-of-bounds', { max: 4, field: 'points', min: 1 });
    t.match(
      (await late('2026-11-23T09:00:00+08:00')).body,
      { state: 'pending', points: 9 },
      'a date does not spare it the notice',
    );
    isRefused(t, await late('2026-11-22T09:00:00+08:00', rules.ENV01), '422 business-date-refused', {
      earliest: '2026-11-23',
      latest: '2026-11-24',
    });
  });
});

t.test('the book is locked last: who holds the household and wants the book is not kept waiting', async t => {
  const service = await openService(t);
  const rules = await adoptRules(service, [ruleDraft('ENV01')]);
  const give = awarding(await service.as('clerk'));
  const { id } = await household(service);
  const watch = await connect(t, service.ownerUrl);
  let award: ReturnType<typeof give> | undefined;
  await service.inVillage(villages.own, async tx => {
    await tx.execute(sql`select from households.household where id = ${id} for update`);
    award = give({ ruleId: rules.ENV01, householdId: id });
    await untilBlocked(watch);
    // Nobody has locked the book, so nothing is waited for, however slow the machine.
    await tx.execute(sql`set local lock_timeout = '500ms'`);
    await openAccounts(tx, villages.own, []);
  });
  t.equal((await award!).status, 201);
});

t.test('looking at awards', async t => {
  const service = await openService(t);
  const rules = await adoptRules(service, [ruleDraft('ENV01')]);
  const clerk = await service.as('clerk');
  const auditor = await service.as('auditor');
  const [ours, theirs] = [await household(service), await household(service)];
  for (const day of ['2026-11-20', '2026-11-21', '2026-11-22']) {
    for (const one of [ours, theirs]) {
      const input = { ruleId: rules.ENV01, householdId: one.id, note: '张小三', occurredAt: `${day}T09:00:00+08:00` };
      t.equal((await awarding(clerk)(input)).status, 201);
    }
  }
  const all = (await clerk('GET', awardsPath)).body.data;
  t.equal(all.length, 6);
  t.strictSame(
    all.map((award: { transactionNumber: number }) => award.transactionNumber),
    all.map((award: { transactionNumber: number }) => award.transactionNumber).sort((a: number, b: number) => b - a),
    'by the book, the newest first',
  );
  const dates = async (query: string) =>
    (await clerk('GET', `${awardsPath}?${query}`)).body.data.map(
      (award: { businessDate: string }) => award.businessDate,
    );
  t.strictSame(await dates(`householdId=${ours.id}&businessFrom=2026-11-21&businessTo=2026-11-22`), ['2026-11-21']);
  t.equal((await dates('state=pending&state=reversed')).length, 0);
  t.equal((await dates('state=pending&state=posted')).length, 6);

  const page = await clerk('GET', `${awardsPath}?limit=4`);
  const rest = await clerk('GET', `${awardsPath}?limit=4&cursor=${page.body.nextCursor}`);
  t.strictSame([...page.body.data, ...rest.body.data], all, 'page by page');
  const mixed = await clerk('GET', `${awardsPath}?limit=4&state=posted&cursor=${page.body.nextCursor}`);
  isRefused(t, mixed, '400 cursor-mismatch');

  const masked = (await auditor('GET', `${awardsPath}/${all[0].id}`)).body;
  t.strictSame(masked, { ...all[0], note: null }, 'a remark may name people');

  const home = await service.asHousehold(ours.id);
  const own = (await home('GET', awardsPath)).body.data;
  t.equal(own.length, 3);
  t.ok(
    own.every(
      (award: { householdId: string; note: string }) => award.householdId === ours.id && award.note === '张小三',
    ),
  );
  t.equal((await home('GET', `${awardsPath}/${own[0].id}`)).status, 200);
  const foreign = all.find((award: { householdId: string }) => award.householdId === theirs.id).id;
  isRefused(t, await home('GET', `${awardsPath}/${foreign}`), '404 not-found');
  isRefused(t, await home('GET', `${awardsPath}?householdId=${theirs.id}`), '404 not-found');
});
