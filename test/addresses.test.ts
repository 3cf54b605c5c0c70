import { randomUUIDv7 } from 'node:crypto';
import { test } from 'tap';
import { iso } from '../src/calendar.ts';
import { none } from '../src/db/scope.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { forgetOldTries } from '../src/identity/sign-in.ts';
import { grant, user } from '../src/identity/tables.ts';
import { newDeviceKey } from '../src/sample/device-key.ts';
import { isRefused } from './support/refusal.ts';
import { nobody, openService, type Service, villages } from './support/service.ts';

/* Limits count addresses. None is of the caller's choosing, and none is a way to stop others. */

const password = 'eighteen hens and a goat';
const notices = `/v1/public/villages/${villages.own}/notices`;
/** What one proxy in front makes of a request from `address`, after `claimed`, which the client wrote itself. */
const from = (address: string, claimed = '') => ({
  'x-forwarded-for': claimed === '' ? address : `${claimed}, ${address}`,
});

test('a caller does not choose the address that it is counted by', async t => {
  const quotas = { default: 12, kiosk: 6, public: 4 };
  const refused = async (service: Service, headers: (n: number) => Record<string, string>) => {
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1)
      statuses.push((await service.anonymous('GET', notices, undefined, headers(n))).status);
    return statuses.filter(status => status === 429).length;
  };

  await t.test('behind nothing that is trusted', async t => {
    t.equal(await refused(await openService(t, { quotas }), n => from(`203.0.113.${n}`)), 8);
  });

  for (const trustProxy of [1, ['127.0.0.1'], ['loopback']]) {
    await t.test(`behind a trusted proxy: ${trustProxy}`, async t => {
      const service = await openService(t, { quotas, trustProxy });
      t.equal(await refused(service, n => from('203.0.113.1', `198.51.100.${n}`)), 8, 'what it writes itself');
      t.equal(await refused(service, n => from(`203.0.113.2:${40_000 + n}`)), 8, 'the port it calls from');
      t.equal(await refused(service, n => from(`2001:db8:1:1::${n}`)), 8, 'the addresses of one line');
      t.equal(await refused(service, n => from(`2001:db8:2:${n}::1`)), 0, 'another line is another address');
      t.equal(await refused(service, n => from(`10.0.0.${n}`)), 0, 'so is another client in the local network');
    });
  }
});

test('what one caller uses up stops nobody behind the same address', async t => {
  const service = await openService(t, { quotas: { default: 12, kiosk: 6, public: 4 } });
  await person(service, 'clerk-a');
  const clerk = await service.as('clerk');
  const kiosk = await service.asKiosk();
  const home = `/v1/villages/${villages.own}`;
  const drain = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    for (let n = 0; n < 130; n += 1) if ((await service.anonymous(method, path, body, headers)).status === 429) return;
    t.fail(`${path} has no limit`);
  };

  await drain('GET', notices);
  await drain('GET', '/healthz');
  await drain('GET', '/nowhere');
  await drain('GET', home, undefined, { authorization: 'Bearer x.y.z' });

  t.equal((await clerk('GET', home)).status, 200, 'a verified token');
  t.equal((await kiosk('GET', '/v1/kiosk/config')).status, 200, 'a kiosk');
  const signedIn = await service.anonymous('POST', '/v1/sessions', { login: 'clerk-a', password });
  t.equal(signedIn.status, 201, 'a sign-in');
  await drain('POST', '/v1/sessions', { login: 'nobody', password: 'x' });
  const { refreshToken } = signedIn.body;
  t.equal((await service.anonymous('POST', '/v1/sessions/refresh', { refreshToken })).status, 200, 'a refresh');
  const unknown = { refreshToken: 'x'.repeat(43) };
  isRefused(t, await service.withKey(newDeviceKey())('POST', '/v1/kiosk/tokens', unknown), '401 unauthenticated');
  await drain('POST', '/v1/sessions/refresh', unknown);
  t.equal((await clerk('GET', home)).status, 200, 'a verified token, still');
});

test('nobody is locked out from elsewhere', async t => {
  const service = await openService(t, { trustProxy: 1 });
  const signIn = (login: string, said: string, address: string) =>
    service.anonymous('POST', '/v1/sessions', { login, password: said }, from(address));
  const [office, attacker, phone] = ['203.0.113.1', '198.51.100.1', '203.0.113.99'];

  await t.test('ten names, five wrong passwords each', async t => {
    const names = Array.from({ length: 10 }, (_, n) => `staff-${n}`);
    for (const name of names) await person(service, name);
    for (const name of names) {
      for (let n = 0; n < 5; n += 1) isRefused(t, await signIn(name, 'wrong', attacker), '401 sign-in-failed');
      isRefused(t, await signIn(name, password, attacker), '403 sign-in-locked', { until: '2026-11-23T02:15:00.000Z' });
    }
    for (const name of names) t.equal((await signIn(name, password, office)).status, 201, name);
  });

  await t.test('many addresses are stopped together, but not where the name is known', async t => {
    await person(service, 'besieged');
    t.equal((await signIn('besieged', password, office)).status, 201);
    const answers = [];
    for (let n = 0; n < 60; n += 1) answers.push((await signIn('besieged', 'wrong', `192.0.2.${n}`)).body.code);
    t.equal(answers.filter(code => code === 'sign-in-failed').length, 50);
    t.equal(answers.filter(code => code === 'sign-in-locked').length, 10);
    isRefused(t, await signIn('besieged', password, phone), '403 sign-in-locked', {
      until: '2026-11-23T02:15:00.000Z',
    });
    t.equal((await signIn('besieged', password, office)).status, 201, 'at the office');

    for (let n = 0; n < 5; n += 1) isRefused(t, await signIn('besieged', 'wrong', office), '401 sign-in-failed');
    isRefused(
      t,
      await signIn('besieged', password, office),
      '403 sign-in-locked',
      { until: '2026-11-23T02:15:00.000Z' },
      'five wrong ones count there, too',
    );
    service.clock.pass({ minutes: 15 });
    t.equal((await signIn('besieged', password, phone)).status, 201, 'a quarter of an hour later anywhere');
  });

  await t.test('the own sign-ins from ever new addresses are no siege', async t => {
    await person(service, 'traveller');
    const statuses = new Set<number>();
    for (let n = 0; n < 60; n += 1) statuses.add((await signIn('traveller', password, `192.0.2.${n}`)).status);
    t.strictSame([...statuses], [201]);
  });

  await t.test('an address is known for 30 days', async t => {
    const siege = async () => {
      for (let n = 0; n < 51; n += 1) await signIn('besieged', 'wrong', `192.0.2.${100 + n}`);
    };
    service.clock.pass({ hours: 24 * 29 });
    await forgetOldTries(service);
    await siege();
    t.equal((await signIn('besieged', password, office)).status, 201);
    service.clock.pass({ hours: 24 * 31 });
    await forgetOldTries(service);
    await siege();
    isRefused(t, await signIn('besieged', password, office), '403 sign-in-locked', { until: String });
  });
});

async function person(service: Service, login: string): Promise<void> {
  const passwordHash = await hashSecret(password);
  const id = randomUUIDv7();
  const now = iso(service.clock.now());
  await service.database.inTransaction(none, async tx => {
    await tx
      .insert(user)
      .values({ id, login, name: '某人', passwordHash, state: 'active', createdBy: nobody.id, createdAt: now });
    await tx.insert(grant).values({
      id: randomUUIDv7(),
      userId: id,
      role: 'clerk',
      prefix: villages.own,
      grantedBy: null,
      grantedAt: now,
    });
  });
}
