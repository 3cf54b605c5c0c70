import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { grant, user } from './tables.ts';

/**
 * Makes a `platformAdmin` whom nobody appointed: the first one, or the next when all passwords are lost. Only the
 * operator's command does that. Answers the id of the user. `passwordHash` is a PHC string;
 * `oneTimeUntil` says until when a password of somebody else's choice can be exchanged, null that it is the own one.
 * @throws PostgreSQL's `user_login_key`, when the login is taken
 */
export async function createFirstAdmin(
  tx: Tx,
  input: { login: string; name: string; passwordHash: string; oneTimeUntil: string | null },
  now: Temporal.Instant,
): Promise<string> {
  const id = randomUUIDv7();
  await tx.insert(user).values({ id, ...input, state: 'active', createdBy: null, createdAt: iso(now) });
  await tx.insert(grant).values({
    id: randomUUIDv7(),
    userId: id,
    role: 'platformAdmin',
    prefix: '',
    grantedBy: null,
    grantedAt: iso(now),
  });
  return id;
}
