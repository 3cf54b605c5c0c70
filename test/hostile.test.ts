import tap, { test } from 'tap';
import { declaredOperations, type Operation, unclassified } from './support/declared.ts';
import { digestOf } from './support/digest.ts';
import { headersOf, isUnfit, malformed, type Prepared, prepare, send, spoiled } from './support/hostile.ts';
import { connect, openService, type Reply } from './support/service.ts';
import { openWorld } from './support/world.ts';

/*
 * What the contract forbids, sent to every operation: each is refused by name, and nothing has changed. What it allows and
 * nobody means is either done or refused by name. Nothing is ever a bug of ours.
 */

tap.setTimeout(900_000);

test('bodies', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const owner = await connect(t, service.ownerUrl);
  const operations = declaredOperations(service.app);
  const withBody = operations.filter(({ body }) => body !== undefined);
  const prepared = new Map<Operation, Prepared>();
  for (const operation of operations.filter(({ method }) => method !== 'GET')) {
    prepared.set(operation, await prepare(world, operation));
  }
  const untouched = await digestOf(owner);
  const faults: string[] = [];
  const mustRefuse = (operation: Operation, what: string, answer: Reply, statuses = [400]) => {
    const fault = unclassified(operation, answer);
    if (fault !== null) faults.push(`${fault} to ${what.slice(0, 200)}`);
    else if (!statuses.includes(answer.status))
      faults.push(`${operation.id} answered ${answer.status} to ${what.slice(0, 200)}`);
  };

  await t.test('that do not fit the schema', async t => {
    let sent = 0;
    for (const operation of withBody) {
      const ready = prepared.get(operation)!;
      for (const body of spoiled(operation.body, ready.call.body)) {
        if (operation.fitsBody(body) && !isUnfit(body)) continue;
        mustRefuse(operation, JSON.stringify(body), await send(service, { ...ready, call: { ...ready.call, body } }));
        sent += 1;
      }
    }
    t.comment(`${sent} calls`);
    t.ok(sent > 3_000, 'enough was tried');
    t.strictSame(faults.splice(0), []);
  });

  await t.test('that are no JSON, or say one thing twice', async t => {
    for (const operation of withBody) {
      const ready = prepared.get(operation)!;
      for (const body of malformed(ready.call.body as object)) {
        const answer = await send(service, { ...ready, call: { ...ready.call, body } });
        // What everybody may send is small: the deepest ones are refused for their size there.
        if (body.length > 16 * 1024) mustRefuse(operation, body, answer, [400, 413]);
        else mustRefuse(operation, body, answer);
      }
      const body = ' '.repeat(4.5 * 1024 * 1024);
      mustRefuse(operation, 'too much', await send(service, { ...ready, call: { ...ready.call, body } }), [413]);
    }
    t.strictSame(faults.splice(0), []);
  });

  await t.test('of another content type', async t => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
    ];
    types.push(
      'application/jsonx',
      'application/vnd.api+json',
      'application/merge-patch+json',
      'text/json',
      'json',
      '*/*',
      ',',
    );
    for (const operation of withBody) {
      const ready = prepared.get(operation)!;
      for (const type of types) {
        if (type === ready.call.headers?.['content-type']) continue;
        mustRefuse(operation, type, await send(service, ready, { 'content-type': type }), [415]);
      }
      // Whatever it says of its charset, JSON is read as JSON and validated by its schema.
      const wrong = { ...ready, call: { ...ready.call, body: { unexpected: 1 } } };
      for (const type of [
        'application/json; charset=utf-16',
        'APPLICATION/JSON',
        'application/json;charset=nonsense',
      ]) {
        mustRefuse(operation, type, await send(service, wrong, { 'content-type': type }), [400, 415]);
      }
      const { method, url, body } = ready.call;
      const headers = headersOf(service, ready);
      const bare = await service.app.inject({
        method: method as 'POST',
        url,
        headers: { ...headers, 'idempotency-key': 'bare' },
        payload: Buffer.from(JSON.stringify(body)),
      });
      if (bare.statusCode !== 415) faults.push(`${operation.id} without a content type answered ${bare.statusCode}`);
    }
    t.strictSame(faults.splice(0), []);
  });

  await t.test('where none is taken', async t => {
    const bare = ({ method, body, takesFile }: Operation) => method !== 'GET' && body === undefined && !takesFile;
    for (const operation of operations.filter(bare)) {
      const ready = prepared.get(operation)!;
      for (const body of [{ unexpected: 1 }, [], 'null', '{', '"x"', '1']) {
        mustRefuse(operation, JSON.stringify(body), await send(service, { ...ready, call: { ...ready.call, body } }));
      }
    }
    t.strictSame(faults.splice(0), []);
  });

  await t.test('under a key that is none', async t => {
    for (const operation of operations.filter(({ idempotent }) => idempotent)) {
      for (const key of ['', '""', ' ', 'x'.repeat(256), 'é', '\u0001']) {
        mustRefuse(operation, key, await send(service, prepared.get(operation)!, { 'idempotency-key': key }));
      }
    }
    t.strictSame(faults.splice(0), []);
  });

  t.strictSame(await digestOf(owner), untouched, 'nothing has changed');

  await t.test('that fit the schema, and mean nothing', async t => {
    let sent = 0;
    for (const operation of withBody) {
      // What succeeds may change the village's rules, prices or policy: each operation has one to itself, or two.
      let village = await world.village();
      let ready = await prepare(world, operation, village);
      for (const body of spoiled(operation.body, ready.call.body)) {
        if (!operation.fitsBody(body) || isUnfit(body)) continue;
        const answer = await send(service, { ...ready, call: { ...ready.call, body } });
        const fault = unclassified(operation, answer);
        if (fault !== null) faults.push(`${fault} to ${JSON.stringify(body).slice(0, 300)}`);
        const misfit = answer.status < 300 ? operation.misfit(answer.status, answer.body) : null;
        if (misfit !== null)
          faults.push(`${operation.id} answered unlike its schema (${misfit}) to ${JSON.stringify(body)}`);
        if (answer.status < 300) {
          ready = await prepare(world, operation, village).catch(async () => {
            village = await world.village();
            return prepare(world, operation, village);
          });
        }
        sent += 1;
      }
    }
    t.comment(`${sent} calls`);
    t.strictSame(faults.splice(0), []);
  });
});
