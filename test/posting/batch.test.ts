import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { t } from 'tap';
import { insisting } from '../support/awards.ts';
import { lockKey } from '../support/keys.ts';
import { adoptRules, ruleDraft } from '../support/rules.ts';
import { connect, openService, villages } from '../support/service.ts';
import { recordStatements } from '../support/statements.ts';
import { until } from '../support/waiting.ts';

/* What shares a batch, and what becomes of the others when one of it cannot go with it. Awards are what is batched. */

const service = await openService(t, { policy: { householdDayMaxPoints: 1000 } });
const owner = await connect(t, service.ownerUrl);
const rules = await adoptRules(service, [
  ruleDraft('FREE', { points: 1 }),
  ruleDraft('CAPPED', { points: 1, capTimes: 1, capPeriod: 'day' }),
]);
const clerk = await service.as('clerk');
const householdId = await service.household();
const path = `/v1/villages/${villages.own}/awards`;
const give = (code: string, key: string = randomUUID(), more = {}, caller = clerk) =>
  caller('POST', path, { ruleId: rules[code], householdId, quantity: 1, ...more }, { 'idempotency-key': key });
const keptUnder = async (key: string) =>
  (await owner.query('select from http.idempotency where key = $1', [key])).rowCount;

/** Waits until so many sessions wait for a lock in this database; with `on`, until one waits for that session. */
async function waiting(count: number, on?: pg.Client): Promise<void> {
  const pid = on === undefined ? null : (await on.query('select pg_backend_pid() as pid')).rows[0].pid;
  const query = `select count(*)::int as n from pg_stat_activity
                  where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0
                    and ($1::int is null or $1 = any(pg_blocking_pids(pid)))`;
  await until(async () => (await owner.query(query, [pid])).rows[0].n >= count, `${count} sessions wait for a lock`);
}

/** Holds the book of the village in a transaction of its owner's while `work` runs. */
async function whileBookIsHeld<T>(work: () => Promise<T>): Promise<T> {
  const holder = await connect(t, service.ownerUrl);
  await holder.query('begin');
  await holder.query(`set local jifen.scope = '${villages.own}'`);
  await holder.query('select from ledger.book where village = $1 for update', [villages.own]);
  try {
    return await work();
  } finally {
    await holder.query('rollback');
  }
}

t.test('refused by a cap: validated once, posted once, in one database transaction', async t => {
  t.equal((await give('CAPPED')).status, 201);
  for (const occasion of [undefined, 'sweeping']) {
    const key = randomUUID();
    const statements = recordStatements();
    const refused = await give('CAPPED', key, { occasion });
    statements.stop();
    t.match(refused, { status: 422, body: { code: 'cap-reached', cap: 'rule', used: 1, limit: 1 } });
    const count = (pattern: RegExp) => statements.texts.filter(text => pattern.test(text)).length;
    t.strictSame([count(/^begin\b/), count(/ledger\.post/), count(/households\.kin/), count(/^commit$/)], [1, 1, 1, 1]);
    t.equal(await keptUnder(key), 0, 'and nothing is kept of it');
  }
});

t.test('refused for an award that is there: validated and posted once, then that one is looked up', async t => {
  const first = await give('FREE', randomUUID(), { occasion: 'well' });
  const statements = recordStatements();
  const twice = await Promise.all([
    give('FREE', randomUUID(), { occasion: 'well' }),
    give('FREE', randomUUID(), { occasion: 'well' }),
  ]);
  statements.stop();
  for (const reply of twice) {
    t.match(reply, { status: 409, body: { code: 'award-duplicate', awardId: first.body.id } });
  }
  const count = (pattern: RegExp) => statements.texts.filter(text => pattern.test(text)).length;
  const batches = count(/ledger\.post/);
  t.ok(batches <= 2, 'no more batches than calls');
  t.strictSame([count(/households\.kin/), count(/^begin\b/)], [batches, batches + 2], 'a look-up each');
});

t.test('a key that another database session inserts meanwhile undoes the batch, and each goes by itself', async t => {
  const key = randomUUID();
  const other = await connect(t, service.ownerUrl);
  // One that holds no lock on its key, as none is seen that a session of another database node holds.
  await other.query('begin');
  await other.query(
    `insert into http.idempotency (village, client, key, fingerprint, created_at, status, body)
     values ($1, $2, $3, $4, now(), 201, '{}')`,
    [villages.own, clerk.actor.client, key, Buffer.alloc(32)],
  );
  // A machine that is slow lets the waits for locks run out.
  const patient = () => give('FREE', randomUUID(), {}, insisting(clerk));
  const replies = await whileBookIsHeld(async () => {
    // Two batches wait for the book, so that what comes now goes together.
    const early = [patient()];
    await waiting(1);
    early.push(patient());
    await waiting(2);
    return [...early, give('FREE', key, {}, insisting(clerk)), ...Array.from({ length: 5 }, patient)];
  });
  await waiting(1, other);
  await other.query('commit');
  const [a, b, clash, ...rest] = await Promise.all(replies);
  t.same(
    [a, b, ...rest].map(reply => reply!.status),
    Array(7).fill(201),
  );
  t.match(clash, { status: 422, body: { code: 'idempotency-key-reused' } });
});

t.test('a call whose key another process holds waits by itself, and no longer than locks are waited for', async t => {
  const key = randomUUID();
  const other = await connect(t, service.ownerUrl);
  await other.query('begin');
  await lockKey(other, { village: villages.own, owner: clerk.actor.client, key });
  const refused = give('FREE', key);
  await waiting(1, other);
  t.equal((await give('FREE')).status, 201, 'others go on');
  t.match(await refused, {
    status: 409,
    headers: { 'retry-after': '1' },
    body: { code: 'idempotency-in-progress', retryAfterSeconds: 1 },
  });
  const late = give('FREE', key);
  await waiting(1, other);
  await other.query('commit');
  t.equal((await late).status, 201, 'and goes when it is free');
});
