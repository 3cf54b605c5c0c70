import { randomUUID } from 'node:crypto';
import { t } from 'tap';
import { dayOf } from '../src/calendar.ts';
import { releaseEach } from '../src/earning/release.ts';
import { expire } from '../src/redemptions/cancel.ts';
import { diceOf } from './storms/dice.ts';
import { owe } from './support/arrears.ts';
import { awardsPath, bookNumber, insisting, pointsOf, readyToRace, tally } from './support/awards.ts';
import { declareKin } from './support/claims.ts';
import { viewLots } from './support/lots.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, nobody, villages } from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';

t.setTimeout(900_000);

const settings = {
  redemptionsPerDay: 50,
  expiryMonths: 12,
  householdDayMaxPoints: 10_000,
  directAwardMaxPoints: 1_000,
};
const shop = await openShop(t, { policy: settings });
const { service, keeper } = shop;
const [clerk, admin, supervisor] = [
  insisting(shop.clerk),
  insisting(shop.admin),
  insisting(await service.as('supervisor')),
];
const rules = await adoptRules(service, [
  ruleDraft('R1', { points: 1 }),
  ruleDraft('R5', { points: 5 }),
  ruleDraft('R20', { points: 20 }),
]);
const soap = await shop.goods('肥皂');
const towel = await shop.goods('毛巾');
await shop.prices({ [soap]: 5, [towel]: 1 });
await shop.stock({ [soap]: 500, [towel]: 500 });
const lots = await viewLots(t, service);

const waivers = `${at}/arrears-waivers`;
const settleOf = (id: string) => `${at}/households/${id}/arrears/settle`;
const points = (id: string) => pointsOf(clerk, id);

async function award(householdId: string, rule: keyof typeof rules = 'R5', fields: object = {}): Promise<string> {
  const { status, body, text } = await clerk('POST', awardsPath, {
    ruleId: rules[rule],
    householdId,
    quantity: 1,
    ...fields,
  });
  t.equal(status, 201, text);
  return body.id;
}

async function reverse(awardId: string): Promise<void> {
  const { body } = await clerk('POST', `${at}/reversals`, { awardId, reason: '登记错户' });
  const { status, text } = await admin('POST', `${at}/reversals/${body.id}/approve`);
  t.equal(status, 200, text);
}

async function buy(householdId: string, pieces: Record<string, number>, fields: object = {}): Promise<string> {
  await shop.card(householdId);
  const { status, body, text } = await shop.redeem(keeper, shop.order(householdId, pieces, fields));
  t.equal(status, 201, text);
  return body.id;
}

async function bringBack(redemptionId: string, fields: object = {}): Promise<void> {
  const body = { redemptionId, reason: '包装破损', restock: true, ...fields };
  const made = await settled(keeper, `${at}/returns`, body);
  const { status, text } = await settled(admin, `${at}/returns/${made.body.id}/approve`);
  t.equal(status, 200, text);
}

/** The last transactions of the book, the newest first. */
async function last(count: number) {
  return (await clerk('GET', `${at}/transactions?limit=${count}`)).body.data;
}

/** A household that owes points and has none. */
async function owing(owed: number): Promise<string> {
  const id = await service.household();
  await owe(service, id, owed);
  t.match(await points(id), { available: 0, arrears: owed });
  return id;
}

t.test('goods that come back pay what a reversed award left owed', async t => {
  const id = await service.household();
  const wrong = await award(id, 'R20');
  const bought = await buy(id, { [soap]: 4 }, { handOver: true });
  await reverse(wrong);
  t.match(await points(id), { available: 0, arrears: 20, honour: 0 });

  const made = await settled(keeper, `${at}/returns`, { redemptionId: bought, reason: '包装破损', restock: true });
  const approved = await settled(admin, `${at}/returns/${made.body.id}/approve`);
  t.equal(approved.status, 200, approved.text);
  t.match(await points(id), { available: 0, arrears: 0, honour: 0 }, 'not 20 to spend beside 20 owed');
  t.match(await last(2), [
    {
      number: approved.body.transactionNumber + 1,
      kind: 'arrearsPayment',
      cause: `income:${approved.body.transactionNumber}:${id}`,
      frozen: { income: String(approved.body.transactionNumber) },
      actorId: keeper.actor.id,
      approverId: admin.actor.id,
      transfers: [{ from: `household:${id}:available`, to: `household:${id}:arrears`, amount: 20 }],
    },
    { kind: 'redemptionReturn', number: approved.body.transactionNumber },
  ]);
  await lots.sound(t, 'after the return');
  const { sound } = (await admin('POST', `${at}/book/verify`)).body;
  t.equal(sound, true);

  const period = 'from=2026-11-01&to=2026-12-01';
  const statement = async (account: string) => {
    const url = `${at}/households/${id}/statement?${period}&account=${account}&format=csv`;
    const { payload } = await service.app.inject({ url, headers: { authorization: `Bearer ${clerk.token}` } });
    return payload;
  };
  t.match(await statement('available'), /加分[\s\S]*兑换[\s\S]*欠分记账[\s\S]*冲正[\s\S]*兑换退回[\s\S]*偿还欠分/);
  t.match(await statement('arrears'), /欠分记账[\s\S]*偿还欠分/);
});

t.test('whatever makes points spendable pays first', async t => {
  await t.test('an award, in part and then the rest of it', async t => {
    const id = await owing(8);
    await award(id);
    t.match(await points(id), { available: 0, arrears: 3, honour: 5 }, 'honour is earned all the same');
    await award(id);
    t.match(await points(id), { available: 2, arrears: 0, honour: 10 });
    await award(id);
    t.match(await points(id), { available: 7, arrears: 0 }, 'and nothing more');
    const before = await bookNumber(service);
    await award(await service.household());
    t.equal(await bookNumber(service), before + 1, 'who owes nothing pays nothing');
  });

  await t.test('the lines of a sheet', async t => {
    const [id, neighbour] = [await owing(7), await service.household()];
    const items = [id, neighbour, id].map(householdId => ({ ruleId: rules.R5, householdId, quantity: 1 }));
    const { status, body, text } = await clerk('POST', `${awardsPath}/batch`, { mode: 'atomic', items });
    t.equal(status, 201, text);
    t.match(body, { succeeded: 3 });
    t.match(await points(id), { available: 3, arrears: 0 });
    t.match(await points(neighbour), { available: 5, arrears: 0 });
    const refusedItems = [...items, { ruleId: rules.R5, householdId: randomUUID(), quantity: 1 }];
    const other = await owing(7);
    const sheet = refusedItems.map(item => (item.householdId === id ? { ...item, householdId: other } : item));
    const undone = await clerk('POST', `${awardsPath}/batch`, { mode: 'atomic', items: sheet });
    t.match([undone.status, undone.body.code], [422, 'batch-refused']);
    t.match(await points(other), { available: 0, arrears: 7 }, 'nor does a sheet that was undone');
  });

  await t.test('an order that is cancelled, or whose time is over', async t => {
    for (const how of ['cancel', 'expire'] as const) {
      const id = await service.household();
      await award(id, 'R20');
      const order = await buy(id, { [soap]: 2 });
      await owe(service, id, 6);
      t.match(await points(id), { available: 10, held: 10, arrears: 6 });
      const key = { village: villages.own, redemptionId: order };
      if (how === 'cancel') await settled(keeper, `${at}/redemptions/${order}/cancel`);
      else {
        const late = service.clock.now().add({ hours: 24 * 30 });
        t.equal(await service.inVillage(villages.own, tx => expire(tx, key, late)), true);
      }
      t.match(await points(id), { held: 0, arrears: 0, available: 14 }, how);
    }
  });

  await t.test('with what came in and no more: what was there before is paid by those who settle', async t => {
    const id = await service.household();
    await owe(service, id, 20, { kept: 12 });
    await award(id);
    t.match(await points(id), { available: 12, arrears: 15 });
  });

  await t.test('base points do not: nobody can spend them', async t => {
    const id = await owing(4);
    t.equal((await admin('POST', `${at}/base-points`)).status, 200);
    t.match(await points(id), { available: 0, base: 10, arrears: 4 });
  });

  await t.test('what is lent for another reversal does not', async t => {
    const id = await owing(4);
    const wrong = await award(id);
    t.match(await points(id), { available: 1, arrears: 0 });
    await buy(id, { [towel]: 1 }, { handOver: true });
    await reverse(wrong);
    t.match(await points(id), { available: 0, arrears: 5 });
  });
});

t.test('points of a notice pay when it closes', async t => {
  const noticed = await openShop(t, { policy: { ...settings, directAwardPublicityDays: 3 } });
  const { R5: ruleId } = await adoptRules(noticed.service, [ruleDraft('R5', { points: 5 })]);
  const householdId = await noticed.service.household();
  await owe(noticed.service, householdId, 3);
  const asked = { ruleId, householdId, quantity: 1 };
  const { body } = await noticed.clerk('POST', awardsPath, asked, { 'idempotency-key': randomUUID() });
  t.match(await pointsOf(noticed.clerk, householdId), { available: 0, pending: 5, arrears: 3 }, 'not before');
  const by = { actor: nobody.id, businessDate: '2026-11-27' };
  const release = () =>
    noticed.service.inVillage(villages.own, tx =>
      releaseEach(tx, villages.own, [body.id], by, noticed.service.clock.now()),
    );
  await release();
  t.match(await pointsOf(noticed.clerk, householdId), { available: 2, pending: 0, honour: 5, arrears: 0 });
  await release();
  t.match(await pointsOf(noticed.clerk, householdId), { available: 2, arrears: 0 }, 'once');
});

t.test('what expires first pays first, and what has ended pays nothing', async t => {
  const id = await service.household();
  await award(id, 'R5', { occurredAt: '2026-10-20T02:00:00Z' });
  await award(id);
  t.strictSame(await lots.of(id), { '2027-10-31': 5, '2027-11-30': 5 });
  const order = await buy(id, { [soap]: 2 }, { handOver: true });
  await owe(service, id, 7);
  await bringBack(order);
  t.strictSame(await lots.of(id), { '2027-11-30': 3 });

  const other = await service.household();
  await award(other);
  const held = await buy(other, { [soap]: 1 }, { handOver: true });
  await owe(service, other, 5);
  const now = service.clock.now();
  service.clock.set('2027-12-01T02:00:00Z');
  const { status } = await settled(keeper, `${at}/returns`, { redemptionId: held, reason: '破损', restock: true });
  service.clock.set(String(now));
  t.not(status, 201, 'a year later nothing is taken back');
  const waiting = await service.household();
  await award(waiting);
  const reserved = await buy(waiting, { [soap]: 1 });
  await owe(service, waiting, 5);
  const ended = Temporal.Instant.from('2027-12-01T02:00:00Z');
  await service.inVillage(villages.own, tx => expire(tx, { village: villages.own, redemptionId: reserved }, ended));
  const accounts = await points(waiting);
  t.match(accounts, { arrears: 5 }, 'what came back after its last day is nobody’s to pay with');
  t.strictSame(await lots.of(waiting), { '2027-11-30': 5 });
  await lots.sound(t, 'after payments');
});

t.test('nobody pays before owing: an award for an earlier day', async t => {
  const id = await owing(5);
  await award(id, 'R20', { occurredAt: '2026-11-10T02:00:00Z' });
  const [payment, given] = await last(2);
  t.match(given, { kind: 'award', businessDate: '2026-11-10' });
  t.match(payment, { kind: 'arrearsPayment', businessDate: '2026-11-23' });
  const owner = await connect(t, service.ownerUrl);
  const { rows } = await owner.query(
    `select a.code, t.business_date, sum(sum(e.amount)) over (partition by a.code order by t.business_date) as balance
       from ledger.account a
       join ledger.entry e on e.village = a.village and e.account = a.number
       join ledger.transaction t on t.village = e.village and t.number = e.number
      where a.code like 'household:' || $1 || ':%' and a.asset = 'PTS'
      group by a.code, t.business_date`,
    [id],
  );
  for (const { code, balance } of rows)
    t.ok(code.endsWith(':arrears') ? balance <= 0 : balance >= 0, `${code} ${balance}`);
  t.match(await points(id), { available: 15, arrears: 0 });
});

t.test('many awards at once pay what is owed once', async t => {
  const id = await owing(23);
  await readyToRace(service);
  const before = await bookNumber(service);
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => clerk('POST', awardsPath, { ruleId: rules.R5, householdId: id, quantity: 1 })),
  );
  t.strictSame(tally(replies), { 201: 8 });
  t.match(await points(id), { available: 17, arrears: 0, honour: 40 });
  const posted = (await bookNumber(service)) - before;
  t.ok(posted > 8 && posted <= 8 + 5, `${posted} transactions`);
  await lots.sound(t, 'after the race');
});

t.test('a household pays with the points that it has', async t => {
  const id = await service.household();
  await owe(service, id, 20, { kept: 12 });
  isRefused(t, await clerk('POST', settleOf(id), { points: 21 }), '422 out-of-bounds', {
    field: 'points',
    min: 1,
    max: 20,
  });
  isRefused(t, await clerk('POST', settleOf(id), { points: 13 }), '422 insufficient-points', {
    field: 'arrears',
    required: 13,
    available: 12,
  });
  isRefused(t, await clerk('POST', settleOf(id), { points: 0 }), '400 validation-failed', {
    errors: ['/points minimum'],
  });
  isRefused(t, await clerk('POST', settleOf(id), { all: true }), '400 validation-failed', {
    errors: ['/all additionalProperties'],
  });
  isRefused(t, await clerk('POST', settleOf(randomUUID()), {}), '404 not-found');
  isRefused(t, await clerk('POST', settleOf(id).replace(villages.own, villages.sibling), {}), '404 not-found');
  isRefused(t, await keeper('POST', settleOf(id), {}), '403 forbidden', {
    requiredRoles: ['clerk', 'villageAdmin', 'household'],
  });
  const kin = await service.as('clerk');
  await declareKin(service, kin.actor.id, id);
  isRefused(t, await kin('POST', settleOf(id), {}), '403 own-household');
  t.match(await points(id), { available: 12, arrears: 20 }, 'none of these paid anything');

  const key = { 'idempotency-key': randomUUID() };
  const paid = await clerk('POST', settleOf(id), { points: 5 }, key);
  t.match(
    [paid.status, paid.body],
    [200, { householdId: id, points: 5, arrears: 15, available: 7, transactionNumber: await bookNumber(service) }],
    paid.text,
  );
  t.equal((await clerk('POST', settleOf(id), { points: 5 }, key)).text, paid.text, 'the same call, once');
  t.match(await points(id), { available: 7, arrears: 15, honour: 0 });

  const home = await service.asHousehold(id);
  const own = await home('POST', settleOf(id), {}, { 'idempotency-key': randomUUID() });
  t.match([own.status, own.body], [200, { points: 7, arrears: 8, available: 0 }], own.text);
  t.match(await last(1), [{ kind: 'arrearsPayment', actorId: id }]);
  isRefused(t, await home('POST', settleOf(id), {}, { 'idempotency-key': randomUUID() }), '422 insufficient-points', {
    field: 'arrears',
    required: 8,
    available: 0,
  });
  const stranger = await service.household();
  const foreign = await home('POST', settleOf(stranger), {}, { 'idempotency-key': randomUUID() });
  t.ok(foreign.status === 403 || foreign.status === 404, foreign.text);
  isRefused(t, await clerk('POST', settleOf(stranger), {}), '409 nothing-owed');
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`update households.household set state = 'closed' where id = $1`, [id]);
  isRefused(t, await clerk('POST', settleOf(id), {}), '409 household-not-active', { state: 'closed' });
});

t.test('two people waive what is owed', async t => {
  const id = await owing(20);
  const body = { householdId: id, points: 15, reason: '登记有误，本户无过错' };
  isRefused(t, await clerk('POST', waivers, { ...body, points: 21 }), '422 out-of-bounds', {
    field: 'points',
    min: 1,
    max: 20,
  });
  isRefused(t, await clerk('POST', waivers, { ...body, points: 0 }), '400 validation-failed', {
    errors: ['/points minimum'],
  });
  isRefused(t, await clerk('POST', waivers, { ...body, all: true }), '400 validation-failed', {
    errors: ['/all additionalProperties'],
  });
  isRefused(t, await clerk('POST', waivers, { ...body, householdId: randomUUID() }), '404 not-found');
  isRefused(t, await clerk('POST', waivers, { ...body, householdId: await service.household() }), '409 nothing-owed');
  isRefused(t, await supervisor('POST', waivers, body), '403 forbidden', {
    requiredRoles: ['clerk', 'villageAdmin'],
  });
  isRefused(t, await clerk('POST', waivers.replace(villages.own, villages.sibling), body), '404 not-found');

  const key = { 'idempotency-key': randomUUID() };
  const made = await clerk('POST', waivers, body, key);
  t.match([made.status, made.headers.location], [201, `${waivers}/${made.body.id}`], made.text);
  t.match(made.body, {
    ...body,
    state: 'proposed',
    proposedBy: clerk.actor.id,
    decidedBy: null,
    transactionNumber: null,
  });
  t.equal((await clerk('POST', waivers, body, key)).text, made.text);
  isRefused(t, await clerk('POST', waivers, body), '409 already-exists', {
    field: 'householdId',
    existingId: made.body.id,
  });
  t.match(await points(id), { arrears: 20 }, 'nothing moves until a second person agrees');

  const url = `${waivers}/${made.body.id}`;
  isRefused(t, await clerk('POST', `${url}/approve`), '403 forbidden', {
    requiredRoles: ['villageAdmin', 'supervisor'],
  });
  isRefused(t, await supervisor('POST', `${waivers}/${randomUUID()}/approve`), '404 not-found');
  const approved = await admin('POST', `${url}/approve`);
  t.match(
    [approved.status, approved.body],
    [200, { state: 'posted', decidedBy: admin.actor.id, transactionNumber: await bookNumber(service) }],
    approved.text,
  );
  t.match(await last(1), [
    {
      kind: 'arrearsWaiver',
      actorId: clerk.actor.id,
      approverId: admin.actor.id,
      transfers: [{ from: 'waived', to: `household:${id}:arrears`, amount: 15 }],
    },
  ]);
  t.match(await points(id), { available: 0, arrears: 5, honour: 0 });
  isRefused(t, await admin('POST', `${url}/approve`), '409 wrong-state', {
    state: 'posted',
    allowedFrom: ['proposed'],
    since: '2026-11-23T02:00:00.000Z',
  });

  const second = (await admin('POST', waivers, { ...body, points: 5 })).body;
  for (const [verb, said] of [
    ['approve', undefined],
    ['reject', { reason: '应由本户偿还' }],
  ] as const) {
    const own = await admin('POST', `${waivers}/${second.id}/${verb}`, said);
    isRefused(t, own, '403 second-person-required', { firstUserId: admin.actor.id });
  }
  await award(id, 'R1');
  const less = await supervisor('POST', `${waivers}/${second.id}/approve`);
  isRefused(t, less, '422 out-of-bounds', { field: 'points', min: 1, max: 4 });
  await award(id);
  isRefused(t, await supervisor('POST', `${waivers}/${second.id}/approve`), '409 nothing-owed');
  const rejected = await supervisor('POST', `${waivers}/${second.id}/reject`, { reason: '本户已还清' });
  t.match(rejected.body, { state: 'rejected', rejectionReason: '本户已还清', transactionNumber: null });

  const ids = async (who: typeof clerk, query = '') =>
    (await who('GET', `${waivers}?householdId=${id}${query}`)).body.data.map((one: { id: string }) => one.id);
  t.strictSame(await ids(clerk), [second.id, made.body.id], 'the newest first');
  t.strictSame(await ids(clerk, '&state=rejected'), [second.id]);
  const [home, neighbour] = [await service.asHousehold(id), await service.asHousehold(await service.household())];
  t.equal((await home('GET', url)).status, 200);
  isRefused(t, await neighbour('GET', url), '404 not-found');
});

t.test('nobody waives for the own household or kin, in the database neither', async t => {
  const id = await owing(9);
  const body = { householdId: id, points: 9, reason: '登记有误' };
  const [kinClerk, kinAdmin] = [await service.as('clerk'), await service.as('villageAdmin')];
  for (const { actor } of [kinClerk, kinAdmin]) await declareKin(service, actor.id, id);
  isRefused(t, await kinClerk('POST', waivers, body, { 'idempotency-key': randomUUID() }), '403 own-household');
  const { id: waiver } = (await clerk('POST', waivers, body)).body;
  for (const [verb, said] of [
    ['approve', undefined],
    ['reject', { reason: '不' }],
  ] as const) {
    const reply = await kinAdmin('POST', `${waivers}/${waiver}/${verb}`, said, { 'idempotency-key': randomUUID() });
    isRefused(t, reply, '403 own-household');
  }
  t.match(await points(id), { arrears: 9 });

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${villages.own}'`);
  const decide = (by: string) =>
    app.query(`select earning.decide_waiver($1, $2, 'posted', $3, now(), null, 1)`, [villages.own, waiver, by]);
  await t.rejects(decide(kinAdmin.actor.id), /own_household/);
  await t.rejects(decide(clerk.actor.id), /arrears_waiver_second_person/);
  await t.rejects(
    app.query(`select earning.propose_waiver($1, $2, $3, 9, 'x', $4, now())`, [
      villages.own,
      randomUUID(),
      id,
      kinClerk.actor.id,
    ]),
    /own_household/,
  );
  for (const statement of [
    `insert into earning.arrears_waiver (village, id, household_id, points, reason, proposed_by, proposed_at)
     select village, '${randomUUID()}', household_id, points, reason, proposed_by, proposed_at from earning.arrears_waiver`,
    'update earning.arrears_waiver set points = 1',
    `update earning.arrears_waiver set state = 'posted'`,
    'delete from earning.arrears_waiver',
  ]) {
    await t.rejects(app.query(statement), { code: '42501' }, statement);
  }
  await readyToRace(service);
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, i) => (i % 2 ? admin : supervisor)('POST', `${waivers}/${waiver}/approve`)),
  );
  t.strictSame(tally(replies), { 200: 1, 'wrong-state': 7 });
  t.match(await points(id), { arrears: 0 });
});

t.test('a random little history, by a sum of its own', async t => {
  const dice = diceOf(20_261_123);
  const seen: Record<string, number> = {};
  const homes = await Promise.all([1, 2, 3].map(() => service.household()));
  const told = homes.map(id => ({
    id,
    available: 0,
    held: 0,
    arrears: 0,
    honour: 0,
    awards: [] as { id: string; points: number }[],
    bought: [] as { id: string; points: number }[],
    waiting: [] as { id: string; points: number }[],
  }));
  const taken = <T>(list: T[]): T | undefined => list.splice(dice.below(Math.max(1, list.length)), 1)[0];
  for (let step = 0; step < 160; step += 1) {
    const act = dice.pick([
      'award',
      'award',
      'buy',
      'buy',
      'reserve',
      'cancel',
      'return',
      'reverse',
      'reverse',
      'waive',
    ]);
    const debtors = told.filter(({ arrears }) => arrears > 0);
    const home = dice.pick(act === 'waive' && debtors.length > 0 ? debtors : told);
    const { id } = home;
    /** What comes in pays first. */
    const comesIn = (points: number) => {
      const paid = Math.min(points, home.arrears);
      home.arrears -= paid;
      home.available += points - paid;
      if (paid > 0) seen.paid = (seen.paid ?? 0) + 1;
    };
    const cost = 5;
    if (act === 'award') {
      const [rule, points] = dice.pick([
        ['R1', 1],
        ['R5', 5],
        ['R20', 20],
      ] as const);
      home.awards.push({ id: await award(id, rule), points });
      home.honour += points;
      comesIn(points);
    } else if (act === 'buy' || act === 'reserve') {
      if (home.available < cost) continue;
      const order = await buy(id, { [soap]: 1 }, { handOver: act === 'buy' });
      home.available -= cost;
      if (act === 'reserve') home.held += cost;
      home[act === 'buy' ? 'bought' : 'waiting'].push({ id: order, points: cost });
    } else if (act === 'cancel') {
      const order = taken(home.waiting);
      if (order === undefined) continue;
      t.equal((await settled(keeper, `${at}/redemptions/${order.id}/cancel`)).status, 200);
      home.held -= cost;
      comesIn(cost);
    } else if (act === 'return') {
      const order = taken(home.bought);
      if (order === undefined) continue;
      await bringBack(order.id);
      comesIn(cost);
    } else if (act === 'reverse') {
      const wrong = taken(home.awards);
      if (wrong === undefined) continue;
      await reverse(wrong.id);
      home.honour -= wrong.points;
      const back = Math.min(home.available, wrong.points);
      home.available -= back;
      home.arrears += wrong.points - back;
    } else {
      if (home.arrears === 0) continue;
      const waived = 1 + dice.below(home.arrears);
      const made = await clerk('POST', waivers, { householdId: id, points: waived, reason: '无过错' });
      t.equal((await admin('POST', `${waivers}/${made.body.id}/approve`)).status, 200);
      home.arrears -= waived;
    }
    seen[act] = (seen[act] ?? 0) + 1;
    const { available, held, arrears, honour } = home;
    t.match(await points(id), { available, held, arrears, honour }, `${step} ${act}`);
    t.ok(available === 0 || arrears === 0, 'nobody has and owes at once');
  }
  t.comment(seen);
  for (const act of ['award', 'buy', 'reserve', 'cancel', 'return', 'reverse', 'waive', 'paid']) {
    t.ok((seen[act] ?? 0) >= 2, `saw too little of ${act}`);
  }
  await lots.sound(t, 'after the history');
  const { sound, findings } = (await admin('POST', `${at}/book/verify`)).body;
  t.strictSame([sound, findings ?? []], [true, []]);
  t.equal(dayOf(service.clock.now()).toString(), '2026-11-23');
});
