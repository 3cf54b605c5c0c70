import { t } from 'tap';
import { household, insisting, pointsOf } from './support/awards.ts';
import { claimsPath, declareKin, openReview, witness } from './support/claims.ts';
import { makePhoto } from './support/photos-rows.ts';
import { isRefused } from './support/refusal.ts';
import { ruleDraft } from './support/rules.ts';
import { villages } from './support/service.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('a claim is filed by its household or for it, and validated early', async t => {
  const { service, ids, clerk, person } = await openReview(t, { backdateDays: 3 }, [
    ruleDraft('VOL01', { capScope: 'member', evidence: ['witness'] }),
    ruleDraft('DED01', { direction: 'deduction', evidence: ['witness'] }),
  ]);
  const home = await household(service);
  const own = insisting(await service.asHousehold(home.id));
  const photo = await makePhoto(service, home.id);
  const input = { ruleId: ids.ENV03, householdId: home.id, quantity: 2 };

  const made = await own('POST', claimsPath, {
    ...input,
    occurredAt: '2026-11-22T15:59:59.000Z',
    place: '二组公厕',
    note: '和李四一起清扫',
    occasion: 'cleaning',
    photoIds: [photo.id],
    evidence: witness,
  });
  t.equal(made.status, 201, made.text);
  t.equal(made.headers.location, `${claimsPath}/${made.body.id}`);
  t.match(made.body, {
    householdId: home.id,
    ruleCode: 'ENV03',
    ruleTitle: '事项ENV03',
    quantity: 2,
    points: 10,
    businessDate: '2026-11-22',
    place: '二组公厕',
    note: '和李四一起清扫',
    evidence: witness,
    photoIds: [photo.id],
    onBehalf: false,
    submittedBy: home.id,
    round: 1,
    state: 'submitted',
    awardId: null,
    decisions: { length: 0 },
  });

  const file = async (more: object, by = clerk) => {
    const { status, body } = await by('POST', claimsPath, { ...input, evidence: witness, ...more });
    return status === 201 ? body : { status, code: body.code, ...body };
  };
  isRefused(t, await file({ occasion: 'cleaning' }), '409 award-duplicate', { claimId: made.body.id });
  isRefused(t, await file({ photoIds: [photo.id] }), '422 photo-reused', { photoId: photo.id });
  const stranger = await makePhoto(service, await service.household());
  isRefused(t, await file({ photoIds: [stranger.id] }), '404 not-found', { field: 'photoIds' });
  isRefused(t, await file({ evidence: [] }), '422 evidence-missing', { required: ['photo', 'witness'] });
  isRefused(t, await file({ evidence: [{ kind: 'count', text: '3 袋' }] }), '422 evidence-missing', {
    required: ['photo', 'witness'],
  });
  const fresh = await makePhoto(service, home.id);
  isRefused(t, await file({ ruleId: ids.ENV09, evidence: [], photoIds: [fresh.id] }), '422 evidence-missing', {
    required: ['witness'],
  });
  t.match(await file({ photoIds: [fresh.id], evidence: [] }), { state: 'submitted' }, 'its refusal has not used it');
  isRefused(t, await file({ ruleId: ids.VOL01 }), '400 validation-failed', { errors: ['/memberId required'] });
  isRefused(t, await file({ ruleId: ids.VOL01, memberId: (await household(service)).members[0] }), '404 not-found', {
    field: 'memberId',
  });
  t.match(await file({ ruleId: ids.VOL01, memberId: home.members[0] }), { memberId: home.members[0] });
  isRefused(t, await file({ ruleId: ids.DED01 }), '422 out-of-bounds', { field: 'points', min: 1, max: 1000000 });
  isRefused(t, await file({ occurredAt: '2026-11-19T15:59:59.000Z' }), '422 business-date-refused', {
    earliest: '2026-11-20',
    latest: '2026-11-23',
  });
  t.match(await file({ occurredAt: '2026-11-19T16:00:00.000Z' }), { businessDate: '2026-11-20' });
  isRefused(t, await file({ occurredAt: '2026-11-23T02:05:01.000Z' }), '422 business-date-refused', {
    serverTime: '2026-11-23T02:00:00.000Z',
    earliest: '2026-11-20',
    latest: '2026-11-23',
  });
  isRefused(t, await file({ ruleId: home.id }), '404 not-found', { field: 'ruleId' });
  isRefused(t, await file({ householdId: ids.ENV03 }), '404 not-found', { field: 'householdId' });

  const neighbour = insisting(await service.asHousehold(await service.household()));
  isRefused(t, await file({}, neighbour), '404 not-found', { field: 'householdId' }, 'for itself alone');
  const custom = { points: 8, reason: '细则没有对应事项' };
  isRefused(t, await file({ custom }, own), '403 forbidden', { requiredRoles: ['clerk', 'villageAdmin'] });
  t.match(await file({ custom }), { points: 8, customPoints: 8, customReason: '细则没有对应事项', onBehalf: true });
  const cousin = await person('clerk');
  await declareKin(service, cousin.actor.id, home.id);
  isRefused(t, await file({}, cousin), '403 own-household');
  isRefused(t, await file({ note: ' ' }), '400 validation-failed', {
    errors: ['/note pattern'],
  });
});

t.test('an occasion that was awarded cannot be claimed, and is free again when it was taken back', async t => {
  const counted = ruleDraft('REC01', { evidence: ['count', 'witness'] });
  const { service, ids, clerk } = await openReview(t, {}, [counted]);
  const said = { ruleId: ids.REC01, householdId: await service.household(), quantity: 1, occasion: 'cleaning' };
  const award = await clerk('POST', `/v1/villages/${villages.own}/awards`, said);
  const claim = () => clerk('POST', claimsPath, { ...said, evidence: witness });
  isRefused(t, await claim(), '409 award-duplicate', { awardId: award.body.id });
  const { body } = await clerk('POST', `/v1/villages/${villages.own}/reversals`, {
    awardId: award.body.id,
    reason: '登记错户',
  });
  const admin = insisting(await service.as('villageAdmin'));
  await admin('POST', `/v1/villages/${villages.own}/reversals/${body.id}/approve`);
  const first = await claim();
  t.equal(first.status, 201);
  t.equal((await clerk('POST', `${claimsPath}/${first.body.id}/withdraw`)).status, 200);
  t.equal((await claim()).status, 201, 'nor does a withdrawn one keep it');
});

t.test('what is withdrawn, sent back and filed again', async t => {
  const { service, clerk, reviewer, person, filed } = await openReview(t);
  const home = await household(service);
  const own = insisting(await service.asHousehold(home.id));
  const photo = await makePhoto(service, home.id);
  const claim = await filed({ householdId: home.id, photoIds: [photo.id], note: '清扫' });
  const again = (by: typeof clerk, body: object = {}) => by('POST', `${claim.url}/resubmit`, body);
  isRefused(t, await again(own), '409 wrong-state', {
    state: 'submitted',
    allowedFrom: ['returned'],
    since: '2026-11-23T02:00:00.000Z',
  });
  const question = { question: '清扫的是哪一段路？' };
  t.match((await reviewer('POST', `${claim.url}/return`, question)).body, { state: 'returned', round: 1 });
  isRefused(t, await reviewer('POST', `${claim.url}/pass`, {}), '409 wrong-state', {
    state: 'returned',
    since: '2026-11-23T02:00:00.000Z',
    allowedFrom: ['submitted'],
  });

  const other = await person('clerk');
  isRefused(t, await again(other), '403 forbidden', {}, 'by its household or who filed it');
  isRefused(t, await again(insisting(await service.asHousehold(await service.household()))), '404 not-found');
  const more = await makePhoto(service, home.id);
  const many = Array.from({ length: 9 }, (_, place) => `0193563d-1111-7000-8000-00000000000${place}`);
  isRefused(t, await again(own, { photoIds: many }), '422 out-of-bounds', { field: 'photoIds', min: 0, max: 9 });
  const answered = await again(own, { quantity: 3, note: '村口到公厕', photoIds: [more.id], evidence: witness });
  t.match(answered.body, {
    state: 'submitted',
    round: 2,
    quantity: 3,
    points: 15,
    note: '村口到公厕',
    photoIds: [photo.id, more.id],
    evidence: [...witness, ...witness],
  });
  t.match(answered.body.decisions, [
    { step: 'firstReview', verdict: 'return', reason: '清扫的是哪一段路？', decidedBy: null },
  ]);
  isRefused(t, await reviewer('POST', `${claim.url}/return`, question), '422 out-of-bounds', {
    field: 'returns',
    max: 1,
    min: 0,
  });
  t.match((await reviewer('POST', `${claim.url}/pass`, {})).body, { state: 'inPanel' }, 'by the same person');

  isRefused(t, await other('POST', `${claim.url}/withdraw`), '403 forbidden');
  t.match((await own('POST', `${claim.url}/withdraw`)).body, { state: 'withdrawn' });
  isRefused(t, await own('POST', `${claim.url}/withdraw`), '409 wrong-state', {
    state: 'withdrawn',
    allowedFrom: ['submitted', 'inPanel', 'awaitingSecond', 'returned'],
    since: '2026-11-23T02:00:00.000Z',
  });
  await filed({ householdId: home.id, photoIds: [photo.id, more.id] });
  t.pass('its photos may be used again');
});

t.test('what is seen, and by whom', async t => {
  const { service, clerk, reviewer, supervisor, person, filed, passed } = await openReview(t);
  const home = await service.household();
  const claim = await filed({ householdId: home, note: '王五看见', place: '王五家门口' });
  const other = await passed();
  await reviewer('POST', `${claim.url}/reject`, { reason: '王五说没有' });
  const own = insisting(await service.asHousehold(home));
  const masked = {
    note: null,
    place: null,
    evidence: [{ kind: 'witness', text: null }],
    decisions: [{ reason: null }],
  };
  for (const by of [await person('auditor'), supervisor, insisting(await service.as('supervisionBoard'))]) {
    t.match((await by('GET', claim.url)).body, masked, by.actor.grants[0]![0]);
  }
  const whole = { note: '王五看见', evidence: witness, decisions: [{ reason: '王五说没有' }] };
  t.match((await clerk('GET', claim.url)).body, whole);
  t.match((await reviewer('GET', claim.url)).body, { ...whole, decisions: [{ decidedBy: reviewer.actor.id }] });
  t.match((await own('GET', claim.url)).body, { ...whole, decisions: [{ decidedBy: null, verdict: 'reject' }] });
  isRefused(t, await own('GET', other.url), '404 not-found');

  const ids = async (query: string, by = clerk) =>
    (await by('GET', `${claimsPath}?${query}`)).body.data.map((row: { id: string }) => row.id);
  t.strictSame(await ids(''), [other.id, claim.id]);
  t.strictSame(await ids('', own), [claim.id]);
  t.strictSame(await ids('state=inPanel&state=approved'), [other.id]);
  t.strictSame(await ids('state=withdrawn'), []);
  t.strictSame(await ids(`householdId=${home}`), [claim.id]);
  t.strictSame(await ids(`ruleId=${home}`), []);
  isRefused(t, await own('GET', `${claimsPath}?householdId=${other.householdId}`), '404 not-found');
  const { nextCursor } = (await clerk('GET', `${claimsPath}?limit=1`)).body;
  t.strictSame(await ids(`limit=1&cursor=${nextCursor}`), [claim.id]);
  isRefused(t, await clerk('GET', `${claimsPath}?limit=1&state=inPanel&cursor=${nextCursor}`), '400 cursor-mismatch');
  t.match(await pointsOf(clerk, home), { available: 0, pending: 0 });
});

t.test('a list of claims, each by itself', async t => {
  const { service, ids, clerk } = await openReview(t);
  const [first, second] = [await service.household(), await service.household()];
  const photo = await makePhoto(service, first);
  const item = { ruleId: ids.ENV03, quantity: 1, evidence: witness, occasion: 'cleaning' };
  const key = { 'idempotency-key': 'the-same-list' };
  const items = [
    { ref: 'a', ...item, householdId: first, photoIds: [photo.id] },
    { ref: 'b', ...item, householdId: first },
    { ref: 'c', ...item, householdId: second, evidence: [] },
    { ref: 'd', ...item, householdId: first, occasion: 'other', photoIds: [photo.id] },
    { ...item, householdId: second },
  ];
  const answer = await clerk('POST', `${claimsPath}/batch`, { items }, key);
  t.equal(answer.status, 207, answer.text);
  t.match(answer.body, {
    succeeded: 2,
    refused: 3,
    results: [
      { index: 0, ref: 'a', status: 201, problem: null, claim: { householdId: first, onBehalf: true } },
      { ref: 'b', status: 409, claim: null },
      { ref: 'c', status: 422, claim: null },
      { ref: 'd', status: 422, claim: null },
      { index: 4, ref: null, status: 201, claim: { householdId: second } },
    ],
  });
  const [{ claim }, b, c, d] = answer.body.results;
  isRefused(t, b.problem, '409 award-duplicate', { claimId: claim.id });
  isRefused(t, c.problem, '422 evidence-missing', { required: ['photo', 'witness'] });
  isRefused(t, d.problem, '422 photo-reused', { photoId: photo.id });
  t.equal((await clerk('POST', `${claimsPath}/batch`, { items }, key)).text, answer.text, 'the same list twice');
  t.equal((await clerk('GET', claimsPath)).body.data.length, 2);
  isRefused(t, await clerk('POST', `${claimsPath}/batch`, { items: [] }), '400 validation-failed', {
    errors: ['/items minItems'],
  });
});

t.test('what a household must claim by itself, nobody claims for it', async t => {
  const { service, ids, clerk } = await openReview(t, {}, [
    ruleDraft('SELF', { evidence: ['witness'], onBehalf: false }),
  ]);
  const householdId = await service.household();
  const input = { ruleId: ids.SELF, householdId, quantity: 1, evidence: witness };
  isRefused(t, await clerk('POST', claimsPath, input), '422 on-behalf-refused');
  const listed = await clerk('POST', `${claimsPath}/batch`, { items: [input] });
  t.equal(listed.body.results.length, 1);
  isRefused(t, listed.body.results[0].problem, '422 on-behalf-refused');
  const own = await service.asHousehold(householdId);
  t.match(await own('POST', claimsPath, input), { status: 201, body: { state: 'submitted' } });
});
