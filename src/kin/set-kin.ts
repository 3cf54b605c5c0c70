import { and, asc, eq, isNull, notInArray } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { refuseUnknownHouseholds } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type KinEntry, type KinKey, type KinView, refuseStranger, viewOf } from './read.ts';
import { kin } from './tables.ts';

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
  await refuseUnknownHouseholds(tx, key.village, ids);
  const declared = await tx.select().from(kin).where(byKey(key)).orderBy(asc(kin.householdId)).for('update');
  if (actor.id === key.userId && declared.some(row => !isKept(row, entries))) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }

  await tx
    .update(kin)
    .set({ endedBy: actor.id, endedAt: iso(now) })
    .where(and(byKey(key), ids.length === 0 ? undefined : notInArray(kin.householdId, ids)));
  const changed = entries.filter(entry => !declared.some(row => isSame(row, entry)));
  // A household that is no longer the own one makes room for another that is.
  for (const entry of changed.sort((a, b) => a.relation.localeCompare(b.relation))) {
    const declaration = {
      relation: entry.relation,
      declaredBy: actor.id,
      declaredAt: iso(now),
      endedBy: null,
      endedAt: null,
    };
    await tx
      .insert(kin)
      .values({ ...key, householdId: entry.householdId, ...declaration })
      .onConflictDoUpdate({ target: [kin.village, kin.userId, kin.householdId], set: declaration });
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

function byKey({ village, userId }: KinKey) {
  return and(eq(kin.village, village), eq(kin.userId, userId), isNull(kin.endedAt));
}
