import { t } from 'tap';
import { approveReversal } from '../src/earning/reverse.ts';
import { householdAccount, redeemed } from '../src/ledger/accounts.ts';
import { postOne } from '../src/ledger/post.ts';
import {
  awarding,
  awardsPath,
  bookNumber,
  household,
  insisting,
  pointsOf,
  readyToRace,
  tally,
} from './support/awards.ts';
import { isRefused, refusalOf } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { type Caller, connect, nobody, openService, type Service, villages } from './support/service.ts';

// As under `npm test`; a file run by itself on a busy machine would have 30 seconds.
t.setTimeout(900_000);

const reversals = `/v1/villages/${villages.own}/reversals`;

async function setting(service: Service) {
  const rules = await adoptRules(service, [
    ruleDraft('ENV03', { points: 5, capTimes: 1, capPeriod: 'month', highestOnlyGroup: 'TOP' }),
    ruleDraft('ENV04', { points: 5, highestOnlyGroup: 'TOP' }),
  ]);
  const [clerk, admin, supervisor] = [
    insisting(await service.as('clerk')),
    insisting(await service.as('villageAdmin')),
    insisting(await service.as('supervisor')),
  ];
  /** An award to a household of its own. */
  const awarded = async () => {
    const home = await household(service);
    const input = { ruleId: rules.ENV03, householdId: home.id, occasion: 'clean-up' };
    const { body } = await awarding(clerk)(input);
    return { ...home, input, awardId: body.id as string, transactionNumber: body.transactionNumber as number };
  };
  const propose = (awardId: string, who: Caller = clerk, headers = {}) =>
    who('POST', reversals, { awardId, reason: '登记错户' }, headers);
  return { rules, clerk, admin, supervisor, awarded, propose };
}

t.test('a reversal takes back all of an award', async t => {
  const service = await openService(t);
  const { rules, clerk, admin, awarded, propose } = await setting(service);
  const { id, input, awardId, transactionNumber } = await awarded();

  const proposed = await propose(awardId);
  t.equal(proposed.status, 201, proposed.text);
  t.equal(proposed.headers.location, `${reversals}/${proposed.body.id}`);
  t.match(proposed.body, {
    awardId,
    householdId: id,
    reason: '登记错户',
    state: 'proposed',
    proposedBy: clerk.actor.id,
    decidedBy: null,
    reversalNumber: null,
  });
  t.equal((await pointsOf(clerk, id)).available, 5, 'nothing moves until a second person agrees');

  const approved = await admin('POST', `${reversals}/${proposed.body.id}/approve`);
  t.equal(approved.status, 200, approved.text);
  t.match(approved.body, { state: 'posted', decidedBy: admin.actor.id, reversalNumber: await bookNumber(service) });
  t.match(await pointsOf(clerk, id), { available: 0, honour: 0 });
  const award = (await clerk('GET', `${awardsPath}/${awardId}`)).body;
  t.match(award, { state: 'reversed', transactionNumber, reversalNumber: approved.body.reversalNumber });

  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  const { rows } = await owner.query('select * from ledger.transaction where number = $1', [award.reversalNumber]);
  t.match(rows[0], {
    kind: 'reversal',
    reverses: transactionNumber,
    actor: clerk.actor.id,
    approver: admin.actor.id,
    memo: null,
  });

  const again = await propose(awardId);
  isRefused(t, again, '409 already-reversed', { reversalNumber: award.reversalNumber });

  const renewed = await awarding(clerk)({ ...input, ruleId: rules.ENV04 });
  t.equal(renewed.status, 201, 'what excluded it is gone');
  await admin('POST', `${reversals}/${(await propose(renewed.body.id)).body.id}/approve`);
  t.equal((await awarding(clerk)(input)).status, 201, 'the occasion and the cap are free again');
  isRefused(t, await awarding(clerk)({ ...input, occasion: 'next' }), '422 cap-reached', {
    used: 1,
    cap: 'rule',
    limit: 1,
    resetsOn: '2026-12-01',
  });
});

t.test('two people', async t => {
  const service = await openService(t);
  const { admin, supervisor, clerk, awarded, propose } = await setting(service);
  const { awardId, id } = await awarded();
  const proposed = await propose(awardId, admin);
  for (const verb of ['approve', 'reject']) {
    const body = verb === 'reject' ? { reason: '无误' } : undefined;
    const own = await admin('POST', `${reversals}/${proposed.body.id}/${verb}`, body);
    isRefused(t, own, '403 second-person-required', { firstUserId: admin.actor.id });
    isRefused(t, await clerk('POST', `${reversals}/${proposed.body.id}/${verb}`, body), '403 forbidden', {
      requiredRoles: ['villageAdmin', 'supervisor'],
    });
    isRefused(t, await supervisor('POST', `${reversals}/${crypto.randomUUID()}/${verb}`, body), '404 not-found');
  }
  t.equal((await supervisor('POST', `${reversals}/${proposed.body.id}/approve`)).status, 200);
  t.equal((await pointsOf(clerk, id)).available, 0);

  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  const change = (set: string) => owner.query(`update earning.reversal set ${set}`);
  await t.rejects(change('decided_by = proposed_by'), /reversal_second_person/);
  for (const column of ['decided_by', 'decided_at', 'reversal_number']) {
    await t.rejects(change(`${column} = null`), /reversal_decided/, column);
  }
  await t.rejects(owner.query('update earning.award set reversal_number = null'), /award_reversed/);
  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  for (const statement of [
    'delete from earning.award',
    'delete from earning.reversal',
    'update earning.award set points = 1',
    'update earning.award set transaction_number = 1',
    "update earning.reversal set reason = 'x'",
    'update earning.reversal set proposed_by = decided_by',
  ]) {
    await t.rejects(app.query(statement), { code: '42501' }, statement);
  }
});

t.test('one proposal at a time', async t => {
  const service = await openService(t);
  const { admin, supervisor, clerk, awarded, propose } = await setting(service);
  const { awardId, id } = await awarded();
  const key = { 'idempotency-key': 'propose-1' };
  const first = await propose(awardId, clerk, key);
  t.equal((await propose(awardId, clerk, key)).text, first.text, 'the same key: the same proposal');
  const second = await propose(awardId, admin);
  isRefused(t, second, '409 already-exists', { field: 'awardId', existingId: first.body.id });
  isRefused(t, await propose(crypto.randomUUID()), '404 not-found');

  const rejected = await supervisor('POST', `${reversals}/${first.body.id}/reject`, { reason: '核对无误' });
  t.equal(rejected.status, 200);
  t.match(rejected.body, { state: 'rejected', rejectionReason: '核对无误', decidedBy: supervisor.actor.id });
  t.equal((await pointsOf(clerk, id)).available, 5);
  const late = await supervisor('POST', `${reversals}/${first.body.id}/approve`);
  isRefused(t, late, '409 wrong-state', {
    state: 'rejected',
    allowedFrom: ['proposed'],
    since: '2026-11-23T02:00:00.000Z',
  });

  await readyToRace(service);
  const racing = await Promise.all(Array.from({ length: 8 }, (_, i) => propose(awardId, i % 2 ? admin : clerk)));
  t.strictSame(tally(racing), { 201: 1, 'already-exists': 7 }, 'after a rejection, one again');
});

t.test('approved by many at once, it is posted once', async t => {
  const service = await openService(t);
  const { admin, supervisor, clerk, awarded, propose } = await setting(service);
  const { awardId, id } = await awarded();
  const { body } = await propose(awardId);
  await readyToRace(service);
  const before = await bookNumber(service);
  const approve = `${reversals}/${body.id}/approve`;
  const replies = await Promise.all(
    Array.from({ length: 12 }, (_, i) => (i % 2 ? admin : supervisor)('POST', approve)),
  );
  t.strictSame(tally(replies), { 200: 1, 'wrong-state': 11 });
  t.equal(await bookNumber(service), before + 1);
  t.match(await pointsOf(clerk, id), { available: 0, honour: 0 });

  const key = { 'idempotency-key': 'approve-1' };
  const other = await awarded();
  const proposal = await propose(other.awardId);
  const again = await Promise.all(
    Array.from({ length: 5 }, () => admin('POST', `${reversals}/${proposal.body.id}/approve`, undefined, key)),
  );
  t.equal(new Set(again.map(reply => reply.text)).size, 1);
});

/** Spends of a household's points what lies between it and a shop. */
function spend(service: Service, householdId: string, amount: number) {
  return service.inVillage(villages.own, tx =>
    postOne(tx, villages.own, {
      id: crypto.randomUUID(),
      kind: 'redemption',
      cause: `redemption:${crypto.randomUUID()}`,
      actor: nobody.id,
      occurredAt: '2026-11-23T02:00:00.000Z',
      businessDate: '2026-11-23',
      transfers: [{ from: householdAccount(householdId, 'available'), to: redeemed, asset: 'PTS', amount }],
    }),
  );
}

t.test('points that are spent are owed', async t => {
  const service = await openService(t);
  const { admin, clerk, awarded, propose } = await setting(service);
  const { awardId, id, transactionNumber } = await awarded();
  await spend(service, id, 3);
  const { body } = await propose(awardId);
  const before = await bookNumber(service);
  const approved = await admin('POST', `${reversals}/${body.id}/approve`);
  t.equal(approved.status, 200, approved.text);
  t.match(approved.body, { state: 'posted', reversalNumber: before + 2 });
  t.match(await pointsOf(clerk, id), { available: 0, arrears: 3, honour: 0 });
  const { data } = (await clerk('GET', `/v1/villages/${villages.own}/transactions?limit=2`)).body;
  t.match(data, [
    { kind: 'reversal', reverses: transactionNumber, actorId: clerk.actor.id, approverId: admin.actor.id },
    {
      kind: 'arrears',
      actorId: clerk.actor.id,
      approverId: admin.actor.id,
      transfers: [{ from: householdAccount(id, 'arrears'), to: householdAccount(id, 'available'), amount: 3 }],
    },
  ]);
  isRefused(
    t,
    await admin('POST', `${reversals}/${body.id}/approve`),
    '409 wrong-state',
    { state: 'posted', allowedFrom: ['proposed'], since: '2026-11-23T02:00:00.000Z' },
    'once',
  );

  // What it earns now pays first. What it spends of the rest is owed when that is taken back, too.
  const other = await awarding(clerk)({ ...(await awarded()).input, householdId: id, occasion: 'later' });
  t.match(await pointsOf(clerk, id), { available: 2, arrears: 0, honour: 5 });
  await spend(service, id, 2);
  const second = await propose(other.body.id);
  t.equal((await admin('POST', `${reversals}/${second.body.id}/approve`)).status, 200);
  t.match(await pointsOf(clerk, id), { available: 0, arrears: 5, honour: 0 });
});

t.test('or do not come back, where the village says so', async t => {
  const service = await openService(t, { policy: { arrears: 'reject' } });
  const { admin, clerk, awarded, propose } = await setting(service);
  const { awardId, id } = await awarded();
  await spend(service, id, 3);
  const { body } = await propose(awardId);
  const before = await bookNumber(service);
  const refused = await admin('POST', `${reversals}/${body.id}/approve`);
  isRefused(t, refused, '422 reversal-arrears', {
    available: 2,
    required: 5,
    asset: 'PTS',
    accountCode: `household:${id}:available`,
  });
  t.equal(await bookNumber(service), before);
  t.match(await pointsOf(clerk, id), { available: 2, honour: 5 }, 'honour neither');
  t.equal((await clerk('GET', `${awardsPath}/${awardId}`)).body.state, 'posted');
  t.equal((await clerk('GET', `${reversals}/${body.id}`)).body.state, 'proposed', 'and may be approved later');
});

t.test('an award on the notice board is taken back from there', async t => {
  const service = await openService(t, { policy: { directAwardPublicityDays: 3 } });
  const { admin, clerk, awarded, propose } = await setting(service);
  const { awardId, id } = await awarded();
  t.equal((await pointsOf(clerk, id)).pending, 5);
  const { body } = await propose(awardId);
  t.equal((await admin('POST', `${reversals}/${body.id}/approve`)).status, 200);
  t.match(await pointsOf(clerk, id), { available: 0, pending: 0, honour: 0 });
});

t.test('a transaction that was reversed by another way is not reversed again', async t => {
  const service = await openService(t);
  const { admin, awarded, propose } = await setting(service);
  const { awardId, transactionNumber } = await awarded();
  const { body } = await propose(awardId);
  await service.inVillage(villages.own, tx =>
    postOne(tx, villages.own, {
      id: crypto.randomUUID(),
      kind: 'correction',
      cause: `correction:${transactionNumber}`,
      actor: nobody.id,
      occurredAt: '2026-11-23T02:00:00.000Z',
      businessDate: '2026-11-23',
      reverses: transactionNumber,
    }),
  );
  const number = await bookNumber(service);
  const approved = service.inVillage(villages.own, tx =>
    approveReversal(tx, admin.actor, { village: villages.own, reversalId: body.id }, service.clock.now()),
  );
  t.strictSame(await refusalOf(approved), { code: 'already-reversed', facts: { reversalNumber: number } });
});

t.test('looking at reversals', async t => {
  const service = await openService(t);
  const { clerk, supervisor, awarded, propose } = await setting(service);
  const [ours, theirs] = [await awarded(), await awarded()];
  const own = (await propose(ours.awardId)).body;
  const other = (await propose(theirs.awardId)).body;
  await supervisor('POST', `${reversals}/${other.id}/reject`, { reason: '无误' });

  const ids = async (who: Caller, query = '') =>
    (await who('GET', `${reversals}${query}`)).body.data.map((one: { id: string }) => one.id);
  t.strictSame(await ids(clerk), [other.id, own.id], 'the newest first');
  t.strictSame(await ids(clerk, '?state=proposed'), [own.id]);
  t.strictSame(await ids(clerk, '?state=posted&state=rejected'), [other.id]);
  const page = await clerk('GET', `${reversals}?limit=1`);
  t.strictSame(await ids(clerk, `?limit=1&cursor=${page.body.nextCursor}`), [own.id]);
  isRefused(t, await clerk('GET', `${reversals}?state=proposed&cursor=${page.body.nextCursor}`), '400 cursor-mismatch');

  const home = await service.asHousehold(ours.id);
  t.strictSame(await ids(home), [own.id]);
  t.equal((await home('GET', `${reversals}/${own.id}`)).status, 200);
  isRefused(t, await home('GET', `${reversals}/${other.id}`), '404 not-found');
});
