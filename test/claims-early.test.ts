import { t } from 'tap';
import { awarding, household, insisting } from './support/awards.ts';
import { claimsPath, openReview, witness, yes } from './support/claims.ts';
import { isRefused } from './support/refusal.ts';
import { ruleDraft } from './support/rules.ts';
import { villages } from './support/service.ts';

/* What the book would refuse at the last vote is refused when it is filed. */

t.setTimeout(900_000);

const both = { evidence: ['count', 'witness'] };

t.test('a cap that is used up, when it is filed and when it is filed again', async t => {
  const { service, ids, clerk, reviewer, filed, passed, voted } = await openReview(t, {}, [
    ruleDraft('CAP01', { capTimes: 2, capPeriod: 'month', ...both }),
  ]);
  const award = awarding(await service.as('clerk'));
  const householdId = await service.household();
  const said = { ruleId: ids.CAP01, householdId, evidence: witness };
  const file = (quantity: number) => clerk('POST', claimsPath, { ...said, quantity });
  const open = await filed(said);
  t.equal((await file(2)).status, 201, 'what waits in another claim does not count');
  t.equal((await reviewer('POST', `${open.url}/return`, { question: '几次？' })).status, 200);
  t.equal((await award({ ruleId: ids.CAP01, householdId })).status, 201);
  const used = { cap: 'rule', used: 1, limit: 2, resetsOn: '2026-12-01' };
  isRefused(t, await file(2), '422 cap-reached', used);
  const again = (quantity: number) => clerk('POST', `${open.url}/resubmit`, { quantity });
  isRefused(t, await again(3), '422 out-of-bounds', { field: 'quantity', min: 1, max: 2 });
  isRefused(t, await again(2), '422 cap-reached', used);
  t.match((await clerk('GET', open.url)).body, { state: 'returned', quantity: 1 });
  t.match((await again(1)).body, { state: 'submitted', quantity: 1 });
  await reviewer('POST', `${open.url}/pass`, {});
  t.equal((await voted(open.url, yes, yes))[1]!.body.state, 'approved');
  isRefused(t, await file(1), '422 cap-reached', { ...used, used: 2 });
  const list = await clerk('POST', `${claimsPath}/batch`, {
    items: [
      { ...said, quantity: 1 },
      { ...said, ruleId: ids.ENV03, quantity: 1 },
    ],
  });
  t.strictSame(
    list.body.results.map((line: { status: number }) => line.status),
    [422, 201],
    'in a list too',
  );
  const late = await passed({ ...said, occurredAt: '2026-11-22T02:00:00.000Z', ruleId: ids.ENV03 });
  t.equal((await voted(late.url, yes, yes))[1]!.body.state, 'approved', 'without a cap nothing is used up');
});

t.test('one that excludes it, and what to do then', async t => {
  const { service, ids, clerk } = await openReview(t, {}, [
    ruleDraft('VOL01', { capScope: 'member', excludes: ['VOL02'], ...both }),
    ruleDraft('VOL02', { capScope: 'member', ...both }),
    ruleDraft('HON01A', { highestOnlyGroup: 'HON01', points: 5, ...both }),
    ruleDraft('HON01C', { highestOnlyGroup: 'HON01', points: 15, ...both }),
  ]);
  const award = awarding(await service.as('clerk'));
  const home = await household(service);
  const [householdId, memberId] = [home.id, home.members[0]];
  const paid = await award({ ruleId: ids.VOL01, householdId, memberId, occasion: 'V' });
  t.equal(paid.status, 201, paid.text);
  const file = (ruleId: string | undefined, more: object) =>
    clerk('POST', claimsPath, { ruleId, householdId, quantity: 1, evidence: witness, ...more });
  const clash = await file(ids.VOL02, { memberId, occasion: 'v' });
  isRefused(t, clash, '422 rule-exclusive', { awardId: paid.body.id });
  t.match(clash.body.detail, /冲正/);
  const lower = await award({ ruleId: ids.HON01A, householdId, occasion: '2026' });
  isRefused(t, await file(ids.HON01C, { occasion: '2026' }), '422 rule-exclusive', { awardId: lower.body.id });
  const { body } = await clerk('POST', `/v1/villages/${villages.own}/reversals`, {
    awardId: lower.body.id,
    reason: '改计较高一项',
  });
  const admin = insisting(await service.as('villageAdmin'));
  t.equal((await admin('POST', `/v1/villages/${villages.own}/reversals/${body.id}/approve`)).status, 200);
  t.equal((await file(ids.HON01C, { occasion: '2026' })).status, 201);
});

t.test('rules that exclude others are for an occasion', async t => {
  const { service, ids, clerk } = await openReview(t, {}, [
    ruleDraft('EDU01A', { highestOnlyGroup: 'EDU01', points: 30, ...both }),
    ruleDraft('EDU01B', { highestOnlyGroup: 'EDU01', points: 20, ...both }),
    ruleDraft('VOL01', { excludes: ['VOL02'], ...both }),
    ruleDraft('VOL02', both),
  ]);
  const award = awarding(await service.as('clerk'));
  const householdId = await service.household();
  const missing = { errors: ['/occasion required'] };
  for (const code of ['EDU01A', 'EDU01B', 'VOL01', 'VOL02']) {
    const line = { ruleId: ids[code], householdId, quantity: 1 };
    isRefused(t, await award(line), '400 validation-failed', missing, code);
    isRefused(t, await clerk('POST', claimsPath, { ...line, evidence: witness }), '400 validation-failed', missing);
    const sheet = { mode: 'perItem', items: [line] };
    const answer = await clerk('POST', `/v1/villages/${villages.own}/awards/batch`, sheet);
    t.match(answer.body.results[0].problem, { code: 'validation-failed', errors: [{ pointer: '/occasion' }] });
  }
  const named = await clerk('POST', `/v1/villages/${villages.own}/awards/batch`, {
    mode: 'perItem',
    occasion: 'EDU-2026',
    items: [
      { ruleId: ids.EDU01B, householdId, quantity: 1 },
      { ruleId: ids.EDU01A, householdId, quantity: 1 },
    ],
  });
  t.strictSame(
    named.body.results?.map((line: { status: number }) => line.status),
    [201, 422],
    `the occasion of the sheet is that of its lines: ${named.text}`,
  );
});
