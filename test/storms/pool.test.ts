import t from 'tap';
import { firstViolation } from '../support/invariants.ts';
import { villages } from '../support/service.ts';
import { classify } from './calls.ts';
import { diceOf } from './dice.ts';
import { isLong, report, seed, size } from './size.ts';
import { type Intent, openStormVillage, type StormVillage, send, unlikeIntents } from './village.ts';

/*
 * Every connection to the database is taken. Whoever comes then is told so in two seconds, by name and when to come again;
 * the process says that it lives; and when connections are free, everything is as before.
 */
t.setTimeout(isLong ? 3_600_000 : 120_000);

const connections = 20;

t.test('without a limit of waiting, callers hang', async t => {
  const village = await openStormVillage(t, { households: 1, connectionWaitMs: 30_000 });
  const release = await takeAll(village);
  const { ms, answered } = await timed(village, 3_200);
  await release();
  t.notOk(answered, `no answer after ${ms} ms`);
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
    t.equal(health.status, 200);
    t.ok(performance.now() - begun < 1_000, 'the process lives, and says so');
    for (const { kind, answer, ms } of await Promise.all(answering)) {
      t.equal(classify(answer), 'unknown');
      t.match(answer, { status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': /^\d+$/ } });
      // Who shares a database transaction with others may have waited for the one before, too.
      t.ok(ms > 1_000 && ms < (kind === 'award' ? 4_700 : 3_200), `${kind}: told after ${Math.round(ms)} ms`);
    }
    await release();
    const free = performance.now();
    for (const intent of intents) t.equal((await send(clerk, intent)).status, 201, 'the same keys, once there is room');
    t.ok(performance.now() - free < 5_000, 'well again');
    all.push(...intents);
    t.same(await unlikeIntents(village.owner, all, village.households), []);
  }
  t.equal(await firstViolation(village.owner), null);
  report(t, 'pool', { calls: all.length });
});

/** Holds every connection there is, for less than the five seconds that the database allows. Answers how to let go. */
async function takeAll({ shop: { service } }: StormVillage): Promise<() => Promise<void>> {
  const letGo = Promise.withResolvers<void>();
  let taken = 0;
  const holding = Array.from({ length: connections }, () =>
    service.database.inTransaction(villages.own, async () => {
      taken += 1;
      await letGo.promise;
    }),
  );
  for (let left = 200; left > 0 && taken < connections; left -= 1)
    await new Promise(resolve => setTimeout(resolve, 10));
  if (taken < connections) throw new Error(`only ${taken} connections are taken`);
  return async () => {
    letGo.resolve();
    await Promise.all(holding);
  };
}

/** Whether a call is answered in time. */
async function timed(village: StormVillage, withinMs: number): Promise<{ ms: number; answered: boolean }> {
  const begun = performance.now();
  const call = send(village.shop.clerk, village.intent(diceOf(seed), village.households)).then(() => true);
  const patience = new Promise<boolean>(resolve => setTimeout(() => resolve(false), withinMs));
  const answered = await Promise.race([call, patience]);
  return { ms: Math.round(performance.now() - begun), answered };
}
