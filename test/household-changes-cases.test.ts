import { t } from 'tap';
import { household, insisting } from './support/awards.ts';
import { openReview, yes } from './support/claims.ts';
import { isRefused } from './support/refusal.ts';
import { ruleDraft } from './support/rules.ts';
import { villages } from './support/service.ts';

/* A claim is awarded to the household that it names: that does not end, and nobody leaves it, before it is decided. */

t.setTimeout(900_000);

t.test('open claims are decided before a household changes', async t => {
  const { service, ids, clerk, passed, voted } = await openReview(t, {}, [
    ruleDraft('VOL01', { capScope: 'member', evidence: ['witness'] }),
  ]);
  const admin = insisting(await service.as('villageAdmin'));
  const changes = `/v1/villages/${villages.own}/household-changes`;
  const propose = (fields: object) => clerk('POST', changes, { reason: '双方签字', ...fields });
  const [a, b] = [await household(service, 2), await household(service)];
  const second = a.members[1]!;
  const leaves = { kind: 'memberMove', householdId: a.id, memberId: second, toHouseholdId: b.id };
  const merge = { kind: 'merge', householdId: a.id, toHouseholdId: b.id };
  const split = {
    kind: 'split',
    householdId: a.id,
    memberIds: [second],
    newHousehold: { grid: null, headMemberId: second },
  };
  const proposed = await propose(merge);
  t.equal(proposed.status, 201, proposed.text);
  const claim = await passed({ householdId: a.id });
  const one = { field: 'openCases', balances: { openClaims: 1 } };
  isRefused(t, await admin('POST', `${changes}/${proposed.body.id}/approve`), '409 household-has-balance', one);
  t.equal((await clerk('POST', `${changes}/${proposed.body.id}/withdraw`)).status, 200);
  for (const change of [
    merge,
    { kind: 'moveAway', householdId: a.id, toVillage: villages.sibling, carry: false },
    { kind: 'close', householdId: a.id },
  ]) {
    isRefused(t, await propose(change), '409 household-has-balance', one, change.kind);
  }
  t.equal((await voted(claim.url, yes, yes))[1]!.body.state, 'approved', 'meanwhile it is as before');

  const other = await household(service, 2);
  const [theirHead, theirSecond] = other.members as [string, string];
  const of = await passed({ householdId: other.id, memberId: theirSecond, ruleId: ids.VOL01 });
  const theirs = [
    { ...leaves, householdId: other.id, memberId: theirSecond },
    {
      ...split,
      householdId: other.id,
      memberIds: [theirSecond],
      newHousehold: { grid: null, headMemberId: theirSecond },
    },
  ];
  for (const change of theirs) isRefused(t, await propose(change), '409 household-has-balance', one, change.kind);
  const stays = await propose({ ...leaves, householdId: other.id, memberId: theirHead, headMemberId: theirSecond });
  t.equal(stays.status, 201, 'whoever the claim does not name may leave');
  t.equal((await clerk('POST', `${changes}/${stays.body.id}/withdraw`)).status, 200);
  t.equal((await clerk('POST', `${of.url}/withdraw`)).status, 200);
  t.equal((await propose(theirs[0]!)).status, 201, 'and when it is withdrawn, everybody');
});
