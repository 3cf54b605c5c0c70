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
  fixture: Fixture;
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

export async function openClaimsVillage(fixture: Fixture): Promise<ClaimsVillage> {
  const village = fixture.villages[0]!;
  const reviewers = ['reviewer0', 'reviewer1', 'reviewer2'];
  const passwordHash = await hashSecret(password);
  const database = openDatabase(fixture.appUrl, { onError: () => undefined });
  for (const login of reviewers) {
    const grant = { role: 'reviewer' as const, prefix: village.village };
    await database.inTransaction(village.village, tx =>
      createUser(tx, fixture.staff.secretary, { login, name: login, passwordHash, grant }, systemClock.now()),
    );
  }
  await database.close();
  const [shop] = await openShops(fixture, [village]);
  const [clerk, ...counters] = fixture.staff.clerks;
  const logins = [clerk!, ...reviewers, 'supervisor', 'secretary', ...counters.slice(0, clientOf.counters.length)];
  const callers = await openCallers(fixture, logins);
  return { fixture, village, shop: shop!, callers, owner: await connectAsOwner(fixture) };
}

export async function leaveClaimsVillage({ callers, owner }: ClaimsVillage): Promise<void> {
  callers.close();
  await owner.end();
}

/**
 * Brings `count` claims (at most 1,000) from their filing onto a notice, each step when all of them have done the one
 * before. Answers the id of the notice.
 */
export async function bringToNotice(place: ClaimsVillage, count: number, took: Took): Promise<string> {
  const singly = Math.ceil(count / singlyOf);
  await place.callers.refresh();
  const ask = asker(place, took);
  await fileAll(place, ask, { count, singly });
  await reviewAll(ask, { count, singly });
  const byHand = Math.floor(count / byHandOf);
  for (const voter of clientOf.voters) {
    const step = voter === clientOf.voters.at(-1) ? 'lastVotes' : 'firstVotes';
    await decideAll(ask, { client: voter, step: 'panel', verdict: 'approve', as: step, count });
  }
  if (byHand > 0) {
    const confirming = { client: clientOf.supervisor, step: 'second', verdict: 'approve', as: 'confirm' };
    await decideAll(ask, { ...confirming, count: byHand });
  }
  await ask.get('list', clientOf.clerk, `/claims?limit=${listMax}`);
  await ask.get('list', clientOf.clerk, `/claims?limit=${listMax}&state=approved`);
  const notice = await ask.post<{ id: string; lineCount: number }>('publish', clientOf.secretary, '/notices', {}, 201);
  if (notice.lineCount !== count)
    throw new Error(`${count} claims were approved, ${notice.lineCount} stand on the notice`);
  await ask.get('readNotice', clientOf.clerk, `/notices/${notice.id}?limit=${listMax}`);
  return notice.id;
}

interface Ask {
  get<T>(step: string, client: number, path: string): Promise<T>;
  post<T>(step: string, client: number, path: string, body: object, status: number): Promise<T>;
}

interface Queued {
  id: string;
}

function asker({ village: { village }, callers }: ClaimsVillage, took: Took): Ask {
  const whole = (path: string) => `/v1/villages/${village}${path}`;
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
  { village: { rule, households } }: ClaimsVillage,
  ask: Ask,
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

async function reviewAll(ask: Ask, { count, singly }: { count: number; singly: number }): Promise<void> {
  const client = clientOf.reviewer;
  for (const { id } of await queueOf(ask, client, 'firstReview', singly)) {
    await ask.post('take', client, `/claims/${id}/take`, {}, 200);
    await ask.post('passOne', client, `/claims/${id}/pass`, {}, 200);
  }
  await decideAll(ask, { client, step: 'firstReview', verdict: 'pass', as: 'pass', count: count - singly });
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
