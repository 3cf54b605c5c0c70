import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startCluster } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { type Acknowledged, firstViolation, missingOf } from '../support/invariants.ts';
import { makePostgres, type OwnPostgres } from '../support/postgres.ts';
import { connect } from '../support/service.ts';
import { until } from '../support/waiting.ts';
import { countsOf, nothingSeen, overTcp, type Seen, settle } from './calls.ts';
import { type Dice, diceOf } from './dice.ts';
import { type ApiProcess, readyAt, startApi } from './process.ts';
import { isLong, report, seed, size } from './size.ts';
import { acknowledgedBy, type Intent, openStormVillage, type StormVillage, send, unlikeIntents } from './village.ts';

/*
 * `kill -9` of PostgreSQL, of the service, or of both, while sixteen callers write. What was acknowledged is there, what was
 * tried again is there once, and the service does its work again; how soon is printed.
 */
t.setTimeout(isLong ? 7_200_000 : 900_000);

const writers = 16;
const careful = ['synchronous_commit=on'];
/** Told to be done before the disk is, and to write seldom: what a kill takes is what nobody had to wait for. */
const careless = ['synchronous_commit=off', 'wal_writer_delay=2s'];

t.test('kill -9', async t => {
  const ground = await openGround(t, careless);
  await t.test('a PostgreSQL that does not wait for its disk loses what was acknowledged', async t => {
    const among = ground.village.households.slice(0, writers);
    let lost = 0;
    for (let round = 0; round < 8 && lost === 0; round += 1) {
      const storm = startWriters(ground, { dice: diceOf(seed + round), among, seen: nothingSeen() });
      await until(() => storm.acknowledged.length >= 30);
      await ground.postgres.kill();
      // Nobody tries again: a retry would do anew what was lost.
      storm.stop('at once');
      await storm.over;
      await ground.postgres.start();
      lost += (await missingOf(await ownerOf(t, ground), storm.acknowledged)).length;
    }
    t.ok(lost > 0, `${lost} acknowledged and lost`);
    report(t, 'kill, canary', { lost });
  });

  await ground.postgres.kill();
  await ground.postgres.start(careful);
  await readyAt(ground.api.origin, () => true);

  await t.test('and ours does not', async t => {
    const among = ground.village.households.slice(writers);
    const dice = diceOf(seed);
    const rounds = size(10, 200);
    const intents: Intent[] = [];
    const acknowledged: Acknowledged[] = [];
    const seen = nothingSeen();
    const kills: Record<string, number> = { postgres: 0, service: 0, both: 0 };
    const unlike: string[] = [];
    let longest = 0;

    for (let round = 0; round < rounds && unlike.length === 0; round += 1) {
      const storm = startWriters(ground, { dice, among, seen });
      await until(() => storm.acknowledged.length >= 20);
      await wait(dice.below(100));
      // The service takes longer to come back than PostgreSQL, so it is killed less often.
      const victim = round % 8 === 2 ? 'service' : isLong && round % 8 === 5 ? 'both' : 'postgres';
      kills[victim] = kills[victim]! + 1;
      longest = Math.max(longest, await killAndWait(ground, victim));
      storm.stop('when known');
      await storm.over;
      intents.push(...storm.intents);
      acknowledged.push(...storm.acknowledged);
      // In a long run, a defect is to be found near the kill that made it; all that was ever acknowledged is looked through.
      if (round % 20 === 19 || round === rounds - 1)
        unlike.push(...(await defects(t, ground, { intents, acknowledged, among })));
    }

    t.same(unlike, [], 'nothing lost, nothing doubled, every law holds');
    t.same(seen.unexpected.slice(0, 3), [], ground.api.unexplained()[0] ?? '');
    t.same(seen.refused, {}, 'and nothing refused that was not to be');
    t.equal(acknowledged.length, intents.length, 'in the end every caller knows');
    t.ok(seen.unknown >= rounds, `${seen.unknown} calls were cut off; fewer than one a kill would say nothing`);
    report(t, 'kill', {
      ...kills,
      calls: intents.length,
      readyMs: Math.round(longest),
      defects: unlike.length,
      ...countsOf(seen),
    });
  });
});

/** Answers after how many milliseconds the service does its work again. */
async function killAndWait(ground: Ground, victim: 'postgres' | 'service' | 'both'): Promise<number> {
  const begun = performance.now();
  await Promise.all([
    ...(victim === 'service' ? [] : [ground.postgres.kill()]),
    ...(victim === 'postgres' ? [] : [ground.api.kill()]),
  ]);
  if (victim !== 'service') await ground.postgres.start();
  if (victim !== 'postgres') ground.api = await startApi(ground);
  await readyAt(ground.api.origin, () => true);
  return performance.now() - begun;
}

async function defects(
  t: Test,
  ground: Ground,
  sent: { intents: Intent[]; acknowledged: Acknowledged[]; among: string[] },
): Promise<string[]> {
  const owner = await ownerOf(t, ground);
  const violation = await firstViolation(owner);
  return [
    ...(await missingOf(owner, sent.acknowledged)).map(lost => `lost: ${JSON.stringify(lost)}`),
    ...(await unlikeIntents(owner, sent.intents, sent.among)),
    ...(violation === null ? [] : [`${violation.law}: ${violation.what}`]),
  ];
}

interface Ground {
  postgres: OwnPostgres;
  api: ApiProcess;
  village: StormVillage;
  ownerUrl: string;
  dataDir: string;
  port: number;
}

async function openGround(t: Test, settings: string[]): Promise<Ground> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jifen-storm-'));
  const postgres = await makePostgres(true);
  t.teardown(async () => {
    await postgres.remove();
    await rm(dataDir, { recursive: true, force: true });
  });
  await postgres.start(settings);
  const cluster = await startCluster(postgres.url);
  const now = new Date().toISOString();
  const village = await openStormVillage(t, {
    households: 2 * writers,
    now,
    keyFolder: join(dataDir, 'keys'),
    cluster,
  });
  // Where commits do not wait for the disk, a kill would take households along.
  await village.owner.query('checkpoint');
  const { ownerUrl } = village.shop.service;
  const port = await freePort();
  const ground = { postgres, village, ownerUrl, dataDir, port, api: await startApi({ ownerUrl, dataDir, port }) };
  t.teardown(() => ground.api.kill());
  return ground;
}

/** Sixteen callers, each of whom wants one thing after another and repeats it until it is known. */
function startWriters(ground: Ground, { dice, among, seen }: { dice: Dice; among: string[]; seen: Seen }) {
  const intents: Intent[] = [];
  const acknowledged: Acknowledged[] = [];
  let stop: 'at once' | 'when known' | undefined;
  const write = async () => {
    const call = overTcp(ground.api.origin, ground.village.shop.clerk.token, { timeoutMs: 60_000, keepAlive: true });
    while (stop === undefined) {
      const intent = ground.village.intent(dice, among);
      intents.push(intent);
      const answer = await settle(seen, () => send(call, intent), {
        pauseMs: 250,
        abandoned: () => stop === 'at once',
      });
      if (answer?.status === 201) acknowledged.push(acknowledgedBy(intent, answer));
    }
    call.close();
  };
  const over = Promise.all(Array.from({ length: writers }, write));
  return {
    intents,
    acknowledged,
    over,
    stop(how: 'at once' | 'when known') {
      stop = how;
    },
  };
}

/** A connection that is younger than the last kill, and may be ended by the next. */
async function ownerOf(t: Test, { ownerUrl }: Ground) {
  const owner = await connect(t, ownerUrl);
  return owner.on('error', () => undefined);
}
