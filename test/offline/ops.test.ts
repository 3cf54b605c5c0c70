import { randomUUID } from 'node:crypto';
import pg from 'pg';
import t from 'tap';
import { lapseAllowances } from '../../src/allowances/jobs.ts';
import { issueCard } from '../../src/households/cards.ts';
import { newDeviceKey, signedBy } from '../../src/sample/device-key.ts';
import { firstViolation } from '../support/invariants.ts';
import { hashOf, type OfflineDevice, offlineDevice } from '../support/offline-device.ts';
import { isRefused } from '../support/refusal.ts';
import { nobody, type Reply, villages } from '../support/service.ts';
import { at, openShop } from '../support/shop.ts';

t.setTimeout(300_000);

const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
const { service, clerk, admin } = shop;
const soap = await shop.goods('肥皂');
const rice = await shop.goods('大米');
const priceListId = await shop.prices({ [soap]: 5, [rice]: 12 });
await shop.stock({ [soap]: 1_000, [rice]: 1_000 });
const owner = new pg.Client({ connectionString: service.ownerUrl });
await owner.connect();
t.teardown(() => owner.end());

/** A household with points and a card, and what an operation says of them. */
async function villager(points = 50) {
  const id = await service.household();
  if (points > 0) await service.givePoints(id, points);
  const key = { village: villages.own, householdId: id };
  const card = await service.inVillage(villages.own, tx => issueCard(tx, nobody, key, service.clock.now()));
  return { id, cardId: card.id };
}

async function newDevice(): Promise<OfflineDevice> {
  return offlineDevice(service, await service.asKiosk());
}

/** A device with an allowance for a household. */
async function ready(points = 50) {
  const home = await villager(points);
  const device = await newDevice();
  const [{ allowance }] = (await device.allowances([home.id])).body.results;
  const buys = (pieces: Record<string, number> = { [soap]: 1 }, said: object = {}) =>
    device.sign(
      'redeem',
      {
        householdId: home.id,
        cardId: home.cardId,
        allowanceId: allowance.allowanceId,
        priceListId,
        lines: Object.entries(pieces).map(([goodsId, quantity]) => ({
          goodsId,
          quantity,
          unitPoints: goodsId === soap ? 5 : 12,
        })),
      },
      said,
    );
  return { home, device, allowance, buys };
}

async function balance(code: string): Promise<number> {
  const { rows } = await owner.query(
    'select sum(balance) as sum from ledger.account where village = $1 and code like $2',
    [villages.own, code],
  );
  return Number(rows[0].sum ?? 0);
}

const escrow = (home: { id: string }) => balance(`allowance:%:${home.id}`);
const available = async (home: { id: string }) => (await shop.points(home.id)).available;
const loss = () => balance('offlineLoss');
const verdictsOf = (reply: Reply) =>
  reply.body.results.map((one: { verdict: string; exceptions: string[] }) =>
    [one.verdict, ...one.exceptions].join(' '),
  );
const casesOf = async (device: OfflineDevice) =>
  (await clerk('GET', `${at}/kiosk-cases?kioskId=${device.kioskId}&limit=200`)).body.data;

t.test('points lie with one kiosk, are spent there without a network, and the rest comes back', async t => {
  const { home, device, allowance, buys } = await ready();
  t.equal(allowance.points, 30);
  t.equal(allowance.redemptions, 2);
  t.equal(allowance.notAfter, '2026-11-26T02:00:00.000Z');
  t.strictSame([await available(home), await escrow(home)], [20, 30]);
  buys({ [soap]: 1, [rice]: 1 });
  const before = await shop.level(soap);
  const reply = await device.upload();
  t.equal(reply.status, 207, reply.text);
  t.strictSame(verdictsOf(reply), ['applied']);
  t.strictSame([reply.body.ackedSeq, reply.body.ackedHash], [1, device.prev]);
  t.strictSame([await available(home), await escrow(home), await loss()], [20, 13, 0]);
  t.equal((await shop.level(soap)).onShelf, before.onShelf - 1);
  const [{ redemptionId, transactionNumber }] = reply.body.results;
  const order = (await clerk('GET', `${at}/redemptions/${redemptionId}`)).body;
  t.match(order, { state: 'fulfilled', points: 17, householdId: home.id });
  t.strictSame(order.transactionNumbers, [transactionNumber]);
  const back = await device.caller('POST', `/v1/kiosk/allowances/${allowance.allowanceId}/return`, { headSeq: 1 });
  t.strictSame(back.body, { allowanceId: allowance.allowanceId, householdId: home.id, pointsReturned: 13 });
  t.strictSame([await available(home), await escrow(home)], [33, 0]);
  const again = await device.caller('POST', `/v1/kiosk/allowances/${allowance.allowanceId}/return`, { headSeq: 1 });
  t.equal(again.body.code, 'wrong-state');
});

t.test('two kiosks without a network cannot spend the same points', async t => {
  const home = await villager(40);
  const devices = [await newDevice(), await newDevice()];
  const granted: number[] = [];
  for (const device of devices) {
    const [{ allowance }] = (await device.allowances([home.id])).body.results;
    granted.push(allowance.points);
    // Each believes to have 30, and spends what its paper allows.
    for (let left = allowance.points; left >= 5; left -= 5) {
      device.sign('redeem', {
        householdId: home.id,
        cardId: home.cardId,
        allowanceId: allowance.allowanceId,
        priceListId,
        lines: [{ goodsId: soap, quantity: 1, unitPoints: 5 }],
      });
    }
  }
  t.strictSame(granted, [30, 10]);
  const lost = await loss();
  for (const device of devices) await device.upload();
  t.strictSame([await available(home), await escrow(home)], [0, 0]);
  t.equal(await loss(), lost, 'nobody spent what was not there');
  const elsewhere = await (await newDevice()).allowances([home.id]);
  t.equal(elsewhere.body.results[0].problem.code, 'insufficient-points');
});

t.test('who has too few points is told where they lie, and until when', async t => {
  const { home, device } = await ready(30);
  const reply = await shop.redeem(shop.keeper, shop.order(home.id, { [soap]: 1 }, { ...(await shop.card(home.id)) }));
  isRefused(t, reply, '422 insufficient-points', {
    available: 0,
    required: 5,
    allowances: [{ kioskId: device.kioskId, points: 30, notAfter: '2026-11-26T02:00:00.000Z' }],
  });
});

t.test('an upload is answered once and for ever, in any order and however often', async t => {
  const { home, device, buys } = await ready();
  buys();
  device.sign('note', { text: '今天停电' });
  buys();
  const ops = device.signed.map(({ jws }) => jws);
  isRefused(t, await device.upload([ops[2]!]), '409 op-gap', { expectedSeq: 1 });
  const first = await device.upload([ops[1]!, ops[0]!]);
  t.strictSame(verdictsOf(first), ['applied', 'applied']);
  const second = await device.upload([ops[2]!, ops[0]!, ops[1]!, ops[2]!]);
  t.strictSame(verdictsOf(second), ['applied', 'duplicate', 'duplicate', 'applied']);
  t.equal(second.body.results[1].redemptionId, first.body.results[1].redemptionId);
  t.equal(second.body.results[1].firstVerdict, 'applied');
  const all = await Promise.all(Array.from({ length: 6 }, () => device.upload()));
  for (const reply of all) t.strictSame(verdictsOf(reply), ['duplicate', 'duplicate', 'duplicate']);
  t.strictSame([await available(home), await escrow(home)], [20, 20]);
  t.strictSame((await device.caller('GET', '/v1/kiosk/ops')).body, { ackedSeq: 3, ackedHash: device.prev });
});

t.test('two uploads of one device at once count everything once', async t => {
  const { home, device, buys } = await ready();
  for (let i = 0; i < 2; i += 1) buys();
  device.sign('note', { text: '好' });
  const replies = await Promise.all(Array.from({ length: 8 }, () => device.upload()));
  for (const reply of replies) t.equal(reply.status, 207, reply.text);
  for (const place of [0, 1, 2]) {
    const verdicts = replies.map(reply => reply.body.results[place].verdict);
    t.equal(verdicts.filter(verdict => verdict === 'applied').length, 1, `operation ${place + 1}`);
    t.equal(verdicts.filter(verdict => verdict === 'duplicate').length, 7);
  }
  t.equal(await escrow(home), 20);
});

t.test('goods beyond the allowance are the village’s loss, and a case for two people', async t => {
  const { home, device, buys } = await ready();
  const lost = await loss();
  buys({ [rice]: 3 });
  buys();
  buys();
  t.strictSame(verdictsOf(await device.upload()), [
    'appliedWithException allowanceExceeded',
    'appliedWithException allowanceExceeded',
    'appliedWithException allowanceExceeded limitExceeded',
  ]);
  t.strictSame([await available(home), await escrow(home), (await loss()) - lost], [20, 0, -16]);
  const cases = await casesOf(device);
  t.equal(cases.length, 3);
  const url = `${at}/kiosk-cases/${cases[0].id}`;
  const note = '货品确已领走';
  isRefused(t, await clerk('POST', `${url}/resolve`, { decision: 'booked', note }), '409 wrong-state', {
    state: 'exception',
    allowedFrom: ['noted'],
  });
  const proposed = await clerk('POST', `${url}/resolve`, { decision: 'noted', note });
  t.match(proposed.body, { state: 'proposed', decision: 'noted', householdId: home.id });
  isRefused(t, await clerk('POST', `${url}/resolve`, { decision: 'noted', note }), '403 second-person-required', {
    firstUserId: clerk.actor.id,
  });
  const resolved = await admin('POST', `${url}/resolve`, { decision: 'noted', note });
  t.match(resolved.body, { state: 'resolved', proposedBy: clerk.actor.id, resolvedBy: admin.actor.id });
  t.equal(resolved.body.jws, device.signed[2]!.jws);
  t.equal((await admin('POST', `${url}/resolve`, { decision: 'noted', note })).body.code, 'wrong-state');
  t.equal((await clerk('GET', `${at}/kiosk-cases?kioskId=${device.kioskId}&open=true`)).body.data.length, 2);
});

t.test('an allowance that is over or gone pays as far as it is there', async t => {
  const late = await ready();
  service.clock.pass({ hours: 73 });
  late.buys();
  const lost = await loss();
  t.strictSame(verdictsOf(await late.device.upload()), ['appliedWithException allowanceExpired']);
  t.strictSame([await escrow(late.home), await loss()], [25, lost], 'it was still there');
  const gone = await ready();
  gone.buys();
  service.clock.pass({ hours: 72 + 24 * 7 + 1 });
  t.ok((await lapseAllowances(service)) >= 1);
  t.strictSame([await available(gone.home), await escrow(gone.home)], [50, 0], 'it came back by itself');
  t.strictSame(verdictsOf(await gone.device.upload()), ['appliedWithException allowanceEnded']);
  t.strictSame([await available(gone.home), (await loss()) - lost], [50, -5]);
  const other = await ready();
  other.buys({ [soap]: 1 }, { allowanceId: randomUUID() });
  t.strictSame(verdictsOf(await other.device.upload()), ['appliedWithException allowanceUnknown']);
  t.equal(await escrow(other.home), 30, 'nor is it taken from an allowance that was not named');
});

t.test('renewed, an allowance has what it may have and not more, once everything is known', async t => {
  const { home, device, buys } = await ready();
  buys();
  isRefused(t, await device.allowances([home.id]), '409 op-gap', { expectedSeq: 1 });
  await device.upload();
  const [{ allowance }] = (await device.allowances([home.id])).body.results;
  t.equal(allowance.points, 30);
  t.strictSame([await available(home), await escrow(home)], [15, 30]);
});

t.test('households that are not there, frozen or closed are answered for, and their goods are counted', async t => {
  const frozen = await ready();
  frozen.buys();
  const why = { reason: '有争议' };
  t.equal((await admin('POST', `${at}/households/${frozen.home.id}/freeze`, why)).status, 200);
  t.strictSame(verdictsOf(await frozen.device.upload()), ['appliedWithException householdFrozen']);
  t.equal(await escrow(frozen.home), 25);
  t.equal(
    (await frozen.device.allowances([frozen.home.id])).body.results[0].problem.code,
    'household-not-active',
    'and gets no new one; the old one came back',
  );
  t.strictSame([await escrow(frozen.home), await available(frozen.home)], [0, 45]);

  const nowhere = await ready();
  const shelf = await shop.level(soap);
  const lost = await loss();
  nowhere.buys({ [soap]: 2 }, { householdId: randomUUID() });
  const reply = await nowhere.device.upload();
  t.strictSame(verdictsOf(reply), ['appliedWithException householdUnknown cardUnknown allowanceUnknown']);
  t.strictSame([reply.body.results[0].redemptionId, (await loss()) - lost], [null, -10]);
  t.equal((await shop.level(soap)).onShelf, shelf.onShelf - 2);

  const merged = await ready();
  const heir = await villager(0);
  merged.buys();
  const change = await clerk('POST', `${at}/household-changes`, {
    kind: 'merge',
    householdId: merged.home.id,
    toHouseholdId: heir.id,
    reason: '并户',
  });
  t.equal(change.status, 201, change.text);
  const agreed = await admin('POST', `${at}/household-changes/${change.body.id}/approve`);
  t.equal(agreed.status, 200, agreed.text);
  t.strictSame(verdictsOf(await merged.device.upload()), ['appliedWithException householdClosed cardRevoked']);
  const [row] = (await merged.device.allowances([merged.home.id])).body.results;
  t.equal(row.problem.code, 'household-not-active');
  t.strictSame([await escrow(merged.home), await available(heir)], [0, 45], 'the rest goes to who took it on');
});

t.test('a card that was revoked before the exchange, or is another’s, is an exception', async t => {
  const { home, device, buys } = await ready();
  buys();
  service.clock.pass({ hours: 1 });
  t.equal((await clerk('POST', `${at}/cards/${home.cardId}/revoke`)).status, 200);
  service.clock.pass({ hours: 1 });
  buys();
  t.strictSame(verdictsOf(await device.upload()), ['applied', 'appliedWithException cardRevoked']);
  const other = await ready();
  other.buys({ [soap]: 1 }, { cardId: home.cardId });
  t.strictSame(verdictsOf(await other.device.upload()), ['appliedWithException cardUnknown']);
});

t.test('prices that no longer hold, and goods that the book has not, are posted as they were handed over', async t => {
  const { device, buys, home } = await ready();
  const tea = await shop.goods('茶叶');
  buys({ [soap]: 1 }, { lines: [{ goodsId: soap, quantity: 1, unitPoints: 4 }] });
  buys({ [soap]: 1 }, { lines: [{ goodsId: tea, quantity: 3, unitPoints: 2 }], priceListId: randomUUID() });
  t.strictSame(verdictsOf(await device.upload()), [
    'appliedWithException priceStale',
    'appliedWithException priceStale stockShort',
  ]);
  t.equal(await escrow(home), 20);
  const { rows } = await owner.query(
    `select code, balance::int from ledger.account where asset = $1 and balance <> 0 order by code`,
    [`SKU:${tea}`],
  );
  t.strictSame(rows, [
    { code: 'countDifference', balance: -3 },
    { code: 'handedOut', balance: 3 },
  ]);
});

t.test('clocks that are wrong by three days are put right, or said to be doubtful', async t => {
  const days = 3 * 24 * 3_600_000;
  const known = await ready();
  const off = (ms: number) => ({ occurredAt: new Date(service.clock.now().epochMilliseconds + ms).toISOString() });
  known.buys({ [soap]: 1 }, { ...off(-days), clockOffsetMs: days });
  known.buys({ [soap]: 1 }, { ...off(days), clockOffsetMs: -days });
  t.strictSame(verdictsOf(await known.device.upload()), ['applied', 'applied']);
  const unknown = await ready();
  unknown.buys({ [soap]: 1 }, off(days));
  unknown.buys({ [soap]: 1 }, off(-days));
  const reply = await unknown.device.upload();
  t.strictSame(verdictsOf(reply), ['appliedWithException clockDoubtful', 'appliedWithException clockDoubtful']);
  const order = (await clerk('GET', `${at}/redemptions/${reply.body.results[1].redemptionId}`)).body;
  t.equal(order.businessDate, `${service.clock.now().toZonedDateTimeISO('Asia/Shanghai').toPlainDate()}`);
  t.equal(await escrow(unknown.home), 20);
});

t.test('an exchange is voided once, and what it took lies where it lay', async t => {
  const { home, device, buys, allowance } = await ready();
  const shelf = await shop.level(soap);
  const first = buys();
  service.clock.pass({ minutes: 5 });
  device.sign('void', { voidsOpId: first, reason: '拿错了' });
  device.sign('void', { voidsOpId: first, reason: '又按了一次' });
  const second = buys({ [rice]: 1 });
  service.clock.pass({ minutes: 11 });
  device.sign('void', { voidsOpId: second, reason: '退货' });
  device.sign('void', { voidsOpId: randomUUID(), reason: '没有这一笔' });
  t.strictSame(verdictsOf(await device.upload()), [
    'applied',
    'applied',
    'rejected',
    'applied',
    'appliedWithException voidLate',
    'rejected',
  ]);
  t.strictSame([await available(home), await escrow(home)], [20, 30]);
  t.strictSame(await shop.level(soap), shelf);
  // Voided after the allowance was returned: the points go on to the household.
  const third = buys();
  await device.upload();
  await device.caller('POST', `/v1/kiosk/allowances/${allowance.allowanceId}/return`, { headSeq: device.seq });
  device.sign('void', { voidsOpId: third, reason: '拿错了' });
  t.strictSame(verdictsOf(await device.upload()).at(-1), 'applied');
  t.strictSame([await available(home), await escrow(home)], [50, 0]);
});

t.test('what is not signed by the device is kept beside the chain, what cannot be posted in it', async t => {
  const { device, buys, home } = await ready();
  const stranger = newDeviceKey();
  const forged = signedBy(
    stranger,
    { typ: 'jifen-op+jws', kid: stranger.thumbprint },
    {
      opId: randomUUID(),
      kioskId: device.kioskId,
      seq: 1,
      prev: device.prev,
      type: 'note',
      text: 'x',
      occurredAt: '2026-11-23T02:00:00Z',
    },
  );
  // A signature of the device under something else is no operation.
  const note = { opId: randomUUID(), kioskId: device.kioskId, seq: 1, prev: device.prev, type: 'note', text: 'x' };
  const proof = signedBy(device.caller.key, { typ: 'dpop+jwt' }, { ...note, occurredAt: '2026-11-23T02:00:00Z' });
  const odd = await device.upload([forged, 'no.jws.here', proof]);
  t.strictSame(verdictsOf(odd), ['rejected', 'rejected', 'rejected']);
  t.equal(odd.body.ackedSeq, 0);
  device.sign('dance', { steps: 3 });
  buys({ [randomUUID()]: 1 });
  buys();
  const reply = await device.upload();
  t.strictSame(verdictsOf(reply), ['rejected', 'rejected', 'applied'], 'the chain goes on');
  t.equal(reply.body.ackedSeq, 3);
  t.strictSame(
    (await casesOf(device)).map(({ kind }: { kind: string }) => kind),
    ['opRefused', 'opRefused', 'opRefused', 'opRefused', 'opRefused'],
  );
  t.strictSame(verdictsOf(await device.upload([forged])), ['duplicate']);
  t.equal(await escrow(home), 25);
});

t.test('a clone is found, its exchanges are kept, and two people may book them', async t => {
  const { home, device, buys, allowance } = await ready();
  buys();
  const clone = device.cloned();
  buys();
  const bought = {
    householdId: home.id,
    cardId: home.cardId,
    allowanceId: allowance.allowanceId,
    priceListId,
    lines: [{ goodsId: soap, quantity: 4, unitPoints: 5 }],
  };
  clone.sign('redeem', bought);
  clone.sign('note', { text: '我也是' });
  t.strictSame(verdictsOf(await device.upload()), ['applied', 'applied']);
  const branch = await clone.upload();
  t.strictSame(verdictsOf(branch), ['duplicate', 'rejected', 'rejected']);
  t.equal(branch.body.results[1].code, 'op-chain-broken');
  t.equal(branch.body.ackedSeq, 2);
  const kiosk = (await admin('GET', `${at}/kiosks/${device.kioskId}`)).body;
  t.strictSame([kiosk.state, kiosk.stateReason], ['suspended', 'cloned']);
  isRefused(t, await device.allowances([home.id]), '403 device-suspended');
  buys({ [soap]: 2 });
  t.strictSame(
    verdictsOf(await device.upload()),
    ['duplicate', 'duplicate', 'appliedWithException limitExceeded'],
    'it may still upload, and its own branch goes on',
  );
  const kept = (await casesOf(device)).filter(({ kind }: { kind: string }) => kind === 'chainBroken');
  t.equal(kept.length, 2);
  const shelf = (await shop.level(soap)).onShelf;
  const lost = await loss();
  const about = kept.find(({ opHash }: { opHash: string }) => opHash === hashOf(clone.signed[1]!.jws));
  const url = `${at}/kiosk-cases/${about.id}/resolve`;
  const decision = { decision: 'booked', note: '店里监控可见' };
  const relative = await service.as('clerk');
  const kin = { entries: [{ householdId: home.id, relation: 'kin' }] };
  await (await service.as('supervisor'))('PUT', `${at}/users/${relative.actor.id}/kin`, kin);
  isRefused(t, await relative('POST', url, decision), '403 own-household', {}, 'nor does kin propose it');
  t.equal((await clerk('POST', url, decision)).body.state, 'proposed');
  isRefused(t, await relative('POST', url, decision), '403 own-household', {}, 'or agree to it');
  const booked = await admin('POST', url, decision);
  t.match(booked.body, { state: 'resolved', transactionNumber: Number }, booked.text);
  t.strictSame([(await shop.level(soap)).onShelf, await escrow(home), (await loss()) - lost], [shelf - 4, 0, -10]);
});

t.test('a lost device is written off by two people, and what it kept can still be carried in by hand', async t => {
  const { home, device, buys } = await ready();
  buys();
  const url = `${at}/kiosks/${device.kioskId}/cases`;
  const reported = await clerk('POST', url, { kind: 'deviceLost', note: '被洪水冲走' });
  t.match(reported.body, { state: 'proposed', decision: 'writtenOff' }, reported.text);
  t.equal((await admin('POST', url, { kind: 'deviceLost', note: '再报一次' })).body.code, 'already-exists');
  t.equal(await escrow(home), 30, 'one person alone moves nothing');
  const agreed = await admin('POST', `${at}/kiosk-cases/${reported.body.id}/resolve`, {
    decision: 'writtenOff',
    note: '已核实',
  });
  t.equal(agreed.body.state, 'resolved', agreed.text);
  t.strictSame([await available(home), await escrow(home)], [50, 0]);
  t.equal((await admin('GET', `${at}/kiosks/${device.kioskId}`)).body.state, 'retired');
  t.equal((await device.upload()).status, 401);
  const lost = await loss();
  const ops = device.signed.map(({ jws }) => jws);
  const imported = await clerk('POST', `${at}/kiosks/${device.kioskId}/ops/import`, { ops });
  t.strictSame(verdictsOf(imported), ['appliedWithException allowanceEnded'], imported.text);
  t.equal((await loss()) - lost, -5);
  t.strictSame(verdictsOf(await clerk('POST', `${at}/kiosks/${device.kioskId}/ops/import`, { ops })), [
    'duplicate allowanceEnded',
  ]);
});

t.test('operations that are lost for ever are gone on after by two people', async t => {
  const { device, buys, home } = await ready();
  buys();
  buys();
  const [lost, kept] = device.signed.map(({ jws }) => jws);
  isRefused(t, await device.upload([kept!]), '409 op-gap', { expectedSeq: 1 });
  const url = `${at}/kiosks/${device.kioskId}/cases`;
  isRefused(
    t,
    await clerk('POST', url, { kind: 'opsLost', continueAt: 2, note: '闪存坏了' }).then(async made => {
      t.equal(made.status, 201, made.text);
      const agreed = await admin('POST', `${at}/kiosk-cases/${made.body.id}/resolve`, {
        decision: 'continued',
        note: '同意',
      });
      t.equal(agreed.body.state, 'resolved');
      return clerk('POST', url, { kind: 'opsLost', continueAt: 2, note: '又坏了' });
    }),
    '422 out-of-bounds',
    { field: 'continueAt', min: 3, max: Number.MAX_SAFE_INTEGER },
  );
  t.strictSame(verdictsOf(await device.upload([kept!])), ['applied']);
  t.strictSame(verdictsOf(await device.upload([lost!])), ['rejected'], 'found after all, it is kept and may be booked');
  t.equal(await escrow(home), 25);
});

t.test('an exchange that was made online while its answer was lost is counted once', async t => {
  const { home, device, buys } = await ready();
  const household = await service.asHousehold(home.id);
  const opId = randomUUID();
  const { storeId } = (await admin('GET', `${at}/kiosks/${household.actor.kioskId}`)).body;
  const online = await household('POST', `${at}/redemptions`, {
    ...shop.order(undefined, { [soap]: 1 }, { handOver: true, opId }),
    storeId,
  });
  t.equal(online.status, 201, online.text);
  buys({ [soap]: 1 }, { opId });
  const reply = await device.upload();
  t.strictSame(verdictsOf(reply), ['duplicate']);
  t.equal(reply.body.results[0].redemptionId, online.body.id);
  buys({ [rice]: 1 }, { opId });
  t.strictSame(verdictsOf(await device.upload()), ['duplicate', 'rejected'], 'another under its id is not it');
  t.strictSame([await available(home), await escrow(home)], [15, 30]);
});

t.test('an answer that was lost after the commit is given again', async t => {
  const { home, device, buys } = await ready();
  buys();
  // What a device that did not read the answer would ask; the first answer is thrown away.
  await device.upload();
  const head = (await device.caller('GET', '/v1/kiosk/ops')).body;
  t.strictSame(head, { ackedSeq: 1, ackedHash: device.prev });
  const again = await device.upload();
  t.match(again.body.results[0], { verdict: 'duplicate', firstVerdict: 'applied', transactionNumber: Number });
  t.equal(await escrow(home), 25);
});

t.test('every law of the book holds', async t => {
  t.equal(await firstViolation(owner), null);
});
