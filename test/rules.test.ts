import { readFile } from 'node:fs/promises';
import { t } from 'tap';
import { refuseUnlessInForce } from '../src/earning/validate-award.ts';
import { adoptRuleBook } from '../src/rules/adopt.ts';
import { importRules } from '../src/rules/import-rules.ts';
import { insisting, readyToRace } from './support/awards.ts';
import { isRefused, refusalOf } from './support/refusal.ts';
import { adoptRules, ruleDraft, unanimous } from './support/rules.ts';
import { connect, openService, villages } from './support/service.ts';

const books = `/v1/villages/${villages.own}/rule-books`;
const rulesPath = `/v1/villages/${villages.own}/rules`;

t.test('a draft becomes the rules of the village', async t => {
  const service = await openService(t);
  const clerk = await service.as('clerk');
  const supervisor = await service.as('supervisor');

  const before = await clerk('GET', `${rulesPath}?on=2026-11-23`);
  t.strictSame(before.body, { on: '2026-11-23', ruleBook: null, data: [] }, 'no book, no rules');

  const rules = [
    ruleDraft('ENV03', {
      capTimes: 4,
      capPeriod: 'month',
      capScope: 'member',
      evidence: ['signIn'],
      titleEn: 'Clean-up',
    }),
    ruleDraft('ENV01', { highestOnlyGroup: 'BEST', publicity: 'exempt', honour: false }),
  ];
  const drafted = await clerk('POST', books, { title: '2026 年版', rules });
  t.equal(drafted.status, 201, drafted.text);
  t.equal(drafted.headers.location, `${books}/${drafted.body.id}`);
  t.match(drafted.body, { state: 'draft', ruleCount: 2, inForceFrom: null, inForceTo: null, resolution: null });
  t.strictSame(
    drafted.body.rules.map(({ id: _, ruleBookId: __, ...rule }: Record<string, unknown>) => rule),
    [rules[1], rules[0]],
    'every rule as it was sent, by code',
  );
  t.equal((await clerk('GET', rulesPath)).body.ruleBook, null, 'a draft is not in force');

  const resolution = { heldOn: '2026-11-20', present: 46, votesFor: 41, votesAgainst: 2, abstained: 3 };
  const adopted = await supervisor('POST', `${books}/${drafted.body.id}/adopt`, {
    inForceFrom: '2026-11-23',
    resolution,
  });
  t.equal(adopted.status, 200, adopted.text);
  t.match(adopted.body, {
    state: 'adopted',
    inForceFrom: '2026-11-23',
    inForceTo: null,
    resolution,
    adoptedBy: supervisor.actor.id,
  });
  t.strictSame((await clerk('GET', `${books}/${drafted.body.id}`)).body, adopted.body);
  t.equal((await clerk('GET', `${rulesPath}?on=2026-11-22`)).body.data.length, 0, 'not the day before');
  t.strictSame((await clerk('GET', rulesPath)).body.data, adopted.body.rules, 'from its first day');

  const householdId = await service.household();
  const household = await service.asHousehold(householdId);
  t.equal((await household('GET', rulesPath)).body.data.length, 2, 'a household may know the rules');
  isRefused(
    t,
    await household('GET', books),
    '403 forbidden',
    {
      requiredRoles: ['villageAdmin', 'clerk', 'supervisor', 'auditor', 'reviewer', 'supervisionBoard', 'storekeeper'],
    },
    'drafts are not for households',
  );
});

t.test('books follow one another and leave no gap', async t => {
  const service = await openService(t);
  const supervisor = await service.as('supervisor');
  const old = await adoptRules(service, [ruleDraft('ENV03', { points: 5 })], { inForceFrom: '2026-01-01' });
  const next = await adoptRules(service, [ruleDraft('ENV03', { points: 7 })], { inForceFrom: '2026-12-01' });

  const pointsOn = async (on: string) => (await supervisor('GET', `${rulesPath}?on=${on}`)).body.data[0]?.points;
  t.equal(await pointsOn('2025-12-31'), undefined);
  t.equal(await pointsOn('2026-01-01'), 5);
  t.equal(await pointsOn('2026-11-30'), 5);
  t.equal(await pointsOn('2026-12-01'), 7);

  const listed = (await supervisor('GET', books)).body.data;
  t.match(listed, [
    { inForceFrom: '2026-12-01', inForceTo: null, ruleCount: 1 },
    { inForceFrom: '2026-01-01', inForceTo: '2026-12-01', ruleCount: 1 },
  ]);
  const first = await supervisor('GET', `${books}?limit=1`);
  t.equal(first.body.data.length, 1);
  const second = await supervisor('GET', `${books}?limit=1&cursor=${first.body.nextCursor}`);
  t.equal(second.body.data[0].id, listed[1].id);
  isRefused(t, await supervisor('GET', `${books}?cursor=bm9uc2Vuc2U`), '400 cursor-mismatch');

  const [later, earlier] = listed;
  refuseUnlessInForce({ ...earlier, id: old.ENV03! }, '2026-11-30');
  refuseUnlessInForce({ ...later, id: next.ENV03! }, '2026-12-01');
  t.throws(() => refuseUnlessInForce({ ...earlier, id: old.ENV03! }, '2026-12-01'), {
    code: 'rule-not-in-force',
    facts: { ruleId: old.ENV03, fromOn: '2026-01-01', toOn: '2026-12-01' },
  });
  t.throws(() => refuseUnlessInForce({ ...later, id: next.ENV03! }, '2026-11-30'), {
    code: 'rule-not-in-force',
    facts: { ruleId: next.ENV03, fromOn: '2026-12-01', toOn: null },
  });
});

t.test('what a draft may not say', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const draft = (rules: unknown[], title = '细则') => admin('POST', books, { title, rules });

  const fine = await draft([
    ruleDraft('ENV01'),
    ruleDraft('DED01', { title: '乱扔垃圾罚 款 50 元', direction: 'deduction' }),
  ]);
  isRefused(t, fine, '422 rule-wording-refused', { terms: ['罚款'], codes: ['DED01'] });
  const cut = await draft([ruleDraft('ENV01')], '停发低保办法');
  isRefused(t, cut, '422 rule-wording-refused', { terms: ['停发低保'], codes: [] });
  for (const where of ['category', 'unit']) {
    isRefused(
      t,
      await draft([ruleDraft('ENV01', { [where]: '取消补贴' })]),
      '422 rule-wording-refused',
      { terms: ['取消补贴'], codes: ['ENV01'] },
      where,
    );
  }

  const twice = await draft([ruleDraft('ENV01'), ruleDraft('ENV02'), ruleDraft('ENV01')]);
  isRefused(t, twice, '409 already-exists', { field: 'rules/2/code', existingId: null });

  const pointerOf = async (rules: unknown[]) => {
    const { status, body } = await draft(rules);
    t.equal(status, 400);
    return body.errors?.[0]?.pointer;
  };
  t.equal(await pointerOf([ruleDraft('ENV01', { excludes: ['ENV09'] })]), '/rules/0/excludes/0', 'not in the book');
  t.equal(await pointerOf([ruleDraft('ENV01', { excludes: ['ENV01'] })]), '/rules/0/excludes/0', 'itself');
  t.equal(
    await pointerOf([ruleDraft('ENV01', { excludes: ['ENV02'] }), ruleDraft('ENV02', { capScope: 'member' })]),
    '/rules/0/excludes/0',
    'of another holder',
  );
  t.equal(
    await pointerOf([
      ruleDraft('ENV01', { highestOnlyGroup: 'TOP' }),
      ruleDraft('ENV02', { highestOnlyGroup: 'TOP', capScope: 'member' }),
    ]),
    '/rules/1/highestOnlyGroup',
  );
  t.equal(await pointerOf([ruleDraft('ENV01', { capTimes: 3 })]), '/rules/0/capPeriod', 'half a cap');
  t.equal((await admin('GET', books)).body.data.length, 0, 'nothing of all this was kept');

  const good = await draft([
    ruleDraft('VOL01', { excludes: ['VOL02'] }),
    ruleDraft('VOL02'),
    ruleDraft('DED01', { direction: 'deduction' }),
  ]);
  t.equal(good.status, 201, good.text);
  t.strictSame(
    good.body.rules.map((rule: { excludes: string[] }) => rule.excludes),
    [[], ['VOL02'], ['VOL01']],
    'exclusion holds both ways',
  );
});

t.test('the same draft twice with one key is one book', async t => {
  const service = await openService(t);
  const admin = insisting(await service.as('villageAdmin'));
  const body = { title: '细则', rules: [ruleDraft('ENV01')] };
  const key = { 'idempotency-key': 'draft-1' };
  const replies = await Promise.all(Array.from({ length: 5 }, () => admin('POST', books, body, key)));
  t.equal(new Set(replies.map(reply => reply.body.id)).size, 1);
  t.equal((await admin('GET', books)).body.data.length, 1);
});

t.test('adoption', async t => {
  const service = await openService(t);
  const supervisor = insisting(await service.as('supervisor'));
  const admin = insisting(await service.as('villageAdmin'));
  const draft = async (who = admin) =>
    (await who('POST', books, { title: '细则', rules: [ruleDraft('ENV01')] })).body.id as string;
  const id = await draft();
  const body = { inForceFrom: '2026-11-01', resolution: { heldOn: '2026-10-30', ...unanimous } };
  const adopt = (fields: object = {}, book = id, headers = {}) =>
    supervisor('POST', `${books}/${book}/adopt`, { ...body, ...fields }, headers);

  t.test('needs a second person', async t => {
    const both = await service.callerFor(
      {
        ...admin.actor,
        grants: [
          ['villageAdmin', villages.own],
          ['supervisor', villages.own],
        ],
      },
      null,
    );
    await service.inVillage(villages.own, async tx => {
      const adopted = adoptRuleBook(
        tx,
        both.actor,
        { village: villages.own, ruleBookId: id },
        body,
        service.clock.now(),
      );
      t.strictSame(await refusalOf(adopted), {
        code: 'second-person-required',
        facts: { firstUserId: admin.actor.id },
      });
    });
  });

  t.test('needs a majority of those who were there', async t => {
    const refused = async (votes: object, expected: object) => {
      const answer = await adopt({ resolution: { heldOn: '2026-10-30', ...votes } });
      isRefused(t, answer, '422 out-of-bounds', { ...expected });
    };
    await refused(
      { present: 10, votesFor: 6, votesAgainst: 4, abstained: 1 },
      { field: 'resolution/present', min: 11, max: 100_000 },
    );
    await refused(
      { present: 10, votesFor: 5, votesAgainst: 5, abstained: 0 },
      { field: 'resolution/votesFor', min: 6, max: 10 },
    );
  });

  t.test('keeps to its dates', async t => {
    const refused = async (said: object, expected: object) =>
      isRefused(t, await adopt(said), '422 out-of-bounds', { ...expected });
    await refused({ inForceFrom: '2025-12-31' }, { field: 'inForceFrom', min: '2026-01-01', max: '2027-11-23' });
    await refused({ inForceFrom: '2027-11-24' }, { field: 'inForceFrom', min: '2026-01-01', max: '2027-11-23' });
    await refused(
      { resolution: { heldOn: '2026-11-02', ...unanimous } },
      { field: 'resolution/heldOn', min: '2000-01-01', max: '2026-11-01' },
    );
    await refused(
      { inForceFrom: '2026-12-31', resolution: { heldOn: '2026-11-24', ...unanimous } },
      { field: 'resolution/heldOn', min: '2000-01-01', max: '2026-11-23' },
    );
  });

  t.test('happens once', async t => {
    const key = { 'idempotency-key': 'adopt-1' };
    const first = await adopt({}, id, key);
    t.equal(first.status, 200, first.text);
    const replay = await adopt({}, id, key);
    t.equal(replay.text, first.text);
    t.equal(replay.headers['idempotency-replayed'], 'true');
    const again = await adopt();
    isRefused(t, again, '409 wrong-state', {
      state: 'adopted',
      allowedFrom: ['draft'],
      since: '2026-11-23T02:00:00.000Z',
    });
    isRefused(t, await adopt({}, crypto.randomUUID()), '404 not-found');
  });

  t.test('a second book comes into force tomorrow at the earliest', async t => {
    const later = await draft();
    for (const inForceFrom of ['2026-10-31', '2026-11-01', '2026-11-02', '2026-11-23']) {
      const { body } = await adopt({ inForceFrom, resolution: { heldOn: '2026-10-30', ...unanimous } }, later);
      isRefused(
        t,
        body,
        '422 out-of-bounds',
        { field: 'inForceFrom', min: '2026-11-24', max: '2027-11-23' },
        inForceFrom,
      );
    }
  });

  t.test('many at once, for one day: one of them', async t => {
    const drafts = await Promise.all(Array.from({ length: 6 }, () => draft()));
    await readyToRace(service);
    const replies = await Promise.all(drafts.map(book => adopt({ inForceFrom: '2026-11-24' }, book)));
    t.strictSame(replies.map(reply => reply.status).sort(), [200, 422, 422, 422, 422, 422]);
    const same = await draft();
    const racing = await Promise.all(Array.from({ length: 6 }, () => adopt({ inForceFrom: '2026-11-25' }, same)));
    t.strictSame(racing.map(reply => reply.status).sort(), [200, 409, 409, 409, 409, 409]);
  });
});

t.test('a rule that the money of a year can never pay is not adopted', async t => {
  const service = await openService(t, {
    policy: { issuingFund: '村集体经济', issuingBudgetFen: 4_000, pointValueFen: 100 },
  });
  const admin = insisting(await service.as('villageAdmin'));
  const supervisor = insisting(await service.as('supervisor'));
  const rules = [
    ruleDraft('ENV01', { points: 40 }),
    ruleDraft('MIL02', { points: 41, capTimes: 1, capPeriod: 'once' }),
  ];
  const { body: book } = await admin('POST', books, { title: '细则', rules });
  const found = (await admin('GET', `${books}/${book.id}/findings`)).body;
  const errors = found.data.filter((one: { level: string }) => one.level === 'error');
  t.match(errors, [{ kind: 'neverPaid', ruleCode: 'MIL02', zh: '一次 41 分，全年预算只够 40 分，永远发不出' }]);
  t.equal(errors.length, 1);
  const adopt = () =>
    supervisor('POST', `${books}/${book.id}/adopt`, {
      inForceFrom: '2026-12-01',
      resolution: { heldOn: '2026-11-20', ...unanimous },
    });
  isRefused(t, await adopt(), '422 rule-book-unsound', { findings: [{ kind: 'neverPaid', ruleCode: 'MIL02' }] });

  const { validFrom: _, ...policy } = (await admin('GET', `/v1/villages/${villages.own}/policy`)).body;
  const more = { ...policy, validFrom: '2026-12-01', issuingBudgetFen: 4_100 };
  t.equal((await admin('POST', `/v1/villages/${villages.own}/policies`, more)).status, 201);
  t.equal((await adopt()).status, 200, 'the policy of its first day counts');
});

t.test('the database keeps what it was told', async t => {
  const service = await openService(t);
  await adoptRules(service, [ruleDraft('ENV01')]);
  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  for (const statement of [
    'update rules.rule set points = 9',
    'delete from rules.rule',
    'delete from rules.rule_book',
    'truncate rules.rule',
    "update rules.rule_book set title = 'x'",
    'update rules.rule_book set created_by = adopted_by',
  ]) {
    await t.rejects(app.query(statement), { code: '42501' }, statement);
  }
  const broken: [string, string][] = [
    ['adopted_by = created_by', 'rule_book_second_person'],
    ['votes_for = votes_against', 'rule_book_votes'],
    ['present = votes_for - 1', 'rule_book_votes'],
    ["state = 'draft'", 'rule_book_resolution'],
    ...[
      'in_force_from',
      'held_on',
      'present',
      'votes_for',
      'votes_against',
      'abstained',
      'adopted_by',
      'adopted_at',
    ].map((column): [string, string] => [`${column} = null`, 'rule_book_resolution']),
  ];
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  for (const [change, constraint] of broken) {
    await t.rejects(owner.query(`update rules.rule_book set ${change}`), new RegExp(constraint), change);
  }
  await app.query(`set jifen.scope = '${villages.sibling}'`);
  for (const table of ['rule', 'rule_book']) {
    t.equal((await app.query(`select * from rules.${table}`)).rowCount, 0, `${table} of another village`);
  }
});

t.test('the sample rules are a rule book', async t => {
  const text = await readFile(new URL('../sample/rules.csv', import.meta.url), 'utf8');
  const rules = importRules(text);
  t.equal(rules.length, 68);
  t.match(
    rules.find(rule => rule.code === 'VOL02'),
    {
      category: '志愿服务',
      points: 15,
      direction: 'award',
      unit: '次',
      capTimes: 4,
      capPeriod: 'month',
      capScope: 'member',
      evidence: ['photo', 'leader'],
      excludes: ['VOL01'],
      highestOnlyGroup: null,
      honour: true,
    },
  );
  t.match(
    rules.find(rule => rule.code === 'DED03'),
    { points: 5, direction: 'deduction', capTimes: 5, honour: false },
  );
  t.match(
    rules.find(rule => rule.code === 'EDU01A'),
    { titleEn: 'Admitted to university (bachelor)', capPeriod: 'once', highestOnlyGroup: 'EDU01' },
  );
  t.match(
    rules.find(rule => rule.code === 'SAF02'),
    { evidence: ['caseNo'] },
  );
  const service = await openService(t);
  const ids = await adoptRules(service, rules);
  t.equal(Object.keys(ids).length, 68, 'and the service takes it');

  const [heading, first] = text.split('\n');
  t.throws(() => importRules(`${heading}\n${first!.replace(',5,', ',five,')}\n`), /line 2: points/);
  t.throws(() => importRules('code,points\nENV01,5\n'), /no column/);
});
