import { randomUUID } from 'node:crypto';
import tap, { test } from 'tap';
import { newTotpSecret, totpCode } from '../src/identity/second-factor.ts';
import { connect, openService, villages } from './support/service.ts';
import { eventsOf, giveSecondFactor, newStaff, nextCode, ownPassword, signIn, withTokenOf } from './support/staff.ts';

// Argon2 many times over.
tap.setTimeout(240_000);

const home = `/v1/villages/${villages.own}`;
const oneTime = 'three red lanterns';

test('whoever makes an account does not know its password for long', async t => {
  const service = await openService(t);
  const secretary = await service.as('villageAdmin');
  const newClerk = (login: string) => ({
    login,
    name: '王文书',
    password: oneTime,
    grant: { role: 'clerk', prefix: villages.own },
  });

  await t.test('a one-time password opens nothing but its own change', async t => {
    const made = await secretary('POST', '/v1/users', newClerk('fresh'));
    t.match(made.body, { oneTimePasswordUntil: '2026-11-30T02:00:00.000Z', secondFactor: false });
    const signed = await signIn(service, 'fresh', oneTime);
    t.match(signed, { status: 201, body: { pendingAction: 'changePassword' } });
    const fresh = withTokenOf(service, signed);
    const refused = { status: 403, body: { code: 'password-change-required' } };
    t.match(await fresh('GET', `${home}/households`), refused);
    t.match(await fresh('GET', '/v1/villages'), refused, 'not even what is open to whoever is signed in');
    t.match(await fresh('POST', `${home}/grids`, { number: 9, name: '第九组' }), refused);
    t.equal((await fresh('GET', '/v1/sessions/current')).status, 200);
    const refreshed = await service.anonymous('POST', '/v1/sessions/refresh', {
      refreshToken: signed.body.refreshToken,
    });
    t.equal(refreshed.body.pendingAction, 'changePassword', 'a new token is no way round it');

    const change = (newPassword: string) =>
      fresh('PUT', '/v1/users/current/password', { currentPassword: oneTime, newPassword });
    t.match(await change(oneTime), { status: 422, body: { code: 'password-unchanged' } });
    t.match(await change('password12345678'), { status: 422, body: { code: 'password-common' } });
    t.equal((await change(ownPassword)).status, 204);
    t.equal((await signIn(service, 'fresh', oneTime)).status, 401, 'whoever made it is out');
    const own = await signIn(service, 'fresh', ownPassword);
    t.match(own, { status: 201, body: { pendingAction: null } });
    t.equal((await withTokenOf(service, own)('GET', `${home}/households`)).status, 200);
    t.equal((await secretary('GET', `/v1/users/${made.body.id}`)).body.oneTimePasswordUntil, null);
    t.same(await eventsOf(service, made.body.id), ['passwordChanged']);
  });

  await t.test('and after a week nothing at all', async t => {
    await secretary('POST', '/v1/users', newClerk('late'));
    service.clock.pass({ hours: 7 * 24 });
    t.match(await signIn(service, 'late', oneTime), { status: 410, body: { code: 'expired' } });
    t.match(await signIn(service, 'late', 'three red lamps'), { status: 401, body: { code: 'sign-in-failed' } });
  });
});

test('passwords that are easy to guess are refused wherever one is chosen', async t => {
  const service = await openService(t);
  const secretary = await service.as('villageAdmin');
  const id = await newStaff(service, 'chooser', 'clerk');
  const signed = await signIn(service, 'chooser', ownPassword);
  const easy = [
    'passwordpassword',
    '123456789012345',
    'qwertyuiopasdfgh',
    'aaaaaaaaaaaaaaaa',
    'P@ssw0rd12345678',
    '1q2w3e4r5t6y7u8i',
    '19800101198001011',
    'chooserchooser1',
    'ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ',
  ];
  for (const password of easy) {
    const answers = [
      await secretary('POST', '/v1/users', {
        login: 'chooser2',
        name: 'chooser',
        password,
        grant: { role: 'clerk', prefix: villages.own },
      }),
      await secretary('POST', `/v1/users/${id}/reset-password`, { password }),
      await withTokenOf(service, signed)('PUT', '/v1/users/current/password', {
        currentPassword: ownPassword,
        newPassword: password,
      }),
    ];
    for (const answer of answers) t.match(answer, { status: 422, body: { code: 'password-common' } }, password);
    // Whoever tries so many would be locked out.
    await signIn(service, 'chooser', ownPassword);
  }
});

test('a second factor', async t => {
  const service = await openService(t, { trustProxy: 1 });
  const owner = await connect(t, service.ownerUrl);

  for (const role of ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'] as const) {
    await t.test(`without it, a password opens nothing to a ${role}`, async t => {
      await newStaff(service, `plain-${role.toLowerCase()}`, role);
      const signed = await signIn(service, `plain-${role.toLowerCase()}`, ownPassword);
      t.match(signed, { status: 201, body: { pendingAction: 'setUpSecondFactor' } });
      const refused = { status: 403, body: { code: 'second-factor-setup-required' } };
      t.match(await withTokenOf(service, signed)('GET', '/v1/users'), refused);
      t.match(await withTokenOf(service, signed)('GET', home), refused);
    });
  }

  await t.test('is set up by its first code, and needed from then on', async t => {
    const id = await newStaff(service, 'secretary', 'villageAdmin');
    const elsewhere = await signIn(service, 'secretary', ownPassword);
    const signed = await signIn(service, 'secretary', ownPassword);
    const secretary = withTokenOf(service, signed);
    const url = '/v1/users/current/second-factor';
    t.match(await secretary('POST', `${url}/confirm`, { code: '402857' }), {
      status: 409,
      body: { code: 'wrong-state' },
    });
    const key = { 'idempotency-key': randomUUID() };
    const made = await secretary('POST', url, {}, key);
    t.match(made, { status: 201, body: { secret: /^[A-Z2-7]{32}$/, uri: /^otpauth:\/\/totp\/.*secretary/ } });
    t.match((await secretary('POST', url, {}, key)).body, { secret: null, uri: null }, 'it is shown once');
    const { rows } = await owner.query(
      'select next_sealed_secret as sealed from identity.second_factor where user_id = $1',
      [id],
    );
    t.notOk(rows[0].sealed.includes(made.body.secret), 'and kept sealed');

    const wrong = await secretary('POST', `${url}/confirm`, { code: totpCode(newTotpSecret(), service.clock.now()) });
    t.match(wrong, { status: 401, body: { code: 'second-factor-wrong' } });
    t.match(await signIn(service, 'secretary', ownPassword), { status: 201 }, 'it does not count before');
    const code = totpCode(made.body.secret, service.clock.now());
    const confirmed = await secretary('POST', `${url}/confirm`, { code });
    t.equal(confirmed.status, 200);
    t.equal(new Set(confirmed.body.recoveryCodes).size, 10);
    t.match(
      (await service.anonymous('POST', '/v1/sessions/refresh', { refreshToken: elsewhere.body.refreshToken })).body,
      { code: 'session-revoked' },
      'whoever else had the password gains nothing by it',
    );
    const refreshed = await service.anonymous('POST', '/v1/sessions/refresh', {
      refreshToken: signed.body.refreshToken,
    });
    t.equal(refreshed.body.pendingAction, null);
    t.equal((await withTokenOf(service, refreshed)('GET', '/v1/users')).status, 200);

    t.match(await signIn(service, 'secretary', ownPassword), { status: 401, body: { code: 'second-factor-required' } });
    const again = await service.anonymous('POST', '/v1/sessions', { login: 'secretary', password: ownPassword, code });
    t.match(again, { status: 401, body: { code: 'second-factor-wrong' } }, 'no code counts twice');
    t.match(await signIn(service, 'secretary', ownPassword, made.body.secret), {
      status: 201,
      body: { pendingAction: null },
    });

    const byRecovery = () =>
      service.anonymous('POST', '/v1/sessions', {
        login: 'secretary',
        password: ownPassword,
        code: confirmed.body.recoveryCodes[3].toLowerCase(),
      });
    const lostPhone = await byRecovery();
    t.equal(lostPhone.status, 201, 'a recovery code stands in for it');
    t.match(await byRecovery(), { status: 401, body: { code: 'second-factor-wrong' } }, 'once');
    const without = await withTokenOf(service, lostPhone)('POST', url, {});
    t.match(without, { status: 401, body: { code: 'second-factor-required' } }, 'a stolen session brings no new phone');
    const recovery = { code: confirmed.body.recoveryCodes[4] };
    const renewed = await withTokenOf(service, lostPhone)('POST', url, recovery);
    t.equal(renewed.status, 201);
    t.equal(
      (await signIn(service, 'secretary', ownPassword, made.body.secret)).status,
      201,
      'the old one counts meanwhile',
    );
    const confirm = { code: nextCode(service, renewed.body.secret) };
    t.equal((await withTokenOf(service, lostPhone)('POST', `${url}/confirm`, confirm)).status, 200);
    t.equal((await signIn(service, 'secretary', ownPassword, made.body.secret)).status, 401);
    t.equal((await signIn(service, 'secretary', ownPassword, renewed.body.secret)).status, 201);
    const old = { login: 'secretary', password: ownPassword, code: confirmed.body.recoveryCodes[5] };
    t.equal((await service.anonymous('POST', '/v1/sessions', old)).status, 401, 'old recovery codes are worth nothing');
    t.same(await eventsOf(service, id), ['secondFactorSet', 'recoveryCodeUsed', 'recoveryCodeUsed', 'secondFactorSet']);
  });

  await t.test('is not guessed: five wrong codes lock as wrong passwords do', async t => {
    const secret = await giveSecondFactor(service, await newStaff(service, 'besieged', 'auditor'));
    service.clock.pass({ seconds: 30 });
    const right = totpCode(secret, service.clock.now());
    const wrong = right === '000000' ? '000001' : '000000';
    const guess = (code: string) =>
      service.anonymous('POST', '/v1/sessions', { login: 'besieged', password: ownPassword, code });
    for (let n = 0; n < 5; n += 1) t.match((await guess(wrong)).body, { code: 'second-factor-wrong' });
    t.match((await guess(right)).body, { code: 'sign-in-locked' });
    service.clock.pass({ minutes: 15 });
    t.equal((await signIn(service, 'besieged', ownPassword, secret)).status, 201);
  });

  await t.test('nor from ever new addresses: all of them together have five tries', async t => {
    const secret = await giveSecondFactor(service, await newStaff(service, 'far-away', 'auditor'));
    const wrong = totpCode(secret, service.clock.now()) === '000000' ? '000001' : '000000';
    const codes: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      const input = { login: 'far-away', password: ownPassword, code: wrong };
      const headers = { 'x-forwarded-for': `198.51.100.${n}` };
      codes.push((await service.anonymous('POST', '/v1/sessions', input, headers)).body.code);
    }
    const [failed, locked] = ['second-factor-wrong', 'sign-in-locked'];
    t.strictSame(codes, [failed, failed, failed, failed, failed, locked, locked]);
    service.clock.pass({ minutes: 15 });
    t.equal((await signIn(service, 'far-away', ownPassword, secret)).status, 201, 'the lock ends');
    for (let n = 0; n < 4; n += 1) await signIn(service, 'far-away', ownPassword, secret);
    t.equal((await signIn(service, 'far-away', ownPassword, secret)).status, 201, 'right codes do not add up');
  });

  await t.test('a wrong password is told before any code', async t => {
    const secret = await giveSecondFactor(service, await newStaff(service, 'cautious', 'auditor'));
    t.match((await signIn(service, 'cautious', 'not the password', secret)).body, { code: 'sign-in-failed' });
  });

  await t.test('is nothing for devices and households', async t => {
    const household = await service.asHousehold(await service.household());
    for (const caller of [await service.asKiosk(), household]) {
      t.equal((await caller('POST', '/v1/users/current/second-factor', {})).status, 403);
      t.equal((await caller('POST', '/v1/users/current/second-factor/confirm', { code: '402857' })).status, 403);
    }
  });

  await t.test('a village may ask all of its staff for one', async t => {
    await newStaff(service, 'clerk-a', 'clerk');
    await newStaff(service, 'clerk-b', 'clerk', villages.sibling);
    t.equal((await signIn(service, 'clerk-a', ownPassword)).body.pendingAction, null);
    const admin = await service.as('villageAdmin');
    const { validFrom: _, ...settings } = (await admin('GET', `${home}/policy`)).body;
    const policy = { ...settings, validFrom: '2026-11-24', secondFactorForAllStaff: true };
    t.equal((await admin('POST', `${home}/policies`, policy)).status, 201);
    t.equal((await signIn(service, 'clerk-a', ownPassword)).body.pendingAction, null, 'from the day on that it says');
    service.clock.pass({ hours: 24 });
    t.equal((await signIn(service, 'clerk-a', ownPassword)).body.pendingAction, 'setUpSecondFactor');
    t.equal((await signIn(service, 'clerk-b', ownPassword)).body.pendingAction, null, 'and nobody else’s');
  });
});

test('what is forgotten or lost is reset by whoever could appoint', async t => {
  const service = await openService(t);
  const secretary = await service.as('villageAdmin');
  const supervisor = await service.as('supervisor');
  const sibling = await service.as('villageAdmin', villages.sibling);

  await t.test('a password', async t => {
    const id = await newStaff(service, 'forgetful', 'clerk');
    const signed = await signIn(service, 'forgetful', ownPassword);
    const url = `/v1/users/${id}/reset-password`;
    t.equal((await sibling('POST', url, { password: oneTime })).status, 404);
    t.equal((await (await service.as('clerk'))('POST', url, { password: oneTime })).status, 403);
    t.equal((await secretary('POST', `/v1/users/${randomUUID()}/reset-password`, { password: oneTime })).status, 404);
    const key = { 'idempotency-key': randomUUID() };
    const reset = await secretary('POST', url, { password: oneTime }, key);
    t.match(reset, { status: 200, body: { oneTimePasswordUntil: '2026-11-30T02:00:00.000Z' } });
    t.match((await secretary('POST', url, { password: oneTime }, key)).headers, { 'idempotency-replayed': 'true' });
    const write = await withTokenOf(service, signed)('POST', `${home}/grids`, { number: 8, name: '第八组' });
    t.match(write, { status: 401, body: { code: 'session-revoked' } });
    t.equal((await signIn(service, 'forgetful', ownPassword)).status, 401);
    t.equal((await signIn(service, 'forgetful', oneTime)).body.pendingAction, 'changePassword');
    t.same(await eventsOf(service, id), ['passwordReset']);
  });

  await t.test('a second factor', async t => {
    const id = await newStaff(service, 'phoneless', 'villageAdmin');
    await giveSecondFactor(service, id);
    const url = `/v1/users/${id}/reset-second-factor`;
    t.equal((await secretary('POST', url)).status, 404, 'one’s like is not one’s to reset');
    const key = { 'idempotency-key': randomUUID() };
    t.match(await supervisor('POST', url, undefined, key), { status: 200, body: { secondFactor: false } });
    t.equal((await supervisor('POST', url, undefined, key)).status, 200);
    t.match(await supervisor('POST', url), { status: 409, body: { code: 'wrong-state' } });
    t.equal((await signIn(service, 'phoneless', ownPassword)).body.pendingAction, 'setUpSecondFactor');
    t.same(await eventsOf(service, id), ['secondFactorSet', 'secondFactorReset']);
  });

  await t.test('not one’s own, and not a reviewer’s by the secretary', async t => {
    const platform = await service.as('platformAdmin');
    for (const verb of ['reset-password', 'reset-second-factor']) {
      const body = verb === 'reset-password' ? { password: oneTime } : undefined;
      const own = await platform('POST', `/v1/users/${platform.actor.id}/${verb}`, body);
      t.match(own, { status: 403, body: { code: 'second-person-required' } });
      const reviewer = await newStaff(service, `reviewer-${verb}`, 'reviewer');
      if (verb === 'reset-second-factor') await giveSecondFactor(service, reviewer);
      t.equal((await secretary('POST', `/v1/users/${reviewer}/${verb}`, body)).status, 404);
      t.equal((await supervisor('POST', `/v1/users/${reviewer}/${verb}`, body)).status, 200);
    }
  });
});

test('a secretary alone makes no reviewers', async t => {
  const service = await openService(t);
  const secretary = await service.as('villageAdmin');
  const supervisor = await service.as('supervisor');
  const reviewer = (login: string) => ({
    login,
    name: '评议员',
    password: oneTime,
    grant: { role: 'reviewer', prefix: villages.own },
  });

  await t.test('a proposed one may nothing until the supervisor has said yes', async t => {
    const made = (await secretary('POST', '/v1/users', reviewer('proposed'))).body;
    t.match(made.grants, [{ role: 'reviewer', state: 'proposed' }]);
    const change = withTokenOf(service, await signIn(service, 'proposed', oneTime));
    await change('PUT', '/v1/users/current/password', { currentPassword: oneTime, newPassword: ownPassword });
    t.same((await signIn(service, 'proposed', ownPassword)).body.grants, []);

    const url = `/v1/users/${made.id}/grants/${made.grants[0].id}/confirm`;
    t.match(await secretary('POST', url), { status: 403, body: { code: 'forbidden' } });
    const foreign = await service.as('supervisor', villages.foreign);
    t.equal((await foreign('POST', url)).status, 404);
    t.equal((await supervisor('POST', `/v1/users/${made.id}/grants/${randomUUID()}/confirm`)).status, 404);
    const key = { 'idempotency-key': randomUUID() };
    t.match((await supervisor('POST', url, undefined, key)).body.grants, [{ role: 'reviewer', state: 'active' }]);
    t.match((await supervisor('POST', url, undefined, key)).headers, { 'idempotency-replayed': 'true' });
    t.match(await supervisor('POST', url), { status: 409, body: { code: 'wrong-state' } });
    t.match((await signIn(service, 'proposed', ownPassword)).body.grants, [{ role: 'reviewer' }]);
  });

  await t.test('nor by a second role of a clerk’s, and the supervisor may say no', async t => {
    const clerk = await service.as('clerk');
    const grant = { role: 'reviewer', prefix: villages.own };
    const added = await secretary('POST', `/v1/users/${clerk.actor.id}/grants`, grant);
    const held = added.body.grants.find((one: { role: string }) => one.role === 'reviewer');
    t.equal(held.state, 'proposed');
    t.equal((await supervisor('POST', `/v1/users/${clerk.actor.id}/grants/${held.id}/end`)).status, 200);
    t.equal((await supervisor('POST', `/v1/users/${clerk.actor.id}/grants/${held.id}/confirm`)).status, 404);
  });

  await t.test('a clerk who would keep the store too waits for the supervisor, either way round', async t => {
    for (const [first, second] of [
      ['clerk', 'storekeeper'],
      ['storekeeper', 'clerk'],
    ] as const) {
      const worker = await service.as(first);
      const url = `/v1/users/${worker.actor.id}/grants`;
      const elsewhere = await service.callerFor({ ...secretary.actor, grants: [['villageAdmin', villages.own]] }, null);
      const added = await secretary('POST', url, { role: second, prefix: villages.own });
      const held = added.body.grants.find((one: { role: string }) => one.role === second);
      t.match([added.status, held.state], [201, 'proposed']);
      t.match(await elsewhere('POST', `${url}/${held.id}/confirm`), { status: 403, body: { code: 'forbidden' } });
      const confirmed = await supervisor('POST', `${url}/${held.id}/confirm`);
      t.match([confirmed.status, confirmed.body.grants], [200, [{ state: 'active' }, { state: 'active' }]]);

      const other = await service.as(first);
      const others = `/v1/users/${other.actor.id}/grants`;
      const { grants } = (await secretary('POST', others, { role: second, prefix: villages.own })).body;
      const [own, proposal] = [first, second].map(role => grants.find((one: { role: string }) => one.role === role));
      t.equal(
        (await supervisor('POST', `${others}/${own.id}/end`)).status,
        404,
        'what the secretary appoints stays his',
      );
      t.equal((await supervisor('POST', `${others}/${proposal.id}/end`)).status, 200, 'a proposal is turned down');
    }
    const board = await service.as('clerk');
    const added = await secretary('POST', `/v1/users/${board.actor.id}/grants`, {
      role: 'teamLeader',
      prefix: villages.own,
    });
    t.match(added.body.grants, [{ state: 'active' }, { state: 'active' }], 'other roles go together');
  });

  await t.test('a supervisor appoints without being asked again', async t => {
    const made = await supervisor('POST', '/v1/users', reviewer('appointed'));
    t.match(made.body.grants, [{ role: 'reviewer', state: 'active' }]);
  });

  await t.test('nobody confirms for themselves what they proposed', async t => {
    const both = await service.callerFor(
      { ...secretary.actor, grants: [['supervisor', villages.own.slice(0, 6)]] },
      null,
    );
    const made = (await secretary('POST', '/v1/users', reviewer('own-idea'))).body;
    const owner = await connect(t, service.ownerUrl);
    await owner.query(
      `insert into identity."grant" (id, user_id, role, prefix, granted_by, granted_at)
       values (gen_random_uuid(), $1, 'supervisor', $2, $3, now())`,
      [secretary.actor.id, villages.own.slice(0, 6), supervisor.actor.id],
    );
    const answer = await both('POST', `/v1/users/${made.id}/grants/${made.grants[0].id}/confirm`);
    t.match(answer, { status: 403, body: { code: 'second-person-required' } });
  });
});
