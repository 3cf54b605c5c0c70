import { t } from 'tap';
import { occasionKey, resetsOn } from '../src/earning/caps.ts';
import { moveMembers } from '../src/households/household.ts';
import type { CapPeriod } from '../src/rules/tables.ts';
import { awarding, bookNumber, household, pointsOf, readyToRace, tally } from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { openService, villages } from './support/service.ts';

t.test('caps hold at the edges of day, week, month and year in Asia/Shanghai', async t => {
  const service = await openService(t, {
    now: '2027-01-31T02:00:00Z',
    policy: { householdDayMaxPoints: 1000, backdateDays: 200 },
  });
  const capped = (code: string, capPeriod: CapPeriod) => ruleDraft(code, { points: 1, capTimes: 2, capPeriod });
  const rules = await adoptRules(service, [
    capped('DAY', 'day'),
    capped('WEEK', 'week'),
    capped('MONTH', 'month'),
    capped('YEAR', 'year'),
    capped('ONCE', 'once'),
  ]);
  const clerk = await service.as('clerk');

  /** Two uses in the last second before an edge: a third there is one too many, in the first after it is not. */
  const edge = async (code: string, before: string, after: string, resets: string) => {
    const { id } = await household(service);
    const at = (occurredAt: string, quantity = 1) =>
      awarding(clerk)({ ruleId: rules[code], householdId: id, occurredAt: `${occurredAt}+08:00`, quantity });
    t.equal((await at(`${before}T23:59:59.999`, 2)).status, 201, `${code}: up to the cap`);
    const over = await at(`${before}T23:59:59`);
    isRefused(t, over, '422 cap-reached', { cap: 'rule', used: 2, limit: 2, resetsOn: resets });
    t.equal((await at(`${after}T00:00:00`)).status, 201, `${code}: new at midnight`);
    t.equal((await at(`${after}T00:00:00`, 2)).body.used, 1, 'units count, not awards');
    t.equal((await pointsOf(clerk, id)).available, 3);
  };
  await edge('DAY', '2027-01-14', '2027-01-15', '2027-01-15');
  // 2027-01-03 is the Sunday of ISO week 2026-W53.
  await edge('WEEK', '2027-01-03', '2027-01-04', '2027-01-04');
  await edge('MONTH', '2026-11-30', '2026-12-01', '2026-12-01');
  await edge('YEAR', '2026-12-31', '2027-01-01', '2027-01-01');

  const { id } = await household(service);
  const week = (occurredAt: string) =>
    awarding(clerk)({ ruleId: rules.WEEK, householdId: id, occurredAt: `${occurredAt}+08:00` });
  t.equal((await week('2026-12-28T00:00:00')).status, 201);
  t.equal((await week('2027-01-02T12:00:00')).status, 201, 'a week goes on over the new year');
  isRefused(t, await week('2027-01-03T12:00:00'), '422 cap-reached', {
    cap: 'rule',
    used: 2,
    limit: 2,
    resetsOn: '2027-01-04',
  });
  t.equal((await week('2026-12-27T23:59:59')).status, 201, 'and the week before is another');

  const once = (occurredAt: string) =>
    awarding(clerk)({ ruleId: rules.ONCE, householdId: id, occurredAt: `${occurredAt}+08:00` });
  t.equal((await once('2026-10-01T12:00:00')).status, 201);
  t.equal((await once('2027-01-01T12:00:00')).status, 201);
  isRefused(
    t,
    await once('2027-01-31T09:00:00'),
    '422 cap-reached',
    { resetsOn: null, cap: 'rule', used: 2, limit: 2 },
    'for ever',
  );
});

t.test('when a cap counts anew', async t => {
  const on = (period: CapPeriod, day: string) => resetsOn(period, Temporal.PlainDate.from(day));
  t.equal(on('day', '2028-02-28'), '2028-02-29');
  t.equal(on('week', '2026-11-23'), '2026-11-30', 'a Monday');
  t.equal(on('week', '2026-11-29'), '2026-11-30', 'a Sunday');
  t.equal(on('month', '2026-12-31'), '2027-01-01');
  t.equal(on('year', '2028-02-29'), '2029-01-01');
  t.equal(on('once', '2026-11-23'), null);
});

t.test('whom a cap belongs to', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const capped = { points: 1, capTimes: 1, capPeriod: 'day' } as const;
  const rules = await adoptRules(service, [
    ruleDraft('OURS', { ...capped, capScope: 'household' }),
    ruleDraft('MINE', { ...capped, capScope: 'member' }),
  ]);
  const give = awarding(await service.as('clerk'));
  const { id, members } = await household(service, 2);
  const to = (code: string, member: number) =>
    give({ ruleId: rules[code], householdId: id, memberId: members[member] });
  t.equal((await to('OURS', 0)).status, 201);
  isRefused(
    t,
    await to('OURS', 1),
    '422 cap-reached',
    { cap: 'rule', used: 1, limit: 1, resetsOn: '2026-11-24' },
    'the household’s',
  );
  t.equal((await to('MINE', 0)).status, 201);
  t.equal((await to('MINE', 1)).status, 201, 'each member’s own');
  isRefused(t, await to('MINE', 1), '422 cap-reached', { cap: 'rule', used: 1, limit: 1, resetsOn: '2026-11-24' });
});

t.test('a cap goes on in the next book', async t => {
  const service = await openService(t);
  const rule = (capTimes: number) => [ruleDraft('ENV03', { points: 1, capTimes, capPeriod: 'month' })];
  const old = await adoptRules(service, rule(3));
  const give = awarding(await service.as('clerk'));
  const { id } = await household(service);
  const at = '2026-11-22T09:00:00+08:00';
  t.equal((await give({ ruleId: old.ENV03, householdId: id, occurredAt: at, quantity: 2 })).status, 201);
  const next = await adoptRules(service, rule(2), { inForceFrom: '2026-11-23' });
  isRefused(t, await give({ ruleId: next.ENV03, householdId: id }), '422 cap-reached', {
    used: 2,
    limit: 2,
    cap: 'rule',
    resetsOn: '2026-12-01',
  });
});

t.test('points of a household’s day', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 12 } });
  const rules = await adoptRules(service, [ruleDraft('A1', { points: 5 }), ruleDraft('B1', { points: 2 })]);
  const give = awarding(await service.as('clerk'));
  const { id } = await household(service);
  t.equal((await give({ ruleId: rules.A1, householdId: id, quantity: 2 })).status, 201);
  const over = await give({ ruleId: rules.A1, householdId: id });
  isRefused(t, over, '422 cap-reached', { cap: 'householdDay', used: 10, limit: 12, resetsOn: '2026-11-24' });
  t.equal((await give({ ruleId: rules.B1, householdId: id })).status, 201, 'up to the very last');
  const yesterday = { ruleId: rules.A1, householdId: id, occurredAt: '2026-11-22T23:59:59+08:00' };
  t.equal((await give(yesterday)).status, 201, 'another day counts by itself');
});

t.test('the last use of a cap, asked for by many at once, goes to one', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const rules = await adoptRules(service, [
    ruleDraft('ENV03', { points: 1, capTimes: 3, capPeriod: 'month' }),
    ruleDraft('DAY', { points: 30 }),
  ]);
  const clerks = await Promise.all([service.as('clerk'), service.as('clerk')]);
  await readyToRace(service);
  for (const round of [1, 2, 3]) {
    const { id } = await household(service);
    await awarding(clerks[0]!)({ ruleId: rules.ENV03, householdId: id, quantity: 2 });
    const before = await bookNumber(service);
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, i) => awarding(clerks[i % 2]!)({ ruleId: rules.ENV03, householdId: id })),
    );
    t.strictSame(tally(replies), { 201: 1, 'cap-reached': 15 }, `round ${round}`);
    t.equal(await bookNumber(service), before + 1);
    t.equal((await pointsOf(clerks[0]!, id)).available, 3);
  }
});

t.test('what excludes what', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const member = { capScope: 'member' } as const;
  const rules = await adoptRules(service, [
    ruleDraft('VOL01', { ...member, excludes: ['VOL02'] }),
    ruleDraft('VOL02', member),
    ruleDraft('HON01A', { ...member, highestOnlyGroup: 'HON01' }),
    ruleDraft('HON01B', { ...member, highestOnlyGroup: 'HON01' }),
    ruleDraft('HON01C', { ...member, highestOnlyGroup: 'HON01' }),
  ]);
  const give = awarding(await service.as('clerk'));

  for (const [first, second] of [
    ['VOL01', 'VOL02'],
    ['VOL02', 'VOL01'],
    ['HON01A', 'HON01C'],
    ['HON01C', 'HON01A'],
  ] as const) {
    const { id, members } = await household(service, 2);
    const input = { householdId: id, memberId: members[0], occasion: 'the-act' };
    const done = await give({ ...input, ruleId: rules[first] });
    t.equal(done.status, 201);
    const refused = await give({ ...input, ruleId: rules[second] });
    isRefused(t, refused, '422 rule-exclusive', { awardId: done.body.id }, `${first} leaves no room for ${second}`);
    const twice = await give({ ...input, ruleId: rules[first] });
    isRefused(t, twice, '409 award-duplicate', { awardId: done.body.id }, 'itself is a duplicate');
    t.equal((await give({ ...input, memberId: members[1], ruleId: rules[second] })).status, 201, 'somebody else may');
    t.equal((await give({ ...input, occasion: 'another', ruleId: rules[second] })).status, 201, 'or at another time');
  }

  const { id, members } = await household(service);
  await readyToRace(service);
  const codes = ['HON01A', 'HON01B', 'HON01C'];
  const replies = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      give({ ruleId: rules[codes[i % 3]!], householdId: id, memberId: members[0], occasion: 'medal' }),
    ),
  );
  t.equal(tally(replies)['201'], 1, 'of a group at once: one');
});

/** One event as people and machines may spell it. */
const spelled = [
  'clean-up-2026-11-23',
  'ｃｌｅａｎ－ｕｐ－２０２６－１１－２３',
  'clean–up–2026—11−23',
  'Clean-UP-2026-11-23',
  'cle\u200ban-up-2026-11-23',
  '\u2066clean-up-2026-11-23\u2069',
  'сlеаn-uр-2026-11-23',
  'СLEΑΝ-UР-2026-11-23',
  'clean\u2800-up-2026-11-23',
  'cl\u034fean\ufe0f-up-2026-11-23',
];

t.test('occasions are compared folded', async t => {
  for (const one of spelled) t.equal(occasionKey(one), 'clean-up-2026-11-23', JSON.stringify(one));
  t.equal(occasionKey('cafe\u0301'), occasionKey('CAFÉ'), 'composed and not');
  t.equal(occasionKey('ТОМ'), occasionKey('том'), 'the case of Cyrillic');
  t.equal(occasionKey('马蹄村－清扫'), '马蹄村-清扫');
  t.not(occasionKey('2026-1-12'), occasionKey('2026-11-2'), 'a dash counts');
  t.not(occasionKey('一组'), occasionKey('-组'), 'one is no dash');
  for (const one of [...spelled, '马蹄村－清扫', 'ŉ', 'ﬁ', 'İ'])
    t.equal(occasionKey(occasionKey(one)), occasionKey(one));
});

t.test('one occasion pays once, however it is spelled and whoever is named', async t => {
  const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
  const rules = await adoptRules(service, [
    ruleDraft('OURS', { points: 5 }),
    ruleDraft('MINE', { points: 5, capScope: 'member' }),
    ruleDraft('PAIR', { points: 5, capScope: 'member', excludes: ['MINE'] }),
  ]);
  const clerk = await service.as('clerk');
  const give = awarding(clerk);
  const { id, members } = await household(service, 4);
  const first = await give({ ruleId: rules.OURS, householdId: id, occasion: spelled[0] });
  t.equal(first.status, 201);
  t.equal(first.body.occasion, spelled[0], 'as it was written');
  for (const occasion of spelled.slice(1)) {
    const again = await give({ ruleId: rules.OURS, householdId: id, occasion });
    isRefused(t, again, '409 award-duplicate', { awardId: first.body.id }, JSON.stringify(occasion));
  }
  for (const memberId of members) {
    const again = await give({ ruleId: rules.OURS, householdId: id, memberId, occasion: spelled[0] });
    isRefused(t, again, '409 award-duplicate', { awardId: first.body.id }, 'the rule pays the household');
  }
  t.equal((await pointsOf(clerk, id)).available, 5);

  const mine = await give({ ruleId: rules.MINE, householdId: id, memberId: members[1], occasion: spelled[3] });
  const other = await give({ ruleId: rules.MINE, householdId: id, memberId: members[2], occasion: spelled[3] });
  t.strictSame([mine.status, other.status], [201, 201], 'the rule pays each member');
  const excluded = await give({ ruleId: rules.PAIR, householdId: id, memberId: members[1], occasion: spelled[6] });
  isRefused(t, excluded, '422 rule-exclusive', { awardId: mine.body.id });

  const to = await household(service);
  await service.inVillage(villages.own, tx => moveMembers(tx, villages.own, [members[1]!], to.id));
  const moved = { householdId: to.id, memberId: members[1] };
  const twice = await give({ ruleId: rules.MINE, ...moved, occasion: spelled[0] });
  isRefused(t, twice, '409 award-duplicate', { awardId: mine.body.id }, 'a member takes the occasion along');
  const around = await give({ ruleId: rules.PAIR, ...moved, occasion: spelled[2] });
  isRefused(t, around, '422 rule-exclusive', { awardId: mine.body.id });
  t.equal((await give({ ruleId: rules.MINE, ...moved, occasion: 'another' })).status, 201);

  const claim = { ...moved, ruleId: rules.MINE, quantity: 1, evidence: [{ kind: 'count', text: '计数单' }] };
  const claims = `/v1/villages/${villages.own}/claims`;
  const claimed = await clerk('POST', claims, { ...claim, occasion: spelled[1] });
  isRefused(t, claimed, '409 award-duplicate', { awardId: mine.body.id }, 'told when it is filed');
  const open = await clerk('POST', claims, { ...claim, occasion: 'tree-planting' });
  t.equal(open.status, 201, open.text);
  const second = await clerk('POST', claims, { ...claim, occasion: 'ТREE—planting' });
  isRefused(t, second, '409 award-duplicate', { claimId: open.body.id });
});
