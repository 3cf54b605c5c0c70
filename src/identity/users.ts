import { randomUUIDv7 } from 'node:crypto';
import { and, eq, gt, isNull, or } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { changesIn, type Patch } from '../corrections/correct.ts';
import { refuseUnlessNamed } from '../corrections/versions.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor, Role } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { getUser, type UserView } from './read.ts';
import { forgetSecondFactor } from './second-factor.ts';
import { endSessions } from './sessions.ts';
import { grant, user } from './tables.ts';
import { recordUserEvent, userVersion } from './user-events.ts';

/** Whose grants each role makes and ends: always inside its own prefix. A `platformAdmin` is only ever ended here. */
const mayAppoint: Partial<Record<Role, readonly Role[]>> = {
  platformAdmin: ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'],
  supervisor: ['villageAdmin', 'auditor', 'reviewer'],
  villageAdmin: ['clerk', 'supervisionBoard', 'storekeeper', 'teamLeader', 'merchant'],
};

/** Whom each role may only propose: somebody above it has to confirm, for with a few reviewers one decides alone. */
const mayPropose: Partial<Record<Role, readonly Role[]>> = { villageAdmin: ['reviewer'] };

/**
 * Two roles of one person that take somebody above to agree, as with a reviewer: whoever enters points and hands goods out
 * in one village needs nobody else.
 */
const apart: readonly Role[] = ['clerk', 'storekeeper'];

/** Whose proposed grants each role agrees to, or turns down. */
const mayConfirm: Partial<Record<Role, readonly Role[]>> = { supervisor: ['reviewer', ...apart] };

/** From the highest down. */
const ranks: readonly Role[] = ['platformAdmin', 'supervisor', 'villageAdmin'];

/** How long a password of somebody else's choice can be exchanged for an own one. */
const oneTimeDays = 7;

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

/** Until when a password can be exchanged that is set for somebody else at `now`. */
export function oneTimeFrom(now: Temporal.Instant): string {
  return iso(now.add({ hours: 24 * oneTimeDays }));
}

/**
 * Makes a staff account with its first grant. `passwordHash` is a PHC string, made before the database transaction;
 * `oneTimeUntil` says until when the holder can exchange it for an own one, null that nobody else knows it.
 * @throws Refusal `already-exists` | `forbidden` | `out-of-bounds`
 */
export async function createUser(
  tx: Tx,
  actor: Actor,
  input: { login: string; name: string; passwordHash: string; oneTimeUntil: string | null; grant: NewGrant },
  now: Temporal.Instant,
): Promise<UserView> {
  const id = randomUUIDv7();
  await tx.insert(user).values({
    id,
    login: input.login,
    name: input.name,
    passwordHash: input.passwordHash,
    oneTimeUntil: input.oneTimeUntil,
    state: 'active',
    createdBy: actor.id,
    createdAt: iso(now),
  });
  await appoint(tx, actor, { userId: id, input: input.grant, pointer: '/grant/until' }, now);
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
  await appoint(tx, actor, { userId, input, pointer: '/until' }, now);
  return getUser(tx, userId, now);
}

/**
 * Agrees to a role that somebody below has proposed: it counts from now on.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required`
 */
export async function confirmGrant(
  tx: Tx,
  actor: Actor,
  key: { userId: string; grantId: string },
  now: Temporal.Instant,
): Promise<UserView> {
  const held = await getOpenGrant(tx, key);
  if (!reaches(actor, held, mayConfirm)) throw new Refusal('not-found');
  if (!held.proposed) throw new Refusal('wrong-state', { state: 'active' });
  await tx
    .update(grant)
    .set({ proposed: false, confirmedBy: actor.id, confirmedAt: iso(now) })
    .where(eq(grant.id, held.id));
  return getUser(tx, key.userId, now);
}

/**
 * Ends a grant. It counts from the next write of its holder. A grant that the actor could not have made is not there.
 * @throws Refusal `not-found` | `second-person-required`
 */
export async function endGrant(
  tx: Tx,
  actor: Actor,
  key: { userId: string; grantId: string },
  now: Temporal.Instant,
): Promise<UserView> {
  const held = await getOpenGrant(tx, key);
  const turnsDown = held.proposed && reaches(actor, held, mayConfirm);
  if (!turnsDown && !appoints(actor, held) && !proposes(actor, held)) throw new Refusal('not-found');
  await tx
    .update(grant)
    .set({ endedBy: actor.id, endedAt: iso(now) })
    .where(eq(grant.id, held.id));
  return getUser(tx, key.userId, now);
}

async function getOpenGrant(tx: Tx, key: { userId: string; grantId: string }): Promise<typeof grant.$inferSelect> {
  return one(
    await tx
      .select()
      .from(grant)
      .where(and(eq(grant.id, key.grantId), eq(grant.userId, key.userId), isNull(grant.endedAt)))
      .for('update'),
  );
}

/**
 * Locks a person out and ends their sign-ins, or lets them in again; nobody lets in whom somebody above has locked out.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `forbidden` (facts: `requiredRoles`)
 */
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
  const mine = await rolesOver(tx, actor, userId);
  if (state === 'disabled') {
    const disabledAs = ranks.find(rank => mine.includes(rank))!;
    await tx.update(user).set({ state, disabledBy: actor.id, disabledAs }).where(eq(user.id, userId));
    await endSessions(tx, { subject: userId }, 'disabled', now);
  } else {
    const { disabledAs } = one(await tx.select().from(user).where(eq(user.id, userId)));
    const requiredRoles = ranks.slice(0, 1 + ranks.indexOf(disabledAs!));
    if (!mine.some(role => requiredRoles.includes(role))) throw new Refusal('forbidden', { requiredRoles });
    await tx.update(user).set({ state, disabledBy: null, disabledAs: null }).where(eq(user.id, userId));
  }
  await recordUserEvent(tx, { userId, kind: state === 'disabled' ? 'disabled' : 'enabled', by: actor.id }, now);
  return getUser(tx, userId, now);
}

/**
 * Corrects the name that somebody else goes by.
 * @param ifMatch the header `If-Match`
 * @throws Refusal `not-found` | `second-person-required` | `version-required` | `version-stale`
 */
export async function updateUser(
  tx: Tx,
  actor: Actor,
  userId: string,
  { patch, ifMatch }: { patch: Patch<{ name: string }>; ifMatch: string | undefined },
  now: Temporal.Instant,
): Promise<UserView> {
  const view = await getManaged(tx, actor, userId, now);
  if (userId === actor.id) throw new Refusal('second-person-required', { firstUserId: actor.id });
  const { name } = one(await tx.select().from(user).where(eq(user.id, userId)).for('no key update'));
  refuseUnlessNamed(ifMatch, await userVersion(tx, userId));
  const { name: newName } = changesIn({ name }, patch);
  if (newName === undefined) return view;
  await tx.update(user).set({ name: newName }).where(eq(user.id, userId));
  await recordUserEvent(tx, { userId, kind: 'nameCorrected', by: actor.id, oldName: name, newName }, now);
  return { ...view, name: newName };
}

/** Roles of the actor that reach over something that the user holds or has held. */
async function rolesOver(tx: Tx, actor: Actor, userId: string): Promise<Role[]> {
  const everHeld = await tx.select({ prefix: grant.prefix }).from(grant).where(eq(grant.userId, userId));
  return actor.grants
    .filter(([, prefix]) => everHeld.some(held => held.prefix.startsWith(prefix)))
    .map(([role]) => role);
}

/** Replaces the own password and ends every sign-in. `passwordHash` is a PHC string. */
export async function setPassword(tx: Tx, userId: string, passwordHash: string, now: Temporal.Instant): Promise<void> {
  await tx.update(user).set({ passwordHash, oneTimeUntil: null }).where(eq(user.id, userId));
  await endSessions(tx, { subject: userId }, 'replaced', now);
  await recordUserEvent(tx, { userId, kind: 'passwordChanged', by: userId }, now);
}

/**
 * Gives a person who has forgotten theirs a one-time password, and ends every sign-in. It opens nothing but its own change.
 * Only whoever can appoint to all that the person holds may do so: with the password of a reviewer, one is a reviewer.
 * @throws Refusal `not-found` | `second-person-required`
 */
export async function resetPassword(
  tx: Tx,
  actor: Actor,
  input: { userId: string; passwordHash: string },
  now: Temporal.Instant,
): Promise<UserView> {
  const { userId, passwordHash } = input;
  await getAppointed(tx, actor, userId, now);
  await tx
    .update(user)
    .set({ passwordHash, oneTimeUntil: oneTimeFrom(now) })
    .where(eq(user.id, userId));
  await endSessions(tx, { subject: userId }, 'replaced', now);
  await recordUserEvent(tx, { userId, kind: 'passwordReset', by: actor.id }, now);
  return getUser(tx, userId, now);
}

/**
 * Forgets the second factor of a person whose phone is lost, and ends every sign-in.
 * @throws Refusal `not-found` | `second-person-required` | `wrong-state`: there is none
 */
export async function resetSecondFactor(
  tx: Tx,
  actor: Actor,
  userId: string,
  now: Temporal.Instant,
): Promise<UserView> {
  const view = await getAppointed(tx, actor, userId, now);
  if (!view.secondFactor) throw new Refusal('wrong-state', { state: 'noSecondFactor' });
  await forgetSecondFactor(tx, userId);
  await endSessions(tx, { subject: userId }, 'replaced', now);
  await recordUserEvent(tx, { userId, kind: 'secondFactorReset', by: actor.id }, now);
  return getUser(tx, userId, now);
}

/** Somebody else, to all of whose roles the actor can appoint alone. @throws Refusal `not-found` | `second-person-required` */
async function getAppointed(tx: Tx, actor: Actor, userId: string, now: Temporal.Instant): Promise<UserView> {
  const view = await getManaged(tx, actor, userId, now);
  if (userId === actor.id) throw new Refusal('second-person-required', { firstUserId: actor.id });
  if (!view.grants.every(held => appoints(actor, held))) throw new Refusal('not-found');
  return view;
}

/** A user all of whose grants the actor could have made or proposed; anybody else is not there. */
async function getManaged(tx: Tx, actor: Actor, userId: string, now: Temporal.Instant): Promise<UserView> {
  const manages = (held: { role: Role; prefix: string }) => appoints(actor, held) || proposes(actor, held);
  const view = await getUser(tx, userId, now);
  // Whose grants have all ended belongs to those who could have made them, and not to whoever asks.
  const everHeld = await tx
    .select({ role: grant.role, prefix: grant.prefix })
    .from(grant)
    .where(eq(grant.userId, userId));
  const isManaged = view.grants.every(manages) && everHeld.some(manages);
  if (!isManaged) throw new Refusal('not-found');
  return view;
}

/** @param pointer where the end of the grant stands in the body */
async function appoint(
  tx: Tx,
  actor: Actor,
  { userId, input, pointer }: { userId: string; input: NewGrant; pointer: string },
  now: Temporal.Instant,
): Promise<void> {
  const lengths = prefixLengths[input.role] ?? [12];
  if (!lengths.includes(input.prefix.length)) {
    throw new Refusal('out-of-bounds', { field: 'prefix', min: Math.min(...lengths), max: Math.max(...lengths) });
  }
  if (input.until != null && Temporal.Instant.compare(input.until, now) <= 0) {
    throw malformed(pointer, 'past', { zh: '任职结束时间须在现在之后。', en: 'The grant must end in the future.' });
  }
  // The operator's command makes administrators; the database refuses such a grant to the service.
  if (input.role === 'platformAdmin') throw new Refusal('forbidden', { reason: 'operatorOnly' });
  const isProposal = !appoints(actor, input) && proposes(actor, input);
  if (!isProposal) refuseUnlessAppointer(actor, input);
  const proposed = isProposal || (await holdsTheOther(tx, userId, input, now));
  await tx.insert(grant).values({
    id: randomUUIDv7(),
    userId,
    role: input.role,
    prefix: input.prefix,
    grantedBy: actor.id,
    grantedAt: iso(now),
    until: input.until ?? null,
    proposed,
  });
}

/** Whether the person has, or would have, the role that is kept apart from this one, in the same village. */
async function holdsTheOther(
  tx: Tx,
  userId: string,
  wanted: { role: Role; prefix: string },
  now: Temporal.Instant,
): Promise<boolean> {
  if (!apart.includes(wanted.role)) return false;
  // Locked: of both roles granted at once, the second sees the first.
  await tx.select({ id: user.id }).from(user).where(eq(user.id, userId)).for('no key update');
  const held = await tx
    .select({ role: grant.role })
    .from(grant)
    .where(
      and(
        eq(grant.userId, userId),
        eq(grant.prefix, wanted.prefix),
        isNull(grant.endedAt),
        or(isNull(grant.until), gt(grant.until, iso(now))),
      ),
    );
  return held.some(({ role }) => role !== wanted.role && apart.includes(role));
}

function refuseUnlessAppointer(actor: Actor, wanted: { role: Role; prefix: string }): void {
  if (appoints(actor, wanted)) return;
  const requiredRoles = Object.entries(mayAppoint)
    .filter(([, roles]) => roles.includes(wanted.role))
    .map(([role]) => role);
  throw new Refusal('forbidden', { requiredRoles });
}

function proposes(actor: Actor, wanted: { role: Role; prefix: string }): boolean {
  return reaches(actor, wanted, mayPropose);
}

function appoints(actor: Actor, wanted: { role: Role; prefix: string }): boolean {
  return reaches(actor, wanted, mayAppoint);
}

function reaches(
  actor: Actor,
  wanted: { role: Role; prefix: string },
  may: Partial<Record<Role, readonly Role[]>>,
): boolean {
  return actor.grants.some(([role, prefix]) => wanted.prefix.startsWith(prefix) && may[role]?.includes(wanted.role));
}
