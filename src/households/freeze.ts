import { and, desc, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { endSessions } from '../identity/sessions.ts';
import { lockBook } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { findFreeze } from './freezes.ts';
import { lockHouseholds, setState } from './household.ts';
import { getHousehold, getHouseholdRow, type HouseholdView } from './read.ts';
import { freeze } from './tables.ts';

interface HouseholdKey {
  village: string;
  householdId: string;
}

/**
 * Stops a household from earning and spending until it is unfrozen, for a reason that it is told. Whoever stands at a kiosk
 * for it is signed out. What it has earned before still becomes spendable when its notice is over, reservations can be
 * cancelled and run out, and what was wrong is still put right.
 * @throws Refusal `not-found` | `household-not-active` (it was closed) | `wrong-state` (facts: `state`, `since`) |
 *   `own-household`
 */
export async function freezeHousehold(
  tx: Tx,
  actor: Actor,
  key: HouseholdKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<HouseholdView> {
  await moveFrom(tx, actor, key, { from: 'active', to: 'frozen', ...input }, now);
  await endSessions(tx, { subject: key.householdId }, 'frozen', now);
  return getHousehold(tx, actor, key.village, key.householdId);
}

/** The opposite of `freezeHousehold`, and refused as it is. */
export async function unfreezeHousehold(
  tx: Tx,
  actor: Actor,
  key: HouseholdKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<HouseholdView> {
  await moveFrom(tx, actor, key, { from: 'frozen', to: 'active', ...input }, now);
  return getHousehold(tx, actor, key.village, key.householdId);
}

interface FreezeView {
  id: string;
  reason: string;
  frozenBy: string;
  frozenAt: string;
  unfreezeReason: string | null;
  unfrozenBy: string | null;
  unfrozenAt: string | null;
}

const freezesMax = 50;

/** When and why a household was frozen and unfrozen, the newest first, at most 50. @throws Refusal `not-found` */
export async function listFreezes(db: Db, key: HouseholdKey): Promise<FreezeView[]> {
  await getHouseholdRow(db, key.village, key.householdId);
  const { id, reason, frozenBy, frozenAt, unfreezeReason, unfrozenBy, unfrozenAt } = freeze;
  return db
    .select({ id, reason, frozenBy, frozenAt, unfreezeReason, unfrozenBy, unfrozenAt })
    .from(freeze)
    .where(and(eq(freeze.village, key.village), eq(freeze.householdId, key.householdId)))
    .orderBy(desc(frozenAt), desc(id))
    .limit(freezesMax);
}

async function moveFrom(
  tx: Tx,
  actor: Actor,
  key: HouseholdKey,
  { from, to, reason }: { from: 'active' | 'frozen'; to: 'active' | 'frozen'; reason: string },
  now: Temporal.Instant,
): Promise<void> {
  await lockHouseholds(tx, key.village, [key.householdId]);
  const row = await getHouseholdRow(tx, key.village, key.householdId);
  const { state } = row;
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  if (state !== from) {
    throw new Refusal('wrong-state', { state, since: (await findFreeze(tx, row))?.since ?? null });
  }
  // Else a transaction could be posted meanwhile that a statement has and the freeze before it not.
  await lockBook(tx, key.village);
  await setState(tx, key, { state: to, by: actor.id, at: iso(now), reason });
}
