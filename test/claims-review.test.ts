import { sql } from 'drizzle-orm';
import { t } from 'tap';
import { dayOf, iso } from '../src/calendar.ts';
import { awardsPath, pointsOf, readyToRace, tally } from './support/awards.ts';
import { claimsPath, no, openReview, witness, yes } from './support/claims.ts';
import { makePhoto } from './support/photos-rows.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, testPolicy, villages } from './support/service.ts';
import { countBlocked, until, untilBlocked } from './support/waiting.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('first review, panel, and an award on the notice board', async t => {
  const { service, clerk, reviewer, supervisor, person, filed, voted } = await openReview(t);
  const householdId = await service.household();
  const photo = await makePhoto(service, householdId);
  const claim = await filed({ householdId, quantity: 4, photoIds: [photo.id], note: '清扫', occasion: 'cleaning' });
  isRefused(t, await reviewer('POST', `${claim.url}/pass`, { quantity: 5 }), '422 out-of-bounds', {
    field: 'quantity',
    max: 4,
    min: 1,
  });
  const passed = await reviewer('POST', `${claim.url}/pass`, { quantity: 3 });
  t.match(passed.body, { state: 'inPanel', agreedQuantity: null, decisions: [{ verdict: 'pass', quantity: 3 }] });
  const voter = await person('reviewer');
  const first = await voter('POST', `${claim.url}/votes`, { ...yes, quantity: 3 });
  t.match(first.body, { state: 'inPanel', decisions: [Object, { step: 'panel', verdict: 'approve', quantity: 3 }] });
  isRefused(t, await voter('POST', `${claim.url}/votes`, no), '409 already-exists', { field: 'claimId' });
  t.match(await pointsOf(clerk, householdId), { pending: 0 });
  const [second] = await voted(claim.url, { ...yes, quantity: 2 });
  t.match(second!.body, { state: 'approved', agreedQuantity: 2, agreedPoints: 10 }, 'the least of the yeses');
  t.match(await pointsOf(clerk, householdId), { available: 0, pending: 10 });
  isRefused(t, (await voted(claim.url, yes))[0]!, '409 wrong-state', {
    state: 'approved',
    since: '2026-11-23T02:00:00.000Z',
    allowedFrom: ['inPanel'],
  });
  isRefused(t, await supervisor('POST', `${claim.url}/confirm`), '409 wrong-state', {
    since: '2026-11-23T02:00:00.000Z',
    state: 'approved',
    allowedFrom: ['awaitingSecond'],
  });

  const award = (await clerk('GET', `/v1/villages/${villages.own}/awards/${second!.body.awardId}`)).body;
  const deciders = second!.body.decisions.map((one: { decidedBy: string }) => one.decidedBy);
  t.match(award, { claimId: claim.id, createdBy: clerk.actor.id, decidedBy: deciders, quantity: 2, note: '清扫' });
  t.match(award, { state: 'pending', occasion: 'cleaning' });
  t.equal(deciders.length, 3);
  const entry = (await clerk('GET', `/v1/villages/${villages.own}/transactions/${award.transactionNumber}`)).body;
  t.match(entry, {
    actorId: clerk.actor.id,
    approverId: deciders[2],
    frozen: {
      claimId: claim.id,
      photo1: photo.sha256.toString('hex'),
      decision1: `firstReview pass ${reviewer.actor.id}`,
      decision2: `panel approve ${deciders[1]}`,
      decision3: `panel approve ${deciders[2]}`,
      publicityDays: '3',
    },
  });
});

t.test('as the policy of the day says on which it is filed', async t => {
  const { service, reviewer, person, filed, voted } = await openReview(t);
  const admin = await person('villageAdmin');
  const tomorrow = async (policy: object) => {
    service.clock.pass({ hours: 24 });
    const day = dayOf(service.clock.now().add({ hours: 24 })).toString();
    const settings = { ...testPolicy, validFrom: day, ...policy };
    const { status, text } = await admin('POST', `/v1/villages/${villages.own}/policies`, settings);
    t.equal(status, 201, text);
    service.clock.pass({ hours: 24 });
  };
  const [open, over, lost] = ['inPanel', 'approved', 'rejected'];
  const panel = async (policy: object, ...votes: [object, string][]) => {
    await tomorrow({ reviewSteps: 'panel', ...policy });
    const claim = await filed();
    isRefused(t, await reviewer('POST', `${claim.url}/pass`, {}), '409 wrong-state', {
      state: open,
      since: iso(service.clock.now()),
      allowedFrom: ['submitted'],
    });
    const answers = await voted(claim.url, ...votes.map(([vote]) => vote));
    t.strictSame(
      answers.map(({ body }) => body.state),
      votes.map(([, state]) => state),
    );
  };
  await panel({ panelSize: 3 }, [no, open], [yes, open], [yes, over]);
  await panel({ panelSize: 3 }, [no, open], [no, lost]);
  await panel({ panelSize: 4 }, [yes, open], [no, open], [yes, open], [no, lost]);
  await panel({ panelSize: 5 }, [yes, open], [yes, open], [yes, open], [no, over]);
  await panel({ panelSize: 5 }, [yes, open], [no, open], [yes, open], [no, open], [yes, over]);

  await tomorrow({ reviewSteps: 'firstReview' });
  const claim = await filed({ quantity: 3 });
  await tomorrow({ reviewSteps: 'panel' });
  const answer = await reviewer('POST', `${claim.url}/pass`, { quantity: 2 });
  t.match(answer.body, { state: over, agreedQuantity: 2, agreedPoints: 10 }, 'and not of the day of its review');
  t.ok(answer.body.awardId);
});

t.test('a second person one level up', async t => {
  const { service, clerk, reviewer, supervisor, person, filed, passed, voted } = await openReview(t, {
    secondApproverFromPoints: 20,
  });
  const custom = { points: 3, reason: '细则没有对应事项' };
  const byHand = await passed({ custom });
  isRefused(t, await supervisor('POST', `${byHand.url}/confirm`), '409 wrong-state', {
    state: 'inPanel',
    since: '2026-11-23T02:00:00.000Z',
    allowedFrom: ['awaitingSecond'],
  });
  const read = { customReason: '细则没有对应事项', evidence: witness };
  t.match((await supervisor('GET', byHand.url)).body, read, 'who will have to confirm reads it beforehand');
  t.match((await voted(byHand.url, yes, yes))[1]!.body, { state: 'awaitingSecond', agreedPoints: 3, awardId: null });
  const admin = await person('villageAdmin');
  for (const by of [admin, reviewer, clerk]) {
    isRefused(
      t,
      await by('POST', `${byHand.url}/confirm`),
      '403 forbidden',
      { requiredRoles: ['supervisor'] },
      by.actor.grants[0]![0],
    );
  }
  isRefused(t, await reviewer('POST', `${byHand.url}/reject`, { reason: '不合' }), '403 forbidden', {
    requiredRoles: ['supervisor'],
  });
  t.match((await supervisor('GET', byHand.url)).body, read);
  const done = await supervisor('POST', `${byHand.url}/confirm`);
  t.match(done.body, { state: 'approved', agreedPoints: 3, decisions: [Object, Object, Object, { step: 'second' }] });
  t.match((await supervisor('GET', byHand.url)).body, read, 'and afterwards');
  t.match(await pointsOf(clerk, byHand.householdId), { pending: 3 }, 'the points by hand');

  const dear = await passed({ quantity: 4 });
  t.match((await voted(dear.url, yes, yes))[1]!.body, { state: 'awaitingSecond', agreedPoints: 20 });
  t.match((await supervisor('POST', `${dear.url}/reject`, { reason: '依据不足' })).body, { state: 'rejected' });
  const cheap = await passed({ quantity: 4 });
  t.match((await voted(cheap.url, { ...yes, quantity: 3 }, yes))[1]!.body, { state: 'approved', agreedPoints: 15 });

  // Somebody who is a reviewer and a supervisor has one say.
  const both = await service.callerFor(
    { ...supervisor.actor, grants: [...supervisor.actor.grants, ['reviewer', villages.own]] },
    null,
  );
  const owner = await connect(t, service.ownerUrl);
  await owner.query(
    `insert into identity.grant (id, user_id, role, prefix, granted_by, granted_at)
     select gen_random_uuid(), user_id, 'reviewer', $2, granted_by, granted_at from identity.grant where user_id = $1`,
    [both.actor.id, villages.own],
  );
  const twice = await filed({ custom });
  t.equal((await both('POST', `${twice.url}/pass`, {})).status, 200);
  isRefused(t, await both('POST', `${twice.url}/votes`, yes), '403 second-person-required', {
    firstUserId: both.actor.id,
  });
  await voted(twice.url, yes, yes);
  isRefused(t, await both('POST', `${twice.url}/confirm`), '403 second-person-required', {
    firstUserId: both.actor.id,
  });
});

t.test('the day’s maximum is for what one person enters, not for what others confirmed', async t => {
  const { service, ids, clerk, supervisor, passed, voted } = await openReview(t, { householdDayMaxPoints: 30 }, [
    ruleDraft('MIL02B', { points: 100, evidence: ['certificate'] }),
    ruleDraft('EDU01B', { points: 20, evidence: ['certificate'] }),
    ruleDraft('REC01', { points: 10, evidence: ['count'] }),
  ]);
  const householdId = await service.household();
  const evidence = [{ kind: 'certificate', text: '喜报原件' }];
  const direct = (quantity: number) =>
    clerk('POST', awardsPath, { ruleId: ids.REC01, householdId, quantity, occurredAt: '2026-11-23T01:00:00.000Z' });
  t.equal((await direct(2)).status, 201, 'entered by one person');

  for (const votes of [1, 2]) {
    const small = await passed({ householdId, ruleId: ids.EDU01B, evidence });
    t.equal((await voted(small.url, yes, yes))[1]!.body.state, 'approved', `the panel has seen it: ${votes}`);
  }
  const brave = await passed({ householdId, ruleId: ids.MIL02B, evidence });
  t.equal((await voted(brave.url, yes, yes))[1]!.body.state, 'awaitingSecond');
  const confirmed = await supervisor('POST', `${brave.url}/confirm`, {});
  t.equal(confirmed.status, 200, confirmed.text);
  t.match(await pointsOf(clerk, householdId), { pending: 140 });

  const over = await direct(2);
  isRefused(t, over, '422 cap-reached', { cap: 'householdDay', used: 20, limit: 30, resetsOn: '2026-11-24' });
  t.equal((await direct(1)).status, 201, 'what others confirmed leaves the day to the clerk');
});

t.test('what could never be paid is refused at filing', async t => {
  const { service, ids, filed, clerk } = await openReview(
    t,
    { issuingFund: '村集体经济', issuingBudgetFen: 10_000, pointValueFen: 100 },
    [ruleDraft('CAP04', { points: 5, capTimes: 4, capPeriod: 'month', evidence: ['witness'] })],
  );
  const householdId = await service.household();
  const file = (fields: object) =>
    clerk('POST', claimsPath, { ruleId: ids.ENV09, householdId, quantity: 1, evidence: witness, ...fields });
  isRefused(t, await file({ quantity: 11 }), '422 out-of-bounds', { field: 'points', min: 1, max: 100 });
  const byHand = await file({ custom: { points: 101, reason: '细则没有对应事项' } });
  isRefused(t, byHand, '422 out-of-bounds', { field: 'points', min: 1, max: 100 });
  const units = await file({ ruleId: ids.CAP04, quantity: 5 });
  isRefused(t, units, '422 out-of-bounds', { field: 'quantity', min: 1, max: 4 });
  t.ok(await filed({ quantity: 10, ruleId: ids.ENV09 }));
  t.ok(await filed({ quantity: 4, ruleId: ids.CAP04 }));
});

t.test('a claim is judged by the book that it was filed under', async t => {
  const { service, ids, reviewer, clerk, filed, voted } = await openReview(t);
  const claim = await filed();
  const next = await adoptRules(service, [ruleDraft('ENV03', { points: 9, evidence: ['witness'] })], {
    inForceFrom: '2026-11-24',
  });
  service.clock.set('2026-11-25T02:00:00Z');
  // As a book did that came into force on the very day: none can any more, but those who were caught by one are paid.
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  await owner.query(`update rules.rule_book set in_force_from = '2026-11-23' where in_force_from = '2026-11-24'`);
  t.equal((await reviewer('POST', `${claim.url}/pass`, {})).status, 200);
  const last = (await voted(claim.url, yes, yes))[1]!;
  t.equal(last.status, 200, last.text);
  const { awardId } = (await clerk('GET', claim.url)).body;
  t.match((await clerk('GET', `${awardsPath}/${awardId}`)).body, { ruleId: ids.ENV03, points: 5 });
  const gone = { ruleId: ids.ENV03, householdId: claim.householdId, quantity: 1, evidence: witness };
  isRefused(t, await clerk('POST', claimsPath, gone), '422 rule-not-in-force', {
    ruleId: ids.ENV03,
    fromOn: '2026-01-01',
    toOn: '2026-11-23',
  });
  t.equal((await clerk('POST', claimsPath, { ...gone, ruleId: next.ENV03 })).status, 201);
});

t.test('one at a time, for a quarter of an hour', async t => {
  const { service, reviewer, person, filed } = await openReview(t);
  const claim = await filed();
  const other = await person('reviewer');
  t.match((await reviewer('POST', `${claim.url}/take`)).body, {
    takenBy: reviewer.actor.id,
    takenUntil: '2026-11-23T02:15:00.000Z',
  });
  const taken = { until: '2026-11-23T02:15:00.000Z' };
  isRefused(t, await other('POST', `${claim.url}/take`), '409 review-taken', taken);
  isRefused(t, await other('POST', `${claim.url}/pass`, {}), '409 review-taken', taken);
  isRefused(t, await other('POST', `${claim.url}/reject`, { reason: '不合' }), '409 review-taken', taken);
  isRefused(t, await other('POST', `${claim.url}/release`), '409 review-taken', taken);
  const queue = async (by: typeof other) => (await by('GET', `${claimsPath}/queue?step=firstReview`)).body.data.length;
  t.strictSame([await queue(reviewer), await queue(other)], [1, 0]);
  service.clock.pass({ minutes: 14 });
  t.match((await reviewer('POST', `${claim.url}/take`)).body, { takenUntil: '2026-11-23T02:29:00.000Z' });
  service.clock.set('2026-11-23T02:28:59.999Z');
  isRefused(t, await other('POST', `${claim.url}/pass`, {}), '409 review-taken', { until: '2026-11-23T02:29:00.000Z' });
  service.clock.set('2026-11-23T02:29:00Z');
  t.equal(await queue(other), 1);
  t.match((await other('POST', `${claim.url}/pass`, {})).body, { state: 'inPanel', takenBy: null });
  isRefused(t, await other('POST', `${claim.url}/take`), '409 wrong-state', {
    state: 'inPanel',
    allowedFrom: ['submitted'],
    since: '2026-11-23T02:29:00.000Z',
  });

  const next = await filed();
  await reviewer('POST', `${next.url}/take`);
  t.match((await reviewer('POST', `${next.url}/release`)).body, { takenBy: null, takenUntil: null });
  t.match((await other('POST', `${next.url}/take`)).body, { takenBy: other.actor.id });
});

t.test('many at once', async t => {
  const { service, clerk, person, filed, passed } = await openReview(t, { panelSize: 3 });
  const people = await Promise.all(Array.from({ length: 6 }, () => person('reviewer')));
  const all = (url: string, body?: object) => Promise.all(people.map(by => by('POST', url, body)));
  const claim = await filed();
  await readyToRace(service);
  t.strictSame(tally(await all(`${claim.url}/take`)), { 200: 1, 'review-taken': 5 });
  const free = await filed();
  t.strictSame(tally(await all(`${free.url}/pass`, {})), { 200: 1, 'wrong-state': 5 });
  const voting = await passed();
  t.strictSame(tally(await all(`${voting.url}/votes`, yes)), { 200: 2, 'wrong-state': 4 });
  t.match(await pointsOf(clerk, voting.householdId), { pending: 5 }, 'one award');

  const dear = await passed({ quantity: 6 });
  for (const by of people.slice(0, 2)) await by('POST', `${dear.url}/votes`, yes);
  const supervisors = await Promise.all(Array.from({ length: 4 }, () => person('supervisor')));
  const confirmed = await Promise.all(supervisors.map(by => by('POST', `${dear.url}/confirm`)));
  t.strictSame(tally(confirmed), { 200: 1, 'wrong-state': 3 });
  t.match(await pointsOf(clerk, dear.householdId), { pending: 30 });

  const householdId = await service.household();
  const duplicates = Array.from({ length: 5 }, () => ({
    householdId,
    occasion: 'duplicate',
    quantity: 1,
    evidence: witness,
  }));
  const { ruleId } = (await clerk('GET', free.url)).body;
  const filings = duplicates.map(claim => clerk('POST', claimsPath, { ruleId, ...claim }));
  t.strictSame(tally(await Promise.all(filings)), { 201: 1, 'award-duplicate': 4 });
});

t.test('a list is decided first, and awarded at once at its end', async t => {
  const { service, ids, clerk, reviewer, filed } = await openReview(t, { reviewSteps: 'firstReview' }, [
    ruleDraft('CAP01', { capTimes: 1, capPeriod: 'month', evidence: ['witness'] }),
    ruleDraft('REC01'),
  ]);
  const [householdId, neighbour] = [await service.household(), await service.household()];
  const photo = await makePhoto(service, neighbour);
  const claims = [
    await filed({ householdId, ruleId: ids.CAP01 }),
    await filed({ householdId: neighbour, photoIds: [photo.id] }),
    await filed({ householdId, ruleId: ids.CAP01 }),
    await filed({ householdId }),
  ];
  const items = claims.map(({ id }, place) =>
    place === 1
      ? { claimId: id, step: 'firstReview', verdict: 'reject', reason: '不清楚' }
      : { claimId: id, step: 'firstReview', verdict: 'pass' },
  );
  const [held, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = service.inVillage(villages.own, async tx => {
    await tx.execute(sql`select from photos.use where photo_id = ${photo.id} for update`);
    held.resolve();
    await letGo.promise;
  });
  await held.promise;
  const deciding = reviewer('POST', `${claimsPath}/decisions/batch`, { items });
  const watch = await connect(t, service.ownerUrl);
  await untilBlocked(watch);
  const award = { ruleId: ids.REC01, householdId: neighbour, quantity: 1 };
  let meanwhile: number | undefined;
  const awarding = clerk('POST', awardsPath, award).then(({ status }) => {
    meanwhile = status;
  });
  await until(async () => meanwhile !== undefined || (await countBlocked(watch)) > 1, 'the award is made, or waits');
  t.equal(meanwhile, 201, 'nobody waits for the book until all are decided');
  letGo.resolve();
  await Promise.all([holding, awarding]);
  const { body } = await deciding;
  t.match(body, { succeeded: 3, refused: 1 });
  t.match(
    body.results.map((line: { status: number; claim: { state: string } | null }) => [line.status, line.claim?.state]),
    [[200, 'approved'], [200, 'rejected'], [422], [200, 'approved']],
  );
  isRefused(t, body.results[2].problem, '422 cap-reached', { cap: 'rule', used: 1, limit: 1, resetsOn: '2026-12-01' });
  t.match((await clerk('GET', claims[2]!.url)).body, { state: 'submitted', decisions: { length: 0 }, awardId: null });
  t.match(await pointsOf(clerk, householdId), { pending: 10 });
});

t.test('what the book refuses leaves the claim as it was', async t => {
  const { service, ids, clerk, reviewer, passed, filed, voted } = await openReview(t, {}, [
    ruleDraft('CAP01', { capTimes: 1, capPeriod: 'month', evidence: ['witness'] }),
  ]);
  const householdId = await service.household();
  const [first, second] = [
    await passed({ householdId, ruleId: ids.CAP01 }),
    await passed({ householdId, ruleId: ids.CAP01 }),
  ];
  t.equal((await voted(first.url, yes, yes))[1]!.body.state, 'approved');
  const refused = (await voted(second.url, yes, yes))[1]!;
  isRefused(t, refused, '422 cap-reached', { cap: 'rule', used: 1, limit: 1, resetsOn: '2026-12-01' });
  const stands = (await clerk('GET', second.url)).body;
  t.match([stands.state, stands.decisions.length, stands.agreedPoints], ['inPanel', 2, null]);
  t.match(await pointsOf(clerk, householdId), { pending: 5 });
  t.equal((await voted(second.url, no, no))[1]!.body.state, 'rejected');

  const late = await filed({ occurredAt: '2026-11-20T02:00:00.000Z' });
  service.clock.pass({ hours: 24 * 50 });
  await reviewer('POST', `${late.url}/pass`, {});
  t.equal((await voted(late.url, yes, yes))[1]!.body.state, 'approved', 'filed in time, it is never too late');
});
