import { t } from 'tap';
import { resetsOn } from '../src/earning/caps.ts';
import type { CapPeriod } from '../src/rules/tables.ts';
import { awarding, bookNumber, household, pointsOf, readyToRace, tally } from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { openService } from './support/service.ts';

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
