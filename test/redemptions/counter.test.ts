import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import t from 'tap';
import { isRefused } from '../support/refusal.ts';
import { type Caller, type Reply, villages } from '../support/service.ts';
import { at, openShop, settled } from '../support/shop.ts';
import { smallPhoto } from '../support/small-photo.ts';

t.setTimeout(180_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, keeper, clerk } = shop;
const soap = await shop.goods('肥皂');
await shop.prices({ [soap]: 3 });
await shop.stock({ [soap]: 100 });
const supervisionBoard = await service.as('supervisionBoard');
const pin = '274913';

/** A household with points, a card and a PIN; and an order of it that shows nothing. */
async function villager() {
  const id = await shop.household(50);
  const set = await clerk('PUT', `${at}/households/${id}/pin`, { pin });
  if (set.status !== 204) throw new Error(set.text);
  const { cardCode } = await shop.card(id);
  return { id, cardCode, bare: shop.order(id, { [soap]: 1 }, { cardCode: undefined }) };
}

let photos = 0;
async function photographed(householdId: string, by = keeper): Promise<string> {
  photos += 1;
  const { status, body, text } = await by('POST', `${at}/photos?householdId=${householdId}`, smallPhoto(photos));
  if (status !== 201) throw new Error(text);
  return body.id;
}

const order = (body: object, key = randomUUID()) =>
  keeper('POST', `${at}/redemptions`, body, { 'idempotency-key': key });

t.test('staff alone spends nothing', async t => {
  const { id, bare } = await villager();
  const admin = await service.as('villageAdmin');
  for (const caller of [keeper, clerk, admin]) {
    for (const how of [{ handOver: true }, { handOver: false }, { handOver: false, mode: 'pickup' }]) {
      const { status, body } = await caller('POST', `${at}/redemptions`, { ...bare, ...how });
      t.match([status, body.code], [403, 'identification-required'], JSON.stringify(how));
    }
  }
  const past = { handOver: true, occurredAt: '2026-11-22T02:00:00Z' };
  t.equal((await order({ ...bare, ...past })).body.code, 'identification-required', 'nor afterwards');
  t.same(await shop.points(id), { available: 50, held: 0 });
});

t.test('a card, a PIN, or both', async t => {
  const { id, cardCode, bare } = await villager();
  const shown: [object, string][] = [
    [{ cardCode }, 'card'],
    [{ pin }, 'pin'],
    [{ cardCode, pin }, 'cardAndPin'],
  ];
  for (const [said, presented] of shown) {
    const made = await order({ ...bare, ...said, handOver: true });
    t.match([made.status, made.body], [201, { presented, handOverPresented: presented }], presented);
    t.strictSame(made.body.slips, []);
    const waiting = await order({ ...bare, ...said });
    t.match([waiting.status, waiting.body], [201, { presented, handOverPresented: null }]);
    const taken = await settled(keeper, `${at}/redemptions/${waiting.body.id}/fulfil`, said);
    t.match([taken.status, taken.body], [200, { presented, handOverPresented: presented }]);
  }
  t.same(await shop.points(id), { available: 32, held: 0 });

  const other = await villager();
  t.equal((await order({ ...bare, cardCode: other.cardCode, pin })).body.code, 'card-unknown', 'another’s card');
  const waiting = await order({ ...bare, pin });
  const taken = await settled(keeper, `${at}/redemptions/${waiting.body.id}/fulfil`, { cardCode: other.cardCode });
  t.match([taken.status, taken.body.code], [404, 'card-unknown'], 'fetches nothing');
});

t.test('wrong PINs are counted, and an order that was entered is answered again', async t => {
  const { id, bare } = await villager();
  const key = randomUUID();
  const first = await order({ ...bare, pin, handOver: true }, key);
  t.equal(first.status, 201, first.text);
  t.equal((await order({ ...bare, pin, handOver: true }, key)).text, first.text);
  for (const attemptsLeft of [4, 3, 2, 1, 0]) {
    const wrong = await order({ ...bare, pin: '000001', handOver: true });
    t.match([wrong.status, wrong.body], [403, { code: 'pin-wrong', attemptsLeft }]);
  }
  t.equal((await order({ ...bare, pin, handOver: true })).body.code, 'pin-locked');
  t.equal((await order({ ...bare, pin, handOver: true }, key)).body.code, 'pin-locked', 'nor by an old key');
  t.same(await shop.points(id), { available: 47, held: 0 });
  const none = await shop.household(10);
  const without = await order(shop.order(none, { [soap]: 1 }, { cardCode: undefined, pin }));
  t.equal(without.body.code, 'pin-wrong', 'who has none has no right one');
});

t.test('the key of an order says nothing of its PIN', async t => {
  const { bare } = await villager();
  const key = randomUUID();
  await order({ ...bare, pin, handOver: true }, key);
  const again = await order({ ...bare, pin, handOver: true, opId: randomUUID() }, key);
  t.equal(again.body.code, 'idempotency-key-reused');
  const changed = await clerk('PUT', `${at}/households/${(bare as { householdId: string }).householdId}/pin`, {
    pin: '730164',
  });
  t.equal(changed.status, 204);
  const replay = await order({ ...bare, pin: '730164', handOver: true }, key);
  t.match([replay.status, replay.headers['idempotency-replayed']], [201, 'true']);
});

t.test('the pick-up code, of which five may be wrong', async t => {
  const { bare } = await villager();
  const waiting = async () => (await order({ ...bare, pin, mode: 'pickup' })).body;
  const fulfil = (id: string, said: object) => settled(keeper, `${at}/redemptions/${id}/fulfil`, said);
  const off = (code: string, by: number) => String((Number(code) + by) % 100_000_000).padStart(8, '0');

  const one = await waiting();
  t.equal((await fulfil(one.id, {})).body.code, 'identification-required');
  const taken = await fulfil(one.id, { pickupCode: one.pickupCode });
  t.match([taken.status, taken.body], [200, { presented: 'pin', handOverPresented: 'pickupCode' }]);

  const two = await waiting();
  const guesses = await Promise.all(
    Array.from({ length: 12 }, (_, by) => fulfil(two.id, { pickupCode: off(two.pickupCode, by + 1) })),
  );
  t.ok(guesses.every(({ body }) => body.code === 'pickup-code-wrong'));
  const left = guesses.map(({ body }) => body.attemptsLeft).sort();
  t.same(left, [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 'many at once are counted one by one');
  const right = await fulfil(two.id, { pickupCode: two.pickupCode });
  t.match([right.status, right.body], [422, { code: 'pickup-code-wrong', attemptsLeft: 0 }], 'the right one too late');
  const other = await fulfil(two.id, { pin });
  t.match([other.status, other.body.handOverPresented], [200, 'pin'], 'its PIN still opens it');
});

t.test('staff is told a code once, with the order', async t => {
  const { id, bare } = await villager();
  const key = randomUUID();
  const first = await order({ ...bare, pin, mode: 'pickup' }, key);
  const { pickupCode } = first.body;
  t.match(pickupCode, /^[0-9]{8}$/);
  t.equal((await order({ ...bare, pin, mode: 'pickup' }, key)).body.pickupCode, null, 'not again by its key');
  const url = `${at}/redemptions/${first.body.id}`;
  const admin = await service.as('villageAdmin');
  for (const caller of [keeper, clerk, admin, supervisionBoard]) {
    for (const path of [url, `${url}/receipt`, `${at}/redemptions?householdId=${id}`]) {
      const seen = await caller('GET', path);
      t.equal(seen.status, 200, path);
      t.notOk(seen.text.includes(pickupCode), `${caller.actor.grants[0]![0]} ${path}`);
    }
  }
  const found = await keeper('POST', `${at}/redemptions/by-code`, { pickupCode });
  t.match([found.status, found.body], [200, { id: first.body.id, pickupCode: null }], 'nor where the code was shown');
  const own = await service.asHousehold(id, villages.own, 'pin');
  t.equal((await own('GET', url)).body.pickupCode, pickupCode);
});

t.test('whoever made what is shown hands nothing out for it', async t => {
  const url = (id: string) => `${at}/households/${id}`;
  const refused = (reply: Reply, said: string) =>
    isRefused(t, reply, '403 second-person-required', { reason: 'ownProof' }, said);
  const enter = (by: Caller, body: object) => settled(by, `${at}/redemptions`, body);

  const id = await service.household();
  await service.givePoints(id, 50);
  const bare = shop.order(id, { [soap]: 1 }, { cardCode: undefined });
  t.equal((await clerk('PUT', `${url(id)}/pin`, { pin })).status, 204);
  for (const how of [{ handOver: true }, { handOver: false }, { handOver: false, mode: 'pickup' }]) {
    refused(await enter(clerk, { ...bare, ...how, pin }), JSON.stringify(how));
  }
  t.same(await shop.points(id), { available: 50, held: 0 });
  const waiting = (await enter(keeper, { ...bare, pin, mode: 'pickup' })).body;
  refused(await settled(clerk, `${at}/redemptions/${waiting.id}/fulfil`, { pin }), 'nor where goods leave');

  const { code: own } = (await settled(clerk, `${url(id)}/cards`)).body;
  refused(await enter(clerk, { ...bare, cardCode: own, handOver: true }), 'the card');
  refused(await enter(clerk, { ...bare, cardCode: own, pin, handOver: true }), 'both');
  refused(await settled(clerk, `${at}/redemptions/${waiting.id}/fulfil`, { cardCode: own }), 'nor for the card');
  t.equal((await enter(keeper, { ...bare, cardCode: own, handOver: true })).status, 201, 'a colleague does');

  const admin = await service.as('villageAdmin');
  t.equal((await settled(clerk, `${url(id)}/pin/unlock`)).status, 200);
  service.clock.pass({ seconds: 1 });
  t.equal((await admin('PUT', `${url(id)}/pin`, { pin })).status, 204);
  t.equal((await enter(clerk, { ...bare, pin, handOver: true })).status, 201, 'a PIN that somebody else set');
  refused(await enter(admin, { ...bare, pin, handOver: true }), 'who now keeps out');
  t.equal((await enter(admin, { ...bare, cardCode: own, pin, handOver: true })).status, 201, 'a card is proof enough');
  t.equal((await settled(clerk, `${at}/redemptions/${waiting.id}/fulfil`, { pin })).status, 200);
  const kiosk = await service.asHousehold(id, villages.own, 'pin');
  t.equal((await settled(kiosk, `${at}/redemptions`, { ...bare, householdId: undefined })).status, 201, 'a kiosk too');
});

t.test('PostgreSQL lets nobody hand out on what they made, without the service', async t => {
  const { id, bare } = await villager();
  const waiting = (await order({ ...bare, pin })).body;
  const now = service.clock.now().toString();
  const moving = (presented: string) =>
    service.inVillage(villages.own, tx =>
      tx.execute(sql`select store.move_order(${villages.own}, ${waiting.id}, 'fulfilled', ${clerk.actor.id}, ${now},
                                             ${presented})`),
    );
  await t.rejects(moving('pin'), { cause: { constraint: 'proof_second_person' } });
  const placing = service.inVillage(villages.own, tx =>
    tx.execute(
      sql`select store.place_order(${villages.own}, ${JSON.stringify({
        household_id: id,
        created_by: clerk.actor.id,
        presented: 'pin',
      })})`,
    ),
  );
  await t.rejects(placing, { cause: { constraint: 'proof_second_person' } });
});

t.test('codes that nobody waits under are counted for who looks them up', async t => {
  const { bare } = await villager();
  const { pickupCode } = (await order({ ...bare, pin, mode: 'pickup' })).body;
  const looker = await service.as('storekeeper');
  const lookUp = (code: string) => looker('POST', `${at}/redemptions/by-code`, { pickupCode: code });
  for (let n = 0; n < 12; n += 1) t.equal((await lookUp(pickupCode)).status, 200, 'what is found is not counted');
  const misses = await Promise.all(
    Array.from({ length: 15 }, (_, n) => lookUp(String((Number(pickupCode) + n + 1) % 100_000_000).padStart(8, '0'))),
  );
  t.equal(misses.filter(({ status }) => status === 404).length, 10);
  const refused = misses.find(({ status }) => status === 429)!;
  t.match(refused.body, { code: 'too-many-requests', retryAfterSeconds: 3600 });
  t.equal((await lookUp(pickupCode)).status, 429, 'for an hour');
  t.equal((await keeper('POST', `${at}/redemptions/by-code`, { pickupCode })).status, 200, 'nobody else');
  service.clock.pass({ hours: 1 });
  t.equal((await lookUp(pickupCode)).status, 200);
  await keeper('POST', `${at}/redemptions/by-code`, { pickupCode });
});

t.test('a slip is a photo of this household and a reason, and shows one order', async t => {
  const { id, bare } = await villager();
  const photoId = await photographed(id);
  const reason = '忘带卡，本人签字';
  const slip = { photoId, reason };
  for (const odd of [{ photoId }, { reason }, { photoId, reason: '' }]) {
    t.equal((await order({ ...bare, slip: odd })).body.code, 'validation-failed');
  }
  t.match((await order({ ...bare, slip, pin })).body, { code: 'validation-failed', errors: [{ pointer: '/slip' }] });
  const made = await order({ ...bare, slip, mode: 'pickup' });
  t.match(
    [made.status, made.body],
    [201, { presented: 'slip', slips: [{ step: 'order', photoId, reason, recordedBy: keeper.actor.id }] }],
  );
  t.equal((await order({ ...bare, slip })).body.code, 'photo-reused');
  const foreign = await photographed((await villager()).id);
  t.match((await order({ ...bare, slip: { photoId: foreign, reason } })).body, {
    code: 'not-found',
    field: 'photoIds',
  });

  const url = `${at}/redemptions/${made.body.id}`;
  t.equal(
    (await settled(keeper, `${url}/fulfil`, { slip })).body.code,
    'photo-reused',
    'not even the same order twice',
  );
  const second = await photographed(id);
  const taken = await settled(keeper, `${url}/fulfil`, { slip: { photoId: second, reason } });
  t.match(
    [taken.status, taken.body],
    [
      200,
      {
        handOverPresented: 'slip',
        slips: [
          { step: 'order', photoId },
          { step: 'handOver', photoId: second },
        ],
      },
    ],
  );
  t.same((await (await service.asHousehold(id))('GET', url)).body.slips, taken.body.slips, 'the household sees them');
  t.equal((await keeper('DELETE', `${at}/photos/${photoId}`)).body.code, 'wrong-state', 'and they stay');
});

t.test('the supervision board lists slips, and a person with many is signalled', async t => {
  const other = await service.as('storekeeper');
  const { id, bare } = await villager();
  const bySlip = async () => {
    const slip = { photoId: await photographed(id, other), reason: '机器坏了' };
    const made = await settled(other, `${at}/redemptions`, { ...bare, slip, handOver: true });
    if (made.status !== 201) throw new Error(made.text);
    return made.body.id;
  };
  const signalled = async () => {
    const { body } = await supervisionBoard('GET', `${at}/signals`);
    return body.data.find(
      (signal: { kind: string; evidence: { userIds: string[] } }) =>
        signal.kind === 'slipRedemptions' && signal.evidence.userIds[0] === other.actor.id,
    );
  };
  const made = [await bySlip(), await bySlip()];
  t.equal(await signalled(), undefined, 'two are none');
  made.push(await bySlip());
  t.match(await signalled(), {
    severity: 100,
    evidence: { count: 3, of: 3, points: 9, householdIds: [id], redemptionIds: [...made].sort() },
  });

  const list = async (query: string) =>
    (await supervisionBoard('GET', `${at}/redemptions?householdId=${id}&${query}`)).body.data.map(
      (row: { id: string }) => row.id,
    );
  const waiting = (await order({ ...bare, pin, mode: 'pickup' })).body;
  await settled(keeper, `${at}/redemptions/${waiting.id}/fulfil`, { pickupCode: waiting.pickupCode });
  t.same(await list('presented=slip'), [...made].reverse());
  t.same(await list('presented=pickupCode'), [waiting.id]);
  t.same(await list('presented=pin'), [waiting.id]);
  t.same(await list('presented=card'), []);
});

t.test('at a kiosk, the session has shown it', async t => {
  const { id, bare } = await villager();
  for (const level of ['card', 'pin', 'cardAndPin'] as const) {
    const own = await service.asHousehold(id, villages.own, level);
    const made = await settled(own, `${at}/redemptions`, { ...bare, householdId: undefined });
    t.match([made.status, made.body.presented], [201, level]);
    const done = await settled(own, `${at}/redemptions/${made.body.id}/fulfil`, {});
    t.match([done.status, done.body.handOverPresented], [200, level]);
  }
});

t.test('whoever tries PINs at one household after the other enters no more after the thirtieth', async t => {
  const { id, bare, cardCode } = await villager();
  const guesser = await service.as('storekeeper');
  const enter = (body: object, by = guesser) => settled(by, `${at}/redemptions`, body);
  const kinds = async () => {
    const { body } = await supervisionBoard('GET', `${at}/signals`);
    return body.data.filter(
      (signal: { kind: string; evidence: { userIds: string[] } }) =>
        signal.kind === 'wrongPins' && signal.evidence.userIds[0] === guesser.actor.id,
    );
  };
  const waiting = (await enter({ ...bare, pin })).body;
  t.equal(waiting.presented, 'pin', 'a right one is not counted');
  const homes: string[] = [];
  while (homes.length < 9) homes.push(await shop.household(1));
  const guess = (household: string) => enter(shop.order(household, { [soap]: 1 }, { cardCode: undefined, pin }));
  const firsts = [];
  for (const household of homes.slice(0, 7)) firsts.push(await guess(household), await guess(household));
  t.strictSame(new Set(firsts.map(({ body }) => body.code)), new Set(['pin-wrong']));
  t.strictSame(await kinds(), [], 'fourteen are no signal');
  const many = await Promise.all(homes.flatMap(household => [guess(household), guess(household)]));
  t.strictSame(
    [...Map.groupBy(many, ({ body }) => body.code)].map(([code, { length }]) => [code, length]).sort(),
    [
      ['pin-wrong', 16],
      ['too-many-requests', 2],
    ],
    'of many at once no more than are left',
  );
  const { status, body } = await enter({ ...bare, pin });
  t.strictSame(
    [status, body.code, body.policy, body.limit, body.retryAfterSeconds],
    [429, 'too-many-requests', 'counterPins', 30, 86_400],
    'a right one neither',
  );
  const url = `${at}/redemptions/${waiting.id}/fulfil`;
  t.equal((await settled(guesser, url, { pin })).status, 429, 'nor where goods leave');
  t.equal((await enter({ ...bare, cardCode })).status, 201, 'cards go on');
  t.equal((await settled(keeper, url, { pin })).status, 200, 'and others');

  const [signal, ...more] = await kinds();
  const { severity, evidence } = signal;
  t.strictSame(
    [more, severity, evidence.count, evidence.householdIds],
    [[], 100, 30, homes.toSorted()],
    'with the households that were tried',
  );
  t.notOk(evidence.householdIds.includes(id));
  service.clock.pass({ hours: 24 });
  t.equal((await enter({ ...bare, pin, mode: 'pickup' })).status, 201, 'a day later');
});

t.test('no date opens the counter on a day it is closed', async t => {
  const friday = { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '17:00' };
  const closed = await openShop(t, { policy: { exchangeDays: [friday] } });
  const tea = await closed.goods('茶叶');
  await closed.prices({ [tea]: 3 });
  await closed.stock({ [tea]: 10 });
  const id = await closed.household(30);
  // A Monday; the Friday before it was open.
  const body = closed.order(id, { [tea]: 1 }, { handOver: true, occurredAt: '2026-11-20T10:00:00+08:00' });
  const refused = await settled(closed.keeper, `${at}/redemptions`, body);
  isRefused(t, refused, '422 exchange-closed', { nextExchangeAt: '2026-11-27T01:00:00.000Z' });
  const photo = await closed.keeper('POST', `${at}/photos?householdId=${id}`, smallPhoto(900));
  const slip = { photoId: photo.body.id, reason: '周五停电，补录' };
  const late = await settled(closed.keeper, `${at}/redemptions`, { ...body, cardCode: undefined, slip });
  t.match([late.status, late.body.backEntry], [201, true], 'a slip of that day is entered late');
  closed.service.clock.set('2026-11-27T02:00:00Z');
  t.equal((await settled(closed.keeper, `${at}/redemptions`, body)).status, 201);
});
