import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { t } from 'tap';
import type { Tx } from '../src/db/database.ts';
import { holdHousehold } from '../src/households/household.ts';
import { lockBook, postOne } from '../src/ledger/post.ts';
import { pointsOf, readyToRace, tally } from './support/awards.ts';
import { awardOf, changesPath, give, openRegister, own, totals } from './support/changes.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, villages } from './support/service.ts';
import { untilBlocked } from './support/waiting.ts';

t.setTimeout(900_000);

/** Most tests share a village: each makes its own households. */
const register = await openRegister(t);
const drafts = [ruleDraft('R5'), ruleDraft('M1', { capScope: 'member' })];
const rules = await adoptRules(register.service, drafts);

t.test('a member moves, and another head is named', async t => {
  const { service, home, file, propose, changed, points, clerk, approve, lots } = register;
  const [a, b] = [await home('欧阳明月', '李四'), await home('王五')];
  await service.givePoints(a.id, 7);
  const [head, second] = a.members as [string, string];
  const move = { kind: 'memberMove', householdId: a.id, memberId: head, toHouseholdId: b.id };

  isRefused(t, await propose(move), '400 validation-failed', { errors: ['/headMemberId enum'] });
  isRefused(t, await propose({ ...move, headMemberId: head }), '400 validation-failed', {
    errors: ['/headMemberId enum'],
  });
  isRefused(t, await propose({ ...move, toHouseholdId: a.id }), '400 validation-failed', {
    errors: ['/toHouseholdId not'],
  });
  isRefused(t, await propose({ ...move, memberId: b.members[0] }), '409 member-elsewhere', { memberId: b.members[0] });
  const unknown = randomUUID();
  isRefused(t, await propose({ ...move, memberId: unknown }), '404 not-found', {
    field: 'memberId',
    memberId: unknown,
  });
  isRefused(t, await propose({ ...move, toHouseholdId: randomUUID(), headMemberId: second }), '404 not-found');
  isRefused(t, await propose({ ...move, points: 3 }), '400 validation-failed', {
    errors: ['/points additionalProperties'],
  });
  isRefused(
    t,
    await propose({ kind: 'memberMove', householdId: b.id, memberId: b.members[0], toHouseholdId: a.id }),
    '400 validation-failed',
    { errors: ['/memberId minItems'] },
  );

  const made = await propose({ ...move, headMemberId: second });
  t.match([made.status, made.headers.location], [201, `${changesPath}/${made.body.id}`]);
  t.match(made.body, { kind: 'memberMove', state: 'proposed', proposedBy: clerk.actor.id, transactionNumber: null });
  isRefused(t, await propose({ kind: 'close', householdId: a.id }), '409 household-has-balance', {
    balances: { available: 7 },
  });
  isRefused(t, await propose({ kind: 'head', householdId: a.id, headMemberId: second }), '409 already-exists');
  t.match((await approve(made.body.id)).body, { state: 'approved', transactionNumber: null });
  t.match(await file(a.id), { memberCount: 1, headMemberId: second, headName: '李四' });
  t.match(await file(b.id), { memberCount: 2, members: [{ name: '王五', isHead: true }, { name: '欧阳明月' }] });
  t.match([await points(a.id), await points(b.id)], [{ available: 7 }, { available: 0 }], 'nothing moves in the book');
  isRefused(t, await approve(made.body.id), '409 wrong-state', {
    state: 'approved',
    allowedFrom: ['proposed'],
    since: '2026-11-23T02:00:00.000Z',
  });

  const said = { kind: 'head', householdId: b.id, headMemberId: head };
  t.match((await changed(said)).body, { state: 'approved' });
  isRefused(t, await propose(said), '409 wrong-state', { state: 'head', memberId: head });
  isRefused(t, await propose({ ...said, headMemberId: second }), '400 validation-failed', {
    errors: ['/headMemberId enum'],
  });
  t.equal((await file(b.id)).headName, '欧阳明月');
  await lots.sound(t, 'after moves');
});

t.test('a household splits as the two sides signed, and points keep their days', async t => {
  const { service, home, file, propose, changed, points, clerk, approve, lots } = register;
  const a = await home('赵父', '赵母', '赵大', '赵大媳');
  await give(service, a.id, 100, { expiresOn: '2027-03-31' });
  await give(service, a.id, 61);
  await give(service, a.id, 40, { expiresOn: '2027-06-30' });
  await clerk('POST', `${own}/households/${a.id}/cards`);
  const before = await totals(service);
  const split = {
    kind: 'split',
    householdId: a.id,
    memberIds: a.members.slice(2),
    newHousehold: { number: 'H0777', grid: 1, address: '第一组 9 号', headMemberId: a.members[2] },
  };
  isRefused(t, await propose({ ...split, availablePoints: 202 }), '422 split-unequal', {
    available: 201,
    honour: 201,
    availablePoints: 202,
    honourPoints: 100,
  });
  isRefused(t, await propose({ ...split, honourPoints: 202 }), '422 split-unequal', {
    honour: 201,
    available: 201,
    availablePoints: 100,
    honourPoints: 202,
  });
  for (const [field, broken] of [
    ['newHousehold/headMemberId', { newHousehold: { ...split.newHousehold, headMemberId: a.members[0] } }],
    ['memberIds', { memberIds: a.members }],
    ['headMemberId', { memberIds: a.members.slice(0, 1), newHousehold: { grid: 1, headMemberId: a.members[0] } }],
  ] as const) {
    isRefused(t, await propose({ ...split, ...broken }), '422 split-unequal', { field });
  }
  isRefused(t, await propose({ ...split, newHousehold: { ...split.newHousehold, grid: 77 } }), '404 not-found', {
    field: 'grid',
  });
  const { number } = await file(a.id);
  isRefused(t, await propose({ ...split, newHousehold: { ...split.newHousehold, number } }), '409 already-exists', {
    field: 'number',
    existingId: a.id,
  });

  const key = { 'idempotency-key': randomUUID() };
  const made = await clerk('POST', changesPath, { ...split, reason: '分家' }, key);
  t.match(made.body, { availablePoints: 100, honourPoints: 100, newHousehold: { number: 'H0777', address: /./ } });
  t.equal((await clerk('POST', changesPath, { ...split, reason: '分家' }, key)).text, made.text, 'the same call twice');
  const done = await approve(made.body.id);
  t.equal(done.status, 200, done.text);
  const newId = done.body.toHouseholdId;
  t.strictSame(await totals(service), before, 'nothing is lost and nothing comes');
  t.match(await points(newId), { available: 100, honour: 100 });
  t.match(await points(a.id), { available: 101, honour: 101 });
  t.strictSame(await lots.of(newId), { '2027-03-31': 49, '2027-06-30': 20, infinity: 31 }, 'of each as much');
  t.strictSame(await lots.of(a.id), { '2027-03-31': 51, '2027-06-30': 20, infinity: 30 });
  t.match(await file(newId), { number: 'H0777', memberCount: 2, cardCount: 0, headName: '赵大', state: 'active' });
  t.match(await file(a.id), { memberCount: 2, cardCount: 1 });

  for (const [id, to, sign] of [
    [a.id, newId, -1],
    [newId, a.id, 1],
  ]) {
    const { data } = (await clerk('GET', `${own}/households/${id}/entries`)).body;
    t.match(data[0], { kind: 'householdSplit', amount: 100 * sign, counterAccountCode: `household:${to}:available` });
  }
  const shown = await clerk('GET', `${own}/transactions/${done.body.transactionNumber}`);
  t.notMatch(shown.text, /分家|赵/, 'no words in the book');
  await lots.sound(t, 'after a split');
  await lots.verified(t, 'after a split');

  const nobodys = await changed({
    ...split,
    memberIds: [a.members[1]],
    newHousehold: { grid: null, headMemberId: a.members[1] },
    availablePoints: 0,
    honourPoints: 0,
  });
  t.match(nobodys.body, { state: 'approved', transactionNumber: null }, 'nothing goes along: no transaction');
});

t.test('what was signed no longer holds', async t => {
  const { service, home, propose, points, clerk, approve, file, lots } = register;
  const [a, b] = [await home('孙一', '孙二'), await home()];
  await service.givePoints(a.id, 30);
  const split = { kind: 'split', householdId: a.id, memberIds: [a.members[1]], availablePoints: 30 };
  const newHousehold = { grid: 1, headMemberId: a.members[1] };
  const made = (await propose({ ...split, newHousehold })).body;
  await service.inVillage(villages.own, tx =>
    tx.execute(sql`update households.member set household_id = ${b.id} where id = ${a.members[1]}`),
  );
  const gone = await approve(made.id);
  isRefused(t, gone, '409 member-elsewhere', { memberId: a.members[1] });
  await service.inVillage(villages.own, tx =>
    tx.execute(sql`update households.member set household_id = ${a.id} where id = ${a.members[1]}`),
  );
  const award = { ruleId: rules.R5, householdId: a.id, quantity: 1, occasion: 'x' };
  await give(service, a.id, 5, { pending: true });
  isRefused(t, await approve(made.id), '409 household-has-balance', { balances: { pending: 5 } });
  t.match(await file(a.id), { memberCount: 2 }, 'all of it is undone');
  t.equal((await clerk('POST', `${changesPath}/${made.id}/withdraw`)).body.state, 'withdrawn');
  isRefused(t, await approve(made.id), '409 wrong-state', {
    state: 'withdrawn',
    allowedFrom: ['proposed'],
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await propose({ kind: 'merge', householdId: a.id, toHouseholdId: b.id }), '409 household-has-balance', {
    balances: { pending: 5 },
  });
  t.equal((await clerk('POST', `${own}/awards`, award)).status, 201);
  t.match(await points(a.id), { available: 35, pending: 5 });
  await lots.sound(t, 'nothing moved');
});

t.test('a merger carries all, closes the other household and finds the successor', async t => {
  const { service, home, file, propose, changed, points, clerk, admin, other, lots } = register;
  const [a, b] = [await home('钱老', '钱婆'), await home('钱小')];
  t.equal((await admin('POST', `${own}/base-points`)).status, 200);
  await give(service, a.id, 1_000_000, { expiresOn: '2027-03-31' });
  await give(service, a.id, 900_000, { expiresOn: '2027-04-30' });
  const awarded = (await clerk('POST', `${own}/awards`, { ruleId: rules.R5, householdId: a.id, quantity: 1 })).body;
  const card = (await clerk('POST', `${own}/households/${a.id}/cards`)).body;
  const before = await totals(service);
  const done = await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id });
  t.match([done.status, done.body], [200, { state: 'approved', memberIds: a.members.toSorted() }]);
  t.match(await points(b.id), { available: 1_900_005, honour: 1_900_005, base: 10 });
  t.match(await points(a.id), { available: 0, honour: 0, base: 0 }, 'base points end');
  t.strictSame(await totals(service), { ...before, PTS: before.PTS! - 10 });
  t.strictSame(await lots.of(b.id), { '2027-03-31': 1_000_000, '2027-04-30': 900_000, infinity: 5 });
  t.match(await file(a.id), { state: 'closed', memberCount: 0, cardCount: 0, headName: '钱老' }, 'readable');
  t.match(await file(b.id), { memberCount: 3, state: 'active' });
  const masked = await (await service.as('auditor'))('GET', `${own}/households/${a.id}`);
  t.strictSame([masked.body.headName, masked.body.members], ['钱*', []]);
  t.equal((await clerk('GET', `${own}/households/${a.id}/statement?from=2026-11-01&to=2026-12-01`)).status, 200);

  await t.test('it can neither earn nor spend, and ends once', async t => {
    const award = { ruleId: rules.R5, householdId: a.id, quantity: 1 };
    for (const refused of [
      await clerk('POST', `${own}/awards`, award),
      await clerk('POST', `${own}/households/${a.id}/cards`),
    ])
      isRefused(t, refused, '409 household-not-active', { state: 'closed' });
    const close = { kind: 'close', householdId: a.id };
    isRefused(t, await propose(close), '409 household-not-active', { state: 'closed', field: 'householdId' });
    const merge = { kind: 'merge', householdId: b.id, toHouseholdId: a.id };
    isRefused(t, await propose(merge), '409 household-not-active', { state: 'closed', field: 'toHouseholdId' });
    const kiosk = await service.asKiosk();
    isRefused(t, await kiosk('POST', '/v1/kiosk/sessions', { card: card.code }), '403 card-revoked');
    await admin('POST', `${own}/base-points`);
    t.match(await points(a.id), { base: 0 }, 'nor is it given base points');
  });

  await t.test('an award of it that is taken back is given back by the successor', async t => {
    const { body } = await clerk('POST', `${own}/reversals`, { awardId: awarded.id, reason: '登记错户' });
    const back = await other('POST', `${own}/reversals/${body.id}/approve`);
    t.match([back.status, back.body], [200, { state: 'posted' }], back.text);
    t.match(await points(b.id), { available: 1_900_000, honour: 1_900_000 });
    t.match(await points(a.id), { available: 0, honour: 0, arrears: 0 });
    t.strictSame(await lots.of(b.id), { '2027-03-31': 1_000_000, '2027-04-30': 900_000 }, 'the very points');
  });
  await lots.sound(t, 'after a merger');
});

t.test('the successor owes what it has spent, or the policy refuses', async t => {
  for (const arrears of ['floorAndRecord', 'reject'] as const) {
    const { service, home, changed, points, clerk, other, lots } =
      arrears === 'reject' ? await openRegister(t, { policy: { arrears } }) : register;
    const codes = arrears === 'reject' ? await adoptRules(service, drafts) : rules;
    const [a, b, c] = [await home(), await home(), await home()];
    const awarded = (await clerk('POST', `${own}/awards`, { ruleId: codes.R5, householdId: a.id, quantity: 1 })).body;
    t.equal((await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).status, 200);
    t.equal((await changed({ kind: 'merge', householdId: b.id, toHouseholdId: c.id })).status, 200, 'and again');
    // The simplest way to spend without a shop: its member leaves with the points.
    const member = (await clerk('POST', `${own}/households/${c.id}/members`, { name: '周八' })).body.members.at(-1).id;
    const newHousehold = { grid: 1, headMemberId: member };
    const split = {
      kind: 'split',
      householdId: c.id,
      memberIds: [member],
      newHousehold,
      availablePoints: 4,
      honourPoints: 0,
    };
    t.equal((await changed(split)).status, 200);
    const { body } = await clerk('POST', `${own}/reversals`, { awardId: awarded.id, reason: '登记错户' });
    const back = await other('POST', `${own}/reversals/${body.id}/approve`);
    if (arrears === 'reject') {
      isRefused(t, back, '422 reversal-arrears', { available: 1, required: 5 });
      t.match(await points(c.id), { available: 1, arrears: 0 });
    } else {
      t.equal(back.status, 200, back.text);
      t.match(await points(c.id), { available: 0, arrears: 4, honour: 0 });
      t.match(await points(a.id), { available: 0, arrears: 0, honour: 0 });
      const leaves = { kind: 'moveAway', householdId: c.id, toVillage: villages.sibling, carry: true };
      isRefused(t, await changed(leaves), '409 household-has-balance', {
        field: 'arrears',
        balances: { arrears: 4 },
      });
    }
    await lots.sound(t, arrears);
  }
});

t.test('a household moves to another village: two books, linked', async t => {
  const { service, home, changed, points, clerk, other, lots } = register;
  const a = await home('买买提·艾力');
  const awarded = (await clerk('POST', `${own}/awards`, { ruleId: rules.R5, householdId: a.id, quantity: 1 })).body;
  await give(service, a.id, 20, { expiresOn: '2027-03-31' });
  const leave = { kind: 'moveAway', householdId: a.id, toVillage: villages.sibling, carry: true };
  isRefused(t, await changed({ ...leave, toVillage: villages.own }), '400 validation-failed', {
    errors: ['/toVillage not'],
  });
  isRefused(t, await changed({ ...leave, toVillage: '999999999999' }), '404 not-found', { field: 'toVillage' });
  const left = (await changed(leave)).body;
  t.match(left, { state: 'approved', carried: true, otherVillage: villages.sibling });
  t.match(await points(a.id), { available: 0, honour: 0 });

  const there = `/v1/villages/${villages.sibling}`;
  const [theirClerk, theirAdmin] = [
    await service.as('clerk', villages.sibling),
    await service.as('villageAdmin', villages.sibling),
  ];
  const newHome = await service.household({ members: [{ name: '买买提·艾力' }] }, villages.sibling);
  const come = {
    kind: 'moveIn',
    householdId: newHome,
    fromVillage: villages.own,
    transactionNumber: left.transactionNumber,
    reason: '迁入',
  };
  const propose = (said: object) => theirClerk('POST', `${there}/household-changes`, { ...come, ...said });
  isRefused(t, await propose({ transactionNumber: 1 }), '404 not-found', {}, 'no closing');
  isRefused(t, await propose({ transactionNumber: 999 }), '404 not-found');
  const foreigner = await service.as('clerk', villages.foreign);
  const strange = await service.household({}, villages.foreign);
  const stolen = { ...come, householdId: strange };
  const thief = await foreigner('POST', `/v1/villages/${villages.foreign}/household-changes`, stolen);
  isRefused(t, thief, '404 not-found', {}, 'it goes to another village');
  const made = await propose({});
  t.match(
    [made.status, made.body],
    [201, { availablePoints: 25, honourPoints: 25, closingNumber: left.transactionNumber }],
  );
  const twice = await service.household({}, villages.sibling);
  isRefused(t, await propose({ householdId: twice }), '409 already-exists', {}, 'once');
  const came = await theirAdmin('POST', `${there}/household-changes/${made.body.id}/approve`);
  t.equal(came.status, 200, came.text);
  isRefused(t, await propose({ householdId: twice }), '409 already-exists', {}, 'for ever');
  const { body } = await theirClerk('GET', `${there}/households/${newHome}/points`);
  t.match(body, { available: 25, honour: 25, expiring: [{ points: 20, expiresOn: '2027-03-31' }] });
  const opening = (await theirClerk('GET', `${there}/transactions/${came.body.transactionNumber}`)).body;
  const closing = (await clerk('GET', `${own}/transactions/${left.transactionNumber}`)).body;
  t.match(opening, {
    kind: 'householdMoveIn',
    frozen: { fromVillage: villages.own, fromNumber: String(left.transactionNumber), fromHash: closing.hash },
  });
  t.match(closing, { kind: 'householdMoveOut', frozen: { toVillage: villages.sibling } });

  const reversal = (await clerk('POST', `${own}/reversals`, { awardId: awarded.id, reason: '登记错户' })).body;
  const back = await other('POST', `${own}/reversals/${reversal.id}/approve`);
  isRefused(t, back, '409 household-not-active', { state: 'closed' }, 'nobody is here to give it back');

  const b = await home();
  await give(service, b.id, 9);
  const lapsed = (await changed({ ...leave, householdId: b.id, carry: false })).body;
  t.match(lapsed, { state: 'approved', carried: false });
  t.match((await clerk('GET', `${own}/transactions/${lapsed.transactionNumber}`)).body, {
    kind: 'lapse',
    frozen: { why: 'moveAway' },
  });
  t.match(await points(b.id), { available: 0, honour: 9 }, 'honour stays with the file');
  await lots.sound(t, 'after moves between villages');
});

t.test('a death: of one member, of the head, of the last', async t => {
  const { service, home, file, propose, changed, points, clerk, lots } = register;
  const [a, heir] = [await home('周一', '周二'), await home('周三')];
  await service.givePoints(a.id, 12);
  const died = { kind: 'death', householdId: a.id, memberId: a.members[0], diedOn: '2026-11-20' };
  isRefused(
    t,
    await propose(died),
    '400 validation-failed',
    { errors: ['/headMemberId enum'] },
    'the head: who is next',
  );
  isRefused(
    t,
    await propose({ ...died, headMemberId: a.members[1], heirHouseholdId: heir.id }),
    '400 validation-failed',
    { errors: ['/heirHouseholdId not'] },
  );
  isRefused(t, await propose({ ...died, headMemberId: a.members[1], diedOn: '2026-11-24' }), '422 out-of-bounds', {
    field: 'diedOn',
    min: '2000-01-01',
    max: '2026-11-23',
  });
  const one = await changed({ ...died, headMemberId: a.members[1] });
  t.match([one.status, one.body], [200, { transactionNumber: null }], one.text);
  t.match(await file(a.id), { memberCount: 1, state: 'active', headName: '周二' });
  t.match((await file(a.id)).members.at(-1), { id: a.members[0], diedOn: '2026-11-20' });
  isRefused(t, await propose({ ...died, headMemberId: a.members[1] }), '409 wrong-state', {
    state: 'dead',
    since: '2026-11-20',
    memberId: a.members[0],
  });
  const award = { ruleId: rules.M1, householdId: a.id, memberId: a.members[0], quantity: 1 };
  isRefused(t, await clerk('POST', `${own}/awards`, { ...award, occasion: 'late' }), '422 business-date-refused', {
    earliest: '2026-01-01',
    latest: '2026-11-20',
  });
  const early = { ...award, occurredAt: '2026-11-20T01:00:00Z', occasion: 'early' };
  t.equal((await clerk('POST', `${own}/awards`, early)).status, 201, 'what was done before counts');

  const last = { ...died, memberId: a.members[1] };
  isRefused(t, await propose(last), '400 validation-failed', { errors: ['/heirHouseholdId required'] });
  isRefused(t, await propose({ ...last, heirHouseholdId: heir.id, lapse: true }), '400 validation-failed', {
    errors: ['/lapse not'],
  });
  isRefused(t, await propose({ ...last, diedOn: '2025-11-22', heirHouseholdId: heir.id }), '422 too-late', {
    what: 'inheritance',
    endedOn: '2026-11-22',
  });
  const headed = { ...last, heirHouseholdId: heir.id, headMemberId: randomUUID() };
  isRefused(t, await propose(headed), '400 validation-failed', { errors: ['/headMemberId not'] });
  const left = await changed({ ...last, diedOn: '2025-11-23', heirHouseholdId: heir.id });
  t.match([left.status, left.body], [200, { carried: true, toHouseholdId: heir.id }], left.text);
  t.match(await file(a.id), { memberCount: 0, state: 'closed' });
  t.match(await points(heir.id), { available: 17, honour: 17 });
  t.match((await clerk('GET', `${own}/transactions/${left.body.transactionNumber}`)).body, { kind: 'inheritance' });

  const lone = await home('吴九');
  await service.givePoints(lone.id, 3);
  const gone = await changed({ ...died, householdId: lone.id, memberId: lone.members[0], lapse: true });
  t.match([gone.status, gone.body], [200, { carried: false, toHouseholdId: null }], gone.text);
  t.match(await points(lone.id), { available: 0 });
  await lots.sound(t, 'after deaths');
});

t.test('whoever keeps out of a household decides on no reversal that takes from it', async t => {
  const { service, home, changed, clerk, admin, other } = register;
  const [a, b] = [await home(), await home()];
  const line = { ruleId: rules.R5, householdId: a.id, memberId: null, quantity: 1, occasion: 'reversed', note: null };
  const award = await clerk('POST', `${own}/awards`, line);
  t.equal(award.status, 201, award.text);
  t.equal((await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).status, 200);
  const kin = `${own}/users/${other.actor.id}/kin`;
  await admin('PUT', kin, { entries: [{ householdId: b.id, relation: 'kin' }] });
  const { headers } = await clerk('POST', `${own}/reversals`, { awardId: award.body.id, reason: '登记错户' });
  isRefused(t, await other('POST', `${headers.location}/reject`, { reason: '无误' }), '403 own-household');
  t.equal((await admin('POST', `${headers.location}/approve`)).status, 200);
  t.equal((await service.as('supervisor').then(who => who('PUT', kin, { entries: [] }))).status, 200);
});

t.test('whoever keeps out of a household keeps out of what becomes of it', async t => {
  const { service, home, changed, admin, other } = register;
  const clerk = await service.as('clerk');
  const kinOf = async (who: { actor: { id: string } }) =>
    (await admin('GET', `${own}/users/${who.actor.id}/kin`)).body.data.map(
      (one: { householdId: string; relation: string }) => [one.householdId, one.relation],
    );
  const say = (entries: object[]) => admin('PUT', `${own}/users/${clerk.actor.id}/kin`, { entries });
  const [a, b, c] = [await home('周一', '周二', '周三'), await home('周四'), await home('周五')];
  await say([
    { householdId: a.id, relation: 'own' },
    { householdId: b.id, relation: 'kin' },
  ]);
  await say([{ householdId: a.id, relation: 'own' }]);

  const split = { kind: 'split', householdId: a.id, memberIds: [a.members[2]] };
  const made = await changed({ ...split, newHousehold: { grid: 1, headMemberId: a.members[2] } });
  t.equal(made.status, 200, made.text);
  const newId = made.body.toHouseholdId as string;
  const moved = await changed({ kind: 'memberMove', householdId: a.id, memberId: a.members[1], toHouseholdId: c.id });
  t.equal(moved.status, 200, moved.text);
  const merged = await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id });
  t.equal(merged.status, 200, merged.text);
  t.strictSame(
    new Map(await kinOf(clerk)),
    new Map([
      [a.id, 'own'],
      [b.id, 'kin'],
      [newId, 'kin'],
      [c.id, 'kin'],
    ]),
    'also of a household whose kin had been struck out',
  );
  t.strictSame(await kinOf(other), [], 'nobody else');

  const back = await changed({ kind: 'merge', householdId: newId, toHouseholdId: c.id });
  t.equal(back.status, 200, back.text);
  t.equal((await kinOf(clerk)).length, 4, 'what stands already is left as it is');
});

t.test('two people, no kin, over HTTP and behind it', async t => {
  const { service, home, propose, admin, other, clerk } = register;
  const [a, b] = [await home('郑一', '郑二'), await home('郑三')];
  const input = { kind: 'memberMove', householdId: a.id, memberId: a.members[1], toHouseholdId: b.id };
  const byAdmin = (await admin('POST', changesPath, { ...input, reason: '过继' })).body;
  for (const verb of ['approve', 'reject']) {
    const self = await admin(
      'POST',
      `${changesPath}/${byAdmin.id}/${verb}`,
      verb === 'reject' ? { reason: '否' } : undefined,
    );
    isRefused(t, self, '403 second-person-required', { firstUserId: admin.actor.id }, verb);
  }
  await service.inVillage(villages.own, tx =>
    tx.execute(sql`insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
      values (${villages.own}, ${other.actor.id}, ${b.id}, 'kin', ${other.actor.id}, now())`),
  );
  const kin = await other('POST', `${changesPath}/${byAdmin.id}/approve`);
  isRefused(t, kin, '403 own-household');

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  const decide = (state: string, user: string) =>
    app.query(`select households.decide_change($1, $2, $3, $4, now(), null, null, null)`, [
      villages.own,
      byAdmin.id,
      state,
      user,
    ]);
  await t.rejects(decide('approved', admin.actor.id), /change_second_person/);
  await t.rejects(decide('approved', other.actor.id), { code: 'JF007' });
  await t.rejects(decide('proposed', clerk.actor.id), /change_decided/);
  for (const statement of [
    `update households.change set state = 'approved', decided_by = proposed_by, decided_at = now()`,
    `update households.change set state = 'approved'`,
    `insert into households.change (village, id, kind, household_id, reason, state, proposed_by, proposed_at)
       values ('${villages.own}', gen_random_uuid(), 'close', '${a.id}', 'x', 'approved', gen_random_uuid(), now())`,
    'delete from households.change',
  ]) {
    await t.rejects(app.query(statement), { code: '42501' }, statement);
  }
  await app.query(`set jifen.scope = '${villages.sibling}'`);
  await t.rejects(decide('withdrawn', clerk.actor.id), { code: 'JF006' }, 'of another village');

  const supervisor = await service.as('supervisor');
  const turned = await supervisor('POST', `${changesPath}/${byAdmin.id}/reject`, { reason: '双方未签字' });
  t.match([turned.status, turned.body], [200, { state: 'rejected', rejectionReason: '双方未签字' }]);
  t.equal((await propose(input)).status, 201, 'another one may be proposed');
});

t.test('who sees what', async t => {
  const { service, home, propose, clerk } = register;
  const [a, b, c] = [await home('冯一', '冯二'), await home(), await home()];
  const none = await clerk('GET', `${changesPath}?householdId=${c.id}`);
  t.strictSame(none.body, { data: [], nextCursor: null, hasMore: false });
  const made = await propose({ kind: 'memberMove', householdId: a.id, memberId: a.members[1], toHouseholdId: b.id });
  await propose({ kind: 'close', householdId: c.id });
  const list = (await clerk('GET', `${changesPath}?limit=1`)).body;
  t.match([list.data.length, list.hasMore], [1, true]);
  const next = (await clerk('GET', `${changesPath}?limit=1&cursor=${list.nextCursor}`)).body;
  t.match([next.data[0].id, next.hasMore], [made.body.id, true]);
  isRefused(t, await clerk('GET', `${changesPath}?cursor=${list.nextCursor}&state=approved`), '400 cursor-mismatch');
  for (const query of [`householdId=${b.id}`, `kind=memberMove&state=proposed&householdId=${a.id}`]) {
    t.equal((await clerk('GET', `${changesPath}?${query}`)).body.data.length, 1, query);
  }
  const [atB, atC] = [await service.asHousehold(b.id), await service.asHousehold(c.id)];
  t.match((await atB('GET', changesPath)).body.data, [{ id: made.body.id, reason: null }], 'it is one side');
  isRefused(t, await atC('GET', `${changesPath}/${made.body.id}`), '404 not-found');
  t.match((await atC('GET', changesPath)).body.data, [{ kind: 'close', reason: /./ }], 'its own, whole');
  const auditor = await service.as('auditor');
  t.match((await auditor('GET', `${changesPath}/${made.body.id}`)).body, { reason: null });
});

t.test('at once: one wins', async t => {
  const { service, home, propose, admin, other, clerk, lots, points } = register;
  await readyToRace(service);
  for (let round = 0; round < 5; round += 1) {
    const [a, b, c] = [await home('陈一', '陈二'), await home(), await home()];
    await service.givePoints(a.id, 20);
    const merge = (toHouseholdId: string) => ({ kind: 'merge', householdId: a.id, toHouseholdId, reason: '并户' });
    const proposed = await Promise.all([admin, other].map((who, i) => who('POST', changesPath, merge([b, c][i]!.id))));
    t.strictSame(tally(proposed), { 201: 1, 'already-exists': 1 });
    const won = proposed.find(reply => reply.status === 201)!.body;
    const third = await service.as('supervisor');
    // The other side closes at the same time, and an award comes in between.
    const closes = (await propose({ kind: 'close', householdId: won.toHouseholdId })).body;
    const [merged, closed, awarded] = await Promise.all([
      third('POST', `${changesPath}/${won.id}/approve`),
      third('POST', `${changesPath}/${closes.id}/approve`),
      clerk('POST', `${own}/awards`, { ruleId: rules.R5, householdId: a.id, quantity: 1 }),
    ]);
    t.equal([merged, closed].filter(reply => reply.status === 200).length, 1, `${merged.text} ${closed.text}`);
    t.ok(['household-not-active', 'household-has-balance', undefined].includes(closed.body.code), closed.text);
    t.ok([201, 409].includes(awarded.status), awarded.text);
    const total = (awarded.status === 201 ? 25 : 20) as number;
    t.equal((await points(a.id)).available! + (await points(won.toHouseholdId)).available!, total);
    if (merged.status === 200)
      t.match(await points(a.id), { available: 0, pending: 0 }, 'nothing comes to a closed one');
    t.equal((await pointsOf(clerk, won.toHouseholdId)).pending, 0);
  }
  await lots.sound(t, 'after races');
});

t.test('nobody is entered into a household while it is closed', async t => {
  const { service, home, propose, clerk, approve, file } = register;
  const [a, b] = [await home(), await home()];
  const { id } = (await propose({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).body;
  const watch = await connect(t, service.ownerUrl);
  const entering = await service.inVillage(villages.own, async tx => {
    await lockBook(tx, villages.own);
    const approving = approve(id);
    await untilBlocked(watch);
    const entering = clerk('POST', `${own}/households/${a.id}/members`, { name: '陈迟' });
    await untilBlocked(watch, 2);
    return { approving, entering };
  });
  t.equal((await entering.approving).status, 200);
  isRefused(t, await entering.entering, '409 household-not-active', { state: 'closed' });
  t.match(await file(a.id), { memberCount: 0 });
});

t.test('whoever awards while it is agreed to is waited for', async t => {
  const { service, home, propose, approve, points, lots } = register;
  const watch = await connect(t, service.ownerUrl);
  // With the household held, as an award holds it before it comes to the book; and with the book locked.
  for (const hold of [holdHousehold, (tx: Tx, village: string) => lockBook(tx, village)]) {
    const [a, b] = [await home(), await home()];
    await service.givePoints(a.id, 20);
    const { id } = (await propose({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).body;
    const approving = await service.inVillage(villages.own, async tx => {
      await hold(tx, villages.own, a.id);
      const approving = { reply: approve(id) };
      await untilBlocked(watch);
      await postOne(tx, villages.own, awardOf(service, a.id, 5));
      return approving;
    });
    t.equal((await approving.reply).status, 200);
    t.match([await points(a.id), await points(b.id)], [{ available: 0 }, { available: 25 }], 'nothing is left behind');
  }
  await lots.sound(t, 'after waiting');
});
