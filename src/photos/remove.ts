import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { type Actor, holds } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { removeQueue } from './jobs.ts';
import { photo } from './tables.ts';

/**
 * Removes a photo that shows nothing for any claim: by whoever uploaded it, or by the village's administrator. The row
 * stays, and says when; the files go by a job that exists if and only if this commits. Removing twice is removing once.
 * @throws Refusal `not-found` | `forbidden` | `wrong-state` (facts: `state`): a claim uses it
 */
export async function remove(
  tx: Tx,
  actor: Actor,
  { village, photoId }: { village: string; photoId: string },
  now: Temporal.Instant,
  jobs: Jobs,
): Promise<void> {
  const mine = and(eq(photo.village, village), eq(photo.id, photoId));
  // A claim that takes it holds the row: whoever comes first decides.
  const row = one(await tx.select().from(photo).where(mine).for('update'));
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
  await tx
    .update(photo)
    .set({ removedAt: iso(now) })
    .where(mine);
  await jobs.send(tx, removeQueue, { village, photoId }, { key: photoId, startAfter: iso(now) });
}
