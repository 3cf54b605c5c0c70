import { test } from 'tap';
import { isOutOfReach } from '../src/db/line.ts';
import { declaredOperations } from './support/declared.ts';
import { type Prepared, prepare, send } from './support/hostile.ts';
import { connect, openService, type Reply, villages } from './support/service.ts';
import { openWorld } from './support/world.ts';

test('a database that turned read-only: 503 with Retry-After, whatever is called, until it writes again', async t => {
  const service = await openService(t);
  const owner = await connect(t, service.ownerUrl);
  const world = openWorld(service);
  const [clerk, admin] = [await service.as('clerk'), await service.as('villageAdmin')];
  const at = `/v1/villages/${villages.own}`;
  const open = () =>
    admin('POST', `${at}/stores`, { name: '积分超市', place: '村委会一楼' }, { 'idempotency-key': 'before and after' });
  const prepared: Prepared[] = [];
  for (const operation of declaredOperations(service.app)) {
    // An export holds its own.
    if (operation.method !== 'GET') prepared.push(await prepare(world, operation));
  }
  const database = new URL(service.ownerUrl).pathname.slice(1);
  const turn = (to: 'on' | 'off') =>
    owner.query(`alter role jifen_app in database ${database} set default_transaction_read_only = ${to}`);

  await turn('on');
  // As when a primary becomes a standby: it ends what is there.
  await owner.query(`select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'jifen_app'
                      and datname = current_database()`);
  const other: string[] = [];
  let unavailable = 0;
  for (const one of prepared) {
    const { status, body, headers } = (await send(service, one)) as Reply;
    const isTold = status === 503 && body?.code === 'unavailable' && headers['retry-after'] === '2';
    if (isTold) unavailable += 1;
    // What is refused before anything is written, or writes nothing.
    else if (status >= 500) other.push(`${one.operation.id}: ${status} ${JSON.stringify(body)}`);
  }
  t.same(other, []);
  t.comment(`${unavailable} of ${prepared.length} write`);
  t.ok(unavailable > prepared.length / 2, `${unavailable} of ${prepared.length}`);
  t.match(await open(), { status: 503, body: { code: 'unavailable', retryAfterSeconds: 2 } });
  const reads = await Promise.all(Array.from({ length: 5 }, () => clerk('GET', `${at}/households`)));
  t.ok(
    reads.every(({ status }) => status === 200),
    'it can still be read',
  );

  await turn('off');
  // Nobody ends the connections that have only read. The first one that is asked to write tells of all.
  t.match(await open(), { status: 503 });
  t.match(await open(), { status: 201 });
  const award = prepared.find(({ operation }) => operation.id === 'awardCreate')!;
  t.match(await send(service, award), { status: 201 });
});

test('what stands for a line that broke', async t => {
  const failed = (code: string, message = 'it failed') => Object.assign(new Error(message), { code });
  const behind = (cause: Error) => new Error('Failed query: select 1', { cause });
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'])
    t.ok(isOutOfReach(behind(failed(code))), code);
  for (const message of [
    'Query read timeout',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout expired',
  ])
    t.ok(isOutOfReach(behind(new Error(message))), message);
  const every = new AggregateError([failed('EHOSTUNREACH'), failed('ECONNREFUSED')], '');
  t.ok(isOutOfReach(behind(every)), 'each address of a name');
  t.notOk(isOutOfReach(behind(failed('ENOENT'))));
  t.notOk(isOutOfReach(new TypeError('undefined is not a function')));
});
