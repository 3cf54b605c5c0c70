import type pg from 'pg';
import { systemClock } from '../src/calendar.ts';
import { openDatabase } from '../src/db/database.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { setSecondFactor } from '../src/identity/second-factor.ts';
import { createUser } from '../src/identity/users.ts';
import { type Callers, openCallers } from './callers.ts';
import { connectAsOwner, type Fixture } from './fixture.ts';
import { openShops, type Shop } from './redemptions.ts';
import { password, totpSecret, type Village } from './town.ts';
import { expectStatus } from './wire.ts';

/** A village in which claims are filed, reviewed and published, and a store whose counters go on meanwhile. */
export interface ClaimsVillage {
  village: Village;
  shop: Shop;
  callers: Callers;
  owner: pg.Client;
}

/** What the calls of each step took, in milliseconds. */
export type Took = Record<string, number[]>;

/** Who asks for what: numbers of clients. Whoever has a say in a claim has no other in it. */
export const clientOf = { clerk: 0, reviewer: 1, voters: [2, 3], supervisor: 4, secretary: 5, counters: [6, 7, 8, 9] };

const listMax = 200;
/** So many singly, and then it is the other village’s turn. */
const fewAtOnce = 20;
/** One claim of so many is filed, taken and passed by itself. */
const singlyOf = 5;
/** One of so many, among them, has its points set by hand, and waits for the supervisor in the end. */
const byHandOf = 20;

/** Opens a store in a village, and appoints and signs in those who decide there. */
export async function openClaimsVillage(fixture: Fixture, village: Village): Promise<ClaimsVillage> {
  const { village: code } = village;
  const reviewers = ['first', 'second', 'third'].map(name => `${name}-${code}`);
  const secretary = `secretary-${code}`;
  const passwordHash = await hashSecret(password);
  const database = openDatabase(fixture.appUrl, { onError: () => undefined });
  for (const login of [...reviewers, secretary]) {
    const grant = { role: login === secretary ? ('villageAdmin' as const) : ('reviewer' as const), prefix: code };
    await database.inTransaction(code, async tx => {
      const { id } = await createUser(
        tx,
        fixture.staff.supervisor,
        { login, name: login, passwordHash, oneTimeUntil: null, grant },
        systemClock.now(),
      );
      if (login === secretary) await setSecondFactor(tx, fixture.sealer, { id, secret: totpSecret }, systemClock.now());
    });
  }
  await database.close();
  const [shop] = await openShops(fixture, [village]);
  const [clerk, ...counters] = fixture.staff.clerks;
  const logins = [clerk!, ...reviewers, 'supervisor', secretary, ...counters.slice(0, clientOf.counters.length)];
  const callers = await openCallers(fixture, logins);
  return { village, shop: shop!, callers, owner: await connectAsOwner(fixture) };
}

export async function leaveClaimsVillage({ callers, owner }: ClaimsVillage): Promise<void> {
  callers.close();
  await owner.end();
}

/** Claims on their way in one village. */
export interface Way {
  place: ClaimsVillage;
  took: Took;
}

/**
 * Brings `count` claims (at most 1,000) of each village from their filing onto a notice. A step begins when all of the one
 * before is done, and the villages take turns in it, a list or twenty claims at a time: a slow moment of the machine falls
 * on all of them. Answers the ids of their notices.
 */
export async function bringToNotice(ways: Way[], count: number): Promise<string[]> {
  const singly = Math.ceil(count / singlyOf);
  const inTurn = async (step: (ask: Ask, place: ClaimsVillage) => Promise<void>) => {
    for (const { place } of ways) await place.callers.keepOpen();
    for (const way of ways) await step(asker(way), way.place);
  };
  const decide = async (options: Omit<Deciding, 'count'>, all: number) => {
    for (const { length } of partsOf(all, listMax)) await inTurn(ask => decideList(ask, { ...options, count: length }));
  };
  for (const { place } of ways) await place.callers.refresh();
  for (const part of partsOf(singly, fewAtOnce))
    await inTurn((ask, { village }) => fileSingly(ask, village, part, count));
  for (const part of partsOf(count - singly, listMax)) await inTurn((ask, { village }) => fileList(ask, village, part));
  for (const { length } of partsOf(singly, fewAtOnce)) await inTurn(ask => reviewSingly(ask, length));
  await decide({ client: clientOf.reviewer, step: 'firstReview', verdict: 'pass', as: 'pass' }, count - singly);
  for (const [n, client] of clientOf.voters.entries()) {
    await decide({ client, step: 'panel', verdict: 'approve', as: n === 0 ? 'firstVotes' : 'lastVotes' }, count);
  }
  const confirm = { client: clientOf.supervisor, step: 'second', verdict: 'approve', as: 'confirm' };
  await decide(confirm, Math.floor(count / byHandOf));
  const notices: string[] = [];
  await inTurn(async ask => {
    notices.push(await publishAll(ask, count));
  });
  return notices;
}

/** Numbers from 0 to `count`, in parts of at most `size`. */
function partsOf(count: number, size: number): number[][] {
  const all = Array.from({ length: count }, (_, n) => n);
  return Array.from({ length: Math.ceil(count / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}

interface Ask {
  get<T>(step: string, client: number, path: string): Promise<T>;
  post<T>(step: string, client: number, path: string, body: object, status: number): Promise<T>;
}

interface Queued {
  id: string;
}

interface Notice {
  id: string;
  lineCount: number;
}

function asker({ place: { village, callers }, took }: Way): Ask {
  const whole = (path: string) => `/v1/villages/${village.village}${path}`;
  const timed = async <T>(step: string, status: number, call: () => ReturnType<Callers['get']>): Promise<T> => {
    const begin = performance.now();
    const answer = await call();
    took[step] ??= [];
    took[step].push(performance.now() - begin);
    expectStatus(answer, status);
    return JSON.parse(answer.body.toString('utf8'));
  };
  return {
    get: (step, client, path) => timed(step, 200, () => callers.get(client, whole(path))),
    post: (step, client, path, body, status) =>
      timed(step, status, () => callers.post(client, whole(path), JSON.stringify(body))),
  };
}

function claimOf({ rule, households }: Village, n: number) {
  return {
    ruleId: rule.id,
    householdId: households[n % households.length]!,
    quantity: 1,
    place: '二组公厕',
    note: '清扫公厕周边',
    evidence: [{ kind: 'count', text: '签到表' }],
  };
}

async function fileSingly(ask: Ask, village: Village, numbers: number[], of: number): Promise<void> {
  for (const n of numbers) {
    const byHand = n < Math.floor(of / byHandOf) && { custom: { points: 2, reason: '细则没有对应事项' } };
    await ask.post('fileOne', clientOf.clerk, '/claims', { ...claimOf(village, n), ...byHand }, 201);
  }
}

function fileList(ask: Ask, village: Village, numbers: number[]): Promise<void> {
  const items = numbers.map(n => claimOf(village, n));
  return postList(ask, 'file', clientOf.clerk, '/claims/batch', items);
}

async function reviewSingly(ask: Ask, count: number): Promise<void> {
  const client = clientOf.reviewer;
  for (const { id } of await queueOf(ask, client, 'firstReview', count)) {
    await ask.post('take', client, `/claims/${id}/take`, {}, 200);
    await ask.post('passOne', client, `/claims/${id}/pass`, {}, 200);
  }
}

interface Deciding {
  client: number;
  step: string;
  verdict: string;
  /** What it is called in the figures. */
  as: string;
  count: number;
}

/** Decides on the first of what the queue shows. */
async function decideList(ask: Ask, { client, step, verdict, as, count }: Deciding): Promise<void> {
  const queue = await queueOf(ask, client, step, count);
  const items = queue.map(({ id: claimId }) => ({ claimId, step, verdict }));
  await postList(ask, as, client, '/claims/decisions/batch', items);
}

async function queueOf(ask: Ask, client: number, step: string, count: number): Promise<Queued[]> {
  // A whole page, as a work list shows it, however many of it are decided at once.
  const path = `/claims/queue?step=${step}&limit=${listMax}`;
  const { data } = await ask.get<{ data: Queued[] }>('queue', client, path);
  if (data.length < count) throw new Error(`${count} claims should wait for ${step}, the queue shows ${data.length}`);
  return data.slice(0, count);
}

/** Publishes what was approved, and reads it and the claims as people do. Answers the id of the notice. */
async function publishAll(ask: Ask, count: number): Promise<string> {
  await ask.get('list', clientOf.clerk, `/claims?limit=${listMax}`);
  await ask.get('list', clientOf.clerk, `/claims?limit=${listMax}&state=approved`);
  const { id, lineCount } = await ask.post<Notice>('publish', clientOf.secretary, '/notices', {}, 201);
  if (lineCount !== count) throw new Error(`${count} claims were approved, ${lineCount} stand on the notice`);
  await ask.get('readNotice', clientOf.clerk, `/notices/${id}?limit=${listMax}`);
  return id;
}

async function postList(ask: Ask, step: string, client: number, path: string, items: object[]): Promise<void> {
  const { refused } = await ask.post<{ refused: number }>(step, client, path, { items }, 207);
  if (refused > 0) throw new Error(`${refused} lines of a list were refused: ${path}`);
}
