import { t } from 'tap';
import { iso } from '../src/calendar.ts';
import { insisting } from './support/awards.ts';
import { isRefused } from './support/refusal.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { nobody, openService, type Service, villages } from './support/service.ts';

t.setTimeout(900_000);

type Person = ReturnType<typeof insisting>;

const urlOf = (village: string) => `/v1/villages/${village}`;

async function openVillage(service: Service, village: string = villages.own) {
  const rules = await adoptRules(service, [ruleDraft('R5', { points: 5 })], { village });
  const admin = insisting(await service.as('villageAdmin', village));
  const at = urlOf(village);
  let numbered = 0;
  const newHomes = async (count: number) => {
    const made: string[] = [];
    for (let left = count; left > 0; left -= 1) made.push(await service.household({}, village));
    return made;
  };
  /** An award of so many units of 5 points; answers its id. */
  const give = async (clerk: Person, householdId: string, quantity = 1): Promise<string> => {
    numbered += 1;
    const input = { ruleId: rules.R5, householdId, quantity, occasion: `o-${numbered}` };
    const reply = await clerk('POST', `${at}/awards`, input);
    if (reply.status !== 201) throw new Error(reply.text);
    return reply.body.id;
  };
  /** Takes an award back; answers the reversal's id. */
  const takeBack = async (proposer: Person, awardId: string, pause: Temporal.DurationLike): Promise<string> => {
    const proposed = await proposer('POST', `${at}/reversals`, { awardId, reason: '登记错户' });
    service.clock.pass(pause);
    const agreed = await admin('POST', `${at}/reversals/${proposed.body.id}/approve`);
    if (agreed.status !== 200) throw new Error(agreed.text);
    return proposed.body.id;
  };
  const listed = async (kind?: string, query = 'from=2026-11-01&to=2026-12-01') => {
    const { status, body, text } = await admin('GET', `${at}/signals?${query}`);
    if (status !== 200) throw new Error(text);
    // biome-ignore lint/suspicious/noExplicitAny: as it is answered
    return body.data.filter((one: any) => kind === undefined || one.kind === kind);
  };
  return {
    admin,
    at,
    newHomes,
    give,
    takeBack,
    listed,
    clerk: async () => insisting(await service.as('clerk', village)),
  };
}

t.test('a quiet village lists nothing', async t => {
  const service = await openService(t, { now: '2026-11-02T01:00:00Z' });
  const { admin, at, newHomes, give, takeBack, listed, clerk } = await openVillage(service);
  t.strictSame((await admin('GET', `${at}/signals`)).body, {
    from: '2026-11-01',
    to: '2026-12-01',
    data: [],
    truncated: false,
  });
  const homes = await newHomes(12);
  const clerks = [await clerk(), await clerk()];
  for (let day = 0; day < 8; day += 1) {
    for (const [place, home] of homes.entries()) await give(clerks[place % 2]!, home, 1 + ((place + day) % 3));
    service.clock.pass({ hours: 24 });
  }
  for (const one of clerks) await takeBack(one, await give(one, homes[0]!), { minutes: 40 });
  // Late, but only one or two.
  service.clock.set('2026-11-12T15:00:00Z');
  for (const home of homes.slice(0, 9)) await give(clerks[0]!, home);
  t.strictSame(await listed(), []);
});

t.test('each pattern is listed with its evidence', async t => {
  const service = await openService(t, { now: '2026-11-02T01:00:00Z' });
  const { admin, newHomes, give, takeBack, listed, clerk } = await openVillage(service);
  const homes = await newHomes(13);

  await t.test('awards to own and kin, also when it was declared later', async t => {
    const kin = await clerk();
    const ids = [await give(kin, homes[0]!), await give(kin, homes[0]!, 2)];
    await give(kin, homes[1]!);
    t.strictSame(await listed('ownBenefit'), []);
    await declareKin(service, kin.actor.id, homes[0]!);
    const [signal, ...more] = await listed('ownBenefit');
    t.strictSame(more, []);
    t.match(signal, { severity: 100, evidence: { count: 2, points: 15, firstAt: '2026-11-02T01:00:00.000Z' } });
    t.strictSame([signal.evidence.userIds, signal.evidence.householdIds], [[kin.actor.id], [homes[0]]]);
    t.strictSame(signal.evidence.awardIds, ids);
    t.match([signal.zh, signal.en], [/2 笔，共 15 分/, /2 awards worth 15 points/]);
  });

  await t.test('the largest quantity that is still direct', async t => {
    const near = await clerk();
    const ids: string[] = [];
    for (const home of homes.slice(2, 6)) ids.push(await give(near, home, 6));
    t.strictSame(await listed('justUnderLimit'), [], 'four say nothing');
    ids.push(await give(near, homes[6]!, 6));
    await give(near, homes[7]!, 5);
    const [signal, ...more] = await listed('justUnderLimit');
    t.strictSame(more, []);
    t.match(signal.evidence, { limit: 'directAward', points: 30, count: 5, of: 6, userIds: [near.actor.id] });
    t.strictSame(signal.evidence.awardIds, ids);
    t.equal(signal.severity, 83);
  });

  await t.test('days that are filled to the cap', async t => {
    service.clock.pass({ hours: 24 });
    const filler = await clerk();
    for (const [place, home] of homes.slice(0, 5).entries()) {
      await give(filler, home, 3);
      if (place === 4) t.strictSame((await listed('justUnderLimit')).length, 1, 'four say nothing');
      await give(filler, home, 3);
    }
    const signal = (await listed('justUnderLimit')).find(
      (one: { evidence: { limit: string } }) => one.evidence.limit === 'householdDay',
    );
    t.match(signal.evidence, { count: 5, points: 30, userIds: [filler.actor.id] });
    t.strictSame(signal.evidence.householdIds.toSorted(), homes.slice(0, 5).toSorted());
  });

  await t.test('a night’s work', async t => {
    const owl = await clerk();
    const ids: string[] = [];
    service.clock.set('2026-11-05T13:59:59.999Z');
    await give(owl, homes[0]!);
    service.clock.set('2026-11-05T14:00:00Z');
    for (const home of homes.slice(1, 6)) ids.push(await give(owl, home));
    service.clock.set('2026-11-05T21:59:59Z');
    for (const home of homes.slice(6, 10)) ids.push(await give(owl, home));
    t.strictSame(await listed('nightEntries'), [], 'nine say nothing');
    ids.push(await give(owl, homes[10]!));
    service.clock.set('2026-11-05T22:00:00Z');
    await give(owl, homes[11]!);
    const [signal, ...more] = await listed('nightEntries');
    t.strictSame(more, []);
    t.match(signal.evidence, {
      userIds: [owl.actor.id],
      count: 10,
      points: 50,
      firstAt: '2026-11-05T14:00:00.000Z',
      lastAt: '2026-11-05T21:59:59.000Z',
    });
    t.strictSame(signal.evidence.awardIds, ids);
  });

  await t.test('one household’s share', async t => {
    const friend = await clerk();
    for (const home of homes.slice(0, 12)) {
      service.clock.pass({ minutes: 7 });
      await give(friend, home);
    }
    for (let day = 0; day < 8; day += 1) {
      t.strictSame(await listed('householdShare'), [], `${12 + day} awards say nothing`);
      service.clock.pass({ hours: 24 });
      await give(friend, homes[12]!, 2);
    }
    const [signal, ...more] = await listed('householdShare');
    t.strictSame(more, []);
    t.match(signal, { severity: 57, evidence: { count: 80, of: 140, points: 80 } });
    t.strictSame([signal.evidence.userIds, signal.evidence.householdIds], [[friend.actor.id], [homes[12]]]);
    t.equal(signal.evidence.awardIds.length, 8);
  });

  await t.test('one person’s reversals, agreed to at once', async t => {
    const [clumsy, other] = [await clerk(), await clerk()];
    const [awardIds, reversalIds]: [string[], string[]] = [[], []];
    const slow = await takeBack(other, await give(other, homes[0]!), { seconds: 3 });
    for (const home of homes.slice(1, 6)) {
      for (const kind of ['reversedEntries', 'reversalProposals', 'fastDecisions']) {
        if (awardIds.length < 3 || kind !== 'fastDecisions') t.strictSame(await listed(kind), [], kind);
      }
      const id = await give(clumsy, home);
      awardIds.push(id);
      reversalIds.push(await takeBack(clumsy, id, { milliseconds: 2999 }));
    }
    t.match((await listed('reversedEntries'))[0].evidence, {
      userIds: [clumsy.actor.id],
      awardIds,
      count: 5,
      of: 5,
    });
    t.match((await listed('reversalProposals'))[0].evidence, {
      userIds: [clumsy.actor.id],
      reversalIds,
      count: 5,
      of: 6,
    });
    const [fast] = await listed('fastDecisions');
    t.match(fast, { severity: 83, evidence: { userIds: [admin.actor.id], count: 5, of: 6 } });
    t.notOk(fast.evidence.reversalIds.includes(slow), 'not the one that took three seconds');
  });

  const all = await listed();
  t.strictSame(
    all.map((one: { severity: number }) => one.severity),
    all.map((one: { severity: number }) => one.severity).toSorted((a: number, b: number) => b - a),
    'the most severe first',
  );
  t.strictSame(await listed(undefined, 'from=2026-12-01&to=2027-01-01'), [], 'none of it in another month');
  t.ok(all.every((one: { zh: string; en: string }) => !/undefined|null|NaN/.test(one.zh + one.en)));
});

t.test('a quarter of a year at most', async t => {
  const service = await openService(t);
  const { admin, at } = await openVillage(service);
  t.equal((await admin('GET', `${at}/signals?from=2026-09-01&to=2026-12-02`)).status, 200);
  isRefused(t, await admin('GET', `${at}/signals?from=2026-09-01&to=2026-12-03`), '422 out-of-bounds', {
    field: 'to',
    max: '2026-12-02',
    min: '2026-09-02',
  });
  isRefused(t, await admin('GET', `${at}/signals?from=2026-09-01&to=2026-09-01`), '422 out-of-bounds', {
    field: 'to',
    min: '2026-09-02',
    max: '2999-12-31',
  });
});

async function declareKin(service: Service, userId: string, householdId: string) {
  const now = iso(service.clock.now());
  await service.inVillage(villages.own, tx =>
    tx.execute(`insert into households.kin (village, user_id, household_id, relation, declared_by, declared_at)
                values ('${villages.own}', '${userId}', '${householdId}', 'kin', '${nobody.id}', '${now}')`),
  );
}
