import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { t } from 'tap';
import { atOnce, rowsOf, type Tx } from '../../src/db/database.ts';
import { connect, openService, villages } from '../support/service.ts';

const service = await openService(t);
const { database } = service;
const village = villages.own;

/** A statement that leaves a trace, under a key of its own. */
const trace = (key: string) => sql`
  insert into http.idempotency (village, client, key, fingerprint, created_at)
  values (${village}, ${randomUUID()}, ${key}, ${Buffer.alloc(32)}, now())`;
const traces = (key: string) =>
  database.inSnapshot(
    village,
    async db => (await rowsOf(db, sql`select from http.idempotency where key = ${key}`)).length,
  );
const backend = async (tx: Tx) => (await rowsOf<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`))[0]!.pid;

t.test('all of it is there, or nothing', async t => {
  const rows = await database.inPipelinedTransaction(village, async () => [trace('a'), sql`select ${7}::int as n`]);
  t.strictSame([rows, await traces('a')], [[[], [{ n: 7 }]], 1], 'the rows of each');

  const failing = [
    [trace('b'), sql`select 1 / ${0}::integer`, trace('b')],
    [sql`select 1 / ${0}::integer`, trace('b'), trace('b')],
    [trace('b'), trace('b'), sql`select 1 / ${0}::integer`],
  ];
  for (const last of failing) {
    await t.rejects(
      database.inPipelinedTransaction(village, async () => last),
      { code: '22012' },
      'the first failure is told',
    );
  }
  t.equal(await traces('b'), 0);
  await Promise.all(
    Array.from({ length: 30 }, () => database.inPipelinedTransaction(village, async () => [trace('c'), trace('c')])),
  );
  t.equal(await traces('c'), 60, 'and every connection goes on');
});

t.test('what PostgreSQL asks to be tried again is tried again, from the beginning', async t => {
  const owner = await connect(t, service.ownerUrl);
  await owner.query(`create function public.again(attempts integer) returns void language plpgsql as $$
    begin if attempts < 3 then raise 'once more' using errcode = '40001'; end if; end $$`);
  let attempts = 0;
  await database.inPipelinedTransaction(village, async () => {
    attempts += 1;
    return [trace('d'), sql`select public.again(${attempts})`];
  });
  t.strictSame([attempts, await traces('d')], [3, 1]);
});

t.test('a value that cannot be sent commits nothing', async t => {
  const unsendable = {
    toPostgres: () => {
      throw new Error('unsendable');
    },
  };
  await t.rejects(
    database.inPipelinedTransaction(village, async () => [trace('f'), sql`select ${unsendable}::text`]),
    { message: 'unsendable' },
  );
  t.equal(await traces('f'), 0);
});

t.test('of queries at once that fail the cause is told, and not what it brings with it', async t => {
  for (const cause of [sql`select 1 / ${0}::integer`, sql`insert into http.idempotency (village) values (${null})`]) {
    await t.rejects(
      database.inTransaction(village, tx =>
        atOnce([
          rowsOf(tx, sql`select 1`).then(() => rowsOf(tx, sql`select 2`)),
          rowsOf(tx, cause),
          rowsOf(tx, sql`select 3`),
        ]),
      ),
      { cause: { code: /^(22012|23502)$/ } },
    );
  }
});

t.test('a connection that ends in between is an error, and nothing stays', async t => {
  const owner = await connect(t, service.ownerUrl);
  await t.rejects(
    database.inPipelinedTransaction(village, async tx => {
      const pid = await backend(tx);
      await owner.query('select pg_terminate_backend($1, 5000)', [pid]);
      return [trace('e')];
    }),
    /^(Client has encountered a connection error|Connection terminated)/,
  );
  t.equal(await traces('e'), 0);
});
