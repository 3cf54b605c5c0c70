import { randomUUID } from 'node:crypto';
import t from 'tap';
import { insisting } from '../support/awards.ts';
import { declareKin } from '../support/claims.ts';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { type Caller, connect, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';

t.setTimeout(180_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, keeper, clerk, admin } = shop;
const rules = await adoptRules(service, [ruleDraft('ENV01', { points: 5 })]);
const soap = await shop.goods('肥皂');
await shop.prices({ [soap]: 3 });
await shop.stock({ [soap]: 100 });

/** Somebody who works for the village, and must keep out of the household. */
async function cousin(role: 'storekeeper' | 'clerk' | 'villageAdmin', householdId: string, relation = 'kin') {
  const caller = await service.as(role);
  await declareKin(service, caller.actor.id, householdId, relation);
  return caller;
}

async function refused(caller: Caller, method: string, url: string, body?: object) {
  const reply = await caller(method, url, body);
  t.match([reply.status, reply.body?.code], [403, 'own-household'], `${method} ${url.slice(at.length)}`);
}

t.test('at the counter, for the own household and for kin', async t => {
  const id = await shop.household(100);
  const { cardCode } = await shop.card(id);
  const waiting = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }));
  const url = `${at}/redemptions/${waiting.body.id}`;
  const before = await shop.points(id);
  for (const relation of ['own', 'kin']) {
    for (const role of ['storekeeper', 'clerk', 'villageAdmin'] as const) {
      const kin = await cousin(role, id, relation);
      for (const how of [{ handOver: true }, { handOver: false }, { handOver: false, mode: 'pickup' }]) {
        await refused(kin, 'POST', `${at}/redemptions`, shop.order(id, { [soap]: 1 }, how));
      }
      await refused(kin, 'POST', `${url}/fulfil`, { cardCode });
      await refused(kin, 'POST', `${url}/cancel`);
    }
  }
  t.same(await shop.points(id), before);
  const own = await service.asHousehold(id);
  t.equal((await settled(own, `${url}/fulfil`, {})).status, 200, 'the household itself is served by its kiosk');
});

t.test('returns, proposed and decided', async t => {
  const id = await shop.household(100);
  const bought = await shop.redeem(keeper, shop.order(id, { [soap]: 2 }, { handOver: true }));
  const body = { redemptionId: bought.body.id, reason: '破损', restock: true };
  for (const role of ['storekeeper', 'clerk'] as const) {
    await refused(await cousin(role, id), 'POST', `${at}/returns`, body);
  }
  const made = await settled(keeper, `${at}/returns`, body);
  const url = `${at}/returns/${made.body.id}`;
  for (const role of ['clerk', 'villageAdmin'] as const) {
    const kin = await cousin(role, id);
    await refused(kin, 'POST', `${url}/approve`);
    await refused(kin, 'POST', `${url}/reject`, { note: '不' });
  }
  t.equal((await keeper('GET', url)).body.state, 'proposed');

  const stays = await service.household();
  const merge = { kind: 'merge', householdId: id, toHouseholdId: stays, reason: '并户' };
  const change = await settled(clerk, `${at}/household-changes`, merge);
  const ofSuccessor = await cousin('villageAdmin', stays);
  t.equal((await settled(admin, `${at}/household-changes/${change.body.id}/approve`)).status, 200);
  await refused(ofSuccessor, 'POST', `${url}/approve`);
  t.equal((await settled(admin, `${url}/approve`)).status, 200);
});

t.test('cards and PINs', async t => {
  const id = await shop.household(10);
  const household = `${at}/households/${id}`;
  const card = await settled(clerk, `${household}/cards`);
  for (const role of ['clerk', 'villageAdmin'] as const) {
    const kin = await cousin(role, id);
    await refused(kin, 'POST', `${household}/cards`);
    await refused(kin, 'POST', `${at}/cards/${card.body.id}/revoke`);
    await refused(kin, 'PUT', `${household}/pin`, { pin: '274913' });
    await refused(kin, 'POST', `${household}/pin/unlock`);
  }
  t.equal((await clerk('GET', `${household}/cards`)).body.data[0].state, 'active');
  t.equal((await settled(clerk, `${household}/pin/unlock`)).status, 200);
});

t.test('people of the household', async t => {
  const id = await shop.household(10);
  const members = `${at}/households/${id}/members`;
  for (const relation of ['own', 'kin']) {
    for (const role of ['clerk', 'villageAdmin'] as const) {
      await refused(await cousin(role, id, relation), 'POST', members, { name: '外人' });
    }
  }
  const made = await settled(clerk, members, { name: '新人' });
  t.match([made.status, made.body.members.length], [201, 2], 'a colleague adds one, and no other was added');
});

t.test('reversals, proposed too', async t => {
  const id = await shop.household(10);
  const award = await settled(clerk, `${at}/awards`, {
    ruleId: rules.ENV01,
    householdId: id,
    quantity: 1,
    occasion: randomUUID(),
  });
  t.equal(award.status, 201, award.text);
  const body = { awardId: award.body.id, reason: '登记错户' };
  await refused(await cousin('clerk', id), 'POST', `${at}/reversals`, body);
  const made = await settled(clerk, `${at}/reversals`, body);
  t.equal(made.status, 201, made.text);
  const supervisor = insisting(await service.as('supervisor'));
  await declareKin(service, supervisor.actor.id, id);
  await refused(supervisor, 'POST', `${at}/reversals/${made.body.id}/approve`);
});

t.test('PostgreSQL holds it without the service', async t => {
  const id = await shop.household(100);
  const bought = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }, { handOver: true }));
  const waiting = await shop.redeem(keeper, shop.order(id, { [soap]: 1 }));
  const proposed = await settled(keeper, `${at}/returns`, {
    redemptionId: bought.body.id,
    reason: '破损',
    restock: true,
  });
  const award = await settled(clerk, `${at}/awards`, {
    ruleId: rules.ENV01,
    householdId: id,
    quantity: 1,
    occasion: randomUUID(),
  });
  const reversal = await settled(clerk, `${at}/reversals`, { awardId: award.body.id, reason: '登记错户' });
  const kin = (await cousin('clerk', id)).actor.id;
  const other = (await service.as('clerk')).actor.id;
  const app = await connect(t, service.appUrl);
  await app.query(`select set_config('jifen.scope', $1, false)`, [villages.own]);
  const v = villages.own;
  const order = `(select to_jsonb(r) || jsonb_build_object('id', gen_random_uuid(), 'op_id', null, 'created_by', $2::uuid)
                    from store.redemption r where village = $1 and id = $3)`;
  const written: [string, string[]][] = [
    [`select store.place_order($1, ${order})`, [bought.body.id]],
    [`select store.move_order($1, $3, 'fulfilled', $2, now(), 'card')`, [waiting.body.id]],
    [`select store.propose_return($1, gen_random_uuid(), $3, 'x', true, 3, $2, now())`, [waiting.body.id]],
    [`select store.decide_return($1, $3, 'rejected', 'x', $2, now(), $4)`, [proposed.body.id, id]],
    [`select households.issue_card($1, gen_random_uuid(), $3, sha256('x'), $2, now())`, [id]],
    [`select households.set_pin($1, $3, 'x', $2, now())`, [id]],
    [`select households.set_state($1, $3, 'frozen', $2, now(), 'x')`, [id]],
    [`select households.set_state($1, $3, 'closed', $2, now(), null)`, [id]],
    [`select earning.propose_reversal($1, gen_random_uuid(), $3, 'x', $2, now())`, [award.body.id]],
    [`select earning.decide_reversal($1, $3, 'rejected', $2, now(), 'x', null)`, [reversal.body.id]],
  ];
  for (const [text, said] of written) {
    await t.rejects(app.query(text, [v, kin, ...said]), /own_household/, text);
    await app.query('begin');
    const reached = await app.query(text, [v, other, ...said]).catch(error => error);
    // A second open reversal is another matter.
    t.not(reached.constraint, 'own_household', `another: ${text}`);
    await app.query('rollback');
  }
  for (const past of [
    `insert into store.redemption select * from store.redemption limit 0`,
    `update store.redemption set state = 'fulfilled' where false`,
    `insert into store.return select * from store.return limit 0`,
    `update store.return set state = 'approved' where false`,
    `insert into households.card select * from households.card limit 0`,
    `update households.household set pin_hash = 'x' where false`,
    `update households.household set state = 'frozen' where false`,
    `insert into households.freeze select * from households.freeze limit 0`,
    `update households.freeze set reason = 'x' where false`,
    `insert into earning.reversal select * from earning.reversal limit 0`,
    `update earning.reversal set state = 'posted' where false`,
  ]) {
    await t.rejects(app.query(past), /permission denied/, past);
  }
});
