import type pg from 'pg';
import { systemClock } from '../src/calendar.ts';
import { openDatabase } from '../src/db/database.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { createUser } from '../src/identity/users.ts';
import { type Callers, openCallers } from './callers.ts';
import { connectAsOwner, type Fixture } from './fixture.ts';
import { openShops, type Shop } from './redemptions.ts';
import { password, type Village } from './town.ts';
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
    await database.inTransaction(code, tx =>
      createUser(tx, fixture.staff.supervisor, { login, name: login, passwordHash, grant }, systemClock.now()),
    );
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
 * before is done, and the villages take it in turn: a slow moment of the machine falls on all of them. Answers the ids of
 * their notices.
 */
export async function bringToNotice(ways: Way[], count: number): Promise<string[]> {
  const singly = Math.ceil(count / singlyOf);
  const inTurn = async (step: (ask: Ask, place: ClaimsVillage) => Promise<void>) => {
    for (const { place } of ways) await place.callers.keepOpen();
    for (const way of ways) await step(asker(way), way.place);
  };
  for (const { place } of ways) await place.callers.refresh();
  await inTurn((ask, { village }) => fileAll(ask, village, { count, singly }));
  await inTurn(ask => reviewOneByOne(ask, singly));
  const pass = { client: clientOf.reviewer, step: 'firstReview', verdict: 'pass', as: 'pass' };
  await inTurn(ask => decideAll(ask, { ...pass, count: count - singly }));
  for (const [n, client] of clientOf.voters.entries()) {
    const vote = { client, step: 'panel', verdict: 'approve', as: n === 0 ? 'firstVotes' : 'lastVotes' };
    await inTurn(ask => decideAll(ask, { ...vote, count }));
  }
  const confirm = { client: clientOf.supervisor, step: 'second', verdict: 'approve', as: 'confirm' };
  await inTurn(ask => decideAll(ask, { ...confirm, count: Math.floor(count / byHandOf) }));
  const notices: string[] = [];
  await inTurn(async ask => {
    notices.push(await publishAll(ask, count));
  });
  return notices;
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

async function fileAll(
  ask: Ask,
  { rule, households }: Village,
  { count, singly }: { count: number; singly: number },
): Promise<void> {
  const byHand = Math.floor(count / byHandOf);
  const claims = Array.from({ length: count }, (_, n) => ({
    ruleId: rule.id,
    householdId: households[n % households.length]!,
    quantity: 1,
    place: '二组公厕',
    note: '清扫公厕周边',
    evidence: [{ kind: 'count', text: '签到表' }],
    ...(n < byHand && { custom: { points: 2, reason: '细则没有对应事项' } }),
  }));
  for (const claim of claims.slice(0, singly)) await ask.post('fileOne', clientOf.clerk, '/claims', claim, 201);
  for (const items of listsOf(claims.slice(singly)))
    await postList(ask, 'file', clientOf.clerk, '/claims/batch', items);
}

async function reviewOneByOne(ask: Ask, count: number): Promise<void> {
  const client = clientOf.reviewer;
  for (const { id } of await queueOf(ask, client, 'firstReview', count)) {
    await ask.post('take', client, `/claims/${id}/take`, {}, 200);
    await ask.post('passOne', client, `/claims/${id}/pass`, {}, 200);
  }
}

/** Decides on what the queue shows, until so many are decided. */
async function decideAll(
  ask: Ask,
  said: { client: number; step: string; verdict: string; as: string; count: number },
): Promise<void> {
  const { client, step, verdict, as } = said;
  for (let left = said.count; left > 0; left -= listMax) {
    const queue = await queueOf(ask, client, step, Math.min(left, listMax));
    const items = queue.map(({ id: claimId }) => ({ claimId, step, verdict }));
    await postList(ask, as, client, '/claims/decisions/batch', items);
  }
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

async function queueOf(ask: Ask, client: number, step: string, count: number): Promise<Queued[]> {
  const { data } = await ask.get<{ data: Queued[] }>('queue', client, `/claims/queue?step=${step}&limit=${count}`);
  if (data.length !== count) throw new Error(`${count} claims wait for ${step}, the queue shows ${data.length}`);
  return data;
}

async function postList(ask: Ask, step: string, client: number, path: string, items: object[]): Promise<void> {
  const { refused } = await ask.post<{ refused: number }>(step, client, path, { items }, 207);
  if (refused > 0) throw new Error(`${refused} lines of a list were refused: ${path}`);
}

function listsOf<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / listMax) }, (_, n) =>
    items.slice(n * listMax, (n + 1) * listMax),
  );
}
