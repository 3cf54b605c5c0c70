import { randomUUID } from 'node:crypto';
import tap, { test } from 'tap';
import { none } from '../src/db/scope.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { forgetOldTries } from '../src/identity/sign-in.ts';
import { createUser } from '../src/identity/users.ts';
import { isRefused } from './support/refusal.ts';
import { connect, nobody, openService, type Reply, type Service, villages } from './support/service.ts';

// Argon2 many times over.
tap.setTimeout(120_000);

const password = 'seven bags of rice';

async function person(service: Service, login: string): Promise<string> {
  const passwordHash = await hashSecret(password);
  const grant = { role: 'clerk' as const, prefix: villages.own };
  const input = { login, name: '王文书', passwordHash, oneTimeUntil: null, grant };
  const secretary = { ...nobody, grants: [['villageAdmin', villages.own]] as const };
  const made = await service.database.inTransaction(none, tx => createUser(tx, secretary, input, service.clock.now()));
  return made.id;
}

test('sign-in', async t => {
  const service = await openService(t);
  const id = await person(service, 'secretary');
  const signIn = (login: string, word: string) => service.anonymous('POST', '/v1/sessions', { login, password: word });
  const withToken = (token: string, method: string, url: string, body?: unknown) =>
    service.anonymous(method, url, body, { authorization: `Bearer ${token}` });

  await t.test('answers tokens that say who and what', async t => {
    const signed = await signIn('Secretary', password);
    t.equal(signed.status, 201);
    t.match(signed.body, {
      user: { id, login: 'secretary' },
      grants: [{ role: 'clerk', prefix: villages.own }],
      pendingAction: null,
    });
    const me = await withToken(signed.body.accessToken, 'GET', '/v1/sessions/current');
    t.match(me.body, { kind: 'staff', id, grants: [{ role: 'clerk', prefix: villages.own }] });
    t.equal(me.headers['cache-control'], 'no-store');
  });

  await t.test('a wrong password and an unknown name answer alike', async t => {
    const wrong = await signIn('secretary', 'wrong');
    const unknown = await signIn('nobody-at-all', 'wrong');
    for (const answer of [wrong, unknown]) {
      isRefused(t, answer, '401 sign-in-failed');
      t.match(answer.headers, { 'www-authenticate': /Bearer/ });
    }
  });

  await t.test('five wrong ones lock the name, known or not, even for the right password', async t => {
    await person(service, 'careless');
    for (const login of ['careless', 'no-such-name']) {
      for (let n = 0; n < 5; n += 1) isRefused(t, await signIn(login, `wrong ${n}`), '401 sign-in-failed');
      const locked = await signIn(login, password);
      isRefused(t, locked, '403 sign-in-locked', { until: '2026-11-23T02:15:00.000Z' });
    }
    service.clock.pass({ minutes: 15 });
    t.equal((await signIn('careless', password)).status, 201, 'after a quarter of an hour it opens');
    isRefused(t, await signIn('careless', 'wrong'), '401 sign-in-failed', {}, 'and the count begins anew');
  });

  await t.test('forty guesses at once: five are looked at', async t => {
    await person(service, 'besieged');
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => signIn('besieged', `guess ${n}`)));
    const codes = answers.map(answer => answer.body.code);
    t.equal(codes.filter(code => code === 'sign-in-failed' || code === 'unavailable').length, 5);
    t.equal(codes.filter(code => code === 'sign-in-locked').length, 35);
  });

  await t.test('a token ends after 15 minutes', async t => {
    const { accessToken } = (await signIn('secretary', password)).body;
    service.clock.pass({ minutes: 14, seconds: 59 });
    t.equal((await withToken(accessToken, 'GET', '/v1/sessions/current')).status, 200);
    service.clock.pass({ seconds: 1 });
    const over = await withToken(accessToken, 'GET', '/v1/sessions/current');
    isRefused(t, over, '401 token-expired');
  });

  await t.test('signing out ends writes and refreshes at once', async t => {
    const { accessToken, refreshToken } = (await signIn('secretary', password)).body;
    t.equal((await withToken(accessToken, 'DELETE', '/v1/sessions/current')).status, 204);
    t.equal((await withToken(accessToken, 'DELETE', '/v1/sessions/current')).status, 204, 'twice is once');
    const refreshed = await service.anonymous('POST', '/v1/sessions/refresh', { refreshToken });
    isRefused(t, refreshed, '401 session-revoked', { reason: 'signedOut' });
    const write = await service.anonymous(
      'POST',
      `/v1/villages/${villages.own}/grids`,
      { number: 7, name: '第七组' },
      { authorization: `Bearer ${accessToken}`, 'idempotency-key': randomUUID() },
    );
    isRefused(t, write, '401 session-revoked', { reason: 'signedOut' });
  });

  await t.test('guessing the own password locks as a sign-in does', async t => {
    await person(service, 'stolen');
    const { accessToken } = (await signIn('stolen', password)).body;
    const guess = () =>
      withToken(accessToken, 'PUT', '/v1/users/current/password', {
        currentPassword: 'x',
        newPassword: 'y'.repeat(15),
      });
    for (let n = 0; n < 5; n += 1) isRefused(t, await guess(), '401 sign-in-failed');
    isRefused(t, await guess(), '403 sign-in-locked', { until: '2026-11-23T02:45:00.000Z' });
    service.clock.pass({ hours: 25 });
    await forgetOldTries(service);
    t.equal((await signIn('stolen', password)).status, 201, 'old tries are forgotten');
  });

  await t.test('the password changes with the old one, and ends every sign-in', async t => {
    await person(service, 'changer');
    const { accessToken, refreshToken } = (await signIn('changer', password)).body;
    const change = (currentPassword: string, newPassword = 'eight bottles of oil') =>
      withToken(accessToken, 'PUT', '/v1/users/current/password', { currentPassword, newPassword });
    isRefused(t, await change('not the old one'), '401 sign-in-failed');
    t.equal((await change(password)).status, 204);
    const after = await change('eight bottles of oil', 'nine boxes of soap');
    isRefused(t, after, '401 session-revoked', { reason: 'replaced' });
    isRefused(t, await service.anonymous('POST', '/v1/sessions/refresh', { refreshToken }), '401 session-revoked', {
      reason: 'replaced',
    });
    isRefused(t, await signIn('changer', password), '401 sign-in-failed');
    t.equal((await signIn('changer', 'eight bottles of oil')).status, 201);
  });
});

test('refresh tokens', async t => {
  const service = await openService(t);
  await person(service, 'secretary');
  const signIn = async () => (await service.anonymous('POST', '/v1/sessions', { login: 'secretary', password })).body;
  const refresh = (refreshToken: string) => service.anonymous('POST', '/v1/sessions/refresh', { refreshToken });

  await t.test('rotate', async t => {
    const first = await signIn();
    const second = await refresh(first.refreshToken);
    t.equal(second.status, 200);
    const third = await refresh(second.body.refreshToken);
    t.equal(third.status, 200);
    t.not(third.body.refreshToken, second.body.refreshToken);
  });

  await t.test('an answer that was lost may be asked for again, and is the same one', async t => {
    const { refreshToken } = await signIn();
    const lost = await refresh(refreshToken);
    const again = await refresh(refreshToken);
    t.equal(again.status, 200);
    t.equal(again.body.refreshToken, lost.body.refreshToken);
    t.equal((await refresh(lost.body.refreshToken)).status, 200);
  });

  await t.test('two at once are both good, whichever of them goes on', async t => {
    const { refreshToken } = await signIn();
    const [one, other] = await Promise.all([refresh(refreshToken), refresh(refreshToken)]);
    const next = await refresh(one!.body.refreshToken);
    t.equal((await refresh(other!.body.refreshToken)).body.refreshToken, next.body.refreshToken);
    t.equal((await refresh(next.body.refreshToken)).status, 200);
  });

  await t.test('shown after its successor was used, one ends the whole sign-in', async t => {
    const { refreshToken } = await signIn();
    const second = (await refresh(refreshToken)).body;
    const third = (await refresh(second.refreshToken)).body;
    isRefused(t, await refresh(refreshToken), '401 session-revoked', { reason: 'refreshReused' });
    isRefused(
      t,
      await refresh(third.refreshToken),
      '401 session-revoked',
      { reason: 'refreshReused' },
      'the honest one is out too',
    );
  });

  await t.test('sixteen at once with one token: every answer is good or none is, and nobody is thrown out', async t => {
    const { refreshToken } = await signIn();
    const answers = await Promise.all(Array.from({ length: 16 }, () => refresh(refreshToken)));
    t.strictSame([...new Set(answers.map(answer => answer.status))], [200]);
  });

  await t.test('end when nobody used them for 12 hours, and after a week at the latest', async t => {
    const idle = await signIn();
    service.clock.pass({ hours: 12 });
    isRefused(t, await refresh(idle.refreshToken), '401 token-expired');
    let { refreshToken } = await signIn();
    for (let n = 0; n < 15; n += 1) {
      service.clock.pass({ hours: 11 });
      refreshToken = (await refresh(refreshToken)).body.refreshToken;
      t.type(refreshToken, 'string');
    }
    service.clock.pass({ hours: 11 });
    isRefused(t, await refresh(refreshToken), '401 token-expired');
  });

  await t.test('of nobody are refused', async t => {
    isRefused(t, await refresh('x'.repeat(43)), '401 unauthenticated');
  });
});

test('users and grants', async t => {
  const service = await openService(t);
  const admin = await service.as('villageAdmin');
  const supervisor = await service.as('supervisor');
  const platform = await service.as('platformAdmin');
  const newUser = (login: string, role: string, prefix: string) => ({
    login,
    name: '某人',
    password,
    grant: { role, prefix },
  });

  await t.test('a village admin appoints below itself in its own village', async t => {
    const made = await admin('POST', '/v1/users', newUser('clerk-a', 'clerk', villages.own));
    t.equal(made.status, 201);
    t.equal(made.headers.location, `/v1/users/${made.body.id}`);
    t.notMatch(made.text, /argon2|seven bags/i);
    t.match((await admin('GET', `/v1/users/${made.body.id}`)).body, { login: 'clerk-a', state: 'active' });
    t.ok(
      (await admin('GET', '/v1/users?limit=200')).body.data.some((row: { login: string }) => row.login === 'clerk-a'),
    );
    isRefused(t, await admin('POST', '/v1/users', newUser('clerk-a', 'clerk', villages.own)), '409 already-exists');
  });

  await t.test('and nowhere else, and nobody above', async t => {
    const appointers = ['platformAdmin', 'supervisor'];
    for (const [role, prefix, requiredRoles] of [
      ['clerk', villages.sibling, ['villageAdmin']],
      ['villageAdmin', villages.own, appointers],
      ['auditor', villages.own, appointers],
      ['supervisor', '520281', ['platformAdmin']],
    ] as const) {
      const answer = await admin('POST', '/v1/users', newUser(`x-${role.toLowerCase()}`, role, prefix));
      isRefused(t, answer, '403 forbidden', { requiredRoles }, `${role} over ${prefix}`);
    }
    t.equal((await supervisor('POST', '/v1/users', newUser('va-b', 'villageAdmin', villages.sibling))).status, 201);
    isRefused(
      t,
      await supervisor('POST', '/v1/users', newUser('va-c', 'villageAdmin', villages.foreign)),
      '403 forbidden',
      { requiredRoles: ['platformAdmin', 'supervisor'] },
    );
    t.equal((await platform('POST', '/v1/users', newUser('sup-b', 'supervisor', '520281'))).status, 201);
  });

  await t.test('a prefix fits its role', async t => {
    const clerk = await admin('POST', '/v1/users', newUser('clerk-c', 'clerk', '520281127'));
    isRefused(t, clerk, '422 out-of-bounds', { field: 'prefix', min: 12, max: 12 });
    const merged = await platform('POST', '/v1/users', newUser('sup-c', 'supervisor', villages.own));
    isRefused(t, merged, '422 out-of-bounds', { field: 'prefix', min: 2, max: 9 });
  });

  await t.test('nobody grants to oneself', async t => {
    const answer = await admin('POST', `/v1/users/${admin.actor.id}/grants`, { role: 'clerk', prefix: villages.own });
    isRefused(t, answer, '404 not-found', {}, 'one’s own account is above what one may appoint');
    const self = await platform('POST', `/v1/users/${platform.actor.id}/grants`, { role: 'auditor', prefix: '52' });
    isRefused(t, self, '403 second-person-required');
  });

  await t.test('a dismissed clerk can change nothing from that moment', async t => {
    const clerk = await service.as('clerk');
    const grid = (number: number) =>
      clerk('POST', `/v1/villages/${villages.own}/grids`, { number, name: `第${number}组` });
    t.equal((await grid(31)).status, 201);
    const { grants } = (await admin('GET', `/v1/users/${clerk.actor.id}`)).body;
    t.equal((await admin('POST', `/v1/users/${clerk.actor.id}/grants/${grants[0].id}/end`)).status, 200);
    isRefused(t, await grid(32), '401 session-revoked', { reason: 'grantEnded' });
    isRefused(
      t,
      await admin('POST', `/v1/users/${clerk.actor.id}/grants/${grants[0].id}/end`),
      '404 not-found',
      {},
      'it has ended',
    );
  });

  await t.test('an ended grant appoints nobody, whatever the token still says', async t => {
    const both = await service.as('villageAdmin');
    const other = await supervisor('POST', `/v1/users/${both.actor.id}/grants`, {
      role: 'villageAdmin',
      prefix: villages.sibling,
    });
    const own = other.body.grants.find((held: { prefix: string }) => held.prefix === villages.own);
    t.equal((await supervisor('POST', `/v1/users/${both.actor.id}/grants/${own.id}/end`)).status, 200);
    const late = await both('POST', '/v1/users', newUser('late', 'clerk', villages.own));
    isRefused(t, late, '403 forbidden', { requiredRoles: ['villageAdmin'] });
    t.equal((await both('POST', '/v1/users', newUser('in-time', 'clerk', villages.sibling))).status, 201);
  });

  await t.test('a person whose grants have all ended is not everybody’s', async t => {
    const made = (await supervisor('POST', '/v1/users', newUser('gone', 'villageAdmin', villages.sibling))).body;
    await supervisor('POST', `/v1/users/${made.id}/grants/${made.grants[0].id}/end`);
    isRefused(t, await admin('POST', `/v1/users/${made.id}/disable`), '404 not-found');
    const grant = await admin('POST', `/v1/users/${made.id}/grants`, { role: 'clerk', prefix: villages.own });
    isRefused(t, grant, '404 not-found');
    t.equal((await supervisor('POST', `/v1/users/${made.id}/disable`)).status, 200, 'who could appoint, may');
  });

  await t.test('a grant with an end ends', async t => {
    const clerk = await service.as('clerk');
    const until = service.clock.now().add({ hours: 1 }).toString();
    const added = await admin('POST', `/v1/users/${clerk.actor.id}/grants`, {
      role: 'storekeeper',
      prefix: villages.own,
      until,
    });
    t.equal(added.status, 201);
    t.equal(added.body.grants.length, 2);
    isRefused(
      t,
      await admin('POST', `/v1/users/${clerk.actor.id}/grants`, { role: 'storekeeper', prefix: villages.own }),
      '409 already-exists',
    );
    service.clock.pass({ hours: 2 });
    t.equal((await admin('GET', `/v1/users/${clerk.actor.id}`)).body.grants.length, 1);
  });

  await t.test('disabling locks out at once, enabling lets in', async t => {
    const clerk = await service.as('clerk');
    t.equal((await admin('POST', `/v1/users/${clerk.actor.id}/disable`)).body.state, 'disabled');
    isRefused(t, await admin('POST', `/v1/users/${clerk.actor.id}/disable`), '409 wrong-state', { state: 'disabled' });
    const write = await clerk('POST', `/v1/villages/${villages.own}/grids`, { number: 41, name: '四十一' });
    isRefused(t, write, '401 session-revoked', { reason: 'disabled' });
    t.equal((await admin('POST', `/v1/users/${clerk.actor.id}/enable`)).body.state, 'active');
    const self = await platform('POST', `/v1/users/${platform.actor.id}/disable`);
    isRefused(t, self, '403 second-person-required', { firstUserId: platform.actor.id });
  });

  await t.test('whom the supervisor has locked out, the secretary does not let in', async t => {
    const reviewer = await service.as('reviewer');
    const url = `/v1/users/${reviewer.actor.id}`;
    t.equal((await supervisor('POST', `${url}/disable`)).status, 200);
    t.match((await admin('POST', `${url}/enable`)).body, {
      status: 403,
      code: 'forbidden',
      requiredRoles: ['platformAdmin', 'supervisor'],
    });
    t.equal((await supervisor('POST', `${url}/enable`)).status, 200);
    t.equal((await admin('POST', `${url}/disable`)).status, 200);
    t.equal((await supervisor('POST', `${url}/enable`)).status, 200, 'the other way round is fine');
  });

  await t.test('a grant of others is answered as one that nobody has', async t => {
    const foreign = await service.as('clerk', villages.foreign);
    const owner = await connect(t, service.ownerUrl);
    const { rows } = await owner.query('select id from identity."grant" where user_id = $1', [foreign.actor.id]);
    const end = (grantId: string) => admin('POST', `/v1/users/${foreign.actor.id}/grants/${grantId}/end`);
    const [there, nowhere] = [await end(rows[0].id), await end(randomUUID())];
    t.equal(there.status, 404);
    const told = ({ body: { requestId: _, instance: __, ...body } }: Reply) => body;
    t.same(told(there), told(nowhere));
  });

  await t.test('a grant whose end is past is refused', async t => {
    const until = service.clock.now().toString();
    const input = newUser('past', 'clerk', villages.own);
    const made = await admin('POST', '/v1/users', { ...input, grant: { ...input.grant, until } });
    t.match(made.body, { code: 'validation-failed', errors: [{ pointer: '/grant/until' }] });
    const clerk = await service.as('clerk');
    const grant = { role: 'storekeeper', prefix: villages.own, until };
    const added = await admin('POST', `/v1/users/${clerk.actor.id}/grants`, grant);
    t.match(added.body, { code: 'validation-failed', errors: [{ pointer: '/until' }] });
  });

  await t.test('another village’s people are not there', async t => {
    const sibling = await service.as('villageAdmin', villages.sibling);
    const clerk = await service.as('clerk');
    isRefused(t, await sibling('GET', `/v1/users/${clerk.actor.id}`), '404 not-found');
    isRefused(t, await sibling('POST', `/v1/users/${clerk.actor.id}/disable`), '404 not-found');
    t.notMatch((await sibling('GET', '/v1/users?limit=200')).text, clerk.actor.id);
  });
});

test('keys are published, and the next one before it is used', async t => {
  const service = await openService(t);
  const { keys } = (await service.anonymous('GET', '/.well-known/jwks.json')).body;
  t.equal(keys.length, 2);
  t.match(keys[0], { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
  t.notOk('d' in keys[0], 'never the private part');
});
