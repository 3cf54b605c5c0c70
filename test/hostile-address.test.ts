import tap, { test } from 'tap';
import { declaredOperations, type Operation, unclassified } from './support/declared.ts';
import { digestOf } from './support/digest.ts';
import { type Prepared, prepare, send } from './support/hostile.ts';
import { connect, openService, type Reply } from './support/service.ts';
import { openWorld } from './support/world.ts';

/* Paths, queries and cursors that nobody was given: each is refused by name or finds nothing, and changes nothing. */

tap.setTimeout(900_000);

const segments = [
  '%00',
  'a%00b',
  '..',
  '%2e%2e',
  '..%2f..%2fvillages',
  '%ff',
  '%E0%A4%A',
  '%',
  '%20',
  '0',
  '-1',
  '1e3',
  '00000000-0000-0000-0000-000000000000',
  'not-a-uuid',
  "'%3B%20drop%20table%20ledger.book",
  '%F0%9F%A7%BA',
  '*',
  'x'.repeat(64),
  'x'.repeat(65),
  'x'.repeat(5_000),
  '99999999999999999999999',
  '2147483648',
];
const villageSegments = [
  '000000000000',
  '520281',
  '5202811271011',
  '52028112710x',
  '%EF%BC%95%EF%BC%92%EF%BC%90%EF%BC%92%EF%BC%98%EF%BC%91%EF%BC%91%EF%BC%92%EF%BC%97%EF%BC%91%EF%BC%90%EF%BC%91',
  '520281127101%20',
  '52028112710_',
  '%25',
];
const texts = [
  '',
  '%20',
  '%00',
  '%ff',
  '0',
  '-1',
  '201',
  '1.5',
  '1e2',
  '0x10',
  'NaN',
  'null',
  'true',
  '99999999999999999999999',
  '2147483648',
  '2026-02-30',
  '0000-01-01',
  '2999-12-31',
  '2026-13-01',
  'not-a-uuid',
  '[object%20Object]',
  '%F0%9F%A7%BA',
  "'%3B%20drop%20table%20ledger.book",
  '%25',
  '%5C',
  'x'.repeat(2_000),
];

test('addresses', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const owner = await connect(t, service.ownerUrl);
  const operations = declaredOperations(service.app);
  const prepared = new Map<Operation, Prepared>();
  for (const operation of operations) prepared.set(operation, await prepare(world, operation));
  const untouched = await digestOf(owner);
  const faults: string[] = [];
  const check = (operation: Operation, url: string, answer: Reply, refused: boolean) => {
    const fault = unclassified(operation, answer);
    if (fault !== null) faults.push(`${fault} to ${url.slice(0, 200)}`);
    else if (refused && answer.status < 400)
      faults.push(`${operation.id} answered ${answer.status} to ${url.slice(0, 200)}`);
  };
  const at = (operation: Operation, url: string) => {
    const ready = prepared.get(operation)!;
    return send(service, { ...ready, call: { ...ready.call, url } });
  };

  await t.test('another thing in the path', async t => {
    for (const operation of operations) {
      const { url } = prepared.get(operation)!.call;
      const [path, query] = url.split('?');
      const parts = operation.path.split('/');
      for (const [index, part] of parts.entries()) {
        if (!part.startsWith('{')) continue;
        const own = path!.split('/')[index]!;
        const others = part === '{village}' ? [...villageSegments, ...segments] : [...segments, `${own}x`];
        if (own.toUpperCase() !== own) others.push(own.toUpperCase());
        for (const other of others) {
          const hostile = path!.split('/').with(index, other).join('/');
          const answer = await at(operation, query === undefined ? hostile : `${hostile}?${query}`);
          // A path that leads nowhere belongs to no operation.
          if (![400, 403, 404, 405].includes(answer.status))
            faults.push(`${operation.id} answered ${answer.status} to ${other.slice(0, 80)}`);
          if (!String(answer.headers['content-type']).startsWith('application/problem+json'))
            faults.push(`no problem: ${hostile.slice(0, 200)}`);
        }
      }
    }
    t.strictSame(faults.splice(0), []);
  });

  await t.test('another thing in the query', async t => {
    for (const operation of operations) {
      const { url } = prepared.get(operation)!.call;
      for (const { name, schema } of operation.query) {
        const others =
          url
            .split('?')[1]
            ?.split('&')
            .filter(one => !one.startsWith(`${name}=`)) ?? [];
        const ask = (value: string) => `${url.split('?')[0]}?${[...others, value].join('&')}`;
        for (const text of texts) {
          // What writes is asked for nothing that it would do.
          if (operation.method !== 'GET' && schema.type === 'boolean' && text === 'true') continue;
          const hostile = ask(`${name}=${text}`);
          check(
            operation,
            hostile,
            await at(operation, hostile),
            name === 'limit' && ['0', '-1', '201', '1.5', 'NaN'].includes(text),
          );
        }
        for (const value of [`${name}=1&${name}=2`, `${name}[]=1`, `${name}[x]=1`, name]) {
          check(
            operation,
            ask(value),
            await at(operation, ask(value)),
            schema.type === 'integer' && value.includes('&'),
          );
        }
      }
      check(
        operation,
        'long',
        await at(operation, `${url}${url.includes('?') ? '&' : '?'}${'x'.repeat(7_000)}=%00`),
        true,
      );
    }
    t.strictSame(faults.splice(0), []);
  });

  t.strictSame(await digestOf(owner), untouched, 'nothing has changed');
});

test('cursors', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const operations = declaredOperations(service.app);
  // What has a cursor and no pages is no list.
  const lists = operations.filter(({ query }) =>
    ['cursor', 'limit'].every(wanted => query.some(({ name }) => name === wanted)),
  );
  // Two rows of everything that can be listed.
  for (const operation of operations.filter(
    ({ method, idempotent }) => (method === 'POST' && idempotent) || method === 'PATCH',
  )) {
    for (const _ of [1, 2]) await send(service, await prepare(world, operation));
  }

  const faults: string[] = [];
  const cursors = new Map<string, string>();
  for (const operation of lists) {
    const ready = await prepare(world, operation);
    const url = (cursor: string) => `${ready.call.url}${ready.call.url.includes('?') ? '&' : '?'}limit=1${cursor}`;
    const ask = (cursor: string) =>
      send(service, { ...ready, call: { ...ready.call, url: url(`&cursor=${encodeURIComponent(cursor)}`) } });
    const { body } = await send(service, { ...ready, call: { ...ready.call, url: url('') } });
    // A notice is read with its lines, page by page.
    const { nextCursor } = body.lines ?? body;
    if (nextCursor === null) continue;
    cursors.set(operation.id, nextCursor);
    const next = await ask(nextCursor);
    if (next.status !== 200) faults.push(`${operation.id} does not take its own cursor: ${next.text.slice(0, 200)}`);

    for (const cursor of forged(nextCursor)) {
      const answer = await ask(cursor);
      const fault = unclassified(operation, answer);
      if (fault !== null) faults.push(`${fault} to ${Buffer.from(cursor, 'base64url').toString().slice(0, 200)}`);
    }
    for (const [other, cursor] of cursors) {
      const answer = await ask(cursor);
      if (other !== operation.id && answer.body.code !== 'cursor-mismatch')
        faults.push(`${operation.id} takes the cursor of ${other}`);
    }
  }
  t.comment(`${cursors.size} of ${lists.length} lists had a second page`);
  const short = lists.map(({ id }) => id).filter(id => !cursors.has(id));
  // Of these the sample calls make one row, or none.
  const expected = [
    ...['divisionList', 'villageList', 'householdImportErrorList', 'stockExpiryList', 'redemptionList', 'printJobList'],
    ...['publicNoticeGet', 'noticeGet', 'verificationList', 'checkpointList'],
  ];
  t.strictSame(short, expected);
  t.strictSame(faults, []);
});

/** Cursors with the right digest, and something else in place of what the list is ordered by. */
function* forged(cursor: string): Generator<string> {
  yield* ['x', '!!!', 'e30', 'bnVsbA', 'W10', 'x'.repeat(500)];
  const [digest, ...key] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  const made = (...parts: unknown[]) => Buffer.from(JSON.stringify([digest, ...parts])).toString('base64url');
  yield made();
  yield made(...key, 1);
  yield made(...key.slice(1));
  const values = [
    null,
    true,
    {},
    { a: 1 },
    [],
    [[1]],
    '',
    'x',
    '\0',
    '\ud800',
    1e308,
    -1,
    1.5,
    2 ** 60,
    '2026-02-30',
    "';--",
    'y'.repeat(300),
  ];
  for (const [index] of key.entries()) for (const value of values) yield made(...key.with(index, value));
}
