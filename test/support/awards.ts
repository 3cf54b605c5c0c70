import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { rowsOf } from '../../src/db/database.ts';
import { getBook } from '../../src/ledger/read.ts';
import { type Caller, type Service, villages } from './service.ts';

export const awardsPath = `/v1/villages/${villages.own}/awards`;

/**
 * A caller who does as the contract says: after 503, or while the first call still runs, the same key again. Without it a
 * race on a busy machine would be lost to the queue for connections.
 */
export function insisting(caller: Caller): Caller {
  const insist = async (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) => {
    const key = { 'idempotency-key': randomUUID(), ...headers };
    for (let left = 30; ; left -= 1) {
      const reply = await caller(method, url, body, method === 'POST' ? key : headers);
      const again = reply.status === 503 || reply.body?.code === 'idempotency-in-progress';
      if (!again || left === 0) return reply;
    }
  };
  return Object.assign(insist, { actor: caller.actor, token: caller.token });
}

/** A clerk's call to award. */
export function awarding(caller: Caller) {
  const clerk = insisting(caller);
  return (input: object, headers?: Record<string, string>) =>
    clerk('POST', awardsPath, { quantity: 1, ...input }, headers);
}

/** A household of `size` people. */
export async function household(service: Service, size = 1): Promise<{ id: string; members: string[] }> {
  const members = Array.from({ length: size }, (_, place) => ({ name: `张小${place}` }));
  const id = await service.household({ members });
  const rows = await service.inVillage(villages.own, tx =>
    rowsOf<{ id: string }>(tx, sql`select id from households.member where household_id = ${id} order by id`),
  );
  return { id, members: rows.map(row => row.id) };
}

/** One after another, for each takes the next number. */
export async function households(service: Service, count: number) {
  const made: Awaited<ReturnType<typeof household>>[] = [];
  for (let left = count; left > 0; left -= 1) made.push(await household(service));
  return made;
}

/** What a household has. */
export async function pointsOf(caller: Caller, householdId: string) {
  const { body } = await caller('GET', `/v1/villages/${villages.own}/households/${householdId}/points`);
  return body as {
    available: number;
    pending: number;
    held: number;
    honour: number;
    expiring: object[];
    asOfNumber: number;
  };
}

/** Number of the last transaction in the book. */
export async function bookNumber(service: Service): Promise<number> {
  return (await service.inVillage(villages.own, tx => getBook(tx, villages.own))).number;
}

/** Opens every connection first: otherwise one caller is done before the others have theirs, and there is no race. */
export async function readyToRace(service: Service): Promise<void> {
  const connections = 20;
  const allHaveOne = Promise.withResolvers<void>();
  let opened = 0;
  const wait = () =>
    service.inVillage(villages.own, async () => {
      opened += 1;
      if (opened === connections) allHaveOne.resolve();
      await allHaveOne.promise;
    });
  await Promise.all(Array.from({ length: connections }, wait));
}

/** How often each answer came: `201`, or the code of the problem. */
export function tally(replies: { status: number; body: { code?: string } }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of replies) {
    const name = status < 300 ? String(status) : body.code!;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
