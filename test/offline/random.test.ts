import type { AddressInfo } from 'node:net';
import pg from 'pg';
import t from 'tap';
import { lapseAllowances } from '../../src/allowances/jobs.ts';
import { iso } from '../../src/calendar.ts';
import { issueCard } from '../../src/households/cards.ts';
import { diceOf } from '../storms/dice.ts';
import { isLong, report, seed, size } from '../storms/size.ts';
import { firstViolation } from '../support/invariants.ts';
import { openLine } from '../support/line.ts';
import { hashOf, type OfflineDevice, offlineDevice } from '../support/offline-device.ts';
import { nobody, villages } from '../support/service.ts';
import { at, openShop } from '../support/shop.ts';

/*
 * Days of kiosks that come and go: allowances, exchanges within and beyond them, voids, clocks that are wrong, uploads whose
 * answers are lost, that come twice, in parts and in any order; a device that is lost, whose queue is found, and one that
 * was copied. Beside it a sum in plain maps, which knows nothing of the service.
 */
t.setTimeout(isLong ? 3_600_000 : 600_000);

interface Home {
  id: string;
  cardId: string;
  available: number;
}

interface Escrow {
  id: string;
  left: number;
  open: boolean;
  home: Home;
  notAfter: string;
}

interface Done {
  opId: string;
  jws: string;
  type: 'redeem' | 'void' | 'note';
  quantity: number;
  escrow: Escrow | undefined;
  voids?: Done;
  paid: number;
  taken: boolean;
  voided: boolean;
}

interface Station {
  device: OfflineDevice;
  done: Done[];
  escrows: Map<Home, Escrow>;
  drift: number;
}

const each = 5;
const day = 24 * 3_600_000;

/** What happened in all rounds: how the lines are cut is not the seed's alone. */
const happened = { exchanges: 0, loss: 0, cutAfterCommit: 0 };

for (let round = 0; round < size(2, 40); round += 1) {
  t.test(`a random history, seed ${seed + round}`, async t => {
    const dice = diceOf(seed + round);
    const shop = await openShop(t, { policy: { redemptionsPerDay: 50 } });
    const { service, clerk, admin, keeper } = shop;
    const soap = await shop.goods('肥皂');
    const priceListId = await shop.prices({ [soap]: each });
    await shop.stock({ [soap]: 2_000 });
    const owner = new pg.Client({ connectionString: service.ownerUrl });
    await owner.connect();
    t.teardown(() => owner.end());
    await service.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = service.app.server.address() as AddressInfo;
    const line = await openLine(port, () => ({ fate: dice.chance(0.4) ? 'cut' : 'clear', delayMs: 0 }));
    t.teardown(() => line.close());

    const homes: Home[] = [];
    for (let i = 0; i < 5; i += 1) {
      const id = await service.household();
      const available = 40 + dice.below(60);
      await service.givePoints(id, available);
      const key = { village: villages.own, householdId: id };
      const card = await service.inVillage(villages.own, tx => issueCard(tx, nobody, key, service.clock.now()));
      homes.push({ id, cardId: card.id, available });
    }
    const stations: Station[] = [];
    for (const drift of [0, 3 * day, -3 * day]) {
      const device = offlineDevice(service, await service.asKiosk());
      stations.push({ device, done: [], escrows: new Map(), drift });
    }
    let [pieces, loss, exchanges, voids, cutAfterCommit] = [0, 0, 0, 0, 0];

    const end = (escrow: Escrow) => {
      if (!escrow.open) return;
      escrow.open = false;
      escrow.home.available += escrow.left;
      escrow.left = 0;
    };
    /** What the book should make of an operation that it sees for the first time. */
    const take = (one: Done) => {
      if (one.taken) return;
      one.taken = true;
      if (one.type === 'redeem') {
        const { escrow } = one;
        one.paid = escrow?.open ? Math.min(escrow.left, one.quantity * each) : 0;
        if (escrow?.open) escrow.left -= one.paid;
        loss += one.quantity * each - one.paid;
        pieces += one.quantity;
        exchanges += 1;
      }
      if (one.type === 'void' && !one.voids!.voided && one.voids!.taken) {
        const back = one.voids!;
        back.voided = true;
        if (back.escrow?.open) back.escrow.left += back.paid;
        else if (back.escrow !== undefined) back.escrow.home.available += back.paid;
        loss -= back.quantity * each - back.paid;
        pieces -= back.quantity;
        voids += 1;
      }
    };
    const sign = ({ device, done, drift }: Station, type: Done['type'], about: object, rest: Partial<Done>) => {
      const occurredAt = iso(service.clock.now().add({ milliseconds: drift }));
      const opId = device.sign(type, about, { occurredAt, clockOffsetMs: dice.chance(0.5) ? -drift : 0 });
      const { jws } = device.signed.at(-1)!;
      done.push({ opId, jws, type, quantity: 0, escrow: undefined, paid: 0, taken: false, voided: false, ...rest });
    };
    const redeem = (station: Station, escrow: Escrow, quantity: number) =>
      sign(
        station,
        'redeem',
        {
          householdId: escrow.home.id,
          cardId: escrow.home.cardId,
          allowanceId: escrow.id,
          priceListId,
          lines: [{ goodsId: soap, quantity, unitPoints: each }],
        },
        { quantity, escrow },
      );
    const upload = async (station: Station) => {
      const { done, device } = station;
      const fresh = done.filter(one => !one.taken);
      const part = fresh.slice(0, 1 + dice.below(fresh.length));
      const again = done.filter(one => one.taken && dice.chance(0.3));
      const sent = [...part, ...again].map(one => ({ one, rank: dice.next() })).sort((a, b) => a.rank - b.rank);
      if (sent.length === 0) return;
      const answer = await device.uploadOver(
        line.origin,
        sent.map(({ one }) => one.jws),
      );
      if (answer === undefined) cutAfterCommit += 1;
      else t.equal(answer.status, 207, answer.text);
      for (const one of part) take(one);
    };
    const both = async (url: string, decision: string) => {
      for (const by of [clerk, admin]) {
        const reply = await by('POST', `${url}/resolve`, { decision, note: '已核实' });
        if (by === admin) t.equal(reply.body.state, 'resolved', reply.text);
        if (reply.body.state === 'resolved') return;
      }
    };

    const steps = {
      async grant(station: Station) {
        const home = dice.pick(homes);
        const reply = await station.device.allowances([home.id]);
        if (station.done.some(one => !one.taken)) return void t.equal(reply.body.code, 'op-gap');
        const earlier = station.escrows.get(home);
        if (earlier !== undefined) end(earlier);
        const points = Math.min(30, home.available);
        const [{ allowance }] = reply.body.results;
        t.equal(allowance?.points ?? 0, points, 'as much as there is, and 30 at most');
        if (allowance === null) return;
        home.available -= points;
        const { allowanceId: id, notAfter } = allowance;
        station.escrows.set(home, { id, left: points, open: true, home, notAfter });
      },
      async redeem(station: Station) {
        const escrows = [...station.escrows.values()];
        if (escrows.length > 0) redeem(station, dice.pick(escrows), 1 + dice.below(4));
      },
      async void(station: Station) {
        const own = station.done.filter(
          one => one.type === 'redeem' && !station.done.some(other => other.voids === one),
        );
        if (own.length === 0) return;
        const voided = dice.pick(own);
        sign(station, 'void', { voidsOpId: voided.opId, reason: '拿错了' }, { voids: voided });
      },
      async note(station: Station) {
        sign(station, 'note', { text: '停电' }, {});
      },
      upload,
      async online() {
        const home = dice.pick(homes);
        const body = shop.order(home.id, { [soap]: 1 }, { handOver: true, ...(await shop.card(home.id)) });
        const reply = await shop.redeem(keeper, body);
        t.equal(reply.status, home.available >= each ? 201 : 422, reply.text);
        if (reply.status !== 201) return;
        home.available -= each;
        pieces += 1;
      },
      async pass() {
        service.clock.pass({ hours: dice.below(30) });
        await lapseAllowances(service);
        const before = iso(service.clock.now().subtract({ hours: 24 * 7 }));
        for (const { escrows } of stations)
          for (const escrow of escrows.values()) if (escrow.notAfter < before) end(escrow);
      },
    };
    const names = [
      'grant',
      'grant',
      'redeem',
      'redeem',
      'redeem',
      'void',
      'note',
      'upload',
      'upload',
      'online',
      'pass',
    ] as const;
    for (let left = 90; left > 0; left -= 1) await steps[dice.pick(names)](dice.pick(stations));

    // One device is lost for ever, and its queue is found on a stick.
    const [lost, copied] = [stations[0]!, stations[1]!];
    await steps.grant(lost);
    for (const escrow of lost.escrows.values()) redeem(lost, escrow, 2);
    const url = `${at}/kiosks/${lost.device.kioskId}/cases`;
    const reported = await clerk('POST', url, { kind: 'deviceLost', note: '丢失' });
    await both(`${at}/kiosk-cases/${reported.body.id}`, 'writtenOff');
    for (const escrow of lost.escrows.values()) end(escrow);
    const found = await clerk('POST', `${at}/kiosks/${lost.device.kioskId}/ops/import`, {
      ops: lost.done.slice(-100).map(one => one.jws),
    });
    t.equal(found.status, 207, found.text);
    for (const one of lost.done) take(one);

    // Another was copied: both go on, and what the copy did is booked by two people.
    while (copied.done.some(one => !one.taken)) await upload(copied);
    await steps.grant(copied);
    const clone: Station = { ...copied, device: copied.device.cloned(), done: [] };
    for (const escrow of copied.escrows.values()) {
      redeem(copied, escrow, 1);
      redeem(clone, escrow, 1);
    }
    while (copied.done.some(one => !one.taken)) await upload(copied);
    const branch = await clone.device.upload(clone.done.map(one => one.jws));
    for (const one of branch.body.results) t.equal(one.code, 'op-chain-broken');
    const cases = (await clerk('GET', `${at}/kiosk-cases?kioskId=${copied.device.kioskId}&limit=200`)).body.data;
    for (const one of clone.done) {
      const about = cases.find(({ opHash }: { opHash: string }) => opHash === hashOf(one.jws));
      await both(`${at}/kiosk-cases/${about.id}`, 'booked');
      take(one);
    }

    const living = stations.filter(station => station !== lost);
    while (living.some(({ done }) => done.some(one => !one.taken))) for (const station of living) await upload(station);
    service.clock.pass({ hours: 24 * 11 });
    await lapseAllowances(service);
    for (const { escrows } of stations) for (const escrow of escrows.values()) end(escrow);

    for (const home of homes)
      t.equal((await shop.points(home.id)).available, home.available, 'what each household has');
    const { rows } = await owner.query(`
      select coalesce(sum(balance) filter (where code like 'allowance:%'), 0)::int as escrow,
             coalesce(sum(balance) filter (where code = 'offlineLoss'), 0)::int as loss,
             (select count(*)::int from ledger.transaction where kind = 'offlineRedemption') as exchanges,
             (select count(*)::int from ledger.transaction where kind = 'offlineVoid') as voids,
             (select count(*)::int from offline.op) as ops
        from ledger.account`);
    const ops = [...stations, clone].reduce((sum, { done }) => sum + done.length, 0);
    t.strictSame(rows, [{ escrow: 0, loss: -loss, exchanges, voids, ops }]);
    t.equal((await shop.level(soap)).onShelf, 2_000 - pieces);
    t.equal(await firstViolation(owner), null);
    const auditor = await service.as('auditor');
    const verified = await auditor('POST', `${at}/book/verify`);
    t.match(verified.body, { sound: true }, verified.text);
    happened.exchanges += exchanges;
    happened.loss += loss;
    happened.cutAfterCommit += cutAfterCommit;
    report(t, 'offline', { round, ops, exchanges, voids, loss, cutAfterCommit });
  });
}

t.test('enough happened', async t => {
  t.ok(happened.cutAfterCommit > 2 && happened.exchanges > 10 && happened.loss > 0, JSON.stringify(happened));
});
