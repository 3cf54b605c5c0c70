import { t } from 'tap';
import { startWorker } from '../src/app.ts';
import { iso } from '../src/calendar.ts';
import { jobActor } from '../src/db/jobs.ts';
import { closeBatch } from '../src/publicity/close.ts';
import { closeDue, closeNotice } from '../src/publicity/jobs.ts';
import { insisting, tally } from './support/awards.ts';
import { manyHouseholds } from './support/expiry.ts';
import { at, openBoard, publicAt } from './support/publicity.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { connect, villages } from './support/service.ts';
import { openShop } from './support/shop.ts';
import { until } from './support/waiting.ts';

t.setTimeout(900_000);

const { own } = villages;
const ends = '2026-11-26T16:00:00Z';

t.test('a notice: published at once, three full days, spendable at the midnight after', async t => {
  const board = await openBoard(t);
  const { service, clerk, publisher, admin, points } = board;
  isRefused(t, await publisher('POST', `${at}/notices`, {}), '409 nothing-waits');
  t.strictSame((await publisher('GET', `${at}/notices`)).body, { data: [], nextCursor: null, hasMore: false });

  const home = await service.household({ members: [{ name: '张小三', phone: '13812341234' }] });
  const [waits] = await board.award([home]);
  const [atOnce] = await board.award([home], { ruleId: board.rules.EXE01 });
  t.match(await points(home), { pending: 5, available: 3, honour: 3 });

  isRefused(t, await clerk('POST', `${at}/notices`, {}), '403 second-person-required', { lines: 2 });
  const key = { 'idempotency-key': 'publish-1' };
  const made = await publisher('POST', `${at}/notices`, {}, key);
  t.match(made, {
    status: 201,
    body: {
      number: 'GS-20261123-1',
      startsOn: '2026-11-24',
      days: 3,
      endsAt: '2026-11-26T16:00:00.000Z',
      state: 'running',
      lineCount: 2,
      publishedBy: publisher.actor.id,
    },
  });
  t.equal((await publisher('POST', `${at}/notices`, {}, key)).text, made.text, 'the same call twice');
  const url = `${at}/notices/${made.body.id}`;
  t.equal(made.headers.location, url);
  t.match((await clerk('GET', url)).body, {
    totals: { onNotice: 1, posted: 1, paused: 0, cancelled: 0, points: 8 },
    lines: {
      data: [
        { place: 1, awardId: waits, headName: '张小三', state: 'onNotice', points: 5 },
        { place: 2, awardId: atOnce, headName: '张小三', state: 'posted', points: 3 },
      ],
    },
  });
  const board2 = await service.as('supervisionBoard');
  t.match((await board2('GET', url)).body.lines.data, [{ headName: '张*三' }, { headName: '张*三' }]);

  service.clock.set('2026-11-26T15:59:59.999Z');
  isRefused(t, await admin('POST', `${url}/close`), '409 publicity-running', { endsAt: '2026-11-26T16:00:00.000Z' });
  await closeDue(service);
  await closeNotice(service, { village: own, noticeId: made.body.id });
  t.match(await points(home), { pending: 5, available: 3 }, 'nor by a job that comes too early');
  service.clock.set(ends);
  t.match(await admin('POST', `${url}/close`), {
    status: 200,
    body: { state: 'closed', closedAt: iso(service.clock.now()) },
  });
  t.match(await points(home), { pending: 0, available: 8, honour: 8 });
  t.match(await admin('POST', `${url}/close`), { status: 200, body: { state: 'closed' } }, 'again');
  await closeDue(service);
  t.match(await points(home), { pending: 0, available: 8 });
  t.ok(await board.sound());
});

t.test('own lines are left for another publisher, and the database holds it too', async t => {
  const board = await openBoard(t);
  const { service, clerk, publisher } = board;
  const [home, other] = [await service.household(), await service.household()];
  await board.award([home]);
  const said = { ruleId: board.rules.ENV03, householdId: other, quantity: 1 };
  t.equal((await publisher('POST', `${at}/awards`, said)).status, 201);
  isRefused(t, await publisher('POST', `${at}/notices`, {}), '403 second-person-required', { lines: 1 });
  const first = await publisher('POST', `${at}/notices`, { skipOwn: true });
  t.match(first, { status: 201, body: { lineCount: 1 } });
  isRefused(t, await publisher('POST', `${at}/notices`, { skipOwn: true }), '409 nothing-waits');
  t.match(await clerk('POST', `${at}/notices`, {}), { status: 201, body: { lineCount: 1, number: 'GS-20261123-2' } });

  const [third] = await board.award([home]);
  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${own}'`);
  const insert = `insert into publicity.line (village, award_id, notice_id, place, entered_by, decided_by, published_by)
    values ($1, $2, $3, 9, $4, '{}', $4)`;
  await t.rejects(app.query(insert, [own, third, first.body.id, clerk.actor.id]), /permission denied/);
  await t.rejects(app.query('update publicity.line set published_by = $1', [clerk.actor.id]), /permission denied/);
  await t.rejects(app.query('delete from publicity.line'), /permission denied/);
  const publish = `select publicity.publish($1, gen_random_uuid(), $2, '2026-11-24', 3, false, now()) as result`;
  const { rows } = await app.query(publish, [own, clerk.actor.id]);
  t.same(rows[0].result, { lines: 0, own: 1 }, 'the function publishes nothing either');

  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set role jifen_owner; set jifen.scope = '${own}'`);
  await t.rejects(owner.query(insert, [own, third, first.body.id, clerk.actor.id]), /notice_line_entered_by_another/);
  const decided = `insert into publicity.line (village, award_id, notice_id, place, entered_by, decided_by, published_by)
    values ($1, $2, $3, 9, gen_random_uuid(), array[null, $4]::uuid[], $4)`;
  await t.rejects(owner.query(decided, [own, third, first.body.id, clerk.actor.id]), /notice_line_decided_by_others/);
});

t.test('two publish at once: every award stands on one notice', async t => {
  const board = await openBoard(t);
  const home = await board.service.household();
  await board.award(Array.from({ length: 50 }, () => home));
  const publishers = await Promise.all([1, 2, 3].map(async () => insisting(await board.service.as('clerk'))));
  const replies = await Promise.all(publishers.map(one => one('POST', `${at}/notices`, {})));
  t.same(tally(replies), { 201: 1, 'nothing-waits': 2 });
});

t.test('one line of a hundred is objected to: 99 can be spent, the upheld one ends at zero', async t => {
  const board = await openBoard(t);
  const { service, clerk, points } = board;
  const homes = await manyHouseholds(service, 100, () => 0, null);
  const awards = await board.award(homes);
  const notice = await board.publish();
  const neighbour = await service.asHousehold(homes[7]!);
  const input = { awardId: awards[3], reason: '当天没有看见' };
  const objection = await neighbour('POST', `${at}/objections`, input);
  t.match(objection, { status: 201, body: { state: 'open', mine: true, awardId: awards[3] } });
  t.notMatch(objection.text, homes[7]!, 'nobody is told whose it is');
  isRefused(t, await neighbour('POST', `${at}/objections`, input), '409 already-exists');
  t.match((await clerk('GET', `${at}/notices/${notice.id}`)).body.totals, { onNotice: 99, paused: 1 });

  service.clock.set(ends);
  const later = await service.asHousehold(homes[7]!);
  isRefused(t, await later('POST', `${at}/objections`, { ...input, awardId: awards[4] }), '422 too-late', {
    endsAt: '2026-11-26T16:00:00.000Z',
  });
  await closeNotice(service, { village: own, noticeId: notice.id });
  t.match((await clerk('GET', `${at}/notices/${notice.id}`)).body, {
    state: 'closed',
    totals: { posted: 99, paused: 1, points: 500 },
  });
  t.match(await points(homes[3]!), { pending: 5, available: 0 });
  t.match(await points(homes[4]!), { pending: 0, available: 5 });

  const url = `${at}/objections/${objection.body.id}`;
  const ruled = await board.board('POST', `${url}/uphold`, { ruling: '签到表上没有' });
  t.match(ruled, { status: 200, body: { state: 'upheld', ruling: '签到表上没有', mine: false } });
  t.match(await points(homes[3]!), { pending: 0, available: 0, honour: 0 });
  t.equal(await board.awardState(awards[3]!), 'reversed');
  isRefused(t, await board.board('POST', `${url}/dismiss`, { ruling: '改了' }), '409 wrong-state', {
    state: 'upheld',
    allowedFrom: ['open'],
    since: '2026-11-26T16:00:00.000Z',
  });
  t.ok(await board.sound());
});

t.test('closing goes on where it was broken off, and two at once double nothing', async t => {
  const board = await openBoard(t);
  const { service, clerk } = board;
  const homes = await manyHouseholds(service, 250, () => 0, null);
  await board.award(homes);
  const key = { village: own, noticeId: (await board.publish()).id };
  service.clock.set(ends);
  const batch = () => service.inVillage(own, tx => closeBatch(tx, key, jobActor, service.clock.now()));
  t.equal(await batch(), true);
  const dies = service.inVillage(own, async tx => {
    await closeBatch(tx, key, jobActor, service.clock.now());
    throw new Error('the machine stops');
  });
  await t.rejects(dies, /the machine stops/);
  t.match((await clerk('GET', `${at}/notices/${key.noticeId}`)).body, { state: 'running', totals: { posted: 100 } });
  await Promise.all([closeNotice(service, key), closeNotice(service, key), closeDue(service)]);
  t.match((await clerk('GET', `${at}/notices/${key.noticeId}`)).body, { state: 'closed', totals: { posted: 250 } });
  const balances = await service.inVillage(own, tx =>
    tx.execute(`select distinct balance from ledger.account where code like 'household:%:available'`),
  );
  t.same(balances.rows, [{ balance: 5 }]);
  t.ok(await board.sound());
});

t.test('a job closes it when its time has come', async t => {
  const board = await openBoard(t, { worker: true, now: '2026-01-05T02:00:00Z' });
  const { service, publisher, points } = board;
  const home = await service.household();
  await board.award([home]);
  const notice = await board.publish();
  t.equal(notice.endsAt, '2026-01-08T16:00:00.000Z', 'long ago, by the clock of the database');
  service.clock.set(notice.endsAt);
  await startWorker(service);
  await until(async () => (await points(home)).pending === 0, 'the job closes it');
  t.match(await points(home), { pending: 0, available: 5 });
  t.match((await publisher('GET', `${at}/notices/${notice.id}`)).body, { state: 'closed' });
});

t.test('a thousand lines close while households redeem', async t => {
  const shop = await openShop(t, {
    policy: { directAwardPublicityDays: 3, householdDayMaxPoints: 1_000, redemptionsPerDay: 100 },
    now: '2026-11-23T02:00:00Z',
  });
  const { service } = shop;
  const soap = await shop.goods('肥皂');
  await shop.prices({ [soap]: 3 });
  await shop.stock({ [soap]: 1_000 });
  const rich = await shop.household(300);
  const board = await openBoardOn(service);
  const homes = await manyHouseholds(service, 1_000, () => 0, null);
  await board.award(homes);
  const asked = performance.now();
  const notice = await board.publish();
  t.comment(`published 1,000 lines in ${Math.round(performance.now() - asked)} ms`);
  t.equal(notice.lineCount, 1_000);
  service.clock.set(ends);

  let closing = true;
  const closed = closeNotice(service, { village: own, noticeId: notice.id }).finally(() => {
    closing = false;
  });
  let [redeemed, longest] = [0, 0];
  while (closing && redeemed < 90) {
    const started = performance.now();
    const reply = await shop.redeem(shop.keeper, shop.order(rich, { [soap]: 1 }));
    longest = Math.max(longest, performance.now() - started);
    if (reply.status !== 201) throw new Error(reply.text);
    redeemed += 1;
  }
  await closed;
  t.comment(`${redeemed} redemptions meanwhile, the longest ${Math.round(longest)} ms`);
  t.ok(redeemed >= 3, 'others have their turn between two batches');
  const read = await board.clerk('GET', `${at}/notices/${notice.id}?limit=200`);
  t.match(read.body, { state: 'closed', totals: { posted: 1_000, points: 5_000 } });
  t.equal(read.body.lines.data.length, 200);
  const next = await board.clerk('GET', `${at}/notices/${notice.id}?limit=200&cursor=${read.body.lines.nextCursor}`);
  t.equal(next.body.lines.data[0].place, 201);
  t.equal((await service.anonymous('GET', `${publicAt}/notices/${notice.id}?limit=200`)).body.lines.data.length, 200);
});

t.test('a line is struck by a second person: its award is taken back', async t => {
  const board = await openBoard(t);
  const { service, clerk, admin, points } = board;
  const homes = [await service.household(), await service.household(), await service.household()];
  const awards = await board.award(homes, { occasion: 'sweeping' });
  const [atOnce] = await board.award([homes[0]!], { ruleId: board.rules.EXE01 });
  const notice = await board.publish();
  const strike = (caller: typeof clerk, awardId: string | undefined, reason = '登记错户') =>
    caller('POST', `${at}/notices/${notice.id}/strike`, { awardId, reason });
  isRefused(t, await strike(clerk, awards[0]), '403 second-person-required');
  isRefused(t, await strike(admin, atOnce), '409 wrong-state', { state: 'posted', allowedFrom: ['pending'] });
  isRefused(t, await strike(admin, notice.id), '404 not-found');
  const objector = await service.asHousehold(homes[2]!);
  const lodged = await objector('POST', `${at}/objections`, { awardId: awards[1], reason: '不属实' });
  isRefused(t, await strike(admin, awards[1]), '409 objection-open', { objectionIds: [lodged.body.id] });
  await service.inVillage(own, tx =>
    tx.execute(`insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
      values ('${own}', '${admin.actor.id}', '${homes[2]}', 'kin', '${admin.actor.id}', now())`),
  );
  isRefused(t, await strike(admin, awards[2]), '403 own-household');
  isRefused(
    t,
    await strike(admin, awards[1]),
    '409 objection-open',
    { objectionIds: [lodged.body.id] },
    'not told that kin object',
  );
  t.match(await strike(admin, awards[0]), { status: 200 });
  isRefused(t, await strike(admin, awards[0]), '409 wrong-state', { state: 'reversed', allowedFrom: ['pending'] });
  t.match(await points(homes[0]!), { pending: 0, available: 3 });
  const { lines, totals } = (await clerk('GET', `${at}/notices/${notice.id}`)).body;
  const struck = lines.data.find((line: { awardId: string }) => line.awardId === awards[0]);
  t.match(struck, { state: 'cancelled', struckBy: admin.actor.id, strikeReason: '登记错户' });
  t.match(totals, { cancelled: 1, onNotice: 1, paused: 1, posted: 1, points: 13 });
  await board.award([homes[0]!], { occasion: 'sweeping' });
  t.match(await points(homes[0]!), { pending: 5 }, 'its occasion is free again');

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${own}'`);
  const byHand = (userId: string, awardId: string | undefined) =>
    app.query(`select publicity.strike($1, $2, $3, '理由', now())`, [own, awardId, userId]);
  await t.rejects(byHand(clerk.actor.id, awards[1]), /notice_line_struck_by_another/);
  await t.rejects(byHand(admin.actor.id, awards[2]), /notice_line_struck_by_kin/);
});

/** The same board in a village that stands already. */
async function openBoardOn(service: Parameters<typeof manyHouseholds>[0]) {
  const rules = await adoptRules(service, [ruleDraft('ENV03')]);
  const [clerk, publisher] = [insisting(await service.as('clerk')), insisting(await service.as('clerk'))];
  return {
    clerk,
    award: async (householdIds: string[]) => {
      const items = householdIds.map(householdId => ({ ruleId: rules.ENV03, householdId, quantity: 1 }));
      return clerk('POST', `${at}/awards/batch`, { mode: 'perItem', items });
    },
    publish: async () => (await publisher('POST', `${at}/notices`, {})).body,
  };
}
