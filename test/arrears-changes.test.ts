import { t } from 'tap';
import { owe } from './support/arrears.ts';
import { changesPath, give, openRegister, own } from './support/changes.ts';
import { isRefused } from './support/refusal.ts';
import { villages } from './support/service.ts';

t.setTimeout(900_000);

const register = await openRegister(t);
const { service, home, propose, changed, points, clerk, approve, lots, file } = register;

/** A household that owes points, and has none. */
async function owing(owed: number, ...names: string[]) {
  const household = await home(...names);
  await owe(service, household.id, owed);
  return household;
}

async function lastKinds(count: number): Promise<string[]> {
  const { data } = (await clerk('GET', `${own}/transactions?limit=${count}`)).body;
  return data.map((one: { kind: string }) => one.kind).reverse();
}

t.test('a merger carries what is owed to the household that continues, which pays what it can', async t => {
  const [a, b] = [await owing(20), await home()];
  await give(service, a.id, 3);
  await give(service, b.id, 12);
  t.match(await points(a.id), { available: 0, arrears: 17, honour: 3 });
  const merge = { kind: 'merge', householdId: a.id, toHouseholdId: b.id };
  isRefused(t, await propose(merge), '409 household-has-balance', { field: 'arrears', balances: { arrears: 17 } });
  isRefused(t, await propose({ ...merge, arrears: 'forget' }), '400 validation-failed', {
    errors: ['/arrears enum'],
  });
  const done = await changed({ ...merge, arrears: 'carry' });
  t.match([done.status, done.body], [200, { state: 'approved', arrears: 'carry' }], done.text);
  t.match(await points(a.id), { available: 0, arrears: 0, honour: 0 });
  t.match(await points(b.id), { available: 0, arrears: 5, honour: 15 });
  t.strictSame(await lastKinds(2), ['householdMerge', 'arrearsPayment']);
  t.equal((await file(a.id)).state, 'closed');
  await give(service, b.id, 6);
  t.match(await points(b.id), { available: 1, arrears: 0 }, 'its next points pay the rest');
  await lots.sound(t, 'after a merger');
});

t.test('points that come in by a merger pay what the household that continues owes', async t => {
  const [a, b] = [await home(), await owing(8)];
  await give(service, a.id, 5, { expiresOn: '2027-03-31' });
  await give(service, a.id, 5);
  const done = await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id });
  t.equal(done.status, 200, done.text);
  t.match(await points(b.id), { available: 2, arrears: 0, honour: 10 });
  t.strictSame(await lots.of(b.id), { infinity: 2 }, 'what expires first has paid');
  await lots.sound(t, 'after a merger');
});

t.test('a household that ends can have what it owes waived, by the two who agree to its end', async t => {
  const heirs = await home();
  const ends: [string, (id: string, members: string[]) => object][] = [
    ['merge', id => ({ kind: 'merge', householdId: id, toHouseholdId: heirs.id })],
    ['moveAway', id => ({ kind: 'moveAway', householdId: id, toVillage: villages.sibling, carry: true })],
    ['moveAway, lapsing', id => ({ kind: 'moveAway', householdId: id, toVillage: villages.sibling, carry: false })],
    [
      'death, with an heir',
      (id, [memberId]) => ({
        kind: 'death',
        householdId: id,
        memberId,
        diedOn: '2026-11-20',
        heirHouseholdId: heirs.id,
      }),
    ],
    [
      'death, lapsing',
      (id, [memberId]) => ({ kind: 'death', householdId: id, memberId, diedOn: '2026-11-20', lapse: true }),
    ],
    ['close', id => ({ kind: 'close', householdId: id })],
  ];
  for (const [what, changeOf] of ends) {
    const { id, members } = await owing(7);
    const change = changeOf(id, members);
    isRefused(t, await propose(change), '409 household-has-balance', { field: 'arrears', balances: { arrears: 7 } });
    const done = await changed({ ...change, arrears: 'waive' });
    t.match([done.status, done.body], [200, { state: 'approved', arrears: 'waive' }], `${what}: ${done.text}`);
    t.match(await points(id), { arrears: 0, available: 0 }, what);
    t.equal((await file(id)).state, 'closed', what);
    const { number, transfers, approverId } = (await clerk('GET', `${own}/transactions?limit=1`)).body.data[0];
    t.equal(number, done.body.transactionNumber);
    t.match([transfers.at(-1), approverId], [{ from: 'waived', amount: 7 }, register.admin.actor.id], what);
  }
  t.match(await points(heirs.id), { arrears: 0 }, 'and nobody else owes it');
  await lots.sound(t, 'after waivers');
});

t.test('an heir may take on what is owed; nobody else can, where nobody takes the household on', async t => {
  const [a, heir] = [await owing(9), await home()];
  await give(service, heir.id, 4);
  const death = { kind: 'death', householdId: a.id, memberId: a.members[0], diedOn: '2026-11-20' };
  isRefused(t, await propose({ ...death, lapse: true, arrears: 'carry' }), '400 validation-failed', {
    errors: ['/arrears not'],
  });
  isRefused(t, await propose({ kind: 'close', householdId: a.id, arrears: 'carry' }), '400 validation-failed', {
    errors: ['/arrears enum'],
  });
  const away = { kind: 'moveAway', householdId: a.id, toVillage: villages.sibling, carry: true };
  isRefused(t, await propose({ ...away, arrears: 'carry' }), '400 validation-failed', {
    errors: ['/arrears enum'],
  });
  const two = await owing(3, '张三', '李四');
  const left = { ...death, householdId: two.id, memberId: two.members[1], arrears: 'waive' };
  isRefused(t, await propose(left), '400 validation-failed', { errors: ['/arrears not'] });

  const done = await changed({ ...death, heirHouseholdId: heir.id, arrears: 'carry' });
  t.equal(done.status, 200, done.text);
  t.match([await points(a.id), await points(heir.id)], [{ arrears: 0 }, { available: 0, arrears: 5 }]);
  await lots.sound(t, 'after an inheritance');
});

t.test('a split divides what is owed, as both sides signed or by heads', async t => {
  const split = ({ id, members }: { id: string; members: string[] }, fields: object = {}) => ({
    kind: 'split',
    householdId: id,
    memberIds: members.slice(1),
    newHousehold: { grid: 1, headMemberId: members[1] },
    ...fields,
  });
  const byHeads = await owing(9, '一', '二', '三');
  const one = await changed(split(byHeads));
  t.match([one.status, one.body], [200, { arrearsPoints: 6 }], one.text);
  t.match([await points(byHeads.id), await points(one.body.toHouseholdId)], [{ arrears: 3 }, { arrears: 6 }]);

  const signed = await owing(9, '一', '二');
  isRefused(t, await propose(split(signed, { arrearsPoints: 10 })), '422 split-unequal', {
    field: 'arrearsPoints',
    available: 9,
    arrearsPoints: 10,
  });
  const two = await changed(split(signed, { arrearsPoints: 0 }));
  t.match([await points(signed.id), await points(two.body.toHouseholdId)], [{ arrears: 9 }, { arrears: 0 }], two.text);

  const paid = await owing(9, '一', '二');
  const { id } = (await propose(split(paid, { arrearsPoints: 8 }))).body;
  await give(service, paid.id, 4);
  isRefused(t, await approve(id), '422 split-unequal', {
    field: 'arrearsPoints',
    available: 5,
    arrearsPoints: 8,
  });
  await lots.sound(t, 'after splits');
});

t.test('what a household brings from another village pays what it owes here', async t => {
  const a = await home();
  const there = await service.household({ members: [{ name: '古丽' }] }, villages.sibling);
  await service.givePoints(there, 10, villages.sibling);
  const [theirClerk, theirAdmin] = [
    await service.as('clerk', villages.sibling),
    await service.as('villageAdmin', villages.sibling),
  ];
  const path = changesPath.replace(villages.own, villages.sibling);
  const leaves = { kind: 'moveAway', householdId: there, toVillage: villages.own, carry: true, reason: '迁入' };
  const made = await theirClerk('POST', path, leaves);
  const gone = await theirAdmin('POST', `${path}/${made.body.id}/approve`);
  t.equal(gone.status, 200, gone.text);
  await owe(service, a.id, 6);
  const come = await changed({
    kind: 'moveIn',
    householdId: a.id,
    fromVillage: villages.sibling,
    transactionNumber: gone.body.transactionNumber,
  });
  t.equal(come.status, 200, come.text);
  t.match(await points(a.id), { available: 4, arrears: 0, honour: 10 });
  await lots.sound(t, 'after moving in');
});

t.test('nothing is asked of a household that owes nothing, and a debt that is paid meanwhile is none', async t => {
  const [a, b] = [await owing(5), await home()];
  const { id } = (await propose({ kind: 'merge', householdId: a.id, toHouseholdId: b.id, arrears: 'carry' })).body;
  await give(service, a.id, 5);
  const done = await approve(id);
  t.equal(done.status, 200, done.text);
  t.match([await points(a.id), await points(b.id)], [{ arrears: 0 }, { arrears: 0, honour: 5 }]);
  const { sound, findings } = (await register.admin('POST', `${own}/book/verify`)).body;
  t.strictSame([sound, findings ?? []], [true, []]);
});
