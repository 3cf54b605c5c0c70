import { randomUUID } from 'node:crypto';
import { test } from 'tap';
import { openDatabase } from '../src/db/database.ts';
import { prepareRoles } from '../src/db/roles.ts';
import { none } from '../src/db/scope.ts';
import { createFirstAdmin } from '../src/identity/first-admin.ts';
import { isRefused } from './support/refusal.ts';
import { connect, openService } from './support/service.ts';

const at = '2026-11-23T02:00:00Z';

test('whoever holds the connection of the service makes no administrator', async t => {
  const service = await openService(t);
  const app = await connect(t, service.appUrl);
  const owner = await connect(t, service.ownerUrl);
  const admins = async () =>
    (
      await owner.query(
        `select user_id, ended_at is null as open from identity."grant" where role = 'platformAdmin' order by user_id`,
      )
    ).rows;
  const input = (login: string) => ({ login, name: '管理员', passwordHash: 'x', oneTimeUntil: null });
  const make = (login: string, database = service.database) =>
    database.inTransaction(none, tx => createFirstAdmin(tx, input(login), service.clock.now()));

  await t.test('the first one is made once, whoever else is making one', async t => {
    await app.query("set lock_timeout = '100ms'");
    const call = `select identity.grant_first_admin('${randomUUID()}', '${randomUUID()}', '${at}')`;
    const held = service.database.inTransaction(none, async tx => {
      const id = await createFirstAdmin(tx, input('one'), service.clock.now());
      await t.rejects(app.query(call), { code: '55P03' }, 'another one waits for it');
      return id;
    });
    t.ok(await held);
    await t.rejects(make('other'), { cause: { code: '42501' } });
  });
  t.equal((await admins()).length, 1);

  const platform = await service.as('platformAdmin');
  const clerk = await service.as('clerk');
  const before = await admins();
  const values = (role: string, by: string) =>
    `insert into identity."grant" (id, user_id, role, prefix, granted_by, granted_at)
     values ('${randomUUID()}', '${clerk.actor.id}', '${role}', '', ${by}, '${at}')`;
  for (const attempt of [
    values('platformAdmin', 'null'),
    values('platformAdmin', `'${platform.actor.id}'`),
    `${values('platformAdmin', 'null')} on conflict do nothing`,
    `select identity.grant_first_admin('${randomUUID()}', '${clerk.actor.id}', '${at}')`,
    `update identity."grant" set role = 'platformAdmin', prefix = '' where user_id = '${clerk.actor.id}'`,
    `update identity."grant" set user_id = '${clerk.actor.id}' where role = 'platformAdmin'`,
    `delete from identity."grant"`,
    `truncate identity."grant"`,
    `drop policy appoint on identity."grant"`,
    `alter table identity."grant" disable row level security`,
    `set role jifen_owner`,
  ])
    await t.rejects(app.query(attempt), { code: '42501' }, attempt);
  t.same(await admins(), before);

  await t.test('brings no ended grant back', async t => {
    const { rowCount: ended } = await app.query(
      `update identity."grant" set ended_at = '${at}', ended_by = '${clerk.actor.id}' where user_id = $1`,
      [platform.actor.id],
    );
    t.equal(ended, 1);
    const { rowCount: reopened } = await app.query(
      'update identity."grant" set ended_at = null, ended_by = null where user_id = $1',
      [platform.actor.id],
    );
    t.equal(reopened, 0);
    t.ok((await admins()).some(({ user_id, open }) => user_id === platform.actor.id && !open));
    await t.rejects(
      make('third'),
      { cause: { code: '42501' } },
      'nor is an administrator first again after the last has ended',
    );
  });

  await t.test('nor does an administrator make another over the interface', async t => {
    const admin = await service.as('platformAdmin');
    const operatorOnly = { reason: 'operatorOnly' };
    const grant = { role: 'platformAdmin', prefix: '' };
    const user = { login: 'another', name: '某人', password: 'seven bags of rice', grant };
    isRefused(t, await admin('POST', '/v1/users', user), '403 forbidden', operatorOnly);
    const made = await admin('POST', '/v1/users', { ...user, grant: { role: 'supervisor', prefix: '520281' } });
    t.equal(made.status, 201);
    isRefused(t, await admin('POST', `/v1/users/${made.body.id}/grants`, grant), '403 forbidden', operatorOnly);
    const other = await service.as('platformAdmin');
    t.equal((await admin('POST', `/v1/users/${other.actor.id}/disable`)).status, 200, 'but disables one');
  });

  await t.test('the owner of the database makes the next', async t => {
    const database = openDatabase(service.ownerUrl, { connections: 1, onError: error => t.comment(error.message) });
    t.teardown(() => database.close());
    const id = await make('next', database);
    t.ok((await admins()).some(({ user_id, open }) => user_id === id && open));
  });
});

test('no password of jifen_app is derived from nothing', async t => {
  for (const url of [
    'postgres://jifen@127.0.0.1:1/jifen',
    'postgres://jifen:@127.0.0.1:1/jifen',
    'postgres:///jifen?host=/run/postgresql',
    'postgres://jifen@127.0.0.1:1/jifen?password=secret',
  ])
    await t.rejects(prepareRoles(url), { message: /^DATABASE_URL has no password .* Set DATABASE_APP_URL / }, url);
});
