/**
 * `npm run sample:month`: replays October 2026 of the sample village over HTTP against the running service, as its
 * clerks and kiosks, and compares every household with what it should have earned, spent and kept. Every intent has a
 * name of its own, made from its row, so running it again changes nothing.
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { readConfig } from '../config.ts';
import { directEvidence } from '../earning/validate-award.ts';
import { explainError } from '../explain-error.ts';
import { type Call, callerOf, expectOk, staffCaller } from './client.ts';
import { type DeviceKey, deviceKeyOf, newDeviceKey } from './device-key.ts';
import { type Row, readSample, sampleVillage } from './files.ts';
import { earnByClaims } from './month-claims.ts';
import { type Kept, keepMonth, readMonth } from './month-state.ts';
import { readSignIns } from './sign-ins.ts';

const home = `/v1/villages/${sampleVillage}`;
const batchMax = 1000;
const kioskNames = ['kiosk1', 'kiosk2'];

interface SampleRule {
  id: string;
  code: string;
  evidence: string[];
}

/** A device with its key, as which it calls and as which those who stand at it do. */
interface Kiosk {
  key: DeviceKey;
  call: Call;
}

interface World {
  staff: (login: string) => Call;
  kiosk: (name: string) => Kiosk;
  origin: string;
  households: Map<string, { id: string; headMemberId: string }>;
  rules: Map<string, SampleRule>;
  goods: Map<string, string>;
  storeId: string;
  kept: Kept;
}

async function main(): Promise<void> {
  const begun = performance.now();
  const config = readConfig();
  const origin = `http://${config.host}:${config.port}`;
  const signIns = await readSignIns(config.dataDir);
  const callers = new Map(
    Object.entries(signIns).map(([login, signIn]) => [login, staffCaller(origin, login, signIn)]),
  );
  const staff = (login: string) => callers.get(login)!;

  say(`Reading ${home} at ${origin}.`);
  const kept = await readMonth(config.dataDir);
  const households = await householdsOf(staff('clerk1'));
  // Rules come whole, without pages.
  const inForce: SampleRule[] = expectOk(await staff('clerk1')('GET', `${home}/rules?on=2026-10-15`), 'rules').data;
  const rules = new Map(inForce.map(rule => [rule.code, rule]));
  const goods = byName(await allPages(staff('clerk1'), `${home}/goods`), 'sku');
  const [store] = expectOk(await staff('clerk1')('GET', `${home}/stores`), 'stores').data;
  const keep = () => keepMonth(config.dataDir, kept);
  const kiosks = new Map<string, Kiosk>();
  for (const name of kioskNames)
    kiosks.set(name, await kioskCaller(origin, name, kept, keep, staff('secretary1'), store.id));
  const world: World = {
    staff,
    kiosk: name => kiosks.get(name)!,
    origin,
    households,
    rules,
    goods,
    storeId: store.id,
    kept,
  };

  const events = await readSample('events-sample.csv');
  await issueCards(world, events, keep);
  await replay(world, events);
  const differences = await compare(world);
  for (const line of differences.slice(0, 20)) say(line);
  say(`The month took ${Math.round((performance.now() - begun) / 1000)} s.`);
  say(differences.length === 0 ? 'Every household ties to the point.' : `${differences.length} households differ.`);
  process.exitCode = differences.length === 0 ? 0 : 1;
}

/** Number → id and head, of all households. */
async function householdsOf(clerk: Call): Promise<World['households']> {
  const rows = await allPages(clerk, `${home}/households`);
  return new Map(rows.map(row => [row.number!, { id: row.id!, headMemberId: row.headMemberId! }]));
}

function byName(rows: Record<string, string>[], field: string): Map<string, string> {
  return new Map(rows.map(row => [row[field]!, row.id!]));
}

async function allPages(call: Call, path: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = `limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = expectOk(await call('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`), path);
    rows.push(...page.data);
    cursor = page.nextCursor ?? null;
  }
  return rows;
}

/** A kiosk keeps its key and its refresh token as a device does; the first time, the first secretary pairs it. */
async function kioskCaller(
  origin: string,
  name: string,
  kept: Kept,
  keep: () => Promise<void>,
  secretary: Call,
  storeId: string,
): Promise<Kiosk> {
  const known = kept.devices[name];
  const key = known === undefined ? newDeviceKey() : deviceKeyOf(known.privateKey);
  const anonymous = callerOf(origin, async () => null, key);
  let current: { token: string; until: number } | undefined;
  const keepTokens = async (tokens: { accessToken: string; refreshToken: string; expiresInSeconds: number }) => {
    kept.devices[name] = { privateKey: key.privateKey, refreshToken: tokens.refreshToken };
    await keep();
    current = { token: tokens.accessToken, until: Date.now() + (tokens.expiresInSeconds - 60) * 1000 };
    return current.token;
  };
  const refreshed = async () => {
    const { refreshToken } = kept.devices[name]!;
    return keepTokens(expectOk(await anonymous('POST', '/v1/kiosk/tokens', { refreshToken }), `tokens of ${name}`));
  };
  if (known === undefined) await keepTokens(await pair(anonymous, name, secretary, storeId));
  const token = async () => (current !== undefined && current.until > Date.now() ? current.token : refreshed());
  return { key, call: callerOf(origin, token, key) };
}

async function pair(device: Call, name: string, secretary: Call, storeId: string) {
  const hardware = { model: 'sample', serial: name };
  const asked = expectOk(await device('POST', '/v1/kiosk/pairings', { appVersion: '0.1.0', hardware }), 'pairing');
  const approval = `${home}/kiosk-pairings/${asked.userCode}/approve`;
  expectOk(await secretary('POST', approval, { name, storeId }), `approval of ${name}`);
  for (let polls = 0; polls < 10; polls += 1) {
    const polled = expectOk(await device('POST', '/v1/kiosk/pairings/poll', { deviceCode: asked.deviceCode }), 'poll');
    if (polled.status === 'approved') return polled;
    await wait(1000);
  }
  throw new Error(`${name} was not approved`);
}

/** Households that redeem show a card: its code is shown once, so it is kept as the household would. */
async function issueCards(world: World, events: Row[], keep: () => Promise<void>): Promise<void> {
  const numbers = new Set(events.filter(event => event.kind !== 'earn').map(event => event.household_number!));
  const missing = [...numbers].filter(number => world.kept.cards[number] === undefined);
  await withBar('cards', missing.length, async step => {
    for (const number of missing) {
      const { id } = world.households.get(number)!;
      const card = expectOk(
        await world.staff('secretary1')('POST', `${home}/households/${id}/cards`),
        `card of ${number}`,
      );
      world.kept.cards[number] = card.code;
      await keep();
      step(1);
    }
  });
}

/**
 * In the order in which it happened to each household: what it has earned is entered before it spends. A clerk awards what a
 * count or a sheet shows; everything else is claimed, and decided on by others.
 */
async function replay(world: World, events: Row[]): Promise<void> {
  let waiting: [number, Row][] = [];
  await withBar('events', events.length, async step => {
    const flush = async () => {
      await enter(world, waiting);
      step(waiting.length);
      waiting = [];
    };
    for (const [index, event] of events.entries()) {
      if (event.kind === 'earn') {
        waiting.push([index, event]);
        if (waiting.length === batchMax) await flush();
      } else {
        if (waiting.some(([, { household_number }]) => household_number === event.household_number)) await flush();
        await redeem(world, index, event);
        step(1);
      }
    }
    await flush();
  });
}

/** Each clerk's own, by the sheet. */
async function enter(world: World, events: [number, Row][]): Promise<void> {
  const isDirect = ([, event]: [number, Row]) =>
    world.rules.get(event.rule_code!)!.evidence.some(kind => directEvidence.has(kind));
  // Who signed in at a kiosk stands on a list that a clerk records.
  const clerkOf = ([, { operator }]: [number, Row]) => (operator!.startsWith('clerk') ? operator! : 'clerk1');
  const sheets = [...Map.groupBy(events, clerkOf)];
  await Promise.all(
    sheets.map(async ([clerk, own]) => {
      const direct = own.filter(isDirect);
      if (direct.length > 0) await awardSheet(world, clerk, direct);
      const claims = own.filter(one => !isDirect(one)).map(one => claimOf(world, one));
      await earnByClaims(world.staff, world.staff(clerk), claims);
    }),
  );
}

async function awardSheet(world: World, clerk: string, sheet: [number, Row][]): Promise<void> {
  const items = sheet.map(event => lineOf(world, event));
  const key = `sample-month-awards-${sheet[0]![0]}-${sheet.at(-1)![0]}`;
  const reply = await world.staff(clerk)('POST', `${home}/awards/batch`, { mode: 'perItem', items }, key);
  for (const result of expectOk(reply, 'award sheet').results) {
    // Known under another key: the sheet was entered long ago.
    if (result.status >= 300 && result.problem.code !== 'award-duplicate') {
      throw new Error(`event ${result.ref}: ${JSON.stringify(result.problem)}`);
    }
  }
}

function lineOf(world: World, [index, event]: [number, Row]) {
  const household = world.households.get(event.household_number!)!;
  return {
    ref: String(index),
    ruleId: world.rules.get(event.rule_code!)!.id,
    householdId: household.id,
    memberId: household.headMemberId,
    quantity: 1,
    occurredAt: new Date(event.occurred_at!).toISOString(),
    occasion: `sample-2026-10-${index}`,
    note: event.note === '' ? null : event.note!,
  };
}

/** With everything that its rule asks for. The sample has no papers and no pictures: they are told by their line. */
function claimOf(world: World, event: [number, Row]) {
  const text = `2026年10月台账第 ${event[0] + 1} 行`;
  const evidence = world.rules.get(event[1].rule_code!)!.evidence.map(kind => ({ kind, text }));
  return { ...lineOf(world, event), evidence };
}

async function redeem(world: World, index: number, event: Row): Promise<void> {
  const household = world.households.get(event.household_number!)!;
  const order = {
    storeId: world.storeId,
    lines: [{ goodsId: world.goods.get(event.sku!)!, quantity: Number(event.quantity) }],
    handOver: true,
    mode: 'counter',
    occurredAt: new Date(event.occurred_at!).toISOString(),
    opId: opIdOf(index),
  };
  const key = `sample-month-redemption-${index}`;
  const atKiosk = event.operator!.startsWith('kiosk');
  const call = atKiosk
    ? await householdCaller(world, event.operator!, event.household_number!)
    : world.staff(event.operator!);
  const cardCode = world.kept.cards[event.household_number!];
  const body = atKiosk ? order : { ...order, householdId: household.id, cardCode };
  const reply = await call('POST', `${home}/redemptions`, body, key);
  if (reply.body?.code !== 'already-exists') expectOk(reply, `event ${index}`);
}

/** The household shows its card at the kiosk. */
async function householdCaller(world: World, kiosk: string, number: string): Promise<Call> {
  const shown = { card: world.kept.cards[number] };
  const { key, call } = world.kiosk(kiosk);
  const session = expectOk(await call('POST', '/v1/kiosk/sessions', shown), `session of ${number}`);
  return callerOf(world.origin, async () => session.accessToken, key);
}

/** The same row has the same id for ever: a UUID of version 8 (RFC 9562) made from the row's own name. */
function opIdOf(index: number): string {
  const hex = createHash('sha256').update(`sample-2026-10:${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Each household's statement of October against the file: what was earned, spent and left. */
async function compare(world: World): Promise<string[]> {
  const expected = (await readSample('expected-2026-10.csv')).filter(row => row.household !== 'TOTAL');
  const differences: string[] = [];
  // Readers share the work, so that none of them is asked to wait for its quota.
  const readers = ['clerk1', 'clerk2', 'secretary1', 'board1'];
  await withBar('households', expected.length, async step => {
    for (const [index, row] of expected.entries()) {
      const { id } = world.households.get(row.household!)!;
      const path = `${home}/households/${id}/statement?from=2026-10-01&to=2026-11-01`;
      const statement = expectOk(await world.staff(readers[index % readers.length]!)('GET', path), row.household!);
      const amounts: number[] = statement.entries.map((entry: { amount: number }) => entry.amount);
      const earned = sum(amounts.filter(amount => amount > 0));
      const spent = -sum(amounts.filter(amount => amount < 0));
      const found = `earned ${earned}, spent ${spent}, balance ${statement.closing}`;
      const wanted = `earned ${row.earned}, spent ${row.spent}, balance ${row.balance}`;
      if (found !== wanted) differences.push(`${row.household}: expected ${wanted}; found ${found}`);
      step(1);
    }
  });
  return differences;
}

function sum(amounts: number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

async function withBar(
  what: string,
  total: number,
  work: (step: (by: number) => void) => Promise<void>,
): Promise<void> {
  if (total === 0) return;
  const bar = new SingleBar({
    format: `${what.padEnd(10)} {bar} {value}/{total} {eta_formatted}`,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
  });
  bar.start(total, 0);
  try {
    await work(by => bar.increment(by));
  } finally {
    bar.stop();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main().catch(error => {
  process.stderr.write(`${explainError(error)}\n`);
  process.exitCode = 1;
});
