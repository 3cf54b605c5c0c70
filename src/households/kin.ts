import { and, asc, eq, inArray, isNull, notInArray, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, rowsOf, type Tx } from '../db/database.ts';
import { type Actor, holds } from '../http/route.ts';
import { getUser } from '../identity/read.ts';
import { Refusal } from '../refusals.ts';
import { household, kin } from './tables.ts';

export interface KinEntry {
  householdId: string;
  /** The person's own household, or that of declared kin. */
  relation: 'own' | 'kin';
}

export interface KinView {
  userId: string;
  data: (KinEntry & { householdNumber: string; declaredBy: string; declaredAt: string })[];
}

interface KinKey {
  village: string;
  userId: string;
}

/**
 * Refuses whoever would decide on the own household, or on that of declared kin.
 * @throws Refusal `own-household`
 */
export async function refuseKin(db: Db, actor: Actor, village: string, householdIds: string[]): Promise<void> {
  if (actor.kind !== 'staff' || householdIds.length === 0) return;
  const [row] = await db
    .select({ one: sql`1` })
    .from(kin)
    .where(
      and(
        eq(kin.village, village),
        eq(kin.userId, actor.id),
        inArray(kin.householdId, householdIds),
        isNull(kin.endedAt),
      ),
    )
    .limit(1);
  if (row !== undefined) throw new Refusal('own-household');
}

/**
 * Households that a person keeps out of, by number. Everybody sees their own; those who appoint see others'.
 * @throws Refusal `not-found`
 */
export async function getKin(db: Db, actor: Actor, key: KinKey, now: Temporal.Instant): Promise<KinView> {
  await refuseStranger(db, actor, key, now);
  return viewOf(db, key);
}

/**
 * Says which households a person keeps out of: what is named stands from now on, and what is no longer named has ended.
 * A person names their own and strikes none of them out: somebody else does.
 * @throws Refusal `not-found` (the person, or a household) | `second-person-required` | `already-exists` (two own ones)
 */
export async function setKin(
  tx: Tx,
  actor: Actor,
  key: KinKey,
  entries: KinEntry[],
  now: Temporal.Instant,
): Promise<KinView> {
  await refuseStranger(tx, actor, key, now);
  const ids = [...new Set(entries.map(entry => entry.householdId))];
  if (ids.length < entries.length) throw new Refusal('already-exists', { field: 'entries' });
  await refuseUnknown(tx, key.village, ids);
  const standing = await tx.select().from(kin).where(mine(key)).orderBy(asc(kin.householdId)).for('update');
  if (actor.id === key.userId && standing.some(row => !isKept(row, entries))) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }

  await tx
    .update(kin)
    .set({ endedBy: actor.id, endedAt: iso(now) })
    .where(and(mine(key), ids.length === 0 ? undefined : notInArray(kin.householdId, ids)));
  const changed = entries.filter(entry => !standing.some(row => isSame(row, entry)));
  // A household that is no longer the own one makes room for another that is.
  for (const entry of changed.sort((a, b) => a.relation.localeCompare(b.relation))) {
    const said = { relation: entry.relation, declaredBy: actor.id, declaredAt: iso(now), endedBy: null, endedAt: null };
    await tx
      .insert(kin)
      .values({ ...key, householdId: entry.householdId, ...said })
      .onConflictDoUpdate({ target: [kin.village, kin.userId, kin.householdId], set: said });
  }
  return viewOf(tx, key);
}

/** Whether what stands is left as strict as it was: an own household does not become somebody's kin's. */
function isKept(row: KinEntry, entries: KinEntry[]): boolean {
  return entries.some(entry => isSame(row, entry));
}

function isSame(a: KinEntry, b: KinEntry): boolean {
  return a.householdId === b.householdId && a.relation === b.relation;
}

/** Whoever is neither the person nor somebody who appoints is told what they would be told of nobody. */
async function refuseStranger(db: Db, actor: Actor, { village, userId }: KinKey, now: Temporal.Instant) {
  if (actor.id !== userId && !holds(actor, village, ['villageAdmin', 'supervisor'])) throw new Refusal('not-found');
  const { grants } = await getUser(db, userId, now);
  if (!grants.some(({ prefix }) => village.startsWith(prefix))) throw new Refusal('not-found');
}

async function refuseUnknown(tx: Tx, village: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const known = await tx
    .select({ id: household.id })
    .from(household)
    .where(and(eq(household.village, village), inArray(household.id, ids)));
  if (known.length < ids.length) throw new Refusal('not-found', { field: 'householdId' });
}

async function viewOf(db: Db, { village, userId }: KinKey): Promise<KinView> {
  const data = await rowsOf<KinView['data'][number]>(
    db,
    sql`
    select k.household_id as "householdId", h.number as "householdNumber", k.relation, k.declared_by as "declaredBy",
           to_char(k.declared_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "declaredAt"
      from households.kin k
      join households.household h on h.village = k.village and h.id = k.household_id
     where k.village = ${village} and k.user_id = ${userId} and k.ended_at is null
     order by h.number`,
  );
  return { userId, data };
}

function mine({ village, userId }: KinKey) {
  return and(eq(kin.village, village), eq(kin.userId, userId), isNull(kin.endedAt));
}
