import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { holdHousehold } from '../households/household.ts';
import { allowanceAccount } from '../ledger/accounts.ts';
import { allowanceGrant } from '../ledger/offline-transactions.ts';
import { lockBook, openAccounts, postOne } from '../ledger/post.ts';
import { spendableBalances } from '../ledger/read.ts';
import type { Event } from '../ledger/transactions.ts';
import { Refusal, refusalIn } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import type { PolicySettings } from '../villages/policy-settings.ts';
import { endAllowance } from './end.ts';
import { type AllowanceRow, openAllowancesAt } from './read.ts';
import { allowance } from './tables.ts';

/** What a household got, or why it did not. */
export type Granted = { householdId: string } & ({ allowance: AllowanceRow } | { refusal: Refusal });

/**
 * Sets points of households aside for a kiosk, as many as policy allows and each of them can spend. What an earlier
 * allowance of the household at this kiosk has left comes back first, so nothing is added up. A household that is refused
 * harms no other.
 * @throws Refusal `feature-off`
 */
export async function grantAllowances(
  tx: Tx,
  key: { village: string; kioskId: string },
  householdIds: readonly string[],
  now: Temporal.Instant,
): Promise<Granted[]> {
  const { village, kioskId } = key;
  const policy = await policyOn(tx, village, dayOf(now));
  if (policy.offlineMaxPoints === 0) throw new Refusal('feature-off', { feature: 'offline' });
  // Households before the book, as everybody locks them; in the order of their ids.
  const refused = new Map<string, Refusal>();
  for (const id of [...householdIds].sort()) {
    const refusal = await holdHousehold(tx, village, id).then(refuseInactive, refusalIn);
    if (refusal !== undefined) refused.set(id, refusal);
  }
  await lockBook(tx, village);
  const event = { actor: kioskId, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  for (const row of await openAllowancesAt(tx, key, householdIds)) await endAllowance(tx, event, row, 'renewed', now);
  const eligible = householdIds.filter(id => !refused.has(id));
  await openAccounts(
    tx,
    village,
    eligible.map(id => allowanceAccount(kioskId, id)),
  );
  const granted: Granted[] = [];
  for (const householdId of householdIds) {
    const refusal = refused.get(householdId);
    granted.push({
      householdId,
      ...(refusal === undefined ? await grantOne(tx, event, { ...key, householdId }, policy, now) : { refusal }),
    });
  }
  return granted;
}

async function grantOne(
  tx: Tx,
  event: Event,
  key: { village: string; kioskId: string; householdId: string },
  policy: PolicySettings,
  now: Temporal.Instant,
): Promise<{ allowance: AllowanceRow } | { refusal: Refusal }> {
  const { village, householdId } = key;
  const { available } = await spendableBalances(tx, village, householdId, dayOf(now));
  const points = Math.min(policy.offlineMaxPoints, available);
  if (points < 1) return { refusal: new Refusal('insufficient-points', { available, required: 1 }) };
  const id = randomUUIDv7();
  const { number } = await postOne(tx, village, allowanceGrant(event, { ...key, allowanceId: id, points }));
  const [row] = await tx
    .insert(allowance)
    .values({
      ...key,
      id,
      points,
      redemptions: policy.offlineMaxRedemptions,
      notAfter: iso(now.add({ hours: policy.offlineHours })),
      grantedAt: iso(now),
      grantedNumber: number,
    })
    .returning();
  return { allowance: row! };
}

function refuseInactive({ state }: { state: string }): Refusal | undefined {
  return state === 'active' ? undefined : new Refusal('household-not-active', { state });
}
