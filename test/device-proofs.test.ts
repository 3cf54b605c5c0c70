import { createHash, createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import tap, { type Test, test } from 'tap';
import { build } from '../src/app.ts';
import { forgetSpentProofs } from '../src/identity/proofs.ts';
import { type DeviceKey, newDeviceKey, proofBy, signedBy } from '../src/sample/device-key.ts';
import { isRefused } from './support/refusal.ts';
import { type DeviceCaller, openService, type Service, villages } from './support/service.ts';

tap.setTimeout(900_000);

const origin = 'https://jifen.example';
const config = '/v1/kiosk/config';
const own = `/v1/villages/${villages.own}`;

/** Seconds since 1970 by the clock of the test. */
const secondsOf = (service: Service) => service.clock.now().epochMilliseconds / 1000;

/** Asks for the configuration with a token and a proof of one's own making. */
function asking(service: Service, token: string, scheme = 'DPoP') {
  return (proof: string | undefined) =>
    service.anonymous('GET', config, undefined, {
      authorization: `${scheme} ${token}`,
      ...(proof !== undefined && { dpop: proof }),
    });
}

/** A proof for that call, but for what is changed. */
function proofFor(service: Service, caller: DeviceCaller, changed: Record<string, unknown> = {}, key?: DeviceKey) {
  const call = { method: 'GET', url: `${origin}${config}`, token: caller.token, at: secondsOf(service) };
  return proofBy(key ?? caller.key, call, changed);
}

test('a proof', async t => {
  const service = await openService(t);
  const kiosk = await service.asKiosk();
  const other = await service.asKiosk();
  const ask = asking(service, kiosk.token);
  const proof = (changed: Record<string, unknown> = {}, key?: DeviceKey) => proofFor(service, kiosk, changed, key);
  const claims = () => JSON.parse(Buffer.from(proof().split('.')[1]!, 'base64url').toString());

  await t.test('is for its method, address, token, key and moment', async t => {
    t.equal((await ask(proof())).status, 200);
    t.equal((await ask(proof({ htu: `${origin}${config}?page=2#top` }))).status, 200, 'query and fragment say nothing');
    t.equal(
      (await ask(proof({ htu: `HTTPS://JIFEN.example:443${config}` }))).status,
      200,
      'one address, written otherwise',
    );
    const required = async (sent: string | undefined, reason: string, expected?: string) => {
      const answer = await ask(sent);
      isRefused(t, answer, '401 device-proof-required', { reason, ...(expected !== undefined && { expected }) });
      t.equal(answer.headers['www-authenticate'], 'DPoP error="invalid_dpop_proof", algs="ES256"');
    };
    await required(undefined, 'missing');
    await required(proof({ htm: 'POST' }), 'method', 'GET');
    await required(proof({ htm: 'get' }), 'method', 'GET');
    for (const htu of [`${origin}/v1/kiosk`, `http://jifen.example${config}`, `https://evil.example${config}`, config])
      await required(proof({ htu }), 'url', `${origin}${config}`);
    await required(proof({}, other.key), 'key');
    await required(proof({ ath: undefined }), 'token');
    await required(proof({ ath: createHash('sha256').update(other.token).digest('base64url') }), 'token');
  });

  await t.test('is a JWT of the device’s key, and of nothing else', async t => {
    const { publicKey, privateKey } = kiosk.key;
    const head = { typ: 'dpop+jwt', jwk: publicKey };
    const [, , signature] = proof().split('.') as [string, string, string];
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const text = (header: object) =>
      `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(JSON.stringify(claims())).toString('base64url')}`;
    const hmac = text({ ...head, alg: 'HS256' });
    const faulty: [string, string, string][] = [
      ['no typ', signedBy(kiosk.key, { jwk: publicKey }, claims()), 'malformed'],
      ['another typ', signedBy(kiosk.key, { ...head, typ: 'jifen-op+jws' }, claims()), 'malformed'],
      ['no key', signedBy(kiosk.key, { typ: 'dpop+jwt' }, claims()), 'malformed'],
      ['a private key', signedBy(kiosk.key, { ...head, jwk: privateKey }, claims()), 'malformed'],
      ['an RSA key', signedBy(kiosk.key, { ...head, jwk: rsa }, claims()), 'malformed'],
      [
        'a point off the curve',
        signedBy(kiosk.key, { ...head, jwk: { ...publicKey, y: publicKey.x } }, claims()),
        'malformed',
      ],
      ['crit', signedBy(kiosk.key, { ...head, crit: ['b64'] }, claims()), 'malformed'],
      ['no algorithm', `${text({ ...head, alg: 'none' })}.`, 'malformed'],
      [
        'a secret',
        `${hmac}.${createHmac('sha256', JSON.stringify(publicKey)).update(hmac).digest('base64url')}`,
        'malformed',
      ],
      ['another’s signature', `${text({ ...head, alg: 'ES256' })}.${signature}`, 'signature'],
      ['no jti', proof({ jti: undefined }), 'malformed'],
      ['a short jti', proof({ jti: '1' }), 'malformed'],
      ['a long jti', proof({ jti: 'x'.repeat(129) }), 'malformed'],
      ['no htm', proof({ htm: undefined }), 'malformed'],
      ['a list as htu', proof({ htu: [`${origin}${config}`] }), 'malformed'],
      ['no iat', proof({ iat: undefined }), 'malformed'],
      ['a text as iat', proof({ iat: String(Math.floor(secondsOf(service))) }), 'malformed'],
      ['too long', proof({ pad: 'x'.repeat(4096) }), 'malformed'],
      ['garbage', 'garbage', 'malformed'],
      ['two of them', `${proof()}, ${proof()}`, 'malformed'],
    ];
    for (const [name, sent, reason] of faulty)
      isRefused(t, await ask(sent), '401 device-proof-required', { reason }, name);
  });

  await t.test('is of this minute, and whoever has another time is told ours', async t => {
    const now = secondsOf(service);
    for (const off of [-60, -1, 1, 60]) t.equal((await ask(proof({ iat: now + off }))).status, 200, `${off} s`);
    for (const off of [-259_200, -61, 61, 259_200, Number.MAX_SAFE_INTEGER]) {
      const answer = await ask(proof({ iat: now + off }));
      isRefused(t, answer, '401 device-proof-expired', { serverTime: '2026-11-23T02:00:00.000Z' }, `${off} s`);
      t.match(answer.headers['www-authenticate'], /^DPoP error="invalid_dpop_proof"/);
    }
    const { serverTime } = (await ask(proof({ iat: now - 259_200 }))).body;
    const corrected = Temporal.Instant.from(serverTime).epochMilliseconds / 1000;
    t.equal((await ask(proof({ iat: corrected }))).status, 200, 'with which the next one is right');
  });

  await t.test('is good once, in every process, also when it is sent at once', async t => {
    const second = await anotherProcess(t, service);
    const sent = proof();
    t.equal((await ask(sent)).status, 200);
    isRefused(t, await ask(sent), '401 device-proof-required', { reason: 'replayed' });
    const headers = { authorization: `DPoP ${kiosk.token}`, dpop: sent };
    const elsewhere = await second.inject({ method: 'GET', url: config, headers });
    t.match(elsewhere.json(), { code: 'device-proof-required', reason: 'replayed' }, 'another process knows it, too');

    const raced = proof();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(raced)));
    t.equal(answers.filter(answer => answer.status === 200).length, 1);
    t.equal(answers.filter(answer => answer.body.reason === 'replayed').length, 7);

    const jti = randomUUID();
    t.equal((await ask(proof({ jti }))).status, 200);
    t.equal(
      (await asking(service, other.token)(proofFor(service, other, { jti }))).status,
      200,
      'a number is its key’s',
    );
    const early = proof({ iat: secondsOf(service) + 60, jti: `${jti}-early` });
    t.equal((await ask(early)).status, 200);
    service.clock.pass({ seconds: 119 });
    isRefused(
      t,
      await ask(early),
      '401 device-proof-required',
      { reason: 'replayed' },
      'as long as anybody would take it',
    );
    service.clock.pass({ seconds: 60 });
    isRefused(t, await ask(early), '401 device-proof-expired', { serverTime: '2026-11-23T02:02:59.000Z' });
    t.equal((await ask(proof())).status, 200);
    const kept = await service.database.inTransaction(villages.own, tx =>
      tx.$client.query('select count(*)::int as n from identity.spent_proof where thumbprint = $1', [
        kiosk.key.thumbprint,
      ]),
    );
    t.equal(kept.rows[0].n, 1, 'and what nobody would take is forgotten');
    service.clock.pass({ seconds: 122 });
    await forgetSpentProofs(service);
    const left = await service.database.inTransaction(villages.own, tx =>
      tx.$client.query('select count(*)::int as n from identity.spent_proof'),
    );
    t.equal(left.rows[0].n, 0, 'also of a device that calls no more');
  });
});

test('a token without its key opens nothing', async t => {
  const service = await openService(t);
  const kiosk = await service.asKiosk();
  const household = await service.asHousehold(await service.household());
  const clerk = await service.as('clerk');
  for (const caller of [kiosk, household]) {
    const stolen = asking(service, caller.token, 'Bearer');
    isRefused(t, await stolen(undefined), '401 device-proof-required', { reason: 'missing' });
    isRefused(t, await stolen(proofFor(service, caller)), '401 device-proof-required', { reason: 'missing' });
    const thief = newDeviceKey();
    const proof = proofFor(service, caller, {}, thief);
    isRefused(t, await asking(service, caller.token)(proof), '401 device-proof-required', { reason: 'key' });
  }
  const asDevice = service.withKey(newDeviceKey(), clerk.token);
  isRefused(t, await asDevice('GET', own), '401 unauthenticated', {}, 'nor has a clerk’s token a key');
  isRefused(
    t,
    await service.withKey(household.key, household.token)('GET', config),
    '403 forbidden',
    { requiredRoles: ['kiosk'] },
    'a household at a device is not the device',
  );
});

test('what a device gets is for its key', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const { actor } = await service.asKiosk();
  const { storeId } = (await admin('GET', `${own}/kiosks/${actor.id}`)).body;
  const device = { appVersion: '1.4.2', hardware: { model: 'T10', serial: 'SN0042' } };
  const key = newDeviceKey();
  const [mine, thief] = [service.withKey(key), service.withKey(newDeviceKey())];
  const bare = await service.anonymous('POST', '/v1/kiosk/pairings', device);
  isRefused(t, bare, '401 device-proof-required', { reason: 'missing' });
  const { deviceCode, userCode } = (await mine('POST', '/v1/kiosk/pairings', device)).body;
  t.equal((await admin('GET', `${own}/kiosk-pairings/${userCode}`)).body.thumbprint, key.thumbprint);
  const approve = (code: string) =>
    admin('POST', `${own}/kiosk-pairings/${code}/approve`, { name: '超市门口', storeId });
  const made = await approve(userCode);
  t.equal(made.body.thumbprint, key.thumbprint);

  const poll = { deviceCode };
  const overheard = await thief('POST', '/v1/kiosk/pairings/poll', poll);
  isRefused(t, overheard, '401 device-proof-required', { reason: 'key' });
  const polled = await mine('POST', '/v1/kiosk/pairings/poll', poll);
  t.equal(polled.body.status, 'approved');
  const { refreshToken: first } = polled.body;
  const refresh = (by: typeof mine, refreshToken: string) => by('POST', '/v1/kiosk/tokens', { refreshToken });
  isRefused(t, await refresh(thief, first), '401 device-proof-required', { reason: 'key' });
  const second = (await refresh(mine, first)).body;
  const third = (await refresh(mine, second.refreshToken)).body;
  isRefused(t, await refresh(thief, first), '401 device-proof-required', { reason: 'key' }, 'nor with a spent token');
  const config = await service.withKey(key, third.accessToken)('GET', '/v1/kiosk/config');
  t.equal(config.status, 200, 'with which a stranger cannot stop the device, either');

  const again = (await mine('POST', '/v1/kiosk/pairings', device)).body;
  isRefused(t, await approve(again.userCode), '409 already-exists', {}, 'a key is one kiosk’s');
  await admin('POST', `${own}/kiosks/${made.body.id}/retire`);
  t.equal((await approve(again.userCode)).status, 201, 'and free when that is retired');
});

test('behind a proxy the address is the configured one', async t => {
  const service = await openService(t, { trustProxy: 1 });
  const kiosk = await service.asKiosk();
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 });
  const ask = (htu: string, headers = {}) =>
    fetch(`${address}${config}`, {
      headers: { authorization: `DPoP ${kiosk.token}`, dpop: proofFor(service, kiosk, { htu }), ...headers },
    });
  t.equal((await ask(`${origin}${config}`)).status, 200);
  t.equal((await ask(`${address}${config}`)).status, 200, 'or the machine’s own, while somebody develops');
  t.equal((await ask(`${address.replace('127.0.0.1', 'localhost')}${config}`)).status, 200);
  const claimed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' };
  const answer = await ask(`https://evil.example${config}`, claimed);
  t.equal(answer.status, 401, 'whatever the request says of where it was sent');
  t.match(await answer.json(), { code: 'device-proof-required', reason: 'url', expected: `${origin}${config}` });
  t.equal((await ask(`http://127.0.0.1:1${config}`)).status, 401, 'and another port is another service');
});

test('who stands at a kiosk shares its quota', async t => {
  const quotas = { default: 5, kiosk: 100, public: 1_000 };
  const service = await openService(t, { quotas });
  const first = await service.asHousehold(await service.household());
  const next = { ...first.actor, id: await service.household() };
  const second = await service.deviceCallerFor(first.key, { ...next, householdId: next.id }, villages.own);
  const current = '/v1/kiosk/sessions/current';
  for (let n = 0; n < 5; n += 1) t.equal((await first('GET', current)).status, 200);
  const refused = await second('GET', current);
  isRefused(t, refused, '429 too-many-requests', { retryAfterSeconds: 60, policy: 'default' }, 'a new session is none');
  const elsewhere = await service.asHousehold(next.id);
  t.equal((await elsewhere('GET', current)).status, 200);
});

/** The same installation once more. */
async function anotherProcess(t: Test, service: Service) {
  const { database, jobs, keys, sealer, signer, photos, clock } = service;
  const app = await build({
    database,
    jobs,
    keys,
    sealer,
    signer,
    photos,
    clock,
    origin,
    version: '0.0.0',
    corsOrigins: [],
    quotas: { default: 1_000_000, kiosk: 1_000_000, public: 1_000_000 },
    tls: null,
    minClientVersion: null,
    pairingsPerHour: 10,
    trustProxy: false,
    bodyBaseMs: 30_000,
    eventLoopDelayMaxMs: 0,
    logger: pino({ level: 'silent' }),
  });
  await app.ready();
  t.teardown(() => app.close());
  return app;
}
