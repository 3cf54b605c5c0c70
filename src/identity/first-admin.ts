import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { user } from './tables.ts';

/**
 * Makes a `platformAdmin` whom nobody appointed: the first one, or the next when all passwords are lost. Only the
 * operator's command does that. Answers the id of the user. `passwordHash` is a PHC string;
 * `oneTimeUntil` says until when a password of somebody else's choice can be exchanged, null that it is the own one.
 * @throws PostgreSQL's `user_login_key`, when the login is taken; its 42501, when there was an administrator already and `tx`
 *   is not of a login that owns the database
 */
export async function createFirstAdmin(
  tx: Tx,
  input: { login: string; name: string; passwordHash: string; oneTimeUntil: string | null },
  now: Temporal.Instant,
): Promise<string> {
  const id = randomUUIDv7();
  await tx.insert(user).values({ id, ...input, state: 'active', createdBy: null, createdAt: iso(now) });
  await tx.execute(sql`select identity.grant_first_admin(${randomUUIDv7()}, ${id}, ${iso(now)})`);
  return id;
}
