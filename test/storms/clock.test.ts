import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { build } from '../../src/app.ts';
import { firstViolation, missingOf } from '../support/invariants.ts';
import { isRefused } from '../support/refusal.ts';
import { clockAt, type Reply, villages } from '../support/service.ts';
import { at } from '../support/shop.ts';
import { countsOf, nothingSeen, type Send, settle } from './calls.ts';
import { diceOf } from './dice.ts';
import { isLong, report, seed, size } from './size.ts';
import { acknowledgedBy, type Intent, openStormVillage, type StormVillage, send, unlikeIntents } from './village.ts';

/*
 * Three processes write one book: one whose clock is right, one three days behind, one three days ahead. The book's order and
 * its time are the database's; a token that has run out opens nothing.
 */
t.setTimeout(isLong ? 3_600_000 : 900_000);

const skews = [-3, 0, 3];

t.test('three clocks and one book', async t => {
  const now = new Date().toISOString();
  const village = await openStormVillage(t, { households: 8, now });
  const { service, clerk } = village.shop;
  const [behind, ahead] = await Promise.all([openSkewed(t, village, -3), openSkewed(t, village, 3)]);
  const apps = [behind, service.app, ahead];

  await t.test('a token that has run out is refused by whoever knows the time or is ahead of it', async t => {
    const token = service.tokens.sign(clerk.actor, 900);
    t.equal((await callOf(service.app, token)('GET', `${at}/book`)).status, 200);
    service.clock.pass({ minutes: 16 });
    for (const app of [service.app, ahead]) {
      const answer = await callOf(app, token)('GET', `${at}/book`);
      isRefused(t, answer, '401 token-expired');
    }
    service.clock.set(now);
  });

  await t.test('numbers and times go onward, whoever writes', async t => {
    const dice = diceOf(seed);
    const seen = nothingSeen();
    const calls = apps.map(app => callOf(app, clerk.token));
    const intents: Intent[] = Array.from({ length: size(90, 6_000) }, () => village.intent(dice, village.households));
    const waiting = [...intents];
    const by = new Map<Send, number>();
    const acknowledged: ReturnType<typeof acknowledgedBy>[] = [];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        for (let intent = waiting.pop(); intent !== undefined; intent = waiting.pop()) {
          const one = intent;
          const call = dice.pick(calls);
          const answer = await settle(seen, () => send(call, one), { pauseMs: 20 });
          if (answer?.status !== 201) continue;
          by.set(call, (by.get(call) ?? 0) + 1);
          acknowledged.push(acknowledgedBy(one, answer));
        }
      }),
    );
    t.same(seen.unexpected.slice(0, 3), []);
    t.same(seen.refused, {});
    t.same(await unlikeIntents(village.owner, intents, village.households), []);
    t.same(await missingOf(village.owner, acknowledged), []);
    t.equal(await firstViolation(village.owner), null);
    for (const call of calls) t.ok((by.get(call) ?? 0) >= 10, `${by.get(call)} calls; fewer would say nothing`);
    t.same(await farFromNow(village), [], 'the book’s time is the database’s');
    report(t, 'clock', {
      ...Object.fromEntries(skews.map((days, n) => [`${days} days`, by.get(calls[n]!)!])),
      ...countsOf(seen),
    });
  });

  await t.test('a book that took its time from the process is noticed', async t => {
    const { rows } = await village.owner.query(
      `select pg_get_functiondef('ledger.read_commands'::regproc) as definition`,
    );
    const weak = rows[0].definition.replaceAll(
      /greatest\(date_trunc\('milliseconds', clock_timestamp\(\)\), posted_at\)/g,
      `(p_lists #>> '{0,commands,0,occurredAt}')::timestamptz`,
    );
    t.not(weak, rows[0].definition, 'the canary lives');
    await village.owner.query(weak);
    const dice = diceOf(seed);
    for (const app of [2, 0]) {
      const intent = village.intent(dice, village.households);
      await send(callOf(apps[app]!, clerk.token), intent);
    }
    t.match(await firstViolation(village.owner), { law: /^B6: the book’s time/ });
    await village.owner.query(rows[0].definition);
  });
});

/** The same installation once more, in a process whose clock is off. */
async function openSkewed(t: Test, { shop: { service } }: StormVillage, days: number): Promise<FastifyInstance> {
  const clock = clockAt(service.clock.now().toString());
  clock.pass({ hours: 24 * days });
  const { database, jobs, keys, sealer, signer, photos } = service;
  const app = await build({
    database,
    jobs,
    keys,
    sealer,
    signer,
    photos,
    clock,
    origin: 'https://jifen.example',
    version: '0.0.0',
    corsOrigins: [],
    quotas: { default: 1_000_000, kiosk: 1_000_000, public: 1_000_000 },
    tls: null,
    minClientVersion: null,
    pairingsPerHour: 10,
    trustProxy: false,
    bodyBaseMs: 30_000,
    eventLoopDelayMaxMs: 0,
    logger: pino({ level: 'silent' }),
  });
  await app.ready();
  t.teardown(() => app.close());
  return app;
}

function callOf(app: FastifyInstance, token: string): Send {
  return async (method, url, body, headers): Promise<Reply> => {
    const answer = await app.inject({
      method: method as 'GET',
      url,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    const text = answer.payload;
    return {
      status: answer.statusCode,
      text,
      body: JSON.parse(text),
      headers: answer.headers as Record<string, string>,
    };
  };
}

/** Transactions whose time is not that of the last minutes. */
async function farFromNow({ owner }: StormVillage): Promise<number[]> {
  const { rows } = await owner.query(
    `select number from ledger.transaction where village = $1 and abs(extract(epoch from posted_at - now())) > 600`,
    [villages.own],
  );
  return rows.map(row => row.number);
}
