import { randomUUID } from 'node:crypto';
import tap, { test } from 'tap';
import { declaredOperations, type Operation, unclassified } from './support/declared.ts';
import { isUnfit, type Prepared, prepare, send, spoiled } from './support/hostile.ts';
import { isRefused } from './support/refusal.ts';
import { connect, openService, type Reply, villages } from './support/service.ts';
import { openWorld } from './support/world.ts';

/* Every operation that takes an Idempotency-Key: one key, one effect, one answer. */

tap.setTimeout(900_000);

test('one key, one effect', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const owner = await connect(t, service.ownerUrl);
  const operations = declaredOperations(service.app).filter(({ idempotent }) => idempotent);
  t.ok(operations.length > 30);
  await owner.query(`set jifen.scope = '${villages.own}'`);
  const bookNumber = async () =>
    (await owner.query('select number from ledger.book where village = $1', [villages.own])).rows[0].number;

  for (const operation of operations) {
    await t.test(operation.id, async t => {
      const ready = await prepare(world, operation);
      const key = randomUUID();
      const again = (prepared: Prepared) =>
        send(service, { ...prepared, caller: ready.caller }, { 'idempotency-key': key });

      const answers = await Promise.all([again(ready), again(ready)]);
      const first = answers.find(answer => !('idempotency-replayed' in answer.headers))!;
      const second = answers.find(answer => 'idempotency-replayed' in answer.headers)!;
      if (!t.ok(first && second, 'of two at once one is the first, and the other its replay')) return;
      t.ok(first.status < 300, first.text.slice(0, 200));
      const number = await bookNumber();
      const third = await again(ready);
      for (const replay of [second, third]) t.same(faultsOf(operation, first, replay), []);

      const other = otherBody(operation, ready) ?? (await prepare(world, operation));
      const before = await bookNumber();
      // What takes no body and names nothing but the village has no other call.
      if (JSON.stringify(other.call) !== JSON.stringify(ready.call)) {
        const reused = await again(other);
        isRefused(t, reused, '422 idempotency-key-reused', {}, 'it is no key to another call');
        t.equal(unclassified(operation, reused), null);
      }
      const without = await send(service, other, { 'idempotency-key': '' });
      isRefused(t, without, '400 idempotency-key-required');
      t.equal(unclassified(operation, without), null);
      t.equal(await bookNumber(), before, 'nothing of this has moved the book');
      t.ok(before >= number);
    });
  }
});

/** A replay is the first answer, but for what is shown once. */
function faultsOf(operation: Operation, first: Reply, replay: Reply): string[] {
  const faults: string[] = [];
  if (replay.status !== first.status) faults.push(`status ${replay.status} instead of ${first.status}`);
  if (replay.headers['idempotency-replayed'] !== 'true') faults.push('not marked as a replay');
  if (replay.headers.location !== first.headers.location) faults.push('another location');
  const misfit = operation.misfit(replay.status, replay.body);
  if (misfit !== null) faults.push(misfit);
  const shown = Object.entries(first.body).filter(([name, value]) => {
    return JSON.stringify(replay.body[name]) !== JSON.stringify(value) && replay.body[name] !== null;
  });
  return [...faults, ...shown.map(([name]) => `another ${name}`)];
}

/** The same call with a body that fits as well; undefined where it takes none. */
function otherBody(operation: Operation, ready: Prepared): Prepared | undefined {
  if (operation.body === undefined) return undefined;
  for (const body of spoiled(operation.body, ready.call.body)) {
    const differs = JSON.stringify(body) !== JSON.stringify(ready.call.body);
    if (differs && operation.fitsBody(body) && !isUnfit(body)) return { ...ready, call: { ...ready.call, body } };
  }
  return undefined;
}
