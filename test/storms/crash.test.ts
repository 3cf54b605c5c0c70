import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { firstViolation, missingOf } from '../support/invariants.ts';
import { openLine } from '../support/line.ts';
import { until } from '../support/waiting.ts';
import { classify, countsOf, nothingSeen, overTcp, settle } from './calls.ts';
import { diceOf } from './dice.ts';
import { startApi } from './process.ts';
import { isLong, report, seed, size } from './size.ts';
import { acknowledgedBy, effectsBeyond, type Intent, openStormVillage, send, unlikeIntents } from './village.ts';

/*
 * A process of the service dies when everything is committed and nobody has heard of it: its answers lie on the line, and
 * never arrive. Asked again under the same key, another process answers what was answered.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

t.test('killed between the commit and the answer', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'jifen-storm-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const now = new Date().toISOString();
  const village = await openStormVillage(t, { households: 4, now, keyFolder: join(dataDir, 'keys') });
  const { ownerUrl } = village.shop.service;
  const { token } = village.shop.clerk;
  const dice = diceOf(seed);
  const rounds = size(1, 50);
  const callers = 16;

  // The heir is this very process, which runs the whole service, too.
  const heir = await village.shop.service.app.listen({ port: 0, host: '127.0.0.1' });
  const direct = overTcp(heir, token, { timeoutMs: 120_000 });
  let victim = await startApi({ ownerUrl, dataDir });
  t.teardown(() => victim.kill());
  const seen = nothingSeen();
  const intents: Intent[] = [];
  let replayed = 0;
  const missing = [];

  for (let round = 0; round < rounds; round += 1) {
    const line = await openLine(victim.port, () => ({ fate: 'held', delayMs: 0 }));
    const lost = overTcp(line.origin, token, { timeoutMs: 150_000 });
    const made = Array.from({ length: callers }, () => village.intent(dice, village.households));
    intents.push(...made);
    const first = made.map(intent => send(lost, intent).catch((error: Error) => error));
    await until(() => line.held() >= callers, 'every answer is on its way');
    t.equal(await effectsBeyond(village.owner, intents, village.households), 0, 'and everything had happened');
    await victim.kill();
    await line.close();
    for (const answer of await Promise.all(first)) t.equal(classify(answer), 'unknown');

    for (const intent of made) {
      const answer = await settle(seen, () => send(direct, intent), { pauseMs: 50 });
      if (answer?.headers['idempotency-replayed'] === 'true') replayed += 1;
      const again = await settle(seen, () => send(direct, intent), { pauseMs: 50 });
      t.equal(again?.text, answer?.text, 'the same answer each time');
      if (answer !== undefined) missing.push(...(await missingOf(village.owner, [acknowledgedBy(intent, answer)])));
    }
    if (round + 1 < rounds) victim = await startApi({ ownerUrl, dataDir });
  }

  t.equal(replayed, intents.length, 'nothing was done a second time');
  t.same(missing, []);
  t.same(seen.unexpected.slice(0, 3), []);
  t.same(await unlikeIntents(village.owner, intents, village.households), []);
  t.equal(await firstViolation(village.owner), null);

  // A caller who takes a lost answer for a refusal, and orders anew, has it twice: the check sees that.
  await send(direct, intents[0]!, 'another-key');
  t.equal(await effectsBeyond(village.owner, intents, village.households), 1, 'canary: a fresh key is seen');
  report(t, 'crash', { kills: rounds, calls: intents.length, replayed, ...countsOf(seen) });
});
