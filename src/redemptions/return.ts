import { and, eq, ne } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { lockRedemption, type RedemptionRow } from './redemption.ts';
import { returned, returnLine } from './tables.ts';

/** The row of a return: how it is written, and how it is locked, after its redemption, and decided. */

export interface ReturnKey {
  village: string;
  returnId: string;
}

export async function insertReturn(
  tx: Tx,
  row: typeof returned.$inferInsert,
  lines: readonly { goodsId: string; quantity: number }[],
): Promise<void> {
  await tx.insert(returned).values(row);
  await tx
    .insert(returnLine)
    .values(lines.map(({ goodsId, quantity }) => ({ village: row.village, returnId: row.id, goodsId, quantity })));
}

/**
 * Locks a proposed return for a decision by somebody else than proposed it, after its redemption, as when it is proposed.
 * Answers the redemption.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required`
 */
export async function lockReturn(tx: Tx, actor: Actor, key: ReturnKey): Promise<RedemptionRow> {
  const { redemptionId } = one(await tx.select().from(returned).where(byKey(key)));
  const redemption = await lockRedemption(tx, { village: key.village, redemptionId });
  const proposal = one(await tx.select().from(returned).where(byKey(key)).for('update'));
  if (proposal.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: proposal.state, since: proposal.decidedAt });
  }
  if (proposal.proposedBy === actor.id) {
    throw new Refusal('second-person-required', { firstUserId: proposal.proposedBy });
  }
  return redemption;
}

/** Writes down what was decided on a return that is locked. */
export async function decideReturn(
  tx: Tx,
  actor: Actor,
  key: ReturnKey,
  verdict: { state: 'approved' | 'rejected'; note: string | null },
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .update(returned)
    .set({ state: verdict.state, decidedBy: actor.id, decidedAt: iso(now), decisionNote: verdict.note })
    .where(byKey(key));
}

/** One return of a redemption is open or approved at a time. @throws Refusal `already-exists` (facts: `existingId`) */
export async function refuseSecondReturn(tx: Tx, village: string, redemptionId: string): Promise<void> {
  const [existing] = await tx
    .select({ id: returned.id })
    .from(returned)
    .where(and(eq(returned.village, village), eq(returned.redemptionId, redemptionId), ne(returned.state, 'rejected')));
  if (existing !== undefined) throw new Refusal('already-exists', { field: 'redemptionId', existingId: existing.id });
}

function byKey({ village, returnId }: ReturnKey) {
  return and(eq(returned.village, village), eq(returned.id, returnId));
}
