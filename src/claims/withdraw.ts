import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { giveBackPhotos, usePhotos } from '../photos/use.ts';
import { Refusal } from '../refusals.ts';
import { type ClaimKey, lockClaim, refuseState, updateClaim } from './claim.ts';
import { type ClaimView, getClaim } from './read.ts';
import { refuseRefiled } from './submit.ts';
import type { ClaimRow, ClaimState, Evidence } from './tables.ts';

const photosMax = 9;
const evidenceMax = 20;

/**
 * Takes a claim back that is not decided yet; its photos may be used again.
 * @throws Refusal `not-found` | `forbidden` (it is neither the caller's nor filed by it) | `wrong-state`
 */
export async function withdrawClaim(tx: Tx, actor: Actor, key: ClaimKey, now: Temporal.Instant): Promise<ClaimView> {
  const row = await lockOwn(tx, actor, key, ['submitted', 'inPanel', 'awaitingSecond', 'returned']);
  await updateClaim(tx, key, { state: 'withdrawn', stateSince: iso(now), takenBy: null, takenUntil: null });
  await giveBackPhotos(tx, key.village, key.claimId, row.photoIds);
  return getClaim(tx, actor, key.village, key.claimId);
}

/**
 * Files a claim again that was sent back with a question. Photos and evidence are added; nothing is taken away.
 * @throws Refusal `not-found` | `forbidden` | `wrong-state` | `out-of-bounds` (too many photos, or too much else) |
 *   `photo-reused` | whatever `refuseRefiled` refuses
 */
export async function resubmitClaim(
  tx: Tx,
  actor: Actor,
  key: ClaimKey,
  input: { quantity: number | undefined; note: string | null | undefined; photoIds: string[]; evidence: Evidence[] },
  now: Temporal.Instant,
): Promise<ClaimView> {
  const row = await lockOwn(tx, actor, key, ['returned']);
  const photoIds = [...new Set([...row.photoIds, ...input.photoIds])];
  const evidence = [...row.evidence, ...input.evidence];
  if (photoIds.length > photosMax) throw new Refusal('out-of-bounds', { field: 'photoIds', min: 0, max: photosMax });
  if (evidence.length > evidenceMax) {
    throw new Refusal('out-of-bounds', { field: 'evidence', min: 0, max: evidenceMax });
  }
  const quantity = input.quantity ?? row.quantity;
  await refuseRefiled(tx, row, quantity, now);
  if (input.photoIds.length > 0) {
    await usePhotos(tx, key.village, { ...key, householdId: row.householdId, photoIds: input.photoIds }, now);
  }
  await updateClaim(tx, key, {
    state: 'submitted',
    stateSince: iso(now),
    round: row.round + 1,
    quantity,
    note: input.note === undefined ? row.note : input.note,
    photoIds,
    evidence,
  });
  return getClaim(tx, actor, key.village, key.claimId);
}

/** The caller's own claim, or one that the caller has filed, which nobody else moves until the database transaction ends. */
async function lockOwn(tx: Tx, actor: Actor, key: ClaimKey, allowedFrom: ClaimState[]): Promise<ClaimRow> {
  const row = await lockClaim(tx, key);
  if (actor.kind === 'household' && row.householdId !== actor.householdId) throw new Refusal('not-found');
  if (actor.kind !== 'household' && row.submittedBy !== actor.id) throw new Refusal('forbidden');
  refuseState(row, allowedFrom);
  return row;
}
