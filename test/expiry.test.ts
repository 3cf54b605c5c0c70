import { t } from 'tap';
import { startWorker } from '../src/app.ts';
import type { Database, Tx } from '../src/db/database.ts';
import { postRun, resumeRuns } from '../src/expiry/jobs.ts';
import { expireOverdue } from '../src/redemptions/jobs.ts';
import { awarding, insisting, pointsOf, readyToRace, tally } from './support/awards.ts';
import { manyHouseholds } from './support/expiry.ts';
import { viewLots } from './support/lots.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import {
  type Caller,
  connect,
  openService,
  type Reply,
  type Service,
  testPolicy,
  villages,
} from './support/service.ts';
import { at, openShop, settled } from './support/shop.ts';
import { until } from './support/waiting.ts';

t.setTimeout(900_000);

const runs = `${at}/expiry-runs`;

async function staff(service: Service) {
  const [admin, other, supervisor] = [
    insisting(await service.as('villageAdmin')),
    insisting(await service.as('villageAdmin')),
    insisting(await service.as('supervisor')),
  ];
  /** Previews and announces a run; answers its address. */
  const announced = async (input: object) => {
    const made = await admin('POST', runs, input);
    if (made.status !== 201) throw new Error(made.text);
    const told = await admin('POST', `${made.headers.location}/announce`);
    if (told.status !== 200) throw new Error(told.text);
    return {
      url: made.headers.location!,
      key: { village: villages.own, runId: made.body.id as string },
      body: told.body,
    };
  };
  /** Agrees to it and posts it to its end. */
  const posted = async ({ url, key }: Awaited<ReturnType<typeof announced>>) => {
    const agreed = await supervisor('POST', `${url}/approve`);
    if (agreed.status !== 200) throw new Error(agreed.text);
    await postRun(service, key);
    return (await admin('GET', url)).body;
  };
  return { admin, other, supervisor, announced, posted };
}

/** What a run says of its households, by their ids. */
async function linesOf(caller: Caller, url: string) {
  const lines = new Map<string, { available: number; expiring: number; kept: number; taken: number | null }>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: Reply = await caller('GET', `${url}/lines?limit=200${cursor && `&cursor=${cursor}`}`);
    for (const { householdId, available, expiring, kept, taken } of body.data) {
      lines.set(householdId, { available, expiring, kept, taken });
    }
    cursor = body.nextCursor;
  }
  return lines;
}

t.test('a year ends: preview, notice, a second person, posting', async t => {
  const shop = await openShop(t, { now: '2026-11-20T02:00:00Z', policy: { yearEnd: 'clear', redemptionsPerDay: 20 } });
  const { service, keeper, clerk } = shop;
  const { admin, other, supervisor } = await staff(service);
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const [rich, thrifty, poor] = [await shop.household(20), await shop.household(8), await service.household()];
  const waiting = await shop.household(10);
  t.equal((await shop.redeem(keeper, shop.order(waiting, { [soap]: 2 }, { mode: 'pickup' }))).status, 201);
  const before = await service.inVillage(villages.own, tx => tx.execute('select number from ledger.book'));

  const key = { 'idempotency-key': 'preview-2026' };
  const made = await admin('POST', runs, { kind: 'yearEnd', year: 2026 }, key);
  const url = made.headers.location!;
  await t.test('the preview says who keeps and loses what, and moves nothing', async t => {
    t.match([made.status, url], [201, `${runs}/${made.body.id}`]);
    t.match(made.body, {
      kind: 'yearEnd',
      year: 2026,
      throughOn: '2026-12-31',
      rule: 'clear',
      capPoints: null,
      bookNumber: (before.rows[0] as { number: number }).number,
      households: 4,
      available: 32,
      expiring: 32,
      state: 'previewed',
      dueOn: null,
      reminders: { length: 0 },
    });
    t.equal((await admin('POST', runs, { kind: 'yearEnd', year: 2026 }, key)).text, made.text, 'the same key');
    isRefused(t, await admin('POST', runs, { kind: 'yearEnd', year: 2026 }), '409 already-exists', {
      existingId: made.body.id,
      field: 'year',
    });
    t.strictSame((await linesOf(clerk, url)).get(rich), { available: 20, expiring: 20, kept: 0, taken: null });
    t.equal((await pointsOf(clerk, rich)).available, 20);
    const days = { earliest: '2026-01-01', latest: '2027-11-21' };
    for (const [said, code, facts] of [
      [{ kind: 'yearEnd' }, '400 validation-failed', { errors: ['/year required'] }],
      [{ kind: 'yearEnd', throughOn: '2026-12-31' }, '400 validation-failed', { errors: ['/year required'] }],
      [{ kind: 'lots', year: 2026 }, '400 validation-failed', { errors: ['/throughOn required'] }],
      [{ kind: 'yearEnd', year: 2027 }, '422 out-of-bounds', { field: 'year', min: 2026, max: 2026 }],
      [{ kind: 'yearEnd', year: 2025 }, '422 out-of-bounds', { field: 'year', min: 2026, max: 2026 }],
      [{ kind: 'lots', throughOn: '2027-11-22' }, '422 business-date-refused', days],
      [{ kind: 'lots', throughOn: '2025-12-31' }, '422 business-date-refused', days],
    ] as const) {
      isRefused(t, await admin('POST', runs, said), code, facts, JSON.stringify(said));
    }
  });

  const home = await service.asHousehold(thrifty);
  await t.test('a household is told when it is announced, and of its own', async t => {
    isRefused(t, await home('GET', `${url}/lines`), '404 not-found');
    isRefused(t, await home('GET', url), '404 not-found');
    t.strictSame((await home('GET', runs)).body.data, []);
    isRefused(t, await admin('POST', `${url}/approve`), '409 wrong-state', {
      state: 'previewed',
      allowedFrom: ['announced'],
      since: '2026-11-20T02:00:00.000Z',
    });
    const told = await admin('POST', `${url}/announce`);
    t.match([told.status, told.body], [200, { state: 'announced', announcedBy: admin.actor.id }]);
    t.match(told.body, { dueOn: '2027-01-19', reminders: ['2026-11-20', '2026-12-20', '2027-01-12'] });
    isRefused(t, await admin('POST', `${url}/announce`), '409 wrong-state', {
      state: 'announced',
      allowedFrom: ['previewed'],
      since: '2026-11-20T02:00:00.000Z',
    });
    const { data } = (await home('GET', `${url}/lines`)).body;
    t.match(data, [{ householdId: thrifty, available: 8, expiring: 8, kept: 0, taken: null }]);
    t.equal(data.length, 1);
    t.strictSame((await home('GET', `${url}/lines?householdId=${rich}`)).body.data, []);
    t.equal((await home('GET', runs)).body.data.length, 1);
    const one = await clerk('GET', `${url}/lines?householdId=${rich}`);
    t.match([one.body.data.length, one.body.data[0].householdId], [1, rich]);
  });

  await t.test('two people, and not before its day', async t => {
    isRefused(t, await admin('POST', `${url}/approve`), '403 second-person-required', { firstUserId: admin.actor.id });
    service.clock.set('2027-01-18T15:59:59.999Z');
    const early = await supervisor('POST', `${url}/approve`);
    isRefused(t, early, '422 too-early', { dueOn: '2027-01-19' });
    const owner = await connect(t, service.ownerUrl);
    const change = (set: string) => owner.query(`update expiry.run set ${set}`);
    const agreed = `state = 'posting', approved_at = now()`;
    await t.rejects(change(`${agreed}, approved_by = announced_by`), /run_second_person/);
    await t.rejects(change(`${agreed}, approved_by = null`), /run_approved/);
    await t.rejects(change(`state = 'posting', announced_by = null`), /run_/);
    const app = await connect(t, service.appUrl);
    await app.query(`set jifen.scope = '${villages.own}'`);
    for (const statement of [
      'delete from expiry.run',
      'delete from expiry.line',
      'update expiry.run set cap_points = 1',
      'update expiry.line set expiring = 0',
    ]) {
      await t.rejects(app.query(statement), { code: '42501' }, statement);
    }
  });

  await t.test('what was spent in time and what was earned since is left', async t => {
    service.clock.set('2027-01-18T10:00:00Z');
    const award = awarding(clerk);
    // Earned in the old year after the preview; in the new year; and spent from the old.
    const late = { ruleId: rules.R5, householdId: thrifty, occasion: 'dec', occurredAt: '2026-12-31T15:00:00Z' };
    t.equal((await award(late)).status, 201);
    t.equal((await award({ ruleId: rules.R5, householdId: thrifty, occasion: 'jan' })).status, 201);
    t.equal((await shop.redeem(keeper, shop.order(thrifty, { [soap]: 2 }, { handOver: true }))).status, 201);
    // What is reversed, of either year, leaves the other year's alone.
    for (const input of [
      { ...late, occasion: 'wrong-dec' },
      { ...late, occasion: 'wrong-jan', occurredAt: undefined },
    ]) {
      const awardId = (await award(input)).body.id;
      const { body } = await clerk('POST', `${at}/reversals`, { awardId, reason: '登记错户' });
      t.equal((await supervisor('POST', `${at}/reversals/${body.id}/approve`)).status, 200);
    }
    const newcomer = await service.household();
    t.equal((await award({ ruleId: rules.R5, householdId: newcomer, occasion: 'jan' })).status, 201);

    service.clock.set('2027-01-18T16:00:00Z');
    const [first, second] = await Promise.all([other('POST', `${url}/approve`), supervisor('POST', `${url}/approve`)]);
    t.strictSame(tally([first, second]), { 200: 1, 'wrong-state': 1 });
    const agreed = first.status === 200 ? first.body : second.body;
    t.match(agreed, { state: 'posting', settled: 0 });
    isRefused(t, await admin('POST', `${url}/cancel`), '409 wrong-state', {
      state: 'posting',
      allowedFrom: ['previewed', 'announced'],
      since: '2027-01-18T16:00:00.000Z',
    });
    isRefused(t, await admin('POST', runs, { kind: 'yearEnd', year: 2026 }), '409 year-end-done', {
      runId: made.body.id,
    });

    await postRun(service, { village: villages.own, runId: made.body.id });
    t.match((await admin('GET', url)).body, { state: 'posted', settled: 5, taken: 31, expiring: 32 });
    const lines = await linesOf(clerk, url);
    t.strictSame(lines.get(rich), { available: 20, expiring: 20, kept: 0, taken: 20 });
    t.strictSame(lines.get(thrifty), { available: 8, expiring: 8, kept: 0, taken: 7 }, '8 + 5 − 6, and 5 are new');
    t.strictSame(lines.get(poor), { available: 0, expiring: 0, kept: 0, taken: 0 });
    t.strictSame(lines.get(newcomer), { available: 0, expiring: 0, kept: 0, taken: 0 });
    t.match(await pointsOf(clerk, rich), { available: 0, honour: 20 }, 'honour stays');
    t.match(await pointsOf(clerk, thrifty), { available: 5, honour: 18 });
    t.match(await pointsOf(clerk, newcomer), { available: 5 });
    t.match(await pointsOf(clerk, waiting), { available: 0, held: 6 }, 'what is set aside waits for its own end');
  });

  await t.test('in the book', async t => {
    const { data } = (await clerk('GET', `${at}/transactions?kind=yearEnd`)).body;
    const one = data.find((row: { cause: string }) => row.cause === `yearEnd:2026:${rich}`);
    t.match(one, {
      actorId: admin.actor.id,
      businessDate: '2027-01-19',
      transfers: [{ from: `household:${rich}:available`, to: 'expired', asset: 'PTS', amount: 20 }],
      frozen: { run: made.body.id, rule: 'clear', throughOn: '2026-12-31' },
    });
    const now = await service.asHousehold(thrifty);
    const number = (await now('GET', `${url}/lines`)).body.data[0].transactionNumber;
    t.equal(data.find((row: { cause: string }) => row.cause === `yearEnd:2026:${thrifty}`).number, number);
    await (await viewLots(t, service)).sound(t, 'after the year end');
  });
});

t.test('points are kept, or kept up to a cap', async t => {
  const terms = { expiryNoticeDays: 7 };
  const service = await openService(t, { now: '2026-11-20T02:00:00Z', policy: { ...terms, yearEnd: 'carry' } });
  const { admin, supervisor, announced, posted } = await staff(service);
  const [rich, poor] = [await service.household(), await service.household()];
  await service.givePoints(rich, 50);
  await service.givePoints(poor, 30);
  const kept = await admin('POST', runs, { kind: 'yearEnd', year: 2026 });
  isRefused(t, kept, '403 feature-off', { feature: 'yearEnd' });

  const policy = (settings: object) => admin('POST', `${at}/policies`, { ...testPolicy, ...terms, ...settings });
  await policy({ validFrom: '2026-12-01', yearEnd: 'cap', yearEndCapPoints: 30 });
  const first = await announced({ kind: 'yearEnd', year: 2026 });
  t.match(first.body, { rule: 'cap', capPoints: 30, available: 80, expiring: 20, dueOn: '2027-01-01' });
  await policy({ validFrom: '2026-12-02', yearEnd: 'cap', yearEndCapPoints: 40 });
  service.clock.set('2027-01-01T02:00:00Z');
  const stale = await supervisor('POST', `${first.url}/approve`);
  isRefused(t, stale, '409 year-end-stale', { rule: 'cap', capPoints: 40 });

  t.equal((await admin('POST', `${first.url}/cancel`)).body.state, 'cancelled');
  isRefused(t, await admin('POST', `${first.url}/cancel`), '409 wrong-state', {
    state: 'cancelled',
    allowedFrom: ['previewed', 'announced'],
    since: '2027-01-01T02:00:00.000Z',
  });
  isRefused(t, await supervisor('POST', `${first.url}/approve`), '409 wrong-state', {
    state: 'cancelled',
    allowedFrom: ['announced'],
    since: '2027-01-01T02:00:00.000Z',
  });
  await readyToRace(service);
  const rush = await Promise.all(Array.from({ length: 6 }, () => admin('POST', runs, { kind: 'yearEnd', year: 2026 })));
  t.strictSame(tally(rush), { 201: 1, 'already-exists': 5 }, 'after a cancelled one, one again');
  const again = rush.find(({ status }) => status === 201)!;
  await admin('POST', `${again.headers.location}/cancel`);

  // Of a run that is previewed in the new year, what was earned in it is no part either.
  await service.givePoints(rich, 7);
  const second = await announced({ kind: 'yearEnd', year: 2026 });
  t.match(second.body, { rule: 'cap', capPoints: 40, available: 87, expiring: 10, dueOn: '2027-01-08' });
  service.clock.set('2027-01-08T02:00:00Z');
  t.match(await posted(second), { state: 'posted', taken: 10 });
  t.match(await pointsOf(admin, rich), { available: 47, honour: 57 });
  t.match(await pointsOf(admin, poor), { available: 30 });

  const list = async (query: string) => (await admin('GET', `${runs}?${query}`)).body;
  const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);
  t.strictSame(ids(await list('state=posted')), [second.key.runId]);
  t.strictSame(ids(await list('kind=lots')), []);
  const page = await list('limit=1');
  t.strictSame(ids(page), [second.key.runId], 'the newest first');
  t.strictSame(ids(await list(`limit=2&cursor=${page.nextCursor}`)), [again.body.id, first.key.runId]);
  isRefused(t, await list(`limit=1&kind=lots&cursor=${page.nextCursor}`), '400 cursor-mismatch');
  const lines = (query: string, url = second.url) => admin('GET', `${url}/lines?limit=1&${query}`);
  const cursor = (await lines('')).body.nextCursor;
  t.equal((await lines(`cursor=${cursor}`)).body.data[0].householdId, poor);
  isRefused(t, await lines(`cursor=${cursor}`, first.url), '400 cursor-mismatch');
});

t.test('points expire by their date', async t => {
  const policy = { expiryMonths: 1, expiryNoticeDays: 30, redemptionsPerDay: 20 };
  const shop = await openShop(t, { now: '2026-11-20T02:00:00Z', policy });
  const { service, keeper, clerk } = shop;
  const { announced, posted } = await staff(service);
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 100 });
  const [plain, waiting] = [await service.household(), await service.household()];
  for (const id of [plain, waiting]) {
    for (const occurredAt of ['2026-10-20T02:00:00Z', '2026-11-01T02:00:00Z']) {
      const given = await awarding(clerk)({ ruleId: rules.R5, householdId: id, occasion: occurredAt, occurredAt });
      t.equal(given.status, 201, given.text);
    }
  }
  await service.givePoints(plain, 4);
  const ordered = await shop.redeem(keeper, shop.order(waiting, { [soap]: 1 }, { mode: 'pickup' }));
  const lots = await viewLots(t, service);
  t.strictSame(await lots.of(plain), { '2026-11-30': 5, '2026-12-31': 5, infinity: 4 });

  const first = await announced({ kind: 'lots', throughOn: '2026-12-30' });
  t.match(first.body, { rule: 'lots', year: null, available: 21, expiring: 7, dueOn: '2026-12-31' });
  service.clock.set('2026-12-31T02:00:00Z');
  t.match(await posted(first), { taken: 7, settled: 2 });
  t.strictSame(await lots.of(plain), { '2026-12-31': 5, infinity: 4 }, 'nor what can be spent until tonight');
  t.strictSame(await lots.of(waiting), { '2026-12-31': 5 });
  t.strictSame(await lots.of(waiting, 'held'), { '2026-11-30': 3 }, 'what is held is left alone');
  await settled(keeper, `${at}/redemptions/${ordered.body.id}/cancel`);
  t.strictSame(await lots.of(waiting), { '2026-11-30': 3, '2026-12-31': 5 }, 'and may come back too late');

  const second = await announced({ kind: 'lots', throughOn: '2026-12-31' });
  t.match(second.body, { expiring: 13, dueOn: '2027-01-30', reminders: ['2026-12-31', '2027-01-23'] });
  service.clock.set('2027-01-30T02:00:00Z');
  const later = await staff(service);
  t.match(await later.posted(second), { taken: 13 }, 'the next run takes it');
  t.strictSame([await lots.of(plain), await lots.of(waiting)], [{ infinity: 4 }, {}]);
  t.match(await pointsOf(later.admin, waiting), { available: 0, held: 0, honour: 10, expiring: { length: 0 } });
  await lots.sound(t, 'after both runs');
});

t.test('a last day holds on the day, before any run', async t => {
  const policy = { expiryMonths: 1, redemptionsPerDay: 20, pickupDays: 7 };
  const shop = await openShop(t, { now: '2026-11-20T02:00:00Z', policy });
  const { service, keeper, clerk, admin } = shop;
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 1 });
  await shop.stock({ [soap]: 100 });
  const home = await service.household();
  for (const occasion of ['一', '二']) {
    t.equal((await awarding(clerk)({ ruleId: rules.R5, householdId: home, occasion })).status, 201);
  }
  await service.givePoints(home, 4);
  const lots = await viewLots(t, service);
  const buy = (pieces: number, said: object) => shop.redeem(keeper, shop.order(home, { [soap]: pieces }, said));
  const pickup = { mode: 'pickup' };
  service.clock.set('2026-12-31T15:59:00Z');
  t.match(await pointsOf(clerk, home), {
    available: 14,
    ended: 0,
    expiring: [{ points: 10, expiresOn: '2026-12-31' }],
  });
  const [fetched, cancelled] = [await buy(2, pickup), await buy(3, pickup)];
  t.strictSame(await lots.of(home, 'held'), { '2026-12-31': 5 });

  service.clock.set('2027-01-01T02:00:00Z');
  const told = await pointsOf(clerk, home);
  t.match(told, { available: 4, ended: 5, held: 5 }, 'what is told');
  t.strictSame(told.expiring, []);
  const asked = await keeper('POST', `${at}/redemptions/quote`, {
    storeId: shop.storeId,
    householdId: home,
    lines: [{ goodsId: soap, quantity: 5 }],
  });
  t.match(asked.body, { available: 4, remaining: -1 });
  const short = await buy(5, { handOver: true });
  t.match([short.status, short.body], [422, { code: 'insufficient-points', available: 4, required: 5 }], 'and holds');
  t.match((await buy(5, pickup)).body, { code: 'insufficient-points' }, 'also for an order');
  t.equal((await buy(4, { handOver: true })).status, 201, 'what never ends is there');
  t.strictSame(await lots.of(home), { '2026-12-31': 5 });
  const late = await buy(1, { handOver: true, occurredAt: '2026-12-31T02:00:00Z' });
  t.equal(late.status, 201, 'goods that left in time were paid with points that had not ended');
  t.strictSame(await lots.of(home), { '2026-12-31': 4 });

  t.equal((await shop.fulfil(keeper, fetched.body.id)).status, 200, 'ordered in time');
  t.equal((await keeper('POST', `${at}/redemptions/${cancelled.body.id}/cancel`)).status, 200);
  t.match(await pointsOf(clerk, home), { available: 0, ended: 7, held: 0 }, 'what comes back has ended');
  const { body } = await admin('POST', runs, { kind: 'lots', throughOn: '2026-12-31' });
  t.match(body, { expiring: 7 });
  await lots.sound(t, 'after the last day');
});

t.test('an order over the year’s end saves nothing', async t => {
  const policy = {
    yearEnd: 'clear' as const,
    expiryNoticeDays: 7,
    redemptionsPerDay: 20,
    pickupDays: 14,
    returnDays: 30,
  };
  const shop = await openShop(t, { now: '2026-12-20T02:00:00Z', policy });
  const { service, keeper } = shop;
  const { announced, posted, admin } = await staff(service);
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 10 });
  await shop.stock({ [soap]: 100 });
  const order = async (home: string, said: object) => {
    const made = await shop.redeem(keeper, shop.order(home, { [soap]: 1 }, said));
    t.equal(made.status, 201, made.text);
    return made.body.id as string;
  };
  const [cancels, waits, fetches, returns, earns, changes, takes] = (await Promise.all(
    [30, 30, 30, 30, 0, 30, 0].map(points => (points === 0 ? service.household() : shop.household(points))),
  )) as [string, string, string, string, string, string, string];
  const bought = await order(returns, { handOver: true });
  const run = await announced({ kind: 'yearEnd', year: 2026 });
  service.clock.set('2027-01-05T02:00:00Z');
  for (const id of [earns, takes]) await service.givePoints(id, 10);
  const orders = [await order(cancels, { mode: 'pickup' }), await order(waits, { mode: 'pickup' })];
  const [kept, own, merged] = [
    await order(fetches, { mode: 'pickup' }),
    await order(earns, { mode: 'pickup' }),
    await order(takes, { mode: 'pickup' }),
  ];
  const merger = { kind: 'merge', householdId: changes, toHouseholdId: takes, reason: '合户' };
  const proposed = await shop.clerk('POST', `${at}/household-changes`, merger);
  t.equal((await admin('POST', `${at}/household-changes/${proposed.body.id}/approve`)).status, 200);
  service.clock.set('2027-01-10T02:00:00Z');
  t.match(await posted(run), { taken: 4 * 20 + 30 });

  for (const id of [orders[0]!, own, merged]) {
    t.equal((await keeper('POST', `${at}/redemptions/${id}/cancel`)).status, 200);
  }
  t.match(await shop.points(cancels), { available: 0, held: 0 }, 'the neighbour has lost it too');
  t.match(await shop.points(earns), { available: 10 }, 'what was earned in the new year stays');
  t.match(await shop.points(takes), { available: 10 }, 'also after a merger');
  t.equal((await shop.fulfil(keeper, kept)).status, 200, 'what was ordered is fetched');
  const back = { redemptionId: bought, lines: [{ goodsId: soap, quantity: 1 }], restock: true, reason: '破损' };
  const asked = await keeper('POST', `${at}/returns`, back);
  t.equal(asked.status, 201, asked.text);
  t.equal((await admin('POST', `${asked.headers.location}/approve`)).status, 200);
  t.match(await shop.points(returns), { available: 0 }, 'nor does a return save it');
  service.clock.set('2027-01-20T02:00:00Z');
  t.equal(await expireOverdue(service), 1);
  t.match(await shop.points(waits), { available: 0, held: 0 }, 'nor does time');
  await (await viewLots(t, service)).sound(t, 'after the year end');
});

t.test('a run that is broken off goes on where it stopped', async t => {
  const service = await openService(t, { now: '2026-11-20T02:00:00Z', policy: { yearEnd: 'clear' } });
  const ids = await manyHouseholds(service, 450, place => place % 10, '2027-11-30');
  const { announced } = await staff(service);
  const { url, key } = await announced({ kind: 'yearEnd', year: 2026 });
  const lots = await viewLots(t, service);
  service.clock.set('2027-01-19T02:00:00Z');
  const supervisor = insisting(await service.as('supervisor'));
  t.equal((await supervisor('POST', `${url}/approve`)).status, 200);
  const progress = async () => {
    const { state, settled } = (await supervisor('GET', url)).body;
    return { state, settled };
  };

  // It dies in the third batch, before it commits; and then with the fourth committed, and nobody told.
  await t.rejects(postRun({ ...service, database: dying(service.database, { at: 3, committed: false }) }, key), /died/);
  t.strictSame(await progress(), { state: 'posting', settled: 200 });
  await t.rejects(postRun({ ...service, database: dying(service.database, { at: 1, committed: true }) }, key), /died/);
  t.strictSame(await progress(), { state: 'posting', settled: 300 });
  await readyToRace(service);
  await Promise.all([postRun(service, key), postRun(service, key), resumeRuns(service)]);
  t.strictSame(await progress(), { state: 'posted', settled: 450 });
  await postRun(service, key);

  const owner = await connect(t, service.ownerUrl);
  const { rows } = await owner.query(
    `select count(*)::integer as entries, count(distinct cause)::integer as accounts, sum(r.amount)::integer as points
       from ledger.transaction t join ledger.transfer r using (village, number)
      where kind = 'yearEnd' and village = $1`,
    [villages.own],
  );
  t.strictSame(rows, [{ entries: 405, accounts: 405, points: 45 * 45 }], 'one entry for each account that had points');
  const lines = await linesOf(supervisor, url);
  t.equal(lines.size, ids.length);
  t.strictSame(
    [...lines.values()].filter(({ expiring, taken }) => expiring !== taken),
    [],
    'the points previewed, exactly: nothing had happened between',
  );
  await lots.verified(t, 'after all that');
});

/** A database whose process dies in the `at`-th database transaction from now, before or after it commits. */
function dying(database: Database, { at, committed }: { at: number; committed: boolean }): Database {
  let left = at;
  const die = () => {
    throw new Error('died');
  };
  return {
    ...database,
    async inTransaction<T>(scope: string, work: (tx: Tx) => Promise<T>): Promise<T> {
      left -= 1;
      if (left > 0) return database.inTransaction(scope, work);
      const result = await database.inTransaction(scope, async tx => {
        const done = await work(tx);
        return committed ? done : die();
      });
      die();
      return result;
    },
  };
}

t.test('two thousand households, and the village goes on', async t => {
  const now = Temporal.Now.instant();
  const long = now.subtract({ hours: 24 * 10 }).toString();
  const service = await openService(t, { now: long, worker: true, policy: { expiryNoticeDays: 7 } });
  const yesterday = now.subtract({ hours: 48 }).toString().slice(0, 10);
  const ids = await manyHouseholds(service, 2_000, () => 5, yesterday);
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const { supervisor, announced } = await staff(service);
  const award = awarding(await service.as('clerk'));
  const { url } = await announced({ kind: 'lots', throughOn: yesterday });
  // The queue keeps real time.
  service.clock.set(Temporal.Now.instant().toString());
  await startWorker(service);
  t.equal((await supervisor('POST', `${url}/approve`)).status, 200);

  const waits: number[] = [];
  let state = 'posting';
  for (let left = 400; left > 0 && state === 'posting'; left -= 1) {
    const started = performance.now();
    const given = await award({ ruleId: rules.R5, householdId: ids[left], occasion: `o${left}` });
    waits.push(performance.now() - started);
    t.equal(given.status, 201);
    ({ state } = (await supervisor('GET', url)).body);
  }
  await until(async () => (await supervisor('GET', url)).body.state !== 'posting', 'the worker has posted');
  t.match((await supervisor('GET', url)).body, { state: 'posted', settled: 2_000, taken: 10_000 }, 'by the worker');
  const longest = Math.max(...waits);
  t.comment(`${waits.length} awards meanwhile, the longest took ${Math.round(longest)} ms`);
  await (await viewLots(t, service)).verified(t, 'after two thousand');
});
