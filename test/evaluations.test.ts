import { t } from 'tap';
import { iso } from '../src/calendar.ts';
import { averageOf, gradeOf } from '../src/evaluations/grade.ts';
import { bookNumber, household, insisting, pointsOf } from './support/awards.ts';
import { manyHouseholds } from './support/expiry.ts';
import { isRefused, type StatusAndCode } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { type Caller, connect, nobody, openService, type Reply, type Service, villages } from './support/service.ts';

t.setTimeout(900_000);

const rounds = `/v1/villages/${villages.own}/evaluation-rounds`;
const items = [
  { name: '庭院整洁', maxScore: 60 },
  { name: '室内卫生', maxScore: 40 },
];

t.test('averages are rounded half up, and never over a threshold', async t => {
  t.strictSame([averageOf([90, 91, 92]), averageOf([90, 90, 91]), averageOf([0, 0])], [9100, 9033, 0]);
  t.strictSame([averageOf([1, 2]), averageOf([1, 0, 0, 0, 0, 0, 0])], [150, 14]);
  const grades = [90, 60].map(averageMin => ({ title: '', averageMin, ruleId: '', quantity: 1 }));
  for (let judges = 2; judges <= 7; judges += 1) {
    const just: number[] = Array.from({ length: judges }, (_, place) => (place === 0 ? 89 : 90));
    t.equal(gradeOf(grades, just), 1, `${judges} judges, a point below`);
    t.equal(gradeOf(grades, just.fill(90)), 0);
    t.equal(gradeOf(grades, just.fill(59)), null);
  }
});

/** A service with rules and the people of a round. */
async function openVillage(t: Parameters<typeof openService>[0], options: Parameters<typeof openService>[1] = {}) {
  const service = await openService(t, options);
  const rules = await adoptRules(service, [
    ruleDraft('CLEAN', { points: 5, evidence: ['panel'] }),
    ruleDraft('TIDY', { points: 2, capTimes: 1, capPeriod: 'month', evidence: ['panel'] }),
    ruleDraft('MEMBER', { capScope: 'member' }),
    ruleDraft('DED', { direction: 'deduction' }),
  ]);
  const clerk = insisting(await service.as('clerk'));
  const admin = insisting(await service.as('villageAdmin'));
  const judges = await Promise.all([1, 2, 3].map(async () => insisting(await service.as('reviewer'))));
  const grades = [
    { title: '整洁庭院', averageMin: 60, ruleId: rules.TIDY!, quantity: 1 },
    { title: '最清洁庭院', averageMin: 90, ruleId: rules.CLEAN!, quantity: 1 },
  ];
  const input = { month: '2026-11', items, judges: judges.map(judge => judge.actor.id), grades };
  const planned = async (title: string, more: object = {}) => {
    const made = await clerk('POST', rounds, { ...input, title, ...more });
    if (made.status !== 201) throw new Error(made.text);
    return made.headers.location!;
  };
  const opened = async (title: string, more: object = {}) => {
    const url = await planned(title, more);
    const reply = await clerk('POST', `${url}/open`);
    if (reply.status !== 200) throw new Error(reply.text);
    return url;
  };
  return { service, rules, clerk, admin, judges, input, planned, opened };
}

async function declareKin(service: Service, userId: string, householdId: string, relation: 'own' | 'kin') {
  const now = iso(service.clock.now());
  await service.inVillage(villages.own, tx =>
    tx.execute(`insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
                values ('${villages.own}', '${userId}', '${householdId}', '${relation}', '${nobody.id}', '${now}')`),
  );
}

/** All pages of a list. */
async function all(caller: Caller | ReturnType<typeof insisting>, url: string) {
  // biome-ignore lint/suspicious/noExplicitAny: lists of every shape
  const rows: any[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body, text }: Reply = await caller('GET', `${url}?limit=200${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(text);
    rows.push(...body.data);
    cursor = body.nextCursor;
  }
  return rows;
}

const give = (judge: ReturnType<typeof insisting>, url: string, entries: object[]) =>
  judge('PUT', `${url}/scores`, { entries });

t.test('a whole village: 512 households, three judges, one batch', async t => {
  const { service, clerk, admin, judges, planned } = await openVillage(t);
  const homes = await manyHouseholds(service, 512, () => 0, null);
  const url = await planned('庭院评比');
  isRefused(t, await give(judges[0]!, url, [{ householdId: homes[0], scores: [1, 1] }]), '409 wrong-state', {
    state: 'planned',
    allowedFrom: ['open'],
    since: '2026-11-23T02:00:00.000Z',
  });
  t.match((await clerk('POST', `${url}/open`)).body, { state: 'open', households: 512 });
  // The first hundred are the cleanest, the next two hundred tidy, the last twelve away.
  const totals = (place: number, judge: number): object => {
    if (place >= 500) return { notSeen: true };
    if (place < 100) return { scores: [58, 34 + judge] };
    return { scores: place < 300 ? [40, 20 + judge] : [10 + judge, 0] };
  };
  for (const [index, judge] of judges.entries()) {
    const entries = homes.map((householdId, place) => ({ householdId, ...totals(place, index) }));
    t.match((await give(judge, url, entries)).body, { written: 512 });
    t.match((await give(judge, url, entries.slice(0, 3))).body, { written: 3 }, 'and again');
  }
  t.strictSame((await clerk('GET', url)).body.progress, [
    ...judges.map(judge => ({ judgeId: judge.actor.id, scored: 500, notSeen: 12, missing: 0 })),
  ]);
  t.strictSame((await clerk('GET', `${url}/results`)).body.data, [], 'no results before it is closed');

  const before = await bookNumber(service);
  const key = { 'idempotency-key': 'close-once' };
  const began = performance.now();
  const closed = await admin('POST', `${url}/close`, undefined, key);
  t.comment(`closed in ${Math.round(performance.now() - began)} ms`);
  t.match(closed.body, { state: 'closed', households: 512, awarded: 300, closedBy: admin.actor.id });
  t.equal(await bookNumber(service), before + 300, 'one transaction for each award');
  t.equal((await admin('POST', `${url}/close`, undefined, key)).text, closed.text, 'the same key, the same answer');
  isRefused(t, await admin('POST', `${url}/close`), '409 wrong-state', {
    state: 'closed',
    allowedFrom: ['open'],
    since: '2026-11-23T02:00:00.000Z',
  });
  t.equal(await bookNumber(service), before + 300, 'a rerun posts none');
  isRefused(
    t,
    await give(judges[0]!, url, [{ householdId: homes[0], scores: [1, 1] }]),
    '409 wrong-state',
    { state: 'closed', allowedFrom: ['open'], since: '2026-11-23T02:00:00.000Z' },
    'figures stay as they are',
  );

  const results = await all(clerk, `${url}/results`);
  t.equal(results.length, 512);
  t.match(results[0], {
    householdId: homes[0],
    outcome: 'awarded',
    judges: 3,
    averageHundredths: 9300,
    grade: '最清洁庭院',
    refusal: null,
  });
  t.match(results[150], { outcome: 'awarded', averageHundredths: 6100, grade: '整洁庭院' });
  t.match(results[400], { outcome: 'noGrade', averageHundredths: 1100, grade: null, awardId: null });
  t.match(results[505], { outcome: 'notSeen', judges: 0, averageHundredths: null });
  t.equal((await clerk('GET', `${url}/results?outcome=notSeen`)).body.data.length, 12);

  const award = (await clerk('GET', `/v1/villages/${villages.own}/awards/${results[0].awardId}`)).body;
  const { id } = closed.body;
  t.match(award, { state: 'pending', points: 5, roundId: id, createdBy: clerk.actor.id, claimId: null });
  t.equal(award.occasion, `round:2026-11:${id}`);
  t.strictSame(award.decidedBy, [...judges.map(judge => judge.actor.id), admin.actor.id]);
  t.match(await pointsOf(clerk, homes[0]!), { pending: 5, available: 0 });
  const home = await service.asHousehold(homes[1]!);
  const own = (await home('GET', `${url}/results`)).body.data;
  t.strictSame(
    own.map((row: { householdId: string }) => row.householdId),
    [homes[1]],
    'a household sees its own',
  );

  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  const { rows } = await owner.query('select * from ledger.transaction where number = $1', [award.transactionNumber]);
  t.match(rows[0], {
    kind: 'award',
    actor: clerk.actor.id,
    approver: admin.actor.id,
    frozen: { round: id, averageHundredths: '9300', judges: '3', publicityDays: '3' },
  });
  t.notMatch(JSON.stringify(rows[0]), /庭院评比|最清洁/, 'the book keeps no words');
});

t.test('planning', async t => {
  const { clerk, rules, judges, input, planned, service } = await openVillage(t);
  const grade = input.grades[0]!;
  const stranger = await service.as('reviewer', villages.foreign);
  const cases: [string, object, StatusAndCode, object][] = [
    ['too far back', { month: '2026-08' }, '422 out-of-bounds', { field: 'month', min: '2026-09', max: '2026-12' }],
    ['too far ahead', { month: '2027-01' }, '422 out-of-bounds', { field: 'month', min: '2026-09', max: '2026-12' }],
    ['no month', { month: '2026-13' }, '400 validation-failed', { errors: ['/month pattern'] }],
    ['two judges', { judges: input.judges.slice(1) }, '400 validation-failed', { errors: ['/judges minItems'] }],
    [
      'a judge twice',
      { judges: [...input.judges, input.judges[0]] },
      '400 validation-failed',
      { errors: ['/judges uniqueItems'] },
    ],
    ['a clerk for a judge', { judges: [...input.judges, nobody.id] }, '404 not-found', { field: 'judges/3' }],
    ['another county’s', { judges: [...input.judges, stranger.actor.id] }, '404 not-found', { field: 'judges/3' }],
    [
      'the planner',
      { judges: [...input.judges, clerk.actor.id] },
      '403 second-person-required',
      { firstUserId: clerk.actor.id },
    ],
    ['an item twice', { items: [items[0], items[0]] }, '400 validation-failed', { errors: ['/items uniqueItems'] }],
    [
      'too large a sheet',
      { items: [items[0], { name: '二', maxScore: 941 }] },
      '422 out-of-bounds',
      { field: 'items', min: 1, max: 1000 },
    ],
    ['a threshold twice', { grades: [grade, grade] }, '400 validation-failed', { errors: ['/grades uniqueItems'] }],
    [
      'above the sheet',
      { grades: [{ ...grade, averageMin: 101 }] },
      '422 out-of-bounds',
      { field: 'grades/averageMin', min: 0, max: 100 },
    ],
    ['no rule', { grades: [{ ...grade, ruleId: nobody.id }] }, '404 not-found', { field: 'grades/0/ruleId' }],
    [
      'a member’s rule',
      { grades: [{ ...grade, ruleId: rules.MEMBER }] },
      '400 validation-failed',
      { errors: ['/grades/0/ruleId not'] },
    ],
    [
      'a deduction',
      { grades: [{ ...grade, ruleId: rules.DED }] },
      '400 validation-failed',
      { errors: ['/grades/0/ruleId not'] },
    ],
  ];
  for (const [name, more, code, facts] of cases) {
    const reply = await clerk('POST', rounds, { ...input, title: '评比', ...more });
    isRefused(t, reply, code, { ...facts }, name);
  }
  const url = await planned('评比');
  t.match((await clerk('GET', url)).body, {
    state: 'planned',
    households: 0,
    grades: [{ averageMin: 90 }, { averageMin: 60 }],
  });
  const again = await clerk('POST', rounds, { ...input, title: '评比' });
  isRefused(t, again, '409 already-exists', { existingId: url.split('/').at(-1), field: 'title' });
  const next = await planned('评比', { month: '2026-12' });
  isRefused(t, await clerk('POST', `${next}/open`), '422 too-early', { dueOn: '2026-12-01' });
  t.match((await clerk('POST', `${url}/cancel`)).body, { state: 'cancelled', cancelledBy: clerk.actor.id });
  isRefused(t, await clerk('POST', `${url}/open`), '409 wrong-state', {
    state: 'cancelled',
    allowedFrom: ['planned'],
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await clerk('POST', `${url}/cancel`), '409 wrong-state', {
    state: 'cancelled',
    allowedFrom: ['planned', 'open'],
    since: '2026-11-23T02:00:00.000Z',
  });
  const instead = await planned('评比');
  t.equal((await clerk('POST', `${instead}/open`)).body.households, 0, 'a village without households');
  const months = await clerk('GET', `${rounds}?month=2026-11&state=open`);
  t.strictSame(
    months.body.data.map((one: { id: string }) => one.id),
    [instead.split('/').at(-1)],
  );
  t.strictSame((await judges[0]!('GET', `${instead}/sheet`)).body.data, []);
});

t.test('judges', async t => {
  const { service, clerk, admin, judges, opened, input } = await openVillage(t);
  const supervisor = insisting(await service.as('supervisor'));
  const homes: string[] = [];
  for (const [number, grid] of [
    ['H0003', 1],
    ['H0001', null],
    ['H0002', 1],
    ['H0004', null],
  ] as const) {
    homes.push(await service.household({ number, grid: grid as 1, members: [{ name: '张小三' }] }));
  }
  const [h3, h1, h2, h4] = homes as [string, string, string, string];
  const url = await opened('评比');
  const [a, b, c] = judges as [(typeof judges)[0], (typeof judges)[0], (typeof judges)[0]];
  await declareKin(service, b.actor.id, h3, 'own');
  await declareKin(service, c.actor.id, h4, 'kin');

  await t.test('each has a sheet in the order of a walk, with masked names', async t => {
    const sheet = await all(b, `${url}/sheet`);
    t.strictSame(
      sheet.map(line => line.householdNumber),
      ['H0002', 'H0003', 'H0001', 'H0004'],
    );
    t.match(sheet[1], { headName: '张*三', excluded: true, scores: null, total: null, notSeen: false, scoredAt: null });
    const page = await b('GET', `${url}/sheet?limit=3`);
    const rest = await b('GET', `${url}/sheet?limit=3&cursor=${page.body.nextCursor}`);
    t.strictSame([...page.body.data, ...rest.body.data], sheet, 'over pages');
    isRefused(t, await b('GET', `${url}/sheet?missing=true&cursor=${page.body.nextCursor}`), '400 cursor-mismatch');
  });

  await t.test('figures are validated all at once', async t => {
    const other = insisting(await service.as('reviewer'));
    isRefused(t, await other('GET', `${url}/sheet`), '403 forbidden', { reason: 'notAJudge' });
    isRefused(t, await give(other, url, [{ householdId: h1, scores: [1, 1] }]), '403 forbidden', {
      reason: 'notAJudge',
    });
    const late = await service.household();
    const cases: [string, object[], StatusAndCode, object][] = [
      [
        'too few',
        [{ householdId: h1, scores: [1] }],
        '400 validation-failed',
        { errors: ['/entries/0/scores minItems'] },
      ],
      [
        'both',
        [{ householdId: h1, scores: [1, 1], notSeen: true }],
        '400 validation-failed',
        { errors: ['/entries/0 oneOf'] },
      ],
      ['neither', [{ householdId: h1 }], '400 validation-failed', { errors: ['/entries/0 oneOf'] }],
      [
        'twice',
        [1, 2].map(() => ({ householdId: h1, notSeen: true })),
        '400 validation-failed',
        { errors: ['/entries/1/householdId uniqueItems'] },
      ],
      [
        'negative',
        [{ householdId: h1, scores: [-1, 1] }],
        '400 validation-failed',
        { errors: ['/entries/0/scores/0 minimum'] },
      ],
      [
        'too much',
        [{ householdId: h1, scores: [1, 41] }],
        '422 out-of-bounds',
        { field: 'entries/0/scores/1', min: 0, max: 40 },
      ],
      ['came later', [{ householdId: late, scores: [1, 1] }], '404 not-found', { field: 'entries/0/householdId' }],
    ];
    for (const [name, entries, code, facts] of cases) {
      isRefused(t, await give(b, url, entries), code, { ...facts }, name);
    }
    const own = await give(b, url, [
      { householdId: h2, scores: [60, 40] },
      { householdId: h3, scores: [60, 40] },
    ]);
    isRefused(t, own, '403 own-household', { householdIds: [h3] });
    t.equal((await all(b, `${url}/sheet`)).filter(line => line.total !== null).length, 0, 'the whole list is refused');
    isRefused(
      t,
      await give(c, url, [{ householdId: h4, notSeen: true }]),
      '403 own-household',
      { householdIds: [h4] },
      'kin too',
    );
  });

  await t.test('nobody sees another’s figures, and an incomplete sheet refuses to close', async t => {
    await give(a, url, [
      { householdId: h1, scores: [60, 40] },
      { householdId: h2, scores: [60, 31] },
      { householdId: h3, scores: [60, 40] },
      { householdId: h4, scores: [60, 40] },
    ]);
    await give(b, url, [
      { householdId: h1, scores: [10, 10] },
      { householdId: h2, scores: [50, 39] },
    ]);
    await give(b, url, [{ householdId: h1, notSeen: true }]);
    t.match(await all(b, `${url}/sheet`), [
      { householdId: h2, scores: [50, 39], total: 89, scoredAt: '2026-11-23T02:00:00.000Z' },
      { householdId: h3, scores: null },
      { householdId: h1, scores: null, notSeen: true, total: null },
      { householdId: h4, scores: null, notSeen: false },
    ]);
    t.strictSame(
      (await b('GET', `${url}/sheet?missing=true`)).body.data.map((line: { householdId: string }) => line.householdId),
      [h4],
    );
    t.strictSame((await clerk('GET', url)).body.progress, [
      { judgeId: a.actor.id, scored: 4, notSeen: 0, missing: 0 },
      { judgeId: b.actor.id, scored: 1, notSeen: 1, missing: 1 },
      { judgeId: c.actor.id, scored: 0, notSeen: 0, missing: 3 },
    ]);
    t.notMatch((await clerk('GET', url)).text, /"total"|"scores"/);
    isRefused(t, await admin('POST', `${url}/close`), '422 sheet-incomplete', {
      judges: [
        { judgeId: b.actor.id, missing: 1 },
        { judgeId: c.actor.id, missing: 3 },
      ],
    });
  });

  await t.test('closing', async t => {
    await give(b, url, [{ householdId: h4, scores: [0, 0] }]);
    await give(c, url, [
      { householdId: h1, notSeen: true },
      { householdId: h2, notSeen: true },
      { householdId: h3, scores: [60, 40] },
    ]);
    // Declared after it was scored: it does not count either.
    await declareKin(service, b.actor.id, h4, 'kin');
    await t.test('needs a second person, who is no judge and awards nothing to the own household', async t => {
      const planner = await service.callerFor({ ...clerk.actor, grants: [['villageAdmin', villages.own]] }, null);
      await service.inVillage(villages.own, tx =>
        tx.execute(`insert into identity.grant (id, user_id, role, prefix, granted_by, granted_at)
                    select gen_random_uuid(), id, 'villageAdmin', '${villages.own}', '${nobody.id}', now()
                      from unnest(array['${clerk.actor.id}', '${a.actor.id}']::uuid[]) id`),
      );
      isRefused(t, await planner('POST', `${url}/close`), '403 second-person-required', {
        firstUserId: clerk.actor.id,
      });
      const judge = await service.callerFor({ ...a.actor, grants: [['villageAdmin', villages.own]] }, null);
      isRefused(t, await judge('POST', `${url}/close`), '403 second-person-required', { firstUserId: a.actor.id });
      await declareKin(service, admin.actor.id, h2, 'own');
      isRefused(t, await admin('POST', `${url}/close`), '403 own-household', { householdIds: [h2] });
    });
    const before = await bookNumber(service);
    t.match((await supervisor('POST', `${url}/close`)).body, { state: 'closed', awarded: 2 });
    t.equal(await bookNumber(service), before + 2);
    await declareKin(service, clerk.actor.id, h2, 'own');
    const signals = await supervisor('GET', `/v1/villages/${villages.own}/signals`);
    const own = signals.body.data.filter((one: { kind: string }) => one.kind === 'ownBenefit');
    t.strictSame(own, [], 'who planned the round chose none of its awards');
    const results = await all(clerk, `${url}/results`);
    t.match(results, [
      { householdNumber: 'H0001', outcome: 'tooFewJudges', judges: 1, averageHundredths: null, awardId: null },
      { householdNumber: 'H0002', outcome: 'awarded', judges: 2, averageHundredths: 9000, grade: '最清洁庭院' },
      { householdNumber: 'H0003', outcome: 'awarded', judges: 2, averageHundredths: 10000 },
      { householdNumber: 'H0004', outcome: 'tooFewJudges', judges: 1 },
    ]);
    const { body } = await clerk('GET', `/v1/villages/${villages.own}/awards/${results[2].awardId}`);
    t.strictSame(body.decidedBy, [a.actor.id, c.actor.id, supervisor.actor.id], 'without the judge who lives there');
  });

  await t.test('a refused award keeps its grade and the reason; a frozen household need not be scored', async t => {
    service.clock.set('2026-12-03T02:00:00Z');
    const [poor, frozen] = [await household(service), await household(service)];
    const first = await opened('第一轮');
    const second = await opened('第二轮');
    for (const round of [first, second]) {
      for (const judge of judges) {
        const sheet = await all(judge, `${round}/sheet`);
        const entries = sheet
          .filter(line => !line.excluded && line.householdId !== frozen.id)
          .map(({ householdId }) =>
            householdId === poor.id ? { householdId, scores: [40, 30] } : { householdId, notSeen: true },
          );
        await give(judge, round, entries);
      }
    }
    isRefused(t, await supervisor('POST', `${first}/close`), '422 sheet-incomplete', {
      judges: judges.map(judge => ({ judgeId: judge.actor.id, missing: 1 })),
    });
    const owner = await connect(t, service.ownerUrl);
    await owner.query(`set jifen.scope = '${villages.own}'`);
    await owner.query("update households.household set state = 'frozen' where id = $1", [frozen.id]);
    t.match((await supervisor('POST', `${first}/close`)).body, { awarded: 1 });
    t.match((await supervisor('POST', `${second}/close`)).body, { state: 'closed', awarded: 0 });
    const refused = (await clerk('GET', `${second}/results?outcome=refused`)).body.data;
    t.match(refused, [{ householdId: poor.id, grade: '整洁庭院', awardId: null, refusal: 'cap-reached' }]);
    const [won] = (await clerk('GET', `${first}/results?outcome=awarded`)).body.data;
    const { body } = await clerk('GET', `/v1/villages/${villages.own}/awards/${won.awardId}`);
    t.match(body, { businessDate: '2026-11-30', occurredAt: '2026-11-29T16:00:00.000Z', backEntry: true });
  });
  t.equal(input.judges.length, 3);
});

t.test('the database holds the four eyes by itself', async t => {
  const { service, clerk, admin, judges, opened } = await openVillage(t);
  const [home, other] = [await household(service), await household(service)];
  const url = await opened('评比');
  const roundId = url.split('/').at(-1)!;
  const judge = judges[0]!.actor.id;
  await declareKin(service, judge, home.id, 'own');
  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  const scoring = (who: string, householdId: string, scores: number[] | null) =>
    app.query('select evaluations.give_scores($1, $2, $3, now(), $4)', [
      villages.own,
      roundId,
      who,
      JSON.stringify([{ householdId, scores }]),
    ]);
  await t.rejects(scoring(judge, home.id, [1, 1]), /own household/);
  await t.rejects(scoring(judge, home.id, null), /own household/);
  await t.rejects(scoring(clerk.actor.id, other.id, [1, 1]), /only a judge/);
  for (const scores of [[61, 0], [0, 41], [-1, 0], [1], [1, 1, 1], []]) {
    await t.rejects(scoring(judge, other.id, scores), /none above its maximum/, JSON.stringify(scores));
  }
  await t.rejects(scoring(judge, crypto.randomUUID(), [1, 1]), /score_entrant_fkey/);
  await scoring(judge, other.id, [1, 1]);
  const row = `'${villages.own}', '${roundId}', '${other.id}', '${judge}'`;
  await t.rejects(
    app.query(`insert into evaluations.score (village, round_id, household_id, judge_id, scores, total, scored_at)
               values (${row}, '{1,1}', 2, now())`),
    /permission denied/,
  );
  await t.rejects(app.query('update evaluations.score set total = 100'), /permission denied/);
  await t.rejects(app.query('delete from evaluations.score'), /permission denied/);
  await t.rejects(app.query("update evaluations.entrant set outcome = 'notSeen'"), /permission denied/);
  await t.rejects(app.query('update evaluations.round set closed_by = $1', [admin.actor.id]), /permission denied/);
  await t.rejects(app.query("update evaluations.round set state = 'closed'"), /round_closed/);
  await t.rejects(app.query('update evaluations.round set judges = $1', [[judge]]), /permission denied/);

  const notSeen = [home, other].map(({ id }) => ({ householdId: id, outcome: 'notSeen', judges: 0 }));
  const closing = (who: string | null, outcomes: object[]) =>
    app.query('select evaluations.close_round($1, $2, $3, now(), $4)', [
      villages.own,
      roundId,
      who,
      JSON.stringify(outcomes),
    ]);
  await t.rejects(closing(clerk.actor.id, notSeen), /round_second_person/, 'who planned it');
  await t.rejects(closing(judge, notSeen), /round_second_person/, 'a judge');
  await t.rejects(closing(null, notSeen), /round_closed/, 'nobody');
  await t.rejects(closing(admin.actor.id, notSeen.slice(1)), /has an outcome/, 'a household left out');
  await declareKin(service, admin.actor.id, home.id, 'kin');
  const awarded = { householdId: home.id, outcome: 'awarded', judges: 2, grade: 0, averageHundredths: 9000 };
  await t.rejects(
    closing(admin.actor.id, [{ ...awarded, awardId: crypto.randomUUID() }, notSeen[1]!]),
    /own household or kin/,
  );
  await closing(admin.actor.id, notSeen);
  await t.rejects(closing(admin.actor.id, notSeen), /only an open round/, 'twice');
  await t.rejects(scoring(judge, other.id, [2, 2]), /only a judge of an open round/, 'after closing');
});

t.test('scores and a closing at once: the figures that count are those that were there', async t => {
  const { service, admin, judges, opened } = await openVillage(t);
  const { id } = await household(service);
  const url = await opened('评比');
  for (const judge of judges) await give(judge, url, [{ householdId: id, scores: [60, 40] }]);
  const [closed, ...late] = await Promise.all([
    admin('POST', `${url}/close`),
    ...judges.map(judge => give(judge, url, [{ householdId: id, scores: [0, 0] }])),
  ]);
  t.equal(closed!.status, 200, closed!.text);
  const written = late.filter(reply => reply.status === 200).length;
  for (const reply of late) t.ok(reply.status === 200 || reply.body.code === 'wrong-state', reply.text);
  const [result] = await all(admin, `${url}/results`);
  t.equal(result.averageHundredths, averageOf([...Array(3 - written).fill(100), ...Array(written).fill(0)]));
});

t.test('a round is closed by the rule book under which it was opened', async t => {
  const { service, admin, judges, opened } = await openVillage(t);
  const householdId = await service.household();
  const url = await opened('庭院评比');
  await adoptRules(service, [ruleDraft('NEW01')], { inForceFrom: '2026-11-24' });
  for (const judge of judges) {
    const entries = [{ householdId, scores: [58, 39] }];
    t.equal((await judge('PUT', `${url}/scores`, { entries })).status, 200);
  }
  service.clock.pass({ hours: 48 });
  t.match((await admin('POST', `${url}/close`)).body, { state: 'closed', awarded: 1 });
  t.match(await pointsOf(admin, householdId), { pending: 5 });
});

t.test('what no household could be awarded is neither planned nor opened', async t => {
  const { service, rules, clerk, input, planned } = await openVillage(t, {
    policy: { issuingFund: '村集体经济', issuingBudgetFen: 100_000 },
  });
  const plan = (more: object) => clerk('POST', rounds, { ...input, title: '评比', ...more });
  const earning = (ruleId: string, quantity = 1) => ({
    grades: [{ title: '最清洁', averageMin: 60, ruleId, quantity }],
  });
  isRefused(t, await plan(earning(rules.TIDY!, 2)), '422 out-of-bounds', {
    field: 'grades/0/quantity',
    min: 1,
    max: 1,
  });
  isRefused(t, await plan(earning(rules.CLEAN!, 201)), '422 out-of-bounds', {
    field: 'grades/0/points',
    min: 1,
    max: 1000,
  });
  t.equal((await plan(earning(rules.CLEAN!, 200))).status, 201);

  const waiting = await planned('本月');
  const past = await planned('上月', { month: '2026-10' });
  const next = await adoptRules(service, [ruleDraft('NEW01')], { inForceFrom: '2026-11-24' });
  isRefused(t, await plan(earning(next.NEW01!)), '422 rule-not-in-force', {
    ruleId: next.NEW01,
    fromOn: '2026-11-24',
    toOn: null,
  });
  service.clock.pass({ hours: 48 });
  isRefused(t, await plan({ title: '新细则', month: '2026-10', ...earning(next.NEW01!) }), '422 rule-not-in-force', {
    ruleId: next.NEW01,
    fromOn: '2026-11-24',
    toOn: null,
  });
  isRefused(t, await clerk('POST', `${waiting}/open`), '422 rule-not-in-force', {
    ruleId: rules.CLEAN,
    fromOn: '2026-01-01',
    toOn: '2026-11-24',
  });
  t.match((await clerk('POST', `${past}/open`)).body, { state: 'open' }, 'October goes by the book of October');
});
