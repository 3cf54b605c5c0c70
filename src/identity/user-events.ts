import { randomUUIDv7 } from 'node:crypto';
import { and, desc, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import { userEvent } from './tables.ts';

type UserEvent = typeof userEvent.$inferSelect;

/** Writes down what was done to an account, and by whom. */
export async function recordUserEvent(
  tx: Tx,
  input: { userId: string; kind: UserEvent['kind']; by: string; oldName?: string; newName?: string },
  now: Temporal.Instant,
): Promise<void> {
  const { by, ...event } = input;
  await tx.insert(userEvent).values({ id: randomUUIDv7(), ...event, byUser: by, at: iso(now) });
}

const eventsMax = 50;

/** What was done to an account, the newest first, at most 50. */
export async function listUserEvents(db: Db, userId: string) {
  const rows = await db
    .select()
    .from(userEvent)
    .where(eq(userEvent.userId, userId))
    .orderBy(desc(userEvent.at), desc(userEvent.id))
    .limit(eventsMax);
  return rows.map(({ id, kind, byUser: byUserId, at, oldName: from, newName: to }) => {
    return { id, kind, byUserId, at, from, to };
  });
}

/** 1 for an account that was never corrected, and one more with each correction. */
export async function userVersion(db: Db, userId: string): Promise<number> {
  return 1 + (await db.$count(userEvent, and(eq(userEvent.userId, userId), eq(userEvent.kind, 'nameCorrected'))));
}
