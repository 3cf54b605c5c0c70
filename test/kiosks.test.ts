import { randomUUID } from 'node:crypto';
import tap, { test } from 'tap';
import { newCardCode } from '../src/households/cards.ts';
import { newDeviceKey } from '../src/sample/device-key.ts';
import { lockKey } from './support/keys.ts';
import { heartbeat } from './support/operations.ts';
import { isRefused } from './support/refusal.ts';
import { connect, openService, type Service, villages } from './support/service.ts';

tap.setTimeout(900_000);

const own = `/v1/villages/${villages.own}`;
const device = { appVersion: '1.4.2', hardware: { model: 'T10', serial: 'SN0042' } };
const pin = '402857';

async function storeId(service: Service, village: string = villages.own): Promise<string> {
  const { actor } = await service.asKiosk(village);
  const admin = await service.as('villageAdmin', village);
  return (await admin('GET', `/v1/villages/${village}/kiosks/${actor.id}`)).body.storeId;
}

/** A device with a new key asks to be paired. */
async function begin(service: Service) {
  const key = newDeviceKey();
  const call = service.withKey(key);
  const begun = await call('POST', '/v1/kiosk/pairings', device);
  const poll = () => call('POST', '/v1/kiosk/pairings/poll', { deviceCode: begun.body.deviceCode });
  return { key, begun, ...(begun.body as { deviceCode: string; userCode: string }), poll };
}

/** Pairs a device over HTTP, as a village administrator and the device do it. */
async function pair(service: Service) {
  const admin = await service.as('villageAdmin');
  const codes = await begin(service);
  const made = await admin('POST', `${own}/kiosk-pairings/${codes.userCode}/approve`, {
    name: '超市门口',
    storeId: await storeId(service),
  });
  const polled = (await codes.poll()).body;
  const { key } = codes;
  const refresh = (refreshToken: string) => service.withKey(key)('POST', '/v1/kiosk/tokens', { refreshToken });
  const as = (token: string) => service.withKey(key, token);
  return { admin, kioskId: made.body.id as string, codes, polled, key, as, refresh, call: as(polled.accessToken) };
}

/** A household with a PIN and a card. */
async function household(service: Service) {
  const clerk = await service.as('clerk');
  const id = await service.household();
  const file = (await clerk('GET', `${own}/households/${id}`)).body;
  await clerk('PUT', `${own}/households/${id}/pin`, { pin });
  const { code: card, id: cardId } = (await clerk('POST', `${own}/households/${id}/cards`)).body;
  return { id, number: file.number as string, card: card as string, cardId: cardId as string, clerk };
}

test('pairing', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const store = await storeId(service);

  await t.test('from the code on the screen to the first call', async t => {
    const { begun, key: deviceKey, deviceCode, userCode, poll } = await begin(service);
    t.equal(begun.status, 201);
    t.match(begun.body, { expiresInSeconds: 600, intervalSeconds: 5 });
    t.match(userCode, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    t.ok(Buffer.from(deviceCode, 'base64url').length >= 32);
    const waiting = {
      status: 'pending',
      kioskId: null,
      village: null,
      accessToken: null,
      refreshToken: null,
      expiresInSeconds: null,
    };
    t.strictSame((await poll()).body, waiting);

    const shown = await admin('GET', `${own}/kiosk-pairings/${userCode}`);
    t.match(shown.body, { userCode, state: 'pending', appVersion: '1.4.2', model: 'T10', serial: 'SN0042' });
    const key = { 'idempotency-key': randomUUID() };
    const approve = (headers?: Record<string, string>) =>
      admin('POST', `${own}/kiosk-pairings/${userCode}/approve`, { name: '超市门口', storeId: store }, headers);
    const made = await approve(key);
    t.equal(made.status, 201);
    t.match(made.body, { name: '超市门口', storeId: store, state: 'active', serial: 'SN0042', seenAt: null });
    t.equal(made.headers.location, `${own}/kiosks/${made.body.id}`);
    t.strictSame((await approve(key)).body, made.body, 'the same key answers the same');
    isRefused(
      t,
      await approve(),
      '409 wrong-state',
      { state: 'approved', since: '2026-11-23T02:00:00.000Z' },
      'a new key makes no second kiosk',
    );
    isRefused(t, await admin('POST', `${own}/kiosk-pairings/${userCode}/deny`), '409 wrong-state', {
      state: 'approved',
      since: '2026-11-23T02:00:00.000Z',
    });
    t.match((await admin('GET', `${own}/kiosk-pairings/${userCode}`)).body, {
      state: 'approved',
      kioskId: made.body.id,
    });

    const polled = await poll();
    t.match(polled.body, { status: 'approved', kioskId: made.body.id, village: villages.own, expiresInSeconds: 900 });
    const config = await service.withKey(deviceKey, polled.body.accessToken)('GET', '/v1/kiosk/config');
    t.equal(config.status, 200);
    t.match(config.body, {
      village: { code: villages.own, name: '封家湾社区' },
      kiosk: { id: made.body.id, code: made.body.code, name: '超市门口', storeId: store },
      minClientVersion: null,
      heartbeatSeconds: 300,
      session: { idleSeconds: 180, maxSeconds: 600 },
      redemptionsPerDay: 3,
      elderMode: { default: true, confirmSpoken: true },
      speech: { enabled: true },
      receipt: { columns: 32 },
      languages: ['zh-CN', 'en'],
      locales: { 'zh-CN': { redeem: '兑换' }, en: { redeem: 'Redeem' } },
    });
    t.equal(config.body.exchangeDays.length, 7);
    const seen = await admin('GET', `${own}/kiosks/${made.body.id}`);
    t.equal(seen.body.seenAt, '2026-11-23T02:00:00.000Z');
  });

  await t.test('a lost approved answer is asked for again, until its tokens are used', async t => {
    const { codes, polled, as, refresh } = await pair(service);
    const again = (await codes.poll()).body;
    t.not(again.accessToken, polled.accessToken);
    const first = await as(polled.accessToken)('GET', '/v1/kiosk/config');
    isRefused(t, first, '401 session-revoked', { reason: 'replaced' }, 'the pair nobody used is void');
    const stale = await refresh(polled.refreshToken);
    isRefused(t, stale, '401 session-revoked', { reason: 'replaced' });
    t.equal((await as(again.accessToken)('GET', '/v1/kiosk/config')).status, 200);
    const used = await codes.poll();
    isRefused(t, used, '410 expired', { what: 'pairing', expiredAt: '2026-11-23T02:00:00.000Z' });
    t.equal((await as(again.accessToken)('GET', '/v1/kiosk/config')).status, 200, 'and goes on working');
  });

  await t.test('many polls at once leave one sign-in that works', async t => {
    const { codes, kioskId } = await pair(service);
    const polls = await Promise.all(Array.from({ length: 8 }, () => codes.poll()));
    t.ok(polls.every(answer => answer.status === 200));
    const owner = await connect(t, service.ownerUrl);
    const { rows } = await owner.query(
      'select count(*)::int as live from identity.session where subject = $1 and ended_at is null',
      [kioskId],
    );
    t.equal(rows[0].live, 1);
  });

  await t.test('is refused: denied, expired, unknown, out of place', async t => {
    const denied = await begin(service);
    t.match((await admin('POST', `${own}/kiosk-pairings/${denied.userCode}/deny`)).body, { state: 'denied' });
    isRefused(t, await denied.poll(), '403 pairing-denied');

    const late = await begin(service);
    const approval = { name: '门口', storeId: store };
    const strange = await admin('POST', `${own}/kiosk-pairings/${late.userCode}/approve`, {
      ...approval,
      storeId: randomUUID(),
    });
    isRefused(t, strange, '404 not-found');
    service.clock.pass({ seconds: 600 });
    isRefused(t, await late.poll(), '410 expired', {
      what: 'pairing',
      expiredAt: '2026-11-23T02:10:00.000Z',
    });
    isRefused(t, await admin('GET', `${own}/kiosk-pairings/${late.userCode}`), '410 expired', {
      what: 'pairing',
      expiredAt: '2026-11-23T02:10:00.000Z',
    });
    isRefused(t, await admin('POST', `${own}/kiosk-pairings/${late.userCode}/approve`, approval), '410 expired', {
      what: 'pairing',
      expiredAt: '2026-11-23T02:10:00.000Z',
    });

    const unknown = { deviceCode: 'q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o' };
    isRefused(t, await service.withKey(late.key)('POST', '/v1/kiosk/pairings/poll', unknown), '404 not-found');
    isRefused(t, await admin('GET', `${own}/kiosk-pairings/BBBB-BBBB`), '404 not-found');
  });

  await t.test('a decided pairing is shown only to the village that decided it', async t => {
    service.clock.pass({ hours: 2 });
    const { codes, kioskId } = await pair(service);
    const neighbour = await service.as('villageAdmin', villages.sibling);
    const theirs = `/v1/villages/${villages.sibling}`;
    isRefused(t, await neighbour('GET', `${theirs}/kiosk-pairings/${codes.userCode}`), '404 not-found');
    const stolen = { name: '门口', storeId: await storeId(service, villages.sibling) };
    isRefused(
      t,
      await neighbour('POST', `${theirs}/kiosk-pairings/${codes.userCode}/approve`, stolen),
      '404 not-found',
    );
    isRefused(t, await neighbour('GET', `${theirs}/kiosks/${kioskId}`), '404 not-found');
    const ids = (await neighbour('GET', `${theirs}/kiosks`)).body.data.map((row: { id: string }) => row.id);
    t.notOk(ids.includes(kioskId));
  });

  await t.test('two approved at once get two codes', async t => {
    service.clock.pass({ hours: 2 });
    const begun = await Promise.all(Array.from({ length: 6 }, () => begin(service)));
    const made = await Promise.all(
      begun.map(({ userCode }) =>
        admin('POST', `${own}/kiosk-pairings/${userCode}/approve`, { name: '门口', storeId: store }),
      ),
    );
    t.ok(made.every(answer => answer.status === 201));
    t.equal(new Set(made.map(answer => answer.body.code)).size, 6);
  });

  await t.test('ten an hour from one address, also when asked at once', async t => {
    service.clock.pass({ hours: 2 });
    const asked = (await Promise.all(Array.from({ length: 16 }, () => begin(service)))).map(({ begun }) => begun);
    t.equal(asked.filter(answer => answer.status === 201).length, 10);
    const refused = asked.find(answer => answer.status === 429)!;
    isRefused(t, refused, '429 too-many-requests', { retryAfterSeconds: 3600, policy: 'pairing' });
    t.equal(refused.headers['retry-after'], '3600');
    service.clock.pass({ hours: 1 });
    t.equal((await begin(service)).begun.status, 201);
  });
});

test('tokens of a device', async t => {
  const service = await openService(t);

  await t.test('rotate; a lost answer costs nothing, a spent token suspends the device', async t => {
    const { polled, kioskId, refresh: rotate, as, admin } = await pair(service);
    const second = await rotate(polled.refreshToken);
    t.equal(second.status, 200);
    t.match(second.body, { kioskId, village: villages.own, expiresInSeconds: 900 });
    const third = await rotate(polled.refreshToken);
    t.equal(third.status, 200, 'the first token is good until its successor is used');
    const fourth = await rotate(third.body.refreshToken);
    t.equal(fourth.status, 200);
    isRefused(t, await rotate(polled.refreshToken), '403 device-suspended', {}, 'two go on from one token');
    isRefused(t, await as(fourth.body.accessToken)('GET', '/v1/kiosk/config'), '403 device-suspended', {}, 'at once');
    const shown = (await admin('GET', `${own}/kiosks/${kioskId}`)).body;
    t.match(shown, { state: 'suspended', stateReason: 'cloned' });
    const fifth = await rotate(fourth.body.refreshToken);
    t.equal(fifth.status, 200, 'one of the two still has a token, with which it may hand in what it has done');
    isRefused(t, await as(fifth.body.accessToken)('GET', '/v1/kiosk/config'), '403 device-suspended');
    await admin('POST', `${own}/kiosks/${kioskId}/resume`);
    t.equal((await as(fifth.body.accessToken)('GET', '/v1/kiosk/config')).status, 200);
    isRefused(t, await rotate(polled.refreshToken), '403 device-suspended', {}, 'the other one is found out again');
    isRefused(t, await rotate('q4mI8xq2vJX0m8vJv3b2nQh6s5u1t0y9r8e7w6q5p4o'), '401 unauthenticated');
  });

  await t.test('belong to one village, and are no household’s or clerk’s', async t => {
    const { call } = await pair(service);
    t.equal((await call('GET', own)).status, 200);
    isRefused(t, await call('GET', `/v1/villages/${villages.sibling}`), '404 not-found');
    isRefused(t, await call('GET', `${own}/households`), '403 forbidden', {
      requiredRoles: ['clerk', 'villageAdmin', 'supervisor', 'auditor', 'reviewer', 'supervisionBoard', 'storekeeper'],
    });
    isRefused(t, await call('GET', '/v1/kiosk/sessions/current'), '403 forbidden', { requiredRoles: ['household'] });
    const clerk = await service.as('clerk');
    isRefused(t, await clerk('GET', '/v1/kiosk/config'), '403 forbidden', { requiredRoles: ['kiosk'] });
    isRefused(t, await clerk('POST', '/v1/kiosk/sessions', { card: newCardCode() }), '403 forbidden', {
      requiredRoles: ['kiosk'],
    });
  });
});

test('a household’s session', async t => {
  const service = await openService(t);
  const { call, kioskId, admin, as } = await pair(service);

  await t.test('redeems at the store of its kiosk, and at no other', async t => {
    const { card } = await household(service);
    const session = await call('POST', '/v1/kiosk/sessions', { card });
    const other = await admin('POST', `${own}/stores`, { name: '另一家店' });
    const { storeId } = (await call('GET', '/v1/kiosk/config')).body.kiosk;
    const redeem = (at: string) =>
      as(session.body.accessToken)('POST', `${own}/redemptions`, {
        storeId: at,
        lines: [{ goodsId: other.body.id, quantity: 1 }],
        handOver: true,
        mode: 'counter',
      });
    isRefused(t, await redeem(other.body.id), '404 not-found', { field: 'storeId' });
    t.notMatch((await redeem(storeId)).body, { field: 'storeId' });
  });

  const start = (body: unknown) => call('POST', '/v1/kiosk/sessions', body);
  const current = (token: string) => as(token)('GET', '/v1/kiosk/sessions/current');

  await t.test('by card, by card and PIN, by number and PIN', async t => {
    const { id, number, card } = await household(service);
    await service.givePoints(id, 20);
    const byCard = await start({ card });
    t.equal(byCard.status, 201);
    t.match(byCard.body, {
      level: 'card',
      expiresInSeconds: 600,
      idleSeconds: 180,
      household: { id, number, headName: '张*三', state: 'active' },
      points: { available: 20, pending: 0, held: 0, honour: 20 },
    });
    t.match((await start({ card, pin })).body, { level: 'cardAndPin' });
    const byNumber = await start({ householdNumber: number, pin });
    t.match(byNumber.body, { level: 'pin', household: { id } });
    const call = as(byNumber.body.accessToken);
    t.match((await call('GET', '/v1/kiosk/sessions/current')).body, { level: 'pin', household: { id, number } });
    t.match((await call('GET', '/v1/sessions/current')).body, { kind: 'household', id, kioskId, client: kioskId });
    t.equal((await call('GET', `${own}/households/${id}/points`)).body.available, 20);
    const other = await service.household();
    isRefused(t, await call('GET', `${own}/households/${other}/points`), '404 not-found');
    isRefused(t, await call('GET', `/v1/villages/${villages.sibling}`), '404 not-found');
  });

  await t.test('is refused: card, number, PIN, state', async t => {
    const { id, number, card, cardId, clerk } = await household(service);
    isRefused(t, await start({ card: newCardCode() }), '404 card-unknown');
    isRefused(t, await start({ householdNumber: number }), '403 pin-required');
    isRefused(t, await start({ card, pin: '111111' }), '403 pin-wrong', { attemptsLeft: 4 });
    isRefused(t, await start({ householdNumber: number, pin: '111111' }), '403 pin-wrong', { attemptsLeft: 3 });
    t.equal((await start({ card, pin })).status, 201, 'the right one is let in');
    t.match((await start({ card, pin: '111111' })).body, { attemptsLeft: 4 }, 'and forgets the wrong ones');
    for (const [body, errors] of [
      [{}, ['/card required']],
      [{ card, householdNumber: number, pin }, ['/householdNumber additionalProperties']],
      [{ pin }, ['/card required']],
      [{ card: 'PS1.short' }, ['/card pattern']],
    ] as const) {
      isRefused(t, await start(body), '400 validation-failed', { errors });
    }

    await clerk('POST', `${own}/cards/${cardId}/revoke`);
    isRefused(t, await start({ card }), '403 card-revoked');
    const owner = await connect(t, service.ownerUrl);
    await owner.query(`set jifen.scope = '${villages.own}'`);
    await owner.query(`update households.household set state = 'frozen' where id = $1`, [id]);
    const frozen = await start({ householdNumber: number, pin });
    isRefused(t, frozen, '409 household-not-active', { state: 'frozen' });
    isRefused(
      t,
      await start({ householdNumber: number, pin: '111111' }),
      '403 pin-wrong',
      { attemptsLeft: 4 },
      'PIN first',
    );
  });

  await t.test('a card of the neighbours is unknown here', async t => {
    const clerk = await service.as('clerk', villages.sibling);
    const id = await service.household({}, villages.sibling);
    const { code: card } = (await clerk('POST', `/v1/villages/${villages.sibling}/households/${id}/cards`)).body;
    isRefused(t, await start({ card }), '404 card-unknown');
  });

  await t.test('five wrong PINs lock it, even for the right one, until a clerk unlocks it', async t => {
    const { id, number, card, clerk } = await household(service);
    for (let left = 4; left >= 0; left -= 1) {
      isRefused(t, await start({ card, pin: '111111' }), '403 pin-wrong', { attemptsLeft: left });
    }
    isRefused(t, await start({ card, pin }), '403 pin-locked', { until: null });
    isRefused(t, await start({ householdNumber: number, pin }), '403 pin-locked', { until: null });
    t.equal((await start({ card })).status, 201, 'the card alone still works');
    await clerk('POST', `${own}/households/${id}/pin/unlock`);
    t.equal((await start({ card, pin })).status, 201);
  });

  await t.test('twenty guesses at once: at most five are looked at', async t => {
    const { card } = await household(service);
    const guesses = await Promise.all(Array.from({ length: 20 }, () => start({ card, pin: '111111' })));
    const codes = guesses.map(answer => answer.body.code);
    t.equal(codes.filter(code => code === 'pin-wrong').length, 5);
    t.equal(codes.filter(code => code === 'pin-locked').length, 15);
    isRefused(t, await start({ card, pin }), '403 pin-locked', { until: null });
  });

  await t.test('a number that nobody has answers as a wrong PIN does', async t => {
    const { number, card } = await household(service);
    // The work that each answer takes, of this process: elapsed time would tell of the machine's other work, too.
    const work = { real: 0, none: 0 };
    for (let left = 4; left >= 0; left -= 1) {
      let before = process.cpuUsage();
      const real = await start({ householdNumber: number, pin: '111111' });
      work.real += process.cpuUsage(before).user;
      before = process.cpuUsage();
      const none = await start({ householdNumber: 'H99999', pin: '111111' });
      work.none += process.cpuUsage(before).user;
      isRefused(t, real, '403 pin-wrong', { attemptsLeft: left });
      isRefused(t, none, '403 pin-wrong', { attemptsLeft: left });
    }
    t.ok(work.none > work.real / 3, `unknown ${work.none} µs of work, known ${work.real} µs`);
    isRefused(t, await start({ householdNumber: 'H99999', pin: '111111' }), '403 pin-locked', { until: null });
    isRefused(t, await start({ householdNumber: number, pin: '111111' }), '403 pin-locked', { until: null });
    t.equal((await start({ card })).status, 201);
    const noPin = await service.household();
    const clerk = await service.as('clerk');
    const bare = (await clerk('GET', `${own}/households/${noPin}`)).body.number;
    isRefused(
      t,
      await start({ householdNumber: bare, pin }),
      '403 pin-wrong',
      { attemptsLeft: 4 },
      'nor does one without a PIN',
    );
  });

  await t.test('tells a household with a card that it has no PIN', async t => {
    const clerk = await service.as('clerk');
    const id = await service.household();
    const { code: card } = (await clerk('POST', `${own}/households/${id}/cards`)).body;
    isRefused(t, await start({ card, pin }), '403 pin-not-set');
    isRefused(t, await start({ card, pin }), '403 pin-not-set', {}, 'and counts nothing');
    t.equal((await start({ card })).status, 201);
  });

  await t.test('ends when the household steps away, or the next one steps up', async t => {
    const one = await household(service);
    const two = await household(service);
    const first = (await start({ card: one.card })).body.accessToken;
    const second = (await start({ card: two.card })).body.accessToken;
    isRefused(t, await current(first), '401 kiosk-session-ended');
    t.equal((await current(second)).status, 200);
    const wrong = await start({ card: one.card, pin: '111111' });
    isRefused(t, wrong, '403 pin-wrong', { attemptsLeft: 4 });
    t.equal((await current(second)).status, 200, 'a refused one replaces nobody');
    const elsewhere = await pair(service);
    await elsewhere.call('POST', '/v1/kiosk/sessions', { card: one.card });
    t.equal((await current(second)).status, 200, 'nor does one at another device');
    t.equal((await as(second)('DELETE', '/v1/kiosk/sessions/current')).status, 204);
    isRefused(t, await current(second), '401 kiosk-session-ended');
    const raced = await Promise.all(Array.from({ length: 8 }, () => start({ card: one.card })));
    const alive = await Promise.all(raced.map(answer => current(answer.body.accessToken)));
    t.equal(alive.filter(answer => answer.status === 200).length, 1, 'eight at once: one stands there');
  });

  await t.test('a suspended device does nothing, and neither does whoever stands at it', async t => {
    const { id, card } = await household(service);
    const token = (await start({ card })).body.accessToken;
    const ask = as(token);
    const suspended = await admin('POST', `${own}/kiosks/${kioskId}/suspend`);
    t.match(suspended.body, { state: 'suspended', stateReason: null });
    isRefused(t, await admin('POST', `${own}/kiosks/${kioskId}/suspend`), '409 wrong-state', {
      state: 'suspended',
      since: '2026-11-23T02:00:00.000Z',
    });
    for (const answer of [
      await call('GET', '/v1/kiosk/config'),
      await start({ card }),
      await ask('GET', `${own}/households/${id}/points`),
      await ask('GET', '/v1/kiosk/sessions/current'),
    ]) {
      isRefused(t, answer, '403 device-suspended');
    }
    t.match((await admin('POST', `${own}/kiosks/${kioskId}/resume`)).body, { state: 'active' });
    isRefused(t, await admin('POST', `${own}/kiosks/${kioskId}/resume`), '409 wrong-state', {
      state: 'active',
      since: '2026-11-23T02:00:00.000Z',
    });
    t.equal((await ask('GET', `${own}/households/${id}/points`)).status, 200, 'nothing had ended');
  });

  await t.test('thirty unknown cards within an hour suspend the device', async t => {
    const { call: elsewhere, kioskId: probed, polled, as: probe, refresh } = await pair(service);
    const guess = () => elsewhere('POST', '/v1/kiosk/sessions', { card: newCardCode() });
    for (let n = 0; n < 20; n += 1) isRefused(t, await guess(), '404 card-unknown');
    service.clock.pass({ minutes: 61 });
    const { accessToken } = (await refresh(polled.refreshToken)).body;
    const probing = probe(accessToken);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => probing('POST', '/v1/kiosk/sessions', { card: newCardCode() })),
    );
    t.equal(answers.filter(answer => answer.status === 404).length, 29, 'the hour began anew');
    t.equal(answers.filter(answer => answer.body.code === 'device-suspended').length, 11);
    const shown = (await admin('GET', `${own}/kiosks/${probed}`)).body;
    t.match(shown, { state: 'suspended', stateReason: 'unknownCards' });
    isRefused(t, await probing('GET', '/v1/kiosk/config'), '403 device-suspended');
    await admin('POST', `${own}/kiosks/${probed}/resume`);
    t.equal((await probing('GET', '/v1/kiosk/config')).status, 200);
    isRefused(
      t,
      await probing('POST', '/v1/kiosk/sessions', { card: newCardCode() }),
      '404 card-unknown',
      {},
      'forgotten',
    );
  });

  await t.test('a retired device is out for good', async t => {
    const { call: old, kioskId: retired, polled, refresh, as: standing } = await pair(service);
    const { card } = await household(service);
    const token = (await old('POST', '/v1/kiosk/sessions', { card })).body.accessToken;
    const { refreshToken } = (await refresh(polled.refreshToken)).body;
    t.match((await admin('POST', `${own}/kiosks/${retired}/retire`)).body, { state: 'retired' });
    isRefused(t, await old('GET', '/v1/kiosk/config'), '401 session-revoked', { reason: 'retired' });
    isRefused(t, await standing(token)('GET', '/v1/kiosk/sessions/current'), '401 kiosk-session-ended');
    isRefused(t, await refresh(refreshToken), '401 session-revoked', {
      reason: 'retired',
    });
    isRefused(t, await admin('POST', `${own}/kiosks/${retired}/resume`), '409 wrong-state', {
      state: 'retired',
      since: '2026-11-23T03:01:00.000Z',
    });
    const listed = (await admin('GET', `${own}/kiosks`)).body.data;
    t.ok(listed.some((row: { id: string; state: string }) => row.id === retired && row.state === 'retired'));
  });
});

test('a session ends after a while without a call, and after a longer one in any case, with one code', async t => {
  const service = await openService(t);
  const kiosk = await service.asKiosk();
  const admin = await service.as('villageAdmin');
  const start = (body: unknown) => kiosk('POST', '/v1/kiosk/sessions', body);
  const current = (token: string) => service.withKey(kiosk.key, token)('GET', '/v1/kiosk/sessions/current');
  const { card } = await household(service);
  const settings = { elderMode: true, languages: ['zh-CN'], speech: true, receiptColumns: 32 };
  for (const [elderMode, idleSeconds, maxSeconds] of [
    [true, 180, 600],
    [false, 60, 300],
  ] as const) {
    await admin('PUT', `${own}/kiosks/${kiosk.actor.id}/settings`, { ...settings, elderMode });
    const { body } = await start({ card });
    t.match(body, { idleSeconds, expiresInSeconds: maxSeconds });
    const idle = body.accessToken;
    service.clock.pass({ seconds: idleSeconds - 1 });
    t.equal((await current(idle)).status, 200, 'a call keeps it alive');
    service.clock.pass({ seconds: idleSeconds });
    isRefused(t, await current(idle), '401 kiosk-session-ended');

    const busy = (await start({ card })).body.accessToken;
    for (let passed = 0; passed < maxSeconds - 1; passed += Math.min(50, maxSeconds - 1 - passed)) {
      t.equal((await current(busy)).status, 200);
      service.clock.pass({ seconds: Math.min(50, maxSeconds - 1 - passed) });
    }
    t.equal((await current(busy)).body.expiresInSeconds, 1);
    service.clock.pass({ seconds: 1 });
    isRefused(t, await current(busy), '401 kiosk-session-ended');
    isRefused(t, await current(busy), '401 kiosk-session-ended', {}, 'nor later');
  }
});

test('the answer of an earlier call', async t => {
  const service = await openService(t);
  const { call, kioskId } = await pair(service);
  const ask = (key: string) => call('GET', `/v1/kiosk/outcomes/${key}`);
  const keep = (client: string, key: string) =>
    service.inVillage(villages.own, async tx => {
      await tx.$client.query(
        `insert into http.idempotency (village, client, key, fingerprint, status, location, body, created_at)
         values ($1, $2, $3, '', 201, '/v1/x', '{"number":"R-1"}', now())`,
        [villages.own, client, key],
      );
    });

  await keep(kioskId, 'op-1');
  await keep(randomUUID(), 'op-2');
  t.strictSame((await ask('op-1')).body, { status: 201, location: '/v1/x', body: { number: 'R-1' } });
  isRefused(t, await ask('op-2'), '404 not-found', {}, 'not of this device');
  isRefused(t, await ask('op-3'), '404 not-found', {}, 'never happened');
  await keep(kioskId, 'op-3');
  t.equal((await ask('op-3')).status, 200, 'and asking has not taken the key');

  const running = await service.inVillage(villages.own, async tx => {
    await lockKey(tx.$client, { village: villages.own, owner: kioskId, key: 'op-4' });
    return ask('op-4');
  });
  isRefused(t, running, '409 idempotency-in-progress', { retryAfterSeconds: 1 });
});

test('how a kiosk is, and how it should be', async t => {
  const service = await openService(t);
  const { call, kioskId, admin } = await pair(service);
  const url = `${own}/kiosks/${kioskId}`;
  const config = (etag?: string) =>
    call('GET', '/v1/kiosk/config', undefined, etag === undefined ? {} : { 'if-none-match': etag });

  await t.test('the village sees what the device says of itself', async t => {
    t.equal((await admin('GET', url)).body.heartbeat, null);
    const said = { queueDepth: 7, oldestOpAt: '2026-11-22T09:00:00.000Z', clockOffsetMs: -86_400_000 };
    const beat = { ...heartbeat, ...said, appVersion: '1.5.0', printer: 'paperOut', storagePersisted: false };
    const taken = await call('POST', '/v1/kiosk/heartbeats', beat);
    const serverTime = '2026-11-23T02:00:00.000Z';
    t.strictSame(taken.body, { serverTime, state: 'active', minClientVersion: null, heartbeatSeconds: 300 });
    const { appVersion, ...rest } = beat;
    const listed = (await admin('GET', `${own}/kiosks`)).body.data.find((row: { id: string }) => row.id === kioskId);
    t.equal(listed.appVersion, appVersion);
    t.strictSame(listed.heartbeat, { at: serverTime, ...rest });
    isRefused(t, await call('POST', '/v1/kiosk/heartbeats', { ...beat, printer: 'jammed' }), '400 validation-failed', {
      errors: ['/printer enum'],
    });
    await admin('POST', `${url}/suspend`);
    t.match((await call('POST', '/v1/kiosk/heartbeats', beat)).body, { state: 'suspended' }, 'also while suspended');
    await admin('POST', `${url}/resume`);
  });

  await t.test('the device fetches its configuration when it has changed', async t => {
    const first = await config();
    const etag = first.headers.etag!;
    service.clock.pass({ seconds: 30 });
    t.equal((await config(etag)).status, 304, 'time alone is no change');
    const settings = { elderMode: false, languages: ['en', 'zh-CN'], speech: false, receiptColumns: 48 };
    const set = await admin('PUT', `${url}/settings`, settings);
    t.strictSame(set.body.settings, settings);
    const changed = await config(etag);
    t.match(changed.body, {
      elderMode: { default: false },
      session: { idleSeconds: 60, maxSeconds: 300 },
      speech: { enabled: false },
      receipt: { columns: 48 },
      languages: ['en', 'zh-CN'],
    });
    t.not(changed.headers.etag, etag);
    const wrong = await admin('PUT', `${url}/settings`, { ...settings, receiptColumns: 40, languages: [] });
    isRefused(t, wrong, '400 validation-failed', { errors: ['/languages minItems', '/receiptColumns enum'] });
    const neighbour = await service.as('villageAdmin', villages.sibling);
    const theirs = `/v1/villages/${villages.sibling}/kiosks/${kioskId}/settings`;
    isRefused(t, await neighbour('PUT', theirs, settings), '404 not-found');
  });

  await t.test('nobody has heard of it for two days', async t => {
    const supervisor = await service.as('supervisionBoard');
    const silent = async () =>
      (await supervisor('GET', `${own}/signals`)).body.data.filter(
        ({ kind, evidence }: { kind: string; evidence: { kioskIds: string[] } }) =>
          kind === 'kioskSilent' && evidence.kioskIds.includes(kioskId),
      );
    service.clock.pass({ hours: 47 });
    t.strictSame(await silent(), []);
    service.clock.pass({ hours: 1, minutes: 1 });
    t.match(await silent(), [{ severity: 50, evidence: { count: 48 } }]);
    await admin('POST', `${url}/retire`);
    t.strictSame(await silent(), [], 'what is gone is not missed');
  });
});

test('an app that is too old', async t => {
  const service = await openService(t, { minClientVersion: '1.10.0', pairingsPerHour: 2 });
  const admin = await service.as('villageAdmin');
  const kiosk = await service.asKiosk();
  const told = { minClientVersion: '1.10.0' };
  const beat = (appVersion: string) => kiosk('POST', '/v1/kiosk/heartbeats', { ...heartbeat, appVersion });
  isRefused(t, await kiosk('GET', '/v1/kiosk/config'), '403 client-upgrade-required', told);
  for (const old of ['1.9.9', '1.2.30', '0.99.99', 'dev', '1.10']) {
    t.match((await beat(old)).body, told, 'is told so');
    isRefused(t, await kiosk('GET', '/v1/kiosk/config'), '403 client-upgrade-required', told, old);
  }
  for (const young of ['1.10.0', '1.10.1-beta', 'v1.11.0', '2.0.0']) {
    t.equal((await beat(young)).status, 200);
    t.equal((await kiosk('GET', '/v1/kiosk/config')).status, 200, young);
  }
  const begun = await begin(service);
  isRefused(t, begun.begun, '403 client-upgrade-required', told, 'and is not paired');
  const pairing = () =>
    service.withKey(newDeviceKey())('POST', '/v1/kiosk/pairings', { ...device, appVersion: '1.10.0' });
  for (let n = 0; n < 2; n += 1) t.equal((await pairing()).status, 201);
  isRefused(t, await pairing(), '429 too-many-requests', { retryAfterSeconds: 3600, policy: 'pairing' }, 'as is set');
  t.equal((await admin('GET', `${own}/kiosks`)).body.data[0].appVersion, '2.0.0');
});
