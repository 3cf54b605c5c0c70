import { t } from 'tap';
import { jobActor } from '../src/db/jobs.ts';
import { closeDue } from '../src/publicity/jobs.ts';
import { object } from '../src/publicity/object.ts';
import { insisting } from './support/awards.ts';
import { at, type Board, openBoard, succeeded } from './support/publicity.ts';
import { isRefused } from './support/refusal.ts';
import { type Caller, connect, type Service, villages } from './support/service.ts';
import { untilBlocked } from './support/waiting.ts';

t.setTimeout(900_000);

const { own } = villages;
const ends = '2026-11-26T16:00:00Z';

/** A notice with one line for each of `count` households, besides a household that only looks on. */
async function openCase(t: Parameters<typeof openBoard>[0], count = 1, options: Parameters<typeof openBoard>[1] = {}) {
  const board = await openBoard(t, options);
  const homes: string[] = [];
  for (let left = count; left > 0; left -= 1) homes.push(await board.service.household());
  const neighbour = await board.service.household();
  const awards = await board.award(homes, { occasion: 'sweeping' });
  const notice = await board.publish();
  const lodge = async (caller: Caller, input: object = {}) => {
    const body = { awardId: awards[0], reason: '当天没有看见', ...input };
    return succeeded(await caller('POST', `${at}/objections`, body)).body.id as string;
  };
  const rule = (caller: Caller, id: string, verb: 'uphold' | 'dismiss') =>
    caller('POST', `${at}/objections/${id}/${verb}`, { ruling: '已核对签到表' });
  const appeal = (caller: Caller, objectionId: string) =>
    caller('POST', `${at}/appeals`, { objectionId, reason: '有组长作证' });
  const hear = (caller: Caller, id: string, verb: 'uphold' | 'dismiss') =>
    caller('POST', `${at}/appeals/${id}/${verb}`, { ruling: '镇里复核' });
  return { ...board, homes, neighbour, awards, notice, lodge, rule, appeal, hear };
}

async function declareKin(service: Service, userId: string, householdId: string): Promise<void> {
  await service.inVillage(own, tx =>
    tx.execute(`insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
      values ('${own}', '${userId}', '${householdId}', 'kin', '${userId}', now())`),
  );
}

t.test('who objects is told to nobody but themselves', async t => {
  const board = await openCase(t);
  const { service, homes, neighbour, awards, clerk, publisher, supervisor } = board;
  const other = await service.household();
  const kiosk = await service.asHousehold(neighbour);
  const own1 = await board.lodge(kiosk);
  const own2 = await board.lodge(await service.asHousehold(homes[0]!), { reason: '我家没有参加' });
  const forOther = await board.lodge(clerk, { householdId: other, reason: '电话提出' });
  const unnamed = await board.lodge(publisher, { reason: '不愿留名' });
  const listed = await supervisor('GET', `${at}/objections?awardId=${awards[0]}`);
  t.strictSame(
    listed.body.data.map((one: { id: string }) => one.id),
    [unnamed, forOther, own2, own1],
  );
  for (const id of [neighbour, other, clerk.actor.id, publisher.actor.id]) t.notOk(listed.text.includes(id));
  t.strictSame(Object.keys(listed.body.data[0]).sort(), [
    'awardId',
    'awardNumber',
    'householdId',
    'id',
    'lodgedAt',
    'mine',
    'reason',
    'ruledAt',
    'ruledBy',
    'ruling',
    'state',
    'withdrawnAt',
  ]);
  const seenBy = async (householdId: string) => {
    const caller = await service.asHousehold(householdId);
    const { data } = (await caller('GET', `${at}/objections`)).body;
    return data.map((one: { id: string; mine: boolean }) => [one.id, one.mine]);
  };
  t.strictSame(await seenBy(neighbour), [[own1, true]]);
  t.strictSame(await seenBy(other), [[forOther, true]]);
  t.strictSame(await seenBy(homes[0]!), [
    [unnamed, false],
    [forOther, false],
    [own2, true],
    [own1, false],
  ]);
  isRefused(t, await kiosk('GET', `${at}/objections/${own2}`), '404 not-found');
  isRefused(
    t,
    await kiosk('POST', `${at}/objections`, { awardId: awards[0], reason: '代', householdId: other }),
    '404 not-found',
    { field: 'householdId' },
  );
  isRefused(
    t,
    await clerk('POST', `${at}/objections`, { awardId: awards[0], reason: '再', householdId: other }),
    '409 already-exists',
  );
  isRefused(t, await clerk('POST', `${at}/objections`, { awardId: neighbour, reason: '无此项' }), '404 not-found');
});

t.test('only what waits on a running notice can be objected to', async t => {
  const board = await openCase(t);
  const { service, clerk, homes } = board;
  const [late] = await board.award([homes[0]!]);
  isRefused(t, await clerk('POST', `${at}/objections`, { awardId: late, reason: '未公示' }), '404 not-found');
  const [atOnce] = await board.award([homes[0]!], { ruleId: board.rules.EXE01 });
  await board.publish();
  isRefused(t, await clerk('POST', `${at}/objections`, { awardId: atOnce, reason: '已入账' }), '409 wrong-state', {
    state: 'posted',
    allowedFrom: ['pending'],
  });
  service.clock.set('2026-11-26T15:59:59.999Z');
  const id = await board.lodge(clerk);
  t.ok(id, 'until midnight in Shanghai');
  service.clock.set(ends);
  isRefused(
    t,
    await clerk('POST', `${at}/objections`, { awardId: late, reason: '次日', householdId: homes[0] }),
    '422 too-late',
    { endsAt: '2026-11-26T16:00:00.000Z' },
  );
});

t.test('an objection is taken back by whoever it is, and the award goes on', async t => {
  const board = await openCase(t, 1);
  const { service, homes, neighbour, publisher, clerk, points } = board;
  const id = await board.lodge(clerk, { householdId: neighbour });
  const url = `${at}/objections/${id}/withdraw`;
  isRefused(t, await publisher('POST', url), '403 forbidden');
  isRefused(t, await (await service.asHousehold(homes[0]!))('POST', url), '403 forbidden');
  service.clock.set(ends);
  await closeDue(service);
  t.match(await points(homes[0]!), { pending: 5 });
  const kiosk = await service.asHousehold(neighbour);
  const key = { 'idempotency-key': 'withdraw-1' };
  const first = await kiosk('POST', url, undefined, key);
  t.match(first, { status: 200, body: { state: 'withdrawn', mine: true } });
  t.equal((await kiosk('POST', url, undefined, key)).text, first.text);
  t.match(await points(homes[0]!), { pending: 0, available: 5 }, 'its notice had ended');
  isRefused(t, await kiosk('POST', url), '409 wrong-state', {
    state: 'withdrawn',
    allowedFrom: ['open'],
    since: '2026-11-26T16:00:00.000Z',
  });
  const book = await board.admin('GET', `${at}/transactions?limit=200`);
  t.equal(book.body.data.find((one: { kind: string }) => one.kind === 'publicityRelease').actorId, jobActor);
  for (const id of [neighbour, clerk.actor.id]) {
    const acted = book.body.data.filter((one: { actorId: string }) => one.actorId === id);
    t.notOk(
      acted.some((one: { kind: string }) => one.kind !== 'award'),
      'the book does not say who objected',
    );
  }
  t.ok(await board.sound());
});

t.test('a dismissed one releases the award when its notice has ended, and no other objection is open', async t => {
  const board = await openCase(t);
  const { service, homes, neighbour, clerk, points } = board;
  const [first, second] = [await board.lodge(clerk), await board.lodge(clerk, { householdId: neighbour })];
  t.match(await board.rule(board.board, first, 'dismiss'), { status: 200, body: { state: 'dismissed' } });
  service.clock.set(ends);
  await closeDue(service);
  t.match(await points(homes[0]!), { pending: 5, available: 0 });
  t.match(await board.rule(board.board, second, 'dismiss'), { status: 200, body: { ruledBy: board.board.actor.id } });
  t.match(await points(homes[0]!), { pending: 0, available: 5, honour: 5 });
  t.ok(await board.sound());
});

t.test('the first that is upheld ends all of them, and gives the cap back', async t => {
  const board = await openCase(t);
  const { homes, clerk, neighbour, points } = board;
  const [first, second] = [await board.lodge(clerk), await board.lodge(clerk, { householdId: neighbour })];
  t.match(await board.rule(board.board, second, 'uphold'), { status: 200, body: { state: 'upheld' } });
  t.match((await clerk('GET', `${at}/objections/${first}`)).body, { state: 'upheld', ruling: '已核对签到表' });
  isRefused(t, await board.rule(board.board, first, 'dismiss'), '409 wrong-state', {
    state: 'upheld',
    allowedFrom: ['open'],
    since: '2026-11-23T02:00:00.000Z',
  });
  t.match(await points(homes[0]!), { pending: 0, available: 0 });
  await board.award([homes[0]!], { occasion: 'sweeping' });
  t.match(await points(homes[0]!), { pending: 5 });
});

t.test('nobody rules on what went through the own hands or family, nor by way of the database', async t => {
  const board = await openCase(t, 2);
  const { service, homes, neighbour, awards, clerk, publisher } = board;
  const boards: Caller[] = [];
  for (let left = 3; left > 0; left -= 1) boards.push(insisting(await service.as('supervisionBoard')));
  const [lodger, kin, free] = boards as [Caller, Caller, Caller];
  const id = await board.lodge(lodger);
  await board.lodge(await service.asHousehold(neighbour));
  await declareKin(service, kin.actor.id, homes[0]!);
  isRefused(t, await board.rule(lodger, id, 'dismiss'), '403 second-person-required');
  isRefused(t, await board.rule(kin, id, 'uphold'), '403 own-household');

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${own}'`);
  const byHand = (userId: string) =>
    app.query(`select publicity.rule($1, $2, $3, 'dismissed', '理由', now())`, [own, id, userId]);
  for (const one of [lodger, clerk, publisher]) await t.rejects(byHand(one.actor.id), /objection_second_person/);
  await t.rejects(byHand(kin.actor.id), /objection_own_household/);
  await t.rejects(app.query(`update publicity.objection set ruled_by = $1`, [free.actor.id]), /permission denied/);
  await t.rejects(app.query(`update publicity.objection set state = 'dismissed'`), /objection_ruled/);
  const forged = `insert into publicity.objection (village, id, award_id, reason, objector_id, lodged_by, lodged_at, state)
    values ($1, gen_random_uuid(), $2, '理由', $3, $3, now(), 'upheld')`;
  await t.rejects(app.query(forged, [own, awards[1], free.actor.id]), /permission denied/);

  // Who decided on the award stays out as well as who entered it.
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set role jifen_owner; set jifen.scope = '${own}'`);
  await owner.query('update publicity.line set decided_by = array[$1]::uuid[]', [free.actor.id]);
  isRefused(t, await board.rule(free, id, 'dismiss'), '403 second-person-required');
  await t.rejects(byHand(free.actor.id), /objection_second_person/);
  t.match(await board.rule(board.board, id, 'dismiss'), { status: 200 });
});

t.test('the household that lost its award appeals, and is given it again', async t => {
  const board = await openCase(t, 1);
  const { service, homes, neighbour, awards, clerk, supervisor, points } = board;
  const objector = await service.asHousehold(neighbour);
  const id = await board.lodge(objector);
  const home = await service.asHousehold(homes[0]!);
  isRefused(t, await board.appeal(home, id), '409 wrong-state', {
    state: 'open',
    allowedFrom: ['upheld'],
    since: null,
  });
  await board.rule(board.board, id, 'uphold');
  isRefused(t, await board.appeal(objector, id), '409 wrong-state', {
    allowedFrom: ['dismissed'],
    state: 'upheld',
    since: '2026-11-23T02:00:00.000Z',
  });
  isRefused(t, await board.appeal(await service.asHousehold(await service.household()), id), '404 not-found');
  const lodged = await board.appeal(home, id);
  t.match(lodged, { status: 201, body: { state: 'open', against: 'upheld', mine: true } });
  isRefused(t, await board.appeal(clerk, id), '409 already-exists');

  const url = lodged.body.id;
  await declareKin(service, supervisor.actor.id, homes[0]!);
  isRefused(t, await board.hear(supervisor, url, 'uphold'), '403 own-household');
  const town = insisting(await service.as('supervisor'));
  const heard = await board.hear(town, url, 'uphold');
  t.match(heard, { status: 200, body: { state: 'upheld', heardBy: town.actor.id } });
  t.match(await points(homes[0]!), { pending: 5, available: 0 });
  const made = (await clerk('GET', `${at}/awards/${heard.body.newAwardId}`)).body;
  const lost = (await clerk('GET', `${at}/awards/${awards[0]}`)).body;
  for (const same of ['points', 'ruleId', 'occasion', 'occurredAt', 'businessDate', 'householdId', 'createdBy']) {
    t.equal(made[same], lost[same], same);
  }
  t.match(made, { state: 'pending', decidedBy: [town.actor.id] });
  isRefused(t, await board.hear(town, url, 'dismiss'), '409 wrong-state', {
    state: 'upheld',
    allowedFrom: ['open'],
    since: '2026-11-23T02:00:00.000Z',
  });
  t.match(await board.publish(), { lineCount: 1 }, 'it stands on the next notice');
  t.ok(await board.sound());

  const app = await connect(t, service.appUrl);
  await app.query(`set jifen.scope = '${own}'`);
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`set role jifen_owner; set jifen.scope = '${own}'`);
  await owner.query(`update publicity.appeal set state = 'open', heard_by = null, heard_by_kin = null, heard_at = null,
    ruling = null, hands = null, new_award_id = null`);
  const byHand = (userId: string) =>
    app.query(`select publicity.hear($1, $2, $3, 'dismissed', '理由', now())`, [own, url, userId]);
  for (const one of [clerk, board.board, board.publisher]) {
    await t.rejects(byHand(one.actor.id), /appeal_second_person/);
  }
  await t.rejects(byHand(supervisor.actor.id), /appeal_own_household/);
  await t.rejects(app.query('update publicity.appeal set heard_by = $1', [town.actor.id]), /permission denied/);
});

t.test('what others took back before the ruling is not given again', async t => {
  const board = await openCase(t, 2);
  const { service, homes, awards, neighbour, clerk, admin, supervisor } = board;
  const reversed = await board.lodge(clerk);
  const { body } = succeeded(await clerk('POST', `${at}/reversals`, { awardId: awards[0], reason: '登记错户' }));
  succeeded(await admin('POST', `${at}/reversals/${body.id}/approve`));
  const objector = await service.asHousehold(neighbour);
  const [dismissed, second] = [
    await board.lodge(objector, { awardId: awards[1] }),
    await board.lodge(clerk, { awardId: awards[1] }),
  ];
  succeeded(await board.rule(board.board, dismissed, 'dismiss'));
  const { body: appeal } = succeeded(await board.appeal(objector, dismissed));
  succeeded(await board.hear(supervisor, appeal.id, 'uphold'));
  for (const id of [reversed, second]) succeeded(await board.rule(board.board, id, 'uphold'));
  for (const [place, id] of [reversed, second].entries()) {
    const home = await service.asHousehold(homes[place]!);
    isRefused(t, await board.appeal(home, id), '409 already-reversed');
  }
});

t.test('whoever objected appeals: what waits stays paused, and is taken back', async t => {
  const board = await openCase(t, 1);
  const { service, homes, neighbour, points } = board;
  const objector = await service.asHousehold(neighbour);
  const id = await board.lodge(objector);
  await board.rule(board.board, id, 'dismiss');
  const home = await service.asHousehold(homes[0]!);
  isRefused(t, await board.appeal(home, id), '409 wrong-state', {
    allowedFrom: ['upheld'],
    state: 'dismissed',
    since: '2026-11-23T02:00:00.000Z',
  });
  const { body: lodged } = succeeded(await board.appeal(objector, id));
  service.clock.set(ends);
  await closeDue(service);
  t.match(await points(homes[0]!), { pending: 5, available: 0 }, 'an open appeal pauses it');
  t.match(await board.hear(board.supervisor, lodged.id, 'uphold'), { status: 200, body: { newAwardId: null } });
  t.match(await points(homes[0]!), { pending: 0, available: 0 });
  t.ok(await board.sound());
});

t.test('an appeal that is dismissed lets the award go on; one upheld too late for that reverses it', async t => {
  const board = await openCase(t, 2);
  const { service, homes, awards, clerk, publisher, points } = board;
  const [first, second] = [await board.lodge(clerk), await board.lodge(publisher, { awardId: awards[1] })];
  for (const id of [first, second]) succeeded(await board.rule(board.board, id, 'dismiss'));
  const { body: one } = succeeded(await board.appeal(clerk, first));
  service.clock.set(ends);
  await closeDue(service);
  t.match([await points(homes[0]!), await points(homes[1]!)], [{ pending: 5 }, { available: 5 }]);
  t.match(await board.hear(board.supervisor, one.id, 'dismiss'), { status: 200, body: { state: 'dismissed' } });
  t.match(await points(homes[0]!), { pending: 0, available: 5 });

  // The 30 days are counted from the ruling.
  service.clock.set('2026-12-23T02:00:00.001Z');
  isRefused(t, await board.appeal(clerk, second), '422 too-late', { endsAt: '2026-12-23T02:00:00.000Z' });
  service.clock.set('2026-12-23T02:00:00Z');
  const { body: two } = succeeded(await board.appeal(publisher, second));
  const heard = await board.hear(board.supervisor, two.id, 'uphold');
  t.match(heard, { status: 200 });
  t.match(await points(homes[1]!), { pending: 0, available: 0, honour: 0 });
  t.equal(await board.awardState(awards[1]!), 'reversed');
  const reversals = await clerk('GET', `${at}/reversals`);
  t.match(reversals.body.data, [{ state: 'posted', proposedBy: jobActor, decidedBy: board.supervisor.actor.id }]);
  t.notOk(reversals.text.includes(publisher.actor.id), 'who appealed stands nowhere');
  t.ok(await board.sound());
});

t.test('whoever hears appeals is not listed as somebody who agrees to reversals at once', async t => {
  const board = await openCase(t, 5);
  const { service, awards, clerk, supervisor } = board;
  const ids: string[] = [];
  for (const awardId of awards) ids.push(await board.lodge(clerk, { awardId }));
  for (const id of ids) succeeded(await board.rule(board.board, id, 'dismiss'));
  service.clock.set(ends);
  await closeDue(service);
  for (const id of ids) {
    const { body } = succeeded(await board.appeal(clerk, id));
    succeeded(await board.hear(supervisor, body.id, 'uphold'));
  }
  const { body } = await supervisor('GET', `${at}/signals`);
  t.strictSame(
    body.data.filter((one: { kind: string }) => /fastDecisions|reversalProposals/.test(one.kind)),
    [],
  );
});

t.test('an objection at the last moment and the closing: one of them is first', async t => {
  const board = await openCase(t, 20);
  const { service, awards, neighbour } = board;
  const kiosk = insisting(await service.asHousehold(neighbour));
  service.clock.set('2026-11-26T15:59:59.999Z');
  // Each call has read the clock when it comes to the locks.
  const objections = awards.map(awardId => kiosk('POST', `${at}/objections`, { awardId, reason: '最后一刻' }));
  await new Promise(resolve => setImmediate(resolve));
  const later = { ...service, clock: { now: () => Temporal.Instant.from(ends) } };
  await Promise.all([...objections, closeDue(later)]);
  await closeDue(later);
  const replies = await Promise.all(objections);
  const states = await statesOf(board);
  for (const [index, reply] of replies.entries()) {
    const lodged = reply.status === 201;
    t.equal(states.get(awards[index]!), lodged ? 'paused' : 'posted', reply.text.slice(0, 60));
  }
  t.ok(await board.sound());
});

t.test('closing waits for an objection that is being written, and leaves its line', async t => {
  const board = await openCase(t, 2);
  const { service, awards, clerk } = board;
  const input = { awardId: awards[0]!, reason: '最后一刻' };
  const inTime = Temporal.Instant.from('2026-11-26T15:59:59.999Z');
  const [written, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const objecting = service.inVillage(own, async tx => {
    await object(tx, clerk.actor, own, input, inTime);
    written.resolve();
    await letGo.promise;
  });
  await written.promise;
  service.clock.set(ends);
  const watch = await connect(t, service.ownerUrl);
  const closing = closeDue(service);
  await untilBlocked(watch);
  letGo.resolve();
  await Promise.all([objecting, closing]);
  const states = await statesOf(board);
  t.strictSame(
    awards.map(id => states.get(id)),
    ['paused', 'posted'],
  );
});

async function statesOf(board: Board & { notice: { id: string } }): Promise<Map<string, string>> {
  const { body } = await board.clerk('GET', `${at}/notices/${board.notice.id}?limit=200`);
  return new Map(body.lines.data.map((line: { awardId: string; state: string }) => [line.awardId, line.state]));
}

t.test('no answer to an objection depends on who else has objected', async t => {
  const board = await openCase(t, 7);
  const { service, neighbour, awards, clerk } = board;
  const objector = await service.asHousehold(neighbour);
  const innocent = await service.household();
  t.equal((await objector('POST', `${at}/objections`, { awardId: awards[0], reason: '未到场' })).status, 201);
  for (const caller of [clerk, await service.as('clerk'), await service.as('supervisionBoard')]) {
    const probe = async (householdId: string) => {
      const { status, body } = await caller('POST', `${at}/objections`, {
        awardId: awards[0],
        reason: '试',
        householdId,
      });
      const { id: _, lodgedAt: __, ...told } = body;
      return { status, told };
    };
    t.same(await probe(neighbour), await probe(innocent), 'the one that did is answered as the one that did not');
    t.match(await probe(neighbour), { status: 409 }, 'of their own they are told');
    t.match(await probe(innocent), { status: 409 });
  }
});

t.test('whoever decides is answered alike, whether kin of the objector or of nobody', async t => {
  const board = await openCase(t, 4);
  const { service, neighbour, awards } = board;
  const objector = await service.asHousehold(neighbour);
  const pairOf = async (role: 'supervisionBoard' | 'supervisor') => {
    const pair = [insisting(await service.as(role)), insisting(await service.as(role))] as const;
    await declareKin(service, pair[0].actor.id, neighbour);
    return pair;
  };
  const boards = await pairOf('supervisionBoard');
  const supervisors = await pairOf('supervisor');
  /** The answer without what names the case and the two. */
  const told = ({ status, body }: Awaited<ReturnType<Caller>>) => {
    const { id, objectionId, awardId, awardNumber, householdId, newAwardId, ruledBy, heardBy, ...rest } = body;
    return { status, ...rest };
  };
  for (const [first, verb] of [
    [0, 'dismiss'],
    [2, 'uphold'],
  ] as const) {
    const cases: { id: string; ruled: object }[] = [];
    for (const n of [0, 1]) {
      const id = await board.lodge(objector, { awardId: awards[first + n] });
      cases.push({ id, ruled: told(await board.rule(boards[n]!, id, verb)) });
    }
    const [ofKin, ofOther] = cases as [(typeof cases)[0], (typeof cases)[0]];
    t.equal((ofKin.ruled as { status: number }).status, 200, verb);
    t.same(ofKin.ruled, ofOther.ruled, `to ${verb} an objection`);
    const heard: object[] = [];
    for (const [n, { id }] of cases.entries()) {
      const { body } = succeeded(await board.appeal(verb === 'dismiss' ? objector : board.clerk, id));
      heard.push(told(await board.hear(supervisors[n]!, body.id, verb)));
    }
    t.same(heard[0], heard[1], `to ${verb} an appeal`);
    t.equal((heard[0] as { status: number }).status, 200, verb);
  }
  const lists = ['objections', 'appeals'].map(path => `${at}/${path}?limit=50`);
  for (const [kin, other] of [boards, supervisors]) {
    for (const url of lists) t.same((await kin('GET', url)).body, (await other('GET', url)).body, url);
  }
});

t.test('one household freezes five lines at a time, and no notice', async t => {
  const board = await openCase(t, 7);
  const { service, neighbour, awards, clerk } = board;
  const objector = await service.asHousehold(neighbour);
  const lodge = (n: number) => objector('POST', `${at}/objections`, { awardId: awards[n], reason: '未到场' });
  const answers = await Promise.all([0, 1, 2, 3, 4, 5].map(lodge));
  t.same(answers.map(answer => answer.status).sort(), [201, 201, 201, 201, 201, 422], 'of six at once');
  const refused = answers.find(answer => answer.status === 422)!;
  t.match(refused.body, { code: 'cap-reached', limit: 5, used: 5 });
  const forIt = { awardId: awards[6], reason: '代', householdId: neighbour };
  t.equal((await clerk('POST', `${at}/objections`, forIt)).status, 201, 'which a clerk is not told');
  const first = answers.find(answer => answer.status === 201)!.body.id;
  t.equal((await objector('POST', `${at}/objections/${first}/withdraw`)).status, 200);
  t.equal((await lodge(6)).status, 201, 'one that is over counts no longer');
});
