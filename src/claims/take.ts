import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { Refusal } from '../refusals.ts';
import { type ClaimKey, lockClaim, refuseState, updateClaim } from './claim.ts';
import { type ClaimView, getClaim } from './read.ts';
import type { ClaimRow } from './tables.ts';

/** How long a claim is kept for whoever has taken it. Taken again, it begins anew. */
const leaseMinutes = 15;

/**
 * Takes a claim for its first review, so that nobody else looks at it meanwhile. When its time is over, it is anybody's.
 * @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` | `review-taken` (facts: `until`)
 */
export async function takeClaim(tx: Tx, actor: Actor, key: ClaimKey, now: Temporal.Instant): Promise<ClaimView> {
  const row = await lockClaim(tx, key);
  if (row.submittedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: actor.id });
  await refuseKin(tx, actor, key.village, [row.householdId]);
  refuseState(row, ['submitted']);
  refuseTaken(row, actor, now);
  const takenUntil = iso(now.add({ minutes: leaseMinutes }));
  await updateClaim(tx, key, { takenBy: actor.id, takenUntil });
  return getClaim(tx, actor, key.village, key.claimId);
}

/** Gives it back before its time is over. @throws Refusal `not-found` | `review-taken` (by somebody else) */
export async function releaseClaim(tx: Tx, actor: Actor, key: ClaimKey, now: Temporal.Instant): Promise<ClaimView> {
  refuseTaken(await lockClaim(tx, key), actor, now);
  await updateClaim(tx, key, { takenBy: null, takenUntil: null });
  return getClaim(tx, actor, key.village, key.claimId);
}

function refuseTaken({ takenBy, takenUntil }: ClaimRow, actor: Actor, now: Temporal.Instant): void {
  if (takenUntil === null || takenBy === actor.id || takenUntil <= iso(now)) return;
  throw new Refusal('review-taken', { until: takenUntil });
}
