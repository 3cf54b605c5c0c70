import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { takeLate } from '../expiry/take-late.ts';
import { successorOf } from '../household-changes/read.ts';
import { getHouseholdRow } from '../households/read.ts';
import { expiredAccount } from '../ledger/accounts.ts';
import { allowanceReturn } from '../ledger/offline-transactions.ts';
import { openAccounts, postOne } from '../ledger/post.ts';
import type { Event } from '../ledger/transactions.ts';
import type { AllowanceRow } from './read.ts';
import { allowance } from './tables.ts';

/**
 * Ends an open allowance: what of it was not spent comes back with its days, to the household or to the one that took it
 * on. Where nobody did, it lapses as the household's other points have. To be called with the book locked, which keeps
 * whoever spends from it away.
 */
export async function endAllowance(
  tx: Tx,
  event: Event,
  row: AllowanceRow,
  reason: NonNullable<AllowanceRow['endedReason']>,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .update(allowance)
    .set({ endedAt: iso(now), endedReason: reason })
    .where(and(eq(allowance.village, row.village), eq(allowance.id, row.id)));
  await giveBack(tx, event, row, { points: row.points - row.spentPoints });
}

/** Gives back points that lie in the escrow of an allowance that has ended: all it had left, or what a void put there. */
export async function giveBack(
  tx: Tx,
  event: Event,
  row: AllowanceRow,
  { points, redemptionId }: { points: number; redemptionId?: string },
): Promise<void> {
  if (points === 0) return;
  const { village, id: allowanceId, kioskId, householdId } = row;
  const heirId = await successorOf(tx, village, householdId);
  const toHouseholdId = (await getHouseholdRow(tx, village, heirId)).state === 'closed' ? null : heirId;
  if (toHouseholdId === null) await openAccounts(tx, village, [expiredAccount]);
  const back = { allowanceId, kioskId, householdId, toHouseholdId, points, ...(redemptionId && { redemptionId }) };
  await postOne(tx, village, allowanceReturn(event, back));
  if (toHouseholdId === null) return;
  await takeLate(tx, event, {
    village,
    householdId: toHouseholdId,
    causeId: redemptionId ?? allowanceId,
    points,
    orderedNumber: row.grantedNumber,
  });
}
