import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { holdHousehold } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { payArrears } from '../ledger/pay-arrears.ts';
import { Refusal } from '../refusals.ts';

interface SettlementView {
  householdId: string;
  /** Paid now. */
  points: number;
  /** Owed still. */
  arrears: number;
  /** Left to spend. */
  available: number;
  transactionNumber: number;
}

/**
 * A household pays what it owes out of the points that it can spend: all of it as far as they go, or `points`. Itself
 * at a kiosk, or staff for it.
 * @throws Refusal `not-found` | `own-household` | `household-not-active` | `nothing-owed` | `out-of-bounds` (more than
 *   it owes) | `insufficient-points` (facts: `field`, `required`, `available`)
 */
export async function settleArrears(
  tx: Tx,
  actor: Actor,
  key: { village: string; householdId: string },
  input: { points?: number | undefined },
  now: Temporal.Instant,
): Promise<SettlementView> {
  const { village, householdId } = key;
  const { state } = await holdHousehold(tx, village, householdId);
  await refuseKin(tx, actor, village, [householdId]);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const event = { actor: actor.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const order = { paymentId: randomUUIDv7(), householdId, points: input.points };
  const { transactionNumber, ...paid } = await payArrears(tx, village, event, order);
  const owed = paid.points + paid.arrears;
  if (owed === 0) throw new Refusal('nothing-owed');
  const required = input.points ?? 1;
  if (required > owed) throw new Refusal('out-of-bounds', { field: 'points', min: 1, max: owed });
  // Whoever names points pays these or none.
  if (transactionNumber === null || paid.points < required) {
    throw new Refusal('insufficient-points', {
      field: 'arrears',
      required: input.points ?? owed,
      available: paid.points + paid.available,
    });
  }
  return { householdId, ...paid, transactionNumber };
}
