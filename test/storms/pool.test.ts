import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import t from 'tap';
import { firstViolation } from '../support/invariants.ts';
import { isRefused } from '../support/refusal.ts';
import { villages } from '../support/service.ts';
import { until } from '../support/waiting.ts';
import { classify } from './calls.ts';
import { diceOf } from './dice.ts';
import { isLong, report, seed, size } from './size.ts';
import { type Intent, openStormVillage, type StormVillage, send, unlikeIntents } from './village.ts';

/*
 * Every connection to the database is taken. Whoever comes then is told so, by name and when to come again;
 * the process says that it lives; and when connections are free, everything is as before.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

const connections = 20;

t.test('without a limit of waiting, callers hang', async t => {
  const village = await openStormVillage(t, { households: 1, connectionWaitMs: 150_000 });
  const release = await takeAll(village);
  const answer = send(village.shop.clerk, village.intent(diceOf(seed), village.households));
  const ms = 3_200;
  // It is no claim about speed: on no machine, however slow, is there an answer.
  const first = await Promise.race([answer.then(() => 'an answer'), wait(ms, 'none')]);
  await release();
  t.equal(first, 'none', `no answer after ${ms} ms`);
  t.equal((await answer).status, 201);
  report(t, 'pool, canary', { ms });
});

t.test('with it, they are told', async t => {
  const village = await openStormVillage(t, { households: 8, connectionWaitMs: 2_000 });
  const { service, clerk } = village.shop;
  const dice = diceOf(seed);
  const all: Intent[] = [];
  for (let round = 0; round < size(1, 50); round += 1) {
    const intents = Array.from({ length: 10 }, () => village.intent(dice, village.households));
    const release = await takeAll(village);
    const begun = performance.now();
    const answering = intents.map(async intent => ({
      kind: intent.kind,
      answer: await send(clerk, intent),
      ms: performance.now() - begun,
    }));
    const health = await service.anonymous('GET', '/healthz');
    t.equal(health.status, 200, 'the process lives, and says so');
    for (const { kind, answer, ms } of await Promise.all(answering)) {
      t.equal(classify(answer), 'unknown');
      isRefused(t, answer, '503 unavailable', { retryAfterSeconds: 2 });
      t.equal(answer.headers['retry-after'], '2');
      // Who shares a database transaction with others may have waited for the one before, too.
      t.comment(`${kind}: told after ${Math.round(ms)} ms, while every connection was taken`);
    }
    await release();
    for (const intent of intents) t.equal((await send(clerk, intent)).status, 201, 'the same keys, once there is room');
    all.push(...intents);
    t.same(await unlikeIntents(village.owner, all, village.households), []);
  }
  t.equal(await firstViolation(village.owner), null);
  report(t, 'pool', { calls: all.length });
});

/** Holds every connection there is, and keeps it busy: PostgreSQL ends a transaction that idles. Answers how to let go. */
async function takeAll({ shop: { service } }: StormVillage): Promise<() => Promise<void>> {
  let holds = true;
  let taken = 0;
  const holding = Array.from({ length: connections }, () =>
    service.database.inTransaction(villages.own, async tx => {
      taken += 1;
      while (holds) await tx.execute(sql`select pg_sleep(0.1)`);
    }),
  );
  await until(() => taken === connections, 'every connection is taken');
  return async () => {
    holds = false;
    await Promise.all(holding);
  };
}
