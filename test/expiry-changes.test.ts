import { randomUUIDv7 } from 'node:crypto';
import { t } from 'tap';
import { dayOf, iso } from '../src/calendar.ts';
import { postRun } from '../src/expiry/jobs.ts';
import { postOne } from '../src/ledger/post.ts';
import { redemption } from '../src/ledger/transactions.ts';
import { diceOf } from './storms/dice.ts';
import { report, seed, size } from './storms/size.ts';
import { awarding, insisting } from './support/awards.ts';
import { give, openRegister, own } from './support/changes.ts';
import { adoptRules, ruleDraft } from './support/rules.ts';
import { nobody, villages } from './support/service.ts';

t.setTimeout(300_000);

type Register = Awaited<ReturnType<typeof openRegister>>;
const runs = `${own}/expiry-runs`;

/** A village in December whose year end takes all, or all above a cap. */
async function december(t: Parameters<typeof openRegister>[0], policy: object = { yearEnd: 'clear' }) {
  const terms = { expiryNoticeDays: 7, redemptionsPerDay: 20, ...policy };
  const register = await openRegister(t, { now: '2026-12-20T02:00:00Z', policy: terms });
  const supervisor = insisting(await register.service.as('supervisor'));
  const { service, clerk, admin } = register;
  /** What a run would take of each household, by its id; nothing of it stays. */
  const previewed = async () => {
    const { body, headers } = await admin('POST', runs, { kind: 'yearEnd', year: 2026 });
    const { data } = (await clerk('GET', `${headers.location}/lines?limit=200`)).body;
    await admin('POST', `${headers.location}/cancel`);
    const lines = data as { householdId: string; available: number; expiring: number }[];
    return { total: body.expiring as number, of: new Map(lines.map(line => [line.householdId, line.expiring])) };
  };
  /** Announces a run, waits for its day, agrees to it and posts it; answers what it took of each. */
  const posted = async () => {
    const { body, headers } = await admin('POST', runs, { kind: 'yearEnd', year: 2026 });
    const { dueOn } = (await admin('POST', `${headers.location}/announce`)).body;
    service.clock.set(`${dueOn}T02:00:00Z`);
    t.equal((await supervisor('POST', `${headers.location}/approve`)).status, 200);
    await postRun(service, { village: villages.own, runId: body.id });
    const { data } = (await clerk('GET', `${headers.location}/lines?limit=200`)).body;
    const lines = data as { householdId: string; taken: number }[];
    return new Map(lines.map(line => [line.householdId, line.taken]));
  };
  return { ...register, supervisor, previewed, posted };
}

async function spend({ service }: Pick<Register, 'service'>, householdId: string, points: number) {
  const now = service.clock.now();
  const event = { actor: nobody.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const order = { redemptionId: randomUUIDv7(), householdId, storeId: randomUUIDv7(), points, goods: [] };
  const command = redemption(event, order, { limits: [], frozen: {} });
  await service.inVillage(villages.own, tx => postOne(tx, villages.own, command));
}

t.test('points of the new year stay with whoever has them after a change', async t => {
  for (const cap of [undefined, 5]) {
    const policy = cap === undefined ? { yearEnd: 'clear' } : { yearEnd: 'cap', yearEndCapPoints: cap };
    const register = await december(t, policy);
    const { service, home, changed, points, previewed, posted, lots } = register;
    const [plain, a, b, c, d, e] = [
      await home('赵一'),
      await home('钱一', '钱二'),
      await home('孙一'),
      await home('李一', '李二'),
      await home('周一'),
      await home('吴一'),
    ];
    for (const one of [b, c]) await give(service, one.id, 10);
    service.clock.set('2027-01-05T02:00:00Z');
    for (const one of [plain, a, c, d]) await give(service, one.id, 20);
    const before = await previewed();

    t.equal((await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).status, 200);
    const split = await changed({
      kind: 'split',
      householdId: c.id,
      memberIds: [c.members[1]],
      newHousehold: { grid: 1, headMemberId: c.members[1] },
      availablePoints: 15,
    });
    t.equal(split.status, 200, split.text);
    const half = split.body.toHouseholdId as string;
    const died = { kind: 'death', householdId: d.id, memberId: d.members[0], diedOn: '2027-01-04' };
    t.equal((await changed({ ...died, heirHouseholdId: e.id })).status, 200);

    const after = await previewed();
    if (cap === undefined) t.equal(after.total, before.total, 'a change takes nothing');
    const expected = new Map([
      [plain.id, 0],
      [a.id, 0],
      [b.id, cap === undefined ? 10 : 5],
      // Of each year as much: 5 of 10 are old.
      [c.id, cap === undefined ? 5 : 0],
      [half, cap === undefined ? 5 : 0],
      [d.id, 0],
      [e.id, 0],
    ]);
    t.strictSame(after.of, expected, 'the preview');
    t.strictSame(await posted(), expected, 'and the posting');
    t.match(await points(plain.id), { available: 20 });
    t.match(await points(b.id), { available: cap === undefined ? 20 : 25 });
    t.match([await points(c.id), await points(half)], Array(2).fill({ available: cap === undefined ? 10 : 15 }));
    t.match(await points(e.id), { available: 20 });
    await lots.sound(t, 'after the year end');
  }
});

t.test('they move to another village as what they are', async t => {
  const { service, home, changed, clerk, lots } = await december(t);
  const a = await home('郑一');
  await give(service, a.id, 7);
  service.clock.set('2027-01-05T02:00:00Z');
  await give(service, a.id, 20);
  const away = { kind: 'moveAway', householdId: a.id, toVillage: villages.sibling, carry: true };
  const left = (await changed(away)).body;
  const { frozen } = (await clerk('GET', `${own}/transactions/${left.transactionNumber}`)).body;
  t.match(frozen, { earned: '2027=20', earnedFrom: '2027=0' });

  const there = `/v1/villages/${villages.sibling}`;
  const [theirClerk, theirAdmin] = [
    insisting(await service.as('clerk', villages.sibling)),
    insisting(await service.as('villageAdmin', villages.sibling)),
  ];
  const newHome = await service.household({ members: [{ name: '郑一' }] }, villages.sibling);
  const come = { kind: 'moveIn', householdId: newHome, fromVillage: villages.own, reason: '迁入' };
  const transactionNumber = left.transactionNumber;
  const made = await theirClerk('POST', `${there}/household-changes`, { ...come, transactionNumber });
  const came = await theirAdmin('POST', `${there}/household-changes/${made.body.id}/approve`);
  t.equal(came.status, 200, came.text);
  const { body } = await theirAdmin('POST', `${there}/expiry-runs`, { kind: 'yearEnd', year: 2026 });
  t.match(body, { households: 1, available: 27, expiring: 7 });
  await lots.sound(t, 'after a move');
});

t.test('an award that the successor gives back takes its own year along', async t => {
  const { service, home, changed, clerk, other, points, previewed, lots } = await december(t);
  const rules = await adoptRules(service, [ruleDraft('R5')]);
  const [a, b] = [await home('冯一'), await home('陈一')];
  service.clock.set('2027-01-05T02:00:00Z');
  const award = async (occasion: string, occurredAt: string) =>
    (await awarding(clerk)({ ruleId: rules.R5, householdId: a.id, occasion, occurredAt })).body;
  await give(service, b.id, 3);
  const [old, recent] = [await award('old', '2026-12-21T02:00:00Z'), await award('new', '2027-01-05T01:00:00Z')];
  t.equal((await changed({ kind: 'merge', householdId: a.id, toHouseholdId: b.id })).status, 200);
  t.equal((await previewed()).of.get(b.id), 5);
  for (const [{ id }, expiring, available] of [
    [recent, 5, 8],
    [old, 0, 3],
  ]) {
    const { headers } = await clerk('POST', `${own}/reversals`, { awardId: id, reason: '登记错户' });
    t.equal((await other('POST', `${headers.location}/approve`)).status, 200);
    const { of } = await previewed();
    t.strictSame([of.get(a.id), of.get(b.id)], [0, expiring]);
    t.match(await points(b.id), { available });
  }
  await lots.sound(t, 'after reversals');
});

/**
 * Households earn in both years, spend, merge, split and inherit, in any order. No change may alter what the year end
 * takes: neither of the village nor, but for the rounding of a share, of what each point is.
 */
t.test('any history of changes: a year end takes what it would have taken without them', async t => {
  const dice = diceOf(seed);
  const counts = { changes: 0, spent: 0, expiring: 0 };
  for (let round = 0; round < size(3, 60); round += 1) {
    const register = await december(t);
    const { service, home, changed, points, clerk, file, previewed, posted, lots } = register;
    const homes: string[] = [];
    for (let i = 0; i < 5; i += 1) homes.push((await home(`甲${i}`, `乙${i}`, `丙${i}`)).id);
    for (const id of homes) if (dice.chance(0.7)) await give(service, id, 1 + dice.below(40));
    service.clock.set('2027-01-05T02:00:00Z');

    for (let step = 0; step < 24; step += 1) {
      const [id, toHouseholdId] = [dice.pick(homes), dice.pick(homes)];
      const { available } = await points(id);
      const living = ((await file(id)).members as { id: string; diedOn: string | null }[]).filter(m => !m.diedOn);
      const die = dice.below(10);
      if (die < 4) {
        await give(service, id, 1 + dice.below(20));
        continue;
      }
      if (die < 6) {
        if (available === 0) continue;
        await spend(register, id, 1 + dice.below(available! / 2));
        counts.spent += 1;
        continue;
      }
      const before = await previewed();
      if (die < 8) {
        if (living.length < 2) continue;
        const head = living[1]!.id;
        const split = { kind: 'split', householdId: id, memberIds: living.slice(1).map(member => member.id) };
        const newHousehold = { grid: 1, headMemberId: head };
        const made = await changed({ ...split, newHousehold, availablePoints: dice.below(available! + 1) });
        t.equal(made.status, 200, `round ${round}, step ${step}`);
        homes.push(made.body.toHouseholdId);
      } else {
        if (id === toHouseholdId) continue;
        const died = { kind: 'death', householdId: id, diedOn: '2027-01-04', memberId: living[0]!.id };
        const change =
          living.length === 1
            ? { ...died, heirHouseholdId: toHouseholdId }
            : { kind: 'merge', householdId: id, toHouseholdId };
        const made = await changed(change);
        t.equal(made.status, 200, `round ${round}, step ${step}`);
        homes.splice(homes.indexOf(id), 1);
        if (homes.length < 2) break;
      }
      counts.changes += 1;
      const after = await previewed();
      t.equal(after.total, before.total, `seed ${seed}, round ${round}, step ${step}`);
    }
    const { total, of } = await previewed();
    counts.expiring += total;
    t.strictSame(await posted(), of, 'the posting agrees with the preview');
    t.ok((await clerk('GET', runs)).body.data.length > 0);
    await lots.sound(t, `round ${round}`);
  }
  t.ok(counts.changes > 10 && counts.spent > 10 && counts.expiring > 0, JSON.stringify(counts));
  report(t, 'yearEnd', counts);
});
