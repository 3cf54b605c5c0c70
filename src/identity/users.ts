import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor, Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getUser, type UserView } from './read.ts';
import { endSessions } from './sessions.ts';
import { grant, user } from './tables.ts';

/** Whom each role may appoint: always below itself, and only inside its own prefix. */
const mayAppoint: Partial<Record<Role, readonly Role[]>> = {
  platformAdmin: ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'],
  supervisor: ['villageAdmin', 'auditor', 'reviewer'],
  villageAdmin: ['clerk', 'reviewer', 'supervisionBoard', 'storekeeper', 'teamLeader', 'merchant'],
};

/** Roles that belong to one village need its whole code; a reviewer may also sit at the town. */
const prefixLengths: Partial<Record<Role, readonly number[]>> = {
  platformAdmin: [0],
  supervisor: [2, 4, 6, 9],
  auditor: [2, 4, 6, 9, 12],
  reviewer: [9, 12],
};

interface NewGrant {
  role: Role;
  prefix: string;
  until?: string | null | undefined;
}

/**
 * Makes a staff account with its first grant. `passwordHash` is a PHC string, made before the database transaction.
 * @throws Refusal `already-exists` | `forbidden` | `out-of-bounds`
 */
export async function createUser(
  tx: Tx,
  actor: Actor,
  input: { login: string; name: string; passwordHash: string; grant: NewGrant },
  now: Temporal.Instant,
): Promise<UserView> {
  const id = randomUUIDv7();
  await tx.insert(user).values({
    id,
    login: input.login,
    name: input.name,
    passwordHash: input.passwordHash,
    state: 'active',
    createdBy: actor.id,
    createdAt: iso(now),
  });
  await appoint(tx, actor, id, input.grant, now);
  return getUser(tx, id, now);
}

/**
 * Grants a role over a prefix.
 * @throws Refusal `not-found` | `already-exists` | `forbidden` | `out-of-bounds` | `second-person-required`
 */
export async function createGrant(
  tx: Tx,
  actor: Actor,
  userId: string,
  input: NewGrant,
  now: Temporal.Instant,
): Promise<UserView> {
  await getManaged(tx, actor, userId, now);
  await appoint(tx, actor, userId, input, now);
  return getUser(tx, userId, now);
}

/** Ends a grant. It counts from the next write of its holder. @throws Refusal `not-found` | `forbidden` */
export async function endGrant(
  tx: Tx,
  actor: Actor,
  key: { userId: string; grantId: string },
  now: Temporal.Instant,
): Promise<UserView> {
  const held = one(
    await tx
      .select()
      .from(grant)
      .where(and(eq(grant.id, key.grantId), eq(grant.userId, key.userId), isNull(grant.endedAt))),
  );
  refuseUnlessAppointer(actor, held);
  await tx
    .update(grant)
    .set({ endedBy: actor.id, endedAt: iso(now) })
    .where(eq(grant.id, held.id));
  return getUser(tx, key.userId, now);
}

/** Locks a person out and ends their sign-ins, or lets them in again. @throws Refusal `not-found` | `wrong-state` */
export async function setUserState(
  tx: Tx,
  actor: Actor,
  userId: string,
  state: 'active' | 'disabled',
  now: Temporal.Instant,
): Promise<UserView> {
  const current = await getManaged(tx, actor, userId, now);
  if (userId === actor.id) throw new Refusal('second-person-required', { firstUserId: actor.id });
  if (current.state === state) throw new Refusal('wrong-state', { state });
  await tx.update(user).set({ state }).where(eq(user.id, userId));
  if (state === 'disabled') await endSessions(tx, { subject: userId }, 'disabled', now);
  return getUser(tx, userId, now);
}

/** Replaces a password and ends every other sign-in. `passwordHash` is a PHC string. */
export async function setPassword(tx: Tx, userId: string, passwordHash: string, now: Temporal.Instant): Promise<void> {
  await tx.update(user).set({ passwordHash }).where(eq(user.id, userId));
  await endSessions(tx, { subject: userId }, 'replaced', now);
}

/** A user all of whose grants the actor could have made; anybody else is not there. */
async function getManaged(tx: Tx, actor: Actor, userId: string, now: Temporal.Instant): Promise<UserView> {
  const view = await getUser(tx, userId, now);
  // Whose grants have all ended belongs to those who could have made them, and not to whoever asks.
  const everHeld = await tx
    .select({ role: grant.role, prefix: grant.prefix })
    .from(grant)
    .where(eq(grant.userId, userId));
  const isManaged = view.grants.every(held => appoints(actor, held)) && everHeld.some(held => appoints(actor, held));
  if (!isManaged) throw new Refusal('not-found');
  return view;
}

async function appoint(tx: Tx, actor: Actor, userId: string, input: NewGrant, now: Temporal.Instant): Promise<void> {
  const lengths = prefixLengths[input.role] ?? [12];
  if (!lengths.includes(input.prefix.length)) {
    throw new Refusal('out-of-bounds', { field: 'prefix', min: Math.min(...lengths), max: Math.max(...lengths) });
  }
  refuseUnlessAppointer(actor, input);
  await tx.insert(grant).values({
    id: randomUUIDv7(),
    userId,
    role: input.role,
    prefix: input.prefix,
    grantedBy: actor.id,
    grantedAt: iso(now),
    until: input.until ?? null,
  });
}

function refuseUnlessAppointer(actor: Actor, wanted: { role: Role; prefix: string }): void {
  if (appoints(actor, wanted)) return;
  const requiredRoles = Object.entries(mayAppoint)
    .filter(([, roles]) => roles.includes(wanted.role))
    .map(([role]) => role);
  throw new Refusal('forbidden', { requiredRoles });
}

function appoints(actor: Actor, wanted: { role: Role; prefix: string }): boolean {
  return actor.grants.some(
    ([role, prefix]) => wanted.prefix.startsWith(prefix) && mayAppoint[role]?.includes(wanted.role),
  );
}
