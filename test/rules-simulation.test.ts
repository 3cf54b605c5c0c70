import fc from 'fast-check';
import { t } from 'tap';
import type { RuleDraft } from '../src/rules/rule-draft.ts';
import { bookNumber, household, insisting } from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { type Caller, openService, type Service, villages } from './support/service.ts';

const at = (village: string) => `/v1/villages/${village}`;
const policy = { directAwardMaxPoints: 1000, householdDayMaxPoints: 24, backdateDays: 60 };
/** A month and the days before it, seen from its last evening. */
const now = '2026-11-30T15:00:00Z';

/** As it was: a point for everything, few limits, but with caps, so that they count. */
const before: RuleDraft[] = [
  ruleDraft('DAY', { points: 1, capTimes: 90, capPeriod: 'day' }),
  ruleDraft('WEEK', { points: 1, capTimes: 90, capPeriod: 'week' }),
  ruleDraft('MONTH', { points: 1, capTimes: 90, capPeriod: 'month', capScope: 'member' }),
  ruleDraft('YEAR', { points: 1, capTimes: 90, capPeriod: 'year' }),
  ruleDraft('ONCE', { points: 1, capTimes: 90, capPeriod: 'once', capScope: 'member' }),
  ruleDraft('PAIRA', { points: 1, capTimes: 90, capPeriod: 'day' }),
  ruleDraft('PAIRB', { points: 1 }),
  ruleDraft('TOPA', { points: 1 }),
  ruleDraft('TOPB', { points: 1 }),
  ruleDraft('GONE', { points: 1 }),
];

/** As it would be: worth more, and limited in every way there is. */
const tight: RuleDraft[] = [
  ruleDraft('DAY', { points: 2, capTimes: 2, capPeriod: 'day' }),
  ruleDraft('WEEK', { points: 3, capTimes: 3, capPeriod: 'week' }),
  ruleDraft('MONTH', { points: 2, capTimes: 3, capPeriod: 'month', capScope: 'member' }),
  ruleDraft('YEAR', { points: 4, capTimes: 4, capPeriod: 'year' }),
  ruleDraft('ONCE', { points: 5, capTimes: 2, capPeriod: 'once', capScope: 'member' }),
  ruleDraft('PAIRA', { points: 2, excludes: ['PAIRB'] }),
  ruleDraft('PAIRB', { points: 1 }),
  ruleDraft('TOPA', { points: 3, highestOnlyGroup: 'TOP' }),
  ruleDraft('TOPB', { points: 6, highestOnlyGroup: 'TOP' }),
];

interface Line {
  code: string;
  home: number;
  person: number;
  day: string;
  quantity: number;
  occasion: string | undefined;
}

/** Few, so that caps are reached: in the week, the month and the year of the first day, and on either side of it. */
const days = [
  '2026-10-31',
  '2026-11-01',
  '2026-11-15',
  '2026-11-16',
  '2026-11-17',
  '2026-11-18',
  '2026-11-20',
  '2026-11-22',
  '2026-11-23',
  '2026-11-30',
];

const lines = fc.array(
  fc
    .record<Line>({
      code: fc.constantFrom(...before.map(rule => rule.code)),
      home: fc.integer({ min: 0, max: 1 }),
      person: fc.integer({ min: 0, max: 1 }),
      day: fc.constantFrom(...days),
      quantity: fc.integer({ min: 1, max: 3 }),
      occasion: fc.constantFrom(undefined, undefined, 'feast', 'flood'),
    })
    // Rules that exclude others are for an occasion.
    .map(line =>
      /^(PAIR|TOP)/.test(line.code) ? { ...line, occasion: line.occasion ?? `alone on ${line.day}` } : line,
    ),
  { minLength: 90, maxLength: 120 },
);

t.test('a simulation comes to what the book of points comes to', async t => {
  const service = await openService(t, { now, policy });
  const [own, other] = [villages.own, villages.sibling];
  const clerk = insisting(await service.as('clerk', own));
  const elsewhere = insisting(await service.as('clerk', other));
  const rules = await adoptRules(service, before);
  // The neighbour does on the 18th what we only think about: a Wednesday in the midst of the month.
  const from = '2026-11-18';
  const oldThere = await adoptRules(service, before, { village: other });
  const newThere = await adoptRules(service, tight, { village: other, inForceFrom: from });
  const { body: book } = await clerk('POST', `${at(own)}/rule-books`, { title: '试算', rules: tight });

  const real = new Map<string, { awards: number; pointsNow: number; refused: Record<string, number> }>();
  const count = (code: string) => {
    if (!real.has(code)) real.set(code, { awards: 0, pointsNow: 0, refused: {} });
    return real.get(code)!;
  };

  await fc.assert(
    fc.asyncProperty(lines, async month => {
      const here = await Promise.all([home(service, own), home(service, own)]);
      const there = await Promise.all([home(service, other), home(service, other)]);
      const made = await sheet(
        clerk,
        own,
        month.map(line => itemOf(line, here, rules[line.code]!)),
      );
      const stood = month.filter((_, index) => made[index]!.status === 201);
      const posted = await sheet(
        elsewhere,
        other,
        stood.map(line => itemOf(line, there, (line.day < from ? oldThere : newThere)[line.code] ?? oldThere.GONE!)),
      );
      stood.forEach((line, index) => {
        if (line.day < from) return;
        const { award, problem } = posted[index]!;
        const sums = count(line.code);
        sums.awards += 1;
        if (award !== null) sums.pointsNow += award.points;
        else {
          const why = nameOf(problem);
          sums.refused[why] = (sums.refused[why] ?? 0) + 1;
        }
      });

      const tried = await clerk('POST', `${at(own)}/rule-books/${book.id}/simulate`, { from, to: '2026-12-01' });
      if (tried.status !== 200) throw new Error(tried.text);
      const simulated = tried.body.rules.map((rule: { refused: object; [name: string]: unknown }) => [
        rule.code,
        rule.awards,
        rule.pointsNow,
        Object.fromEntries(Object.entries(rule.refused).filter(([, times]) => times > 0)),
      ]);
      const codes = before.map(rule => rule.code).sort();
      t.strictSame(
        simulated,
        codes.map(code => [code, count(code).awards, count(code).pointsNow, sorted(count(code).refused, tried.body)]),
      );
    }),
    { numRuns: 6, endOnFailure: true, seed: Number(process.env.SEED ?? 20261130) },
  );
  const why = new Set([...real.values()].flatMap(({ refused }) => Object.keys(refused)));
  t.strictSame([...why].sort(), ['cap', 'exclusion', 'householdDay', 'notInBook'], 'every limit was reached');
});

t.test('what is asked, and what is told', async t => {
  const service = await openService(t, { now, policy });
  const clerk = insisting(await service.as('clerk'));
  const rules = await adoptRules(service, [
    ruleDraft('ENV03', { points: 5 }),
    ruleDraft('ENV04', { points: 1 }),
    ruleDraft('DED01', { points: 1 }),
    ruleDraft('MEM01', { points: 1 }),
  ]);
  const { body: book } = await clerk('POST', `${at(villages.own)}/rule-books`, {
    title: '试算',
    rules: [
      ruleDraft('ENV03', { points: 3, title: '清扫' }),
      ruleDraft('ENV04', { points: 4, title: '河道' }),
      ruleDraft('DED01', { direction: 'deduction' }),
      ruleDraft('MEM01', { capScope: 'member' }),
      ruleDraft('NEW01', { title: '新项' }),
    ],
  });
  const ask = (from: string, to: string, id = book.id) =>
    clerk('POST', `${at(villages.own)}/rule-books/${id}/simulate`, { from, to });

  const empty = await ask('2026-11-01', '2026-12-01');
  t.match(empty.body, {
    total: { awards: 0, pointsThen: 0 },
    gaining: 0,
    losing: 0,
    unchanged: 0,
    gainingMost: { length: 0 },
  });
  t.equal(empty.body.rules.length, 5, 'every rule of the book');

  const [first, second] = [await household(service), await household(service)];
  const give = async (code: string, householdId: string, occurredAt: string) => {
    const line = { ruleId: rules[code], householdId, occurredAt, quantity: 1 };
    const { body, status } = await clerk('POST', `${at(villages.own)}/awards`, line);
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body;
  };
  await give('ENV03', first.id, '2026-11-01T00:00:00+08:00');
  await give('ENV03', first.id, '2026-10-31T23:59:59.999+08:00');
  await give('ENV04', second.id, '2026-11-29T23:59:59.999+08:00');
  await give('DED01', second.id, '2026-11-02T00:00:00+08:00');
  await give('MEM01', second.id, '2026-11-02T00:00:00+08:00');
  const wrong = await give('ENV03', second.id, '2026-11-03T00:00:00+08:00');
  const { body: proposed } = await clerk('POST', `${at(villages.own)}/reversals`, {
    awardId: wrong.id,
    reason: '登记错户',
  });
  await (await service.as('villageAdmin'))('POST', `${at(villages.own)}/reversals/${proposed.id}/approve`);

  const number = await bookNumber(service);
  const tried = await ask('2026-11-01', '2026-11-30');
  t.match(tried.body, {
    ruleBookId: book.id,
    from: '2026-11-01',
    to: '2026-11-30',
    total: {
      awards: 4,
      pointsThen: 8,
      pointsNow: 7,
      refused: { deduction: 1, memberMissing: 1, notInBook: 0, cap: 0, exclusion: 0, householdDay: 0, budget: 0 },
    },
    gaining: 1,
    losing: 1,
    unchanged: 0,
    gainingMost: [{ pointsThen: 3, pointsNow: 4 }],
    losingMost: [{ pointsThen: 5, pointsNow: 3 }],
  });
  t.match(
    tried.body.rules.find((rule: { code: string }) => rule.code === 'ENV03'),
    { title: '清扫', awards: 1, pointsThen: 5, pointsNow: 3 },
    'the days from midnight to midnight in Shanghai, without what was reversed',
  );
  const { number: whole } = (await clerk('GET', `${at(villages.own)}/households/${first.id}`)).body;
  const [{ household: masked }] = tried.body.losingMost;
  t.equal(masked, `${'*'.repeat(whole.length - 2)}${whole.slice(-2)}`);
  t.notOk(tried.text.includes(first.id) || tried.text.includes('张'), 'no name, no id');
  t.strictSame((await ask('2026-11-01', '2026-11-30')).body, tried.body, 'the same again');
  t.equal(await bookNumber(service), number, 'and nothing has moved');

  for (const [from, to, min, max] of [
    ['2026-11-02', '2026-11-02', '2026-11-03', '2027-02-02'],
    ['2026-11-30', '2027-03-01', '2026-12-01', '2027-02-28'],
  ] as const) {
    isRefused(t, await ask(from, to), '422 out-of-bounds', { field: 'to', min, max });
  }
  isRefused(t, await ask('2026-11-01', '2026-12-01', crypto.randomUUID()), '404 not-found');
});

t.test('a budget that was spent before the span', async t => {
  const budget = { issuingFund: 'collective', issuingBudgetFen: 1200, pointValueFen: 100 };
  const service = await openService(t, { now, policy: { ...policy, ...budget } });
  const clerk = insisting(await service.as('clerk'));
  const rules = await adoptRules(service, [ruleDraft('ENV03', { points: 2 })]);
  const { id } = await household(service);
  for (const day of ['2026-11-10', '2026-11-11', '2026-11-20', '2026-11-21']) {
    await clerk('POST', `${at(villages.own)}/awards`, {
      ruleId: rules.ENV03,
      householdId: id,
      occurredAt: `${day}T08:00:00+08:00`,
      quantity: 1,
    });
  }
  const { body: book } = await clerk('POST', `${at(villages.own)}/rule-books`, {
    title: '试算',
    rules: [ruleDraft('ENV03', { points: 5 })],
  });
  const tried = await clerk('POST', `${at(villages.own)}/rule-books/${book.id}/simulate`, {
    from: '2026-11-15',
    to: '2026-12-01',
  });
  t.match(
    tried.body.total,
    { awards: 2, pointsThen: 4, pointsNow: 5, refused: { budget: 1 } },
    '4 + 5 of 12, then 5 more',
  );
});

async function home(service: Service, village: string) {
  const id = await service.household({ members: [{ name: '张一' }, { name: '张二' }] }, village);
  const admin = await service.as('clerk', village);
  const { body } = await admin('GET', `${at(village)}/households/${id}`);
  return { id, members: body.members.map((one: { id: string }) => one.id) as string[] };
}

function itemOf(line: Line, homes: { id: string; members: string[] }[], ruleId: string) {
  const { id, members } = homes[line.home]!;
  return {
    ruleId,
    householdId: id,
    memberId: members[line.person]!,
    quantity: line.quantity,
    occurredAt: `${line.day}T12:00:00+08:00`,
    ...(line.occasion !== undefined && { occasion: line.occasion }),
  };
}

async function sheet(clerk: Caller, village: string, items: object[]) {
  const { body, text } = await clerk('POST', `${at(village)}/awards/batch`, { mode: 'perItem', items });
  if (body.results === undefined) throw new Error(text);
  return body.results as { status: number; award: { points: number } | null; problem: Problem | null }[];
}

interface Problem {
  code: string;
  cap?: string;
}

/** A real refusal in the words of a simulation. */
function nameOf(problem: Problem | null): string {
  if (problem?.code === 'rule-not-in-force') return 'notInBook';
  if (problem?.code === 'rule-exclusive') return 'exclusion';
  if (problem?.code === 'cap-reached') return problem.cap === 'rule' ? 'cap' : problem.cap!;
  throw new Error(`refused with ${JSON.stringify(problem)}`);
}

/** In the order of the answer. */
function sorted(refused: Record<string, number>, answer: { total: { refused: object } }): Record<string, number> {
  const names = Object.keys(answer.total.refused);
  return Object.fromEntries(names.filter(name => name in refused).map(name => [name, refused[name]!]));
}
