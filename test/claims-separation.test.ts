import { randomUUID } from 'node:crypto';
import { t } from 'tap';
import { insisting } from './support/awards.ts';
import { claimsPath, declareKin, no, openReview, yes } from './support/claims.ts';
import { isRefused } from './support/refusal.ts';
import { ruleDraft } from './support/rules.ts';
import { connect, villages } from './support/service.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

t.test('who enters, who reviews, who votes and who confirms are different people', async t => {
  const { service, clerk, reviewer, supervisor, person, filed, passed, voted } = await openReview(t);
  const owner = await connect(t, service.ownerUrl);
  const grant = (userId: string, role: string, prefix: string) =>
    owner.query(
      `insert into identity.grant (id, user_id, role, prefix, granted_by, granted_at)
       select gen_random_uuid(), $1, $2, $3, granted_by, granted_at from identity.grant where user_id = $1`,
      [userId, role, prefix],
    );
  // A clerk who is a reviewer too.
  const jack = await person('clerk');
  await grant(jack.actor.id, 'reviewer', villages.own);
  const grants: typeof jack.actor.grants = [...jack.actor.grants, ['reviewer', villages.own]];
  const asReviewer = insisting(await service.callerFor({ ...jack.actor, grants }, null));
  const self = { firstUserId: jack.actor.id };
  const his = await filed({}, jack);
  isRefused(t, await asReviewer('POST', `${his.url}/take`), '403 second-person-required', self);
  isRefused(t, await asReviewer('POST', `${his.url}/pass`, {}), '403 second-person-required', self);
  isRefused(t, await asReviewer('POST', `${his.url}/return`, { question: '?' }), '403 second-person-required', self);
  isRefused(t, await asReviewer('POST', `${his.url}/reject`, { reason: '不合' }), '403 second-person-required', self);
  await reviewer('POST', `${his.url}/pass`, {});
  isRefused(t, await asReviewer('POST', `${his.url}/votes`, yes), '403 second-person-required', self);
  isRefused(t, await reviewer('POST', `${his.url}/votes`, yes), '403 second-person-required', {
    firstUserId: reviewer.actor.id,
  });
  const queue = async (by: typeof jack, query = 'step=panel') =>
    (await by('GET', `${claimsPath}/queue?${query}`)).body.data.map((row: { id: string }) => row.id);
  t.strictSame([await queue(asReviewer), await queue(reviewer)], [[], []], 'nor do their work lists show it');
  t.strictSame(await queue(await person('reviewer')), [his.id]);

  const cousin = await person('reviewer');
  const kins = await filed();
  await declareKin(service, cousin.actor.id, kins.householdId);
  for (const [verb, body] of [
    ['take', undefined],
    ['pass', {}],
    ['return', { question: '?' }],
    ['reject', { reason: '不合' }],
  ] as const) {
    isRefused(t, await cousin('POST', `${kins.url}/${verb}`, body), '403 own-household', {}, verb);
  }
  t.strictSame(await queue(cousin, 'step=firstReview'), []);
  t.strictSame(await queue(reviewer, 'step=firstReview'), [kins.id]);
  await reviewer('POST', `${kins.url}/pass`, {});
  isRefused(t, await cousin('POST', `${kins.url}/votes`, yes), '403 own-household');
  await owner.query('update households.kin set ended_by = declared_by, ended_at = now()');
  t.equal((await cousin('POST', `${kins.url}/votes`, yes)).status, 200, 'when it has ended');

  const byHand = await passed({ custom: { points: 3, reason: '细则没有' } });
  await voted(byHand.url, yes, yes);
  await declareKin(service, supervisor.actor.id, byHand.householdId, 'own');
  isRefused(t, await supervisor('POST', `${byHand.url}/confirm`), '403 own-household');
  isRefused(t, await supervisor('POST', `${byHand.url}/reject`, { reason: '不合' }), '403 own-household');
  t.equal((await (await person('supervisor'))('POST', `${byHand.url}/confirm`)).status, 200);
  t.match((await clerk('GET', byHand.url)).body, { state: 'approved' });
});

t.test('in the database too, as the service and as its owner', async t => {
  const { service, clerk, reviewer, supervisor, filed, passed, voted } = await openReview(t);
  const app = await connect(t, service.appUrl);
  const owner = await connect(t, service.ownerUrl);
  for (const client of [app, owner]) await client.query(`set jifen.scope = '${villages.own}'`);
  const claim = await filed();
  const decide = async (step: string, verdict: string, by: string, id = claim.id) => {
    const { rows } = await app.query(`select claims.decide($1, $2, $3, $4, null, null, $5, now()) as answer`, [
      villages.own,
      id,
      step,
      verdict,
      by,
    ]);
    return rows[0].answer;
  };
  const forbidden = (role: string) => ({ refusal: 'forbidden', facts: { requiredRoles: [role] } });
  const submitted = (...allowedFrom: string[]) => ({
    refusal: 'wrong-state',
    facts: { since: '2026-11-23T02:00:00+00:00', state: 'submitted', allowedFrom },
  });
  t.strictSame(await decide('firstReview', 'pass', clerk.actor.id), forbidden('reviewer'), 'whoever is no reviewer');
  t.strictSame(await decide('second', 'approve', reviewer.actor.id), forbidden('supervisor'));
  t.strictSame(
    await decide('firstReview', 'pass', claim.householdId),
    forbidden('reviewer'),
    'a household never decides',
  );
  const also = (userId: string, role: string, prefix: string, until = 'infinity') =>
    owner.query(
      `insert into identity.grant (id, user_id, role, prefix, granted_by, granted_at, until)
       values (gen_random_uuid(), $1, $2, $3, $4, now() - interval '9 days', $5)`,
      [userId, role, prefix, randomUUID(), until],
    );
  await also(reviewer.actor.id, 'supervisor', villages.own);
  await also(reviewer.actor.id, 'supervisor', villages.own.slice(0, 6), 'yesterday');
  t.strictSame(
    await decide('second', 'approve', reviewer.actor.id),
    forbidden('supervisor'),
    'nor from the village, or ended',
  );
  await also(reviewer.actor.id, 'supervisor', villages.own.slice(0, 9));
  await also(clerk.actor.id, 'reviewer', villages.own);
  await also(supervisor.actor.id, 'reviewer', villages.own);
  t.strictSame(await decide('firstReview', 'pass', clerk.actor.id), {
    refusal: 'second-person-required',
    facts: { firstUserId: clerk.actor.id },
  });
  await declareKin(service, supervisor.actor.id, claim.householdId);
  t.strictSame(await decide('firstReview', 'pass', supervisor.actor.id), { refusal: 'own-household', facts: {} });
  t.strictSame(await decide('panel', 'approve', reviewer.actor.id), submitted('inPanel'));
  t.strictSame(await decide('second', 'approve', reviewer.actor.id), submitted('awaitingSecond'));
  t.strictSame(await decide('firstReview', 'pass', reviewer.actor.id, clerk.actor.id), {
    refusal: 'not-found',
    facts: {},
  });
  await t.rejects(decide('firstReview', 'approve', reviewer.actor.id), /decision_verdict/);
  await t.rejects(decide('firstReview', 'reject', reviewer.actor.id), /decision_reason/);

  const change = (set: string) => `update claims.claim set ${set} where id = '${claim.id}'`;
  for (const statement of [
    `insert into claims.decision select * from claims.decision`,
    `update claims.decision set verdict = 'pass'`,
    `delete from claims.decision`,
    `delete from claims.claim`,
    change(`passed_by = '${reviewer.actor.id}'`),
    change('agreed_points = 5, agreed_quantity = 1'),
    change(`confirmed_by = '${reviewer.actor.id}'`),
    change(`submitted_by = '${reviewer.actor.id}'`),
    change('second_from_points = 1000'),
  ]) {
    await t.rejects(app.query(statement), { code: '42501' }, statement);
  }
  await t.rejects(app.query(change(`state = 'approved'`)), /claim_(decided|confirmed)/);
  await t.rejects(app.query(change(`state = 'inPanel'`)), /claim_decided/);
  await t.rejects(app.query(change(`taken_by = submitted_by, taken_until = now()`)), /claim_second_person/);

  const p = reviewer.actor.id;
  const raw = (set: string) => owner.query(change(set));
  await t.rejects(raw(`passed_by = submitted_by`), /claim_second_person/);
  await t.rejects(raw(`confirmed_by = submitted_by`), /claim_second_person/);
  await t.rejects(raw(`passed_by = '${p}', confirmed_by = '${p}'`), /claim_second_person/);
  const agreed = `agreed_quantity = 1, agreed_points = 30, state = 'approved'`;
  await t.rejects(raw(`${agreed}`), /claim_(decided|confirmed)/);
  await t.rejects(raw(`${agreed}, passed_by = '${p}'`), /claim_confirmed/, 'so many points need a second person');
  await t.rejects(raw(`state = 'approved', passed_by = '${p}'`), /claim_(decided|confirmed)/);
  const byHand = `custom_points = 3, custom_reason = 'x', ${agreed.replace('30', '3')}`;
  await t.rejects(raw(`${byHand}, passed_by = '${p}'`), /claim_confirmed/, 'and so do points by hand, however few');
  const insert = (columns: { by: string; submitter?: string; household?: string; number?: number; step?: string }) =>
    owner.query(
      `insert into claims.decision (village, claim_id, number, household_id, submitted_by, round, step, verdict, quantity,
                                    decided_by, decided_at)
       values ($1, $2, $3, $4, $5, 1, $6, case $6 when 'firstReview' then 'pass' else 'approve' end, 1, $7, now())`,
      [
        villages.own,
        claim.id,
        columns.number ?? 1,
        columns.household ?? claim.householdId,
        columns.submitter ?? clerk.actor.id,
        columns.step ?? 'firstReview',
        columns.by,
      ],
    );
  await t.rejects(insert({ by: clerk.actor.id }), /decision_second_person/);
  await t.rejects(insert({ by: clerk.actor.id, submitter: p }), /decision_claim_fkey/, 'the submitter is the claim’s');
  await t.rejects(insert({ by: p, household: await service.household() }), /decision_claim_fkey/);
  await t.rejects(insert({ by: claim.householdId }), /decision_second_person/);
  await insert({ by: p });
  await t.rejects(insert({ by: p, number: 2, step: 'panel' }), /decision_person_key/, 'one person, one say');
  await t.rejects(insert({ by: p, number: 2, step: 'second' }), /decision_person_key/);
  await t.rejects(insert({ by: supervisor.actor.id, number: 2 }), /decision_first_key/);

  const other = await passed();
  await voted(other.url, no);
  const { rows } = await owner.query('select count(*)::integer as n from claims.decision where claim_id = $1', [
    other.id,
  ]);
  t.equal(rows[0].n, 2);
});

t.test('many decisions in one call, each by itself', async t => {
  const { service, ids, clerk, reviewer, person, filed, passed } = await openReview(t, { reviewSteps: 'firstReview' }, [
    ruleDraft('CAP01', { capTimes: 1, capPeriod: 'month', evidence: ['witness'] }),
  ]);
  const householdId = await service.household();
  const cap = { householdId, ruleId: ids.CAP01 };
  const claims = [await filed(cap), await filed(cap), await filed(), await filed(), await filed({ quantity: 6 })];
  await declareKin(service, reviewer.actor.id, claims[3]!.householdId);
  const other = await person('reviewer');
  const taken = await filed();
  await other('POST', `${taken.url}/take`);
  const pass = (place: number) => ({ claimId: claims[place]!.id, step: 'firstReview', verdict: 'pass' });
  const items = [
    { ref: 'a', ...pass(0) },
    pass(1),
    { ...pass(2), verdict: 'reject', reason: '照片看不清' },
    pass(3),
    pass(4),
    pass(0),
    // Once more what the book has refused: it is asked again.
    pass(1),
    { ...pass(2), claimId: taken.id },
    { ...pass(2), claimId: householdId },
    { ...pass(2), verdict: 'reject' },
    { ...pass(2), step: 'panel' },
    { ...pass(2), step: 'second', verdict: 'approve' },
  ];
  const answer = await reviewer('POST', `${claimsPath}/decisions/batch`, { items });
  t.equal(answer.status, 207, answer.text);
  const seen = answer.body.results.map((line: { claim?: { state: string }; problem?: { code: string } }) =>
    line.claim ? line.claim.state : line.problem!.code,
  );
  t.strictSame(seen, [
    'approved',
    'cap-reached',
    'rejected',
    'own-household',
    'awaitingSecond',
    'wrong-state',
    'cap-reached',
    'review-taken',
    'not-found',
    'validation-failed',
    'validation-failed',
    'forbidden',
  ]);
  t.match(answer.body, { succeeded: 3, refused: 9, results: [{ index: 0, ref: 'a', status: 200, problem: null }] });
  const states = async () => {
    const { data } = (await clerk('GET', claimsPath)).body;
    return data.map((row: { state: string }) => row.state).sort();
  };
  t.strictSame(await states(), ['approved', 'awaitingSecond', 'rejected', 'submitted', 'submitted', 'submitted']);
  const book = (await (await person('villageAdmin'))('POST', `/v1/villages/${villages.own}/book/verify`)).body;
  t.equal(book.sound, true);
  t.equal((await clerk('GET', `/v1/villages/${villages.own}/awards`)).body.data.length, 1);
  t.equal(await passed().then(() => 'passed'), 'passed');
});
