import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { userEvent } from './tables.ts';

/** Writes down what was done to an account, and by whom. */
export async function recordUserEvent(
  tx: Tx,
  input: { userId: string; kind: typeof userEvent.$inferInsert.kind; by: string },
  now: Temporal.Instant,
): Promise<void> {
  const { userId, kind, by } = input;
  await tx.insert(userEvent).values({ id: randomUUIDv7(), userId, kind, byUser: by, at: iso(now) });
}
