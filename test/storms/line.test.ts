import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { firstViolation } from '../support/invariants.ts';
import { type Fate, openLine } from '../support/line.ts';
import { countsOf, nothingSeen, overTcp, settle } from './calls.ts';
import { type Dice, diceOf } from './dice.ts';
import { isLong, report, seed, size } from './size.ts';
import { effectsBeyond, type Intent, openStormVillage, type StormVillage, send, unlikeIntents } from './village.ts';

/*
 * A line that loses three answers of ten after their effect, doubles a call of ten, holds some up and delivers some when
 * they have long been tried again. Whoever repeats with the same key has what was wanted, once.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

const writers = 8;

t.test('a lossy line', async t => {
  const village = await openStormVillage(t, { households: 16 });
  const [some, others] = [village.households.slice(0, 4), village.households.slice(4)];
  const { service } = village.shop;
  await service.app.listen({ port: 0, host: '127.0.0.1' });

  await t.test('a fresh key for each try: doubles are seen', async t => {
    const { intents } = await storm(t, village, { count: 50, among: some, freshKeys: true, seed });
    const beyond = await effectsBeyond(village.owner, intents, some);
    t.ok(beyond > 5, `${beyond} effects too many`);
    report(t, 'line, canary', { intents: intents.length, doubles: beyond });
  });

  const all: Intent[] = [];
  for (let round = 0; round < size(1, 50); round += 1) {
    await t.test(`the same key: once each, seed ${seed + round}`, async t => {
      const wanted = { count: size(140, 400), among: others, freshKeys: false, seed: seed + round };
      const { intents, seen, counts } = await storm(t, village, wanted);
      all.push(...intents);
      t.same(seen.unexpected.slice(0, 3), []);
      t.same(seen.refused, {}, 'nothing stood against any of them');
      t.equal(seen.success, intents.length);
      t.same(await unlikeIntents(village.owner, all, others), []);
      t.equal(await firstViolation(village.owner), null);
      for (const fate of ['cut', 'doubled', 'slow', 'late'] as const)
        t.ok(counts[fate] >= 8, `${fate}: ${counts[fate]}, below 8 the run says nothing`);
      report(t, 'line', { intents: intents.length, ...counts, ...countsOf(seen) });
    });
  }
});

async function storm(
  t: Test,
  village: StormVillage,
  wanted: { count: number; among: string[]; freshKeys: boolean; seed: number },
) {
  const { service, clerk } = village.shop;
  const { port } = service.app.server.address() as { port: number };
  const dice = diceOf(wanted.seed);
  const line = await openLine(port, () => ({ fate: fateOf(dice), delayMs: 20 + dice.below(180) }));
  t.teardown(() => line.close());
  const call = overTcp(line.origin, clerk.token, { timeoutMs: 60_000 });
  const seen = nothingSeen();
  const intents: Intent[] = Array.from({ length: wanted.count }, () => village.intent(dice, wanted.among));
  const waiting = [...intents];
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (let intent = waiting.pop(); intent !== undefined; intent = waiting.pop()) {
        const one = intent;
        const again = () => send(call, one, wanted.freshKeys ? randomUUID() : one.key);
        await settle(seen, again, { pauseMs: 5 });
      }
    }),
  );
  await line.drain();
  return { intents, seen, counts: line.counts };
}

function fateOf(dice: Dice): Fate {
  const at = dice.next();
  if (at < 0.3) return 'cut';
  if (at < 0.4) return 'doubled';
  if (at < 0.5) return 'slow';
  return at < 0.6 ? 'late' : 'clear';
}
