import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { none } from '../../src/db/scope.ts';
import { type BadLine, openBadLine, type Weather } from '../support/bad-line.ts';
import { type Acknowledged, firstViolation, missingOf } from '../support/invariants.ts';
import { at } from '../support/shop.ts';
import { until } from '../support/waiting.ts';
import { countsOf, nothingSeen, overTcp, type Seen, settle } from './calls.ts';
import { diceOf } from './dice.ts';
import { type ApiProcess, readyAt, startApi } from './process.ts';
import { isLong, report, seed, size } from './size.ts';
import { acknowledgedBy, type Intent, openStormVillage, send, unlikeIntents } from './village.ts';

/*
 * The line between the service and PostgreSQL goes bad in every way it can, silence among them, while callers write; and then
 * that between the callers and the service. Each of them is answered or gives up, nothing is lost or doubled, and once the line
 * is back the service does its work again by itself.
 */
t.setTimeout(isLong ? 7_200_000 : 900_000);

const writers = 8;

const dataDir = await mkdtemp(join(tmpdir(), 'jifen-storm-'));
t.teardown(() => rm(dataDir, { recursive: true, force: true }));
const village = await openStormVillage(t, {
  households: 2 * writers,
  now: new Date().toISOString(),
  keyFolder: join(dataDir, 'keys'),
});
const { service, clerk } = village.shop;
/** What callers have wanted so far, in all storms. */
const all: Intent[] = [];
const [few, many] = [village.households.slice(0, writers), village.households.slice(writers)];

let line: BadLine;
let api: ApiProcess;
t.before(async () => {
  const ownerUrl = new URL(service.ownerUrl);
  line = await openBadLine(Number(ownerUrl.port));
  ownerUrl.port = String(line.port);
  api = await startApi({ ownerUrl: ownerUrl.href, dataDir, role: 'all' });
});
t.teardown(async () => {
  await api?.kill();
  line?.close();
});

t.test('a silent line: whoever calls is answered, and the lanes go on when it is back', async t => {
  const call = overTcp(api.origin, clerk.token, { timeoutMs: 60_000, keepAlive: true });
  const dice = diceOf(seed);
  const intents = Array.from({ length: 21 }, () => village.intent(dice, few));
  // Every connection has been used before: none is opened into the silence.
  await Promise.all(intents.map(() => call('GET', `${at}/households`)));

  line.turn('swallow');
  const begun = performance.now();
  const silent = await Promise.all([
    ...intents.map(intent => send(call, intent)),
    call('GET', `${at}/households`),
    call('POST', '/v1/sessions', { login: 'somebody', password: 'seven bags of rice' }),
  ]);
  const longestMs = Math.round(performance.now() - begun);
  for (const { status, body, headers } of silent)
    t.match([status, body.code, headers['retry-after']], [503, 'unavailable', '2']);

  line.turn('clear');
  const seen = nothingSeen();
  const backMs = await backAgain(call, intents[0]!, seen);
  for (const intent of intents) await settle(seen, () => send(call, intent), { pauseMs: 100 });
  t.same([seen.unexpected, seen.refused], [[], {}], api.unexplained()[0] ?? '');
  t.same(await unlikeIntents(village.owner, intents, few), []);
  call.close();
  report(t, 'silent line', { calls: silent.length, longestMs, backMs, unknown: seen.unknown });
});

t.test('the jobs go on too', async () => {
  const key = 'after the silence';
  const queue = 'tries.forget';
  await service.database.inTransaction(none, tx =>
    service.jobs.send(tx, queue, {}, { key, startAfter: new Date(0).toISOString() }),
  );
  await until(async () => {
    const { rows } = await village.owner.query('select state from jobs.job where name = $1 and singleton_key = $2', [
      queue,
      key,
    ]);
    return rows[0]?.state === 'completed';
  }, 'the job is done');
});

t.test('a bad line to PostgreSQL under load', async t => {
  await stormOn(t, 'bad line', line, api.origin);
});

t.test('a bad line to the callers under load', async t => {
  const callers = await openBadLine(api.port);
  t.teardown(() => callers.close());
  await stormOn(t, 'bad line of callers', callers, `http://127.0.0.1:${callers.port}`);
});

/** Eight callers write by `origin` while `bad` goes bad, in one way after the other. */
async function stormOn(t: Test, storm: string, bad: BadLine, origin: string): Promise<void> {
  const weathers: Weather[] = ['swallow', 'latency', 'cut', 'halfOpen', 'trickle'];
  const dice = diceOf(seed);
  const rounds = size(5, 20);
  const seen = nothingSeen();
  const intents: Intent[] = [];
  const acknowledged: Acknowledged[] = [];
  const backMs: Record<string, number> = {};

  for (let round = 0; round < rounds; round += 1) {
    const weather = weathers[round % weathers.length]!;
    let over = false;
    const begunWith = acknowledged.length;
    const write = async () => {
      const call = overTcp(origin, clerk.token, { timeoutMs: 15_000, keepAlive: true });
      while (!over) {
        const intent = village.intent(dice, many);
        intents.push(intent);
        all.push(intent);
        const answer = await settle(seen, () => send(call, intent), { pauseMs: 100 });
        if (answer?.status === 201) acknowledged.push(acknowledgedBy(intent, answer));
      }
      call.close();
    };
    const writing = Promise.all(Array.from({ length: writers }, write));
    await until(() => acknowledged.length >= begunWith + 20);
    bad.turn(weather);
    await until(() => bad.hit() >= writers, `${weather} is felt`);
    await wait(dice.below(8_000));
    bad.turn('clear');
    const call = overTcp(origin, clerk.token, { timeoutMs: 15_000 });
    const intent = village.intent(dice, many);
    intents.push(intent);
    all.push(intent);
    backMs[weather] = Math.max(backMs[weather] ?? 0, await backAgain(call, intent, seen));
    over = true;
    await writing;
  }

  t.same([seen.unexpected.slice(0, 3), seen.refused], [[], {}], api.unexplained()[0] ?? '');
  t.same(await missingOf(village.owner, acknowledged), [], 'nothing lost');
  t.same(await unlikeIntents(village.owner, all, many), [], 'nothing doubled');
  t.equal(await firstViolation(village.owner), null);
  t.ok(seen.unknown > rounds, `${seen.unknown} outcomes were unknown; fewer would say nothing`);
  report(t, storm, {
    rounds,
    calls: intents.length,
    ...Object.fromEntries(Object.entries(backMs).map(([weather, ms]) => [`${weather}BackMs`, ms])),
    ...countsOf(seen),
  });
}

t.test('a silent line does not keep the service from ending', async t => {
  const call = overTcp(api.origin, clerk.token, { timeoutMs: 60_000 });
  line.turn('swallow');
  const asked = Array.from({ length: 21 }, () => send(call, village.intent(diceOf(seed), few)).catch(() => null));
  await until(() => line.hit() >= 2, 'something is under way');
  const { code, ms } = await api.terminate();
  t.type(code, 'number', 'and by itself');
  await Promise.all(asked);
  report(t, 'silent line, end', { code: code!, ms: Math.round(ms) });
});

/** Tries until the intent has what it wants. Answers after how many milliseconds. */
async function backAgain(call: ReturnType<typeof overTcp>, intent: Intent, seen: Seen): Promise<number> {
  const begun = performance.now();
  await settle(seen, () => send(call, intent), { pauseMs: 50 });
  await readyAt(api.origin, () => true);
  return Math.round(performance.now() - begun);
}
