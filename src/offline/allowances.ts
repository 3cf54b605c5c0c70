import { endAllowance } from '../allowances/end.ts';
import { type Granted, grantAllowances } from '../allowances/grant.ts';
import { findAllowance } from '../allowances/read.ts';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { KioskKey } from '../kiosks/kiosk.ts';
import { getKioskRow } from '../kiosks/read.ts';
import { lockBook } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { lockHead } from './chain.ts';

/**
 * Sets points of households aside for this device, once everything it has done is known: so what an earlier allowance has
 * left is exact.
 * @throws Refusal `op-gap` (facts: `expectedSeq`) | `feature-off`
 */
export async function renewAllowances(
  tx: Tx,
  key: KioskKey,
  input: { headSeq: number; householdIds: readonly string[] },
  now: Temporal.Instant,
): Promise<Granted[]> {
  await refuseUnseen(tx, key, input.headSeq);
  return grantAllowances(tx, key, input.householdIds, now);
}

/**
 * Gives what an allowance has left back to its household, before its time is over.
 * @throws Refusal `op-gap` (facts: `expectedSeq`) | `not-found` | `wrong-state`
 */
export async function returnAllowance(
  tx: Tx,
  key: KioskKey,
  input: { headSeq: number; allowanceId: string },
  now: Temporal.Instant,
): Promise<{ allowanceId: string; householdId: string; pointsReturned: number }> {
  const { village, kioskId } = key;
  await refuseUnseen(tx, key, input.headSeq);
  await lockBook(tx, village);
  const row = await findAllowance(tx, village, input.allowanceId);
  if (row?.kioskId !== kioskId) throw new Refusal('not-found');
  if (row.endedAt !== null) throw new Refusal('wrong-state', { state: row.endedReason, since: row.endedAt });
  const event = { actor: kioskId, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  await endAllowance(tx, event, row, 'returned', now);
  return { allowanceId: row.id, householdId: row.householdId, pointsReturned: row.points - row.spentPoints };
}

/** What the device has signed and we have not seen may have spent something. */
async function refuseUnseen(tx: Tx, key: KioskKey, headSeq: number): Promise<void> {
  const { thumbprint } = await getKioskRow(tx, key.village, key.kioskId);
  const { ackedSeq } = await lockHead(tx, key, thumbprint);
  if (headSeq > ackedSeq) throw new Refusal('op-gap', { expectedSeq: ackedSeq + 1 });
}
