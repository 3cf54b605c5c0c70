import { t } from 'tap';
import { household, insisting, pointsOf } from './support/awards.ts';
import { claimsPath, declareKin, openReview, witness } from './support/claims.ts';
import { makePhoto } from './support/photos-rows.ts';
import { ruleDraft } from './support/rules.ts';
import { villages } from './support/service.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(180_000);

t.test('a claim is filed by its household or for it, and judged early', async t => {
  const { service, ids, clerk, person } = await openReview(t, { backdateDays: 3 }, [
    ruleDraft('VOL01', { capScope: 'member', evidence: ['witness'] }),
    ruleDraft('DED01', { direction: 'deduction', evidence: ['witness'] }),
  ]);
  const home = await household(service);
  const own = insisting(await service.asHousehold(home.id));
  const photo = await makePhoto(service, home.id);
  const said = { ruleId: ids.ENV03, householdId: home.id, quantity: 2 };

  const made = await own('POST', claimsPath, {
    ...said,
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
    decisions: [],
  });

  const file = async (more: object, by = clerk) => {
    const { status, body } = await by('POST', claimsPath, { ...said, evidence: witness, ...more });
    return status === 201 ? body : { status, code: body.code, ...body };
  };
  t.match(await file({ occasion: 'cleaning' }), { code: 'award-duplicate', claimId: made.body.id });
  t.match(await file({ photoIds: [photo.id] }), { code: 'photo-reused', photoId: photo.id });
  const stranger = await makePhoto(service, await service.household());
  t.match(await file({ photoIds: [stranger.id] }), { code: 'not-found', field: 'photoIds' });
  t.match(await file({ evidence: [] }), { code: 'evidence-missing', required: ['photo', 'witness'] });
  t.match(await file({ evidence: [{ kind: 'count', text: '3 袋' }] }), { code: 'evidence-missing' });
  const fresh = await makePhoto(service, home.id);
  t.match(await file({ ruleId: ids.ENV09, evidence: [], photoIds: [fresh.id] }), {
    code: 'evidence-missing',
    required: ['witness'],
  });
  t.match(await file({ photoIds: [fresh.id], evidence: [] }), { state: 'submitted' }, 'its refusal has not used it');
  t.match(await file({ ruleId: ids.VOL01 }), { code: 'validation-failed' });
  t.match(await file({ ruleId: ids.VOL01, memberId: (await household(service)).members[0] }), { code: 'not-found' });
  t.match(await file({ ruleId: ids.VOL01, memberId: home.members[0] }), { memberId: home.members[0] });
  t.match(await file({ ruleId: ids.DED01 }), { code: 'out-of-bounds' });
  t.match(await file({ occurredAt: '2026-11-19T15:59:59.000Z' }), {
    code: 'business-date-refused',
    earliest: '2026-11-20',
  });
  t.match(await file({ occurredAt: '2026-11-19T16:00:00.000Z' }), { businessDate: '2026-11-20' });
  t.match(await file({ occurredAt: '2026-11-23T02:00:01.000Z' }), { code: 'business-date-refused' });
  t.match(await file({ ruleId: home.id }), { code: 'not-found', field: 'ruleId' });
  t.match(await file({ householdId: ids.ENV03 }), { code: 'not-found', field: 'householdId' });

  const neighbour = insisting(await service.asHousehold(await service.household()));
  t.match(await file({}, neighbour), { status: 404, code: 'not-found' }, 'for itself alone');
  const custom = { points: 8, reason: '细则没有对应事项' };
  t.match(await file({ custom }, own), { status: 403, code: 'forbidden' });
  t.match(await file({ custom }), { points: 8, customPoints: 8, customReason: '细则没有对应事项', onBehalf: true });
  const cousin = await person('clerk');
  await declareKin(service, cousin.actor.id, home.id);
  t.match(await file({}, cousin), { status: 403, code: 'own-household' });
  t.match(await file({ note: ' ' }), { status: 400 });
});

t.test('an occasion that was awarded cannot be claimed, and is free again when it was taken back', async t => {
  const { service, ids, clerk } = await openReview(t);
  const said = { ruleId: ids.ENV03, householdId: await service.household(), quantity: 1, occasion: 'cleaning' };
  const award = await clerk('POST', `/v1/villages/${villages.own}/awards`, said);
  const claim = () => clerk('POST', claimsPath, { ...said, evidence: witness });
  t.match((await claim()).body, { code: 'award-duplicate', awardId: award.body.id });
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
  t.match((await again(own)).body, { code: 'wrong-state', state: 'submitted', allowedFrom: ['returned'] });
  const question = { question: '清扫的是哪一段路？' };
  t.match((await reviewer('POST', `${claim.url}/return`, question)).body, { state: 'returned', round: 1 });
  t.match((await reviewer('POST', `${claim.url}/pass`, {})).body, { code: 'wrong-state', state: 'returned' });

  const other = await person('clerk');
  t.match((await again(other)).body, { code: 'forbidden' }, 'by its household or who filed it');
  t.equal((await again(insisting(await service.asHousehold(await service.household())))).status, 404);
  const more = await makePhoto(service, home.id);
  const many = Array.from({ length: 9 }, (_, place) => `0193563d-1111-7000-8000-00000000000${place}`);
  t.match((await again(own, { photoIds: many })).body, { code: 'out-of-bounds', field: 'photoIds' });
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
  t.match((await reviewer('POST', `${claim.url}/return`, question)).body, {
    code: 'out-of-bounds',
    field: 'returns',
    max: 1,
  });
  t.match((await reviewer('POST', `${claim.url}/pass`, {})).body, { state: 'inPanel' }, 'by the same person');

  t.match((await other('POST', `${claim.url}/withdraw`)).body, { code: 'forbidden' });
  t.match((await own('POST', `${claim.url}/withdraw`)).body, { state: 'withdrawn' });
  t.match((await own('POST', `${claim.url}/withdraw`)).body, { code: 'wrong-state', state: 'withdrawn' });
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
  t.equal((await own('GET', other.url)).status, 404);

  const ids = async (query: string, by = clerk) =>
    (await by('GET', `${claimsPath}?${query}`)).body.data.map((row: { id: string }) => row.id);
  t.strictSame(await ids(''), [other.id, claim.id]);
  t.strictSame(await ids('', own), [claim.id]);
  t.strictSame(await ids('state=inPanel&state=approved'), [other.id]);
  t.strictSame(await ids('state=withdrawn'), []);
  t.strictSame(await ids(`householdId=${home}`), [claim.id]);
  t.strictSame(await ids(`ruleId=${home}`), []);
  t.equal((await own('GET', `${claimsPath}?householdId=${other.householdId}`)).status, 404);
  const { nextCursor } = (await clerk('GET', `${claimsPath}?limit=1`)).body;
  t.strictSame(await ids(`limit=1&cursor=${nextCursor}`), [claim.id]);
  t.equal(
    (await clerk('GET', `${claimsPath}?limit=1&state=inPanel&cursor=${nextCursor}`)).body.code,
    'cursor-mismatch',
  );
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
      { ref: 'b', status: 409, claim: null, problem: { code: 'award-duplicate' } },
      { ref: 'c', status: 422, problem: { code: 'evidence-missing', required: ['photo', 'witness'] } },
      { ref: 'd', status: 422, problem: { code: 'photo-reused' } },
      { index: 4, ref: null, status: 201, claim: { householdId: second } },
    ],
  });
  t.equal((await clerk('POST', `${claimsPath}/batch`, { items }, key)).text, answer.text, 'the same list twice');
  t.equal((await clerk('GET', claimsPath)).body.data.length, 2);
  t.equal((await clerk('POST', `${claimsPath}/batch`, { items: [] })).status, 400);
});

t.test('what a household must claim by itself, nobody claims for it', async t => {
  const { service, ids, clerk } = await openReview(t, {}, [
    ruleDraft('SELF', { evidence: ['witness'], onBehalf: false }),
  ]);
  const householdId = await service.household();
  const said = { ruleId: ids.SELF, householdId, quantity: 1, evidence: witness };
  t.match(await clerk('POST', claimsPath, said), { status: 422, body: { code: 'on-behalf-refused' } });
  const listed = await clerk('POST', `${claimsPath}/batch`, { items: [said] });
  t.match(listed.body.results, [{ status: 422, problem: { code: 'on-behalf-refused' } }]);
  const own = await service.asHousehold(householdId);
  t.match(await own('POST', claimsPath, said), { status: 201, body: { state: 'submitted' } });
});
