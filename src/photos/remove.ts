import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { type Actor, holds } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { lockPhoto, markRemoved, type PhotoKey, removeQueue } from './photo.ts';

/**
 * Removes a photo that shows nothing for any claim: by whoever uploaded it, or by the village's administrator. The row
 * stays, and says when; the files go by a job that exists if and only if this commits. Removing twice is removing once.
 * @throws Refusal `not-found` | `forbidden` | `wrong-state` (facts: `state`): a claim uses it
 */
export async function remove(
  tx: Tx,
  actor: Actor,
  key: PhotoKey,
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<void> {
  const { village, photoId } = key;
  const row = await lockPhoto(tx, key);
  if (actor.kind === 'household' && row.householdId !== actor.householdId) throw new Refusal('not-found');
  if (row.uploadedBy !== actor.id && !holds(actor, village, ['villageAdmin'])) throw new Refusal('forbidden');
  if (row.removedAt !== null) return;
  const used = await rowsOf(
    tx,
    sql`
    select 1 from photos.use
     where sha256 = ${row.sha256} and village = ${village} and photo_id = ${photoId} and claim_id is not null`,
  );
  if (used.length > 0) throw new Refusal('wrong-state', { state: 'used' });
  await markRemoved(tx, key, now);
  await jobs.send(tx, removeQueue, key, { key: photoId, startAfter: iso(now) });
}
