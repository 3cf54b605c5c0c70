import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type PhotoRow, photo } from './tables.ts';

/**
 * Uses photos for a claim of a household: photos of its own, or that staff uploaded for it, whose bytes no other claim of
 * the whole deployment has used. Without a household, photos of the village itself, for whatever `claimId` names. Answers them in the order in which they were named. Races are decided by the digest's
 * row; digests are taken in their order, so that two claims with the same photos do not wait for each other in a circle.
 * @throws Refusal `not-found` (facts: `field`) | `photo-reused` (facts: `photoId`)
 */
export async function usePhotos(
  tx: Tx,
  village: string,
  input: { claimId: string; householdId: string | null; photoIds: string[] },
  now: Temporal.Instant,
): Promise<PhotoRow[]> {
  const { claimId, householdId, photoIds } = input;
  if (photoIds.length === 0) return [];
  const rows = await tx
    .select()
    .from(photo)
    .where(and(eq(photo.village, village), inArray(photo.id, photoIds), isNull(photo.removedAt)))
    .orderBy(asc(photo.sha256))
    // Nobody removes a photo while a claim takes it.
    .for('share');
  const own = rows.filter(row => row.householdId === householdId);
  if (own.length < new Set(photoIds).size) throw new Refusal('not-found', { field: 'photoIds' });
  for (const row of own) {
    const used = await rowsOf(
      tx,
      sql`
      insert into photos.use (sha256, village, photo_id, claim_id, used_at)
      values (${row.sha256}, ${village}, ${row.id}, ${claimId}, ${iso(now)})
      on conflict (sha256) do update
        set village = excluded.village, photo_id = excluded.photo_id, claim_id = excluded.claim_id,
            used_at = excluded.used_at
      where use.claim_id is null or use.claim_id = ${claimId}
      returning 1 as one`,
    );
    if (used.length === 0) throw new Refusal('photo-reused', { photoId: row.id });
  }
  return photoIds.map(id => own.find(row => row.id === id)!);
}

/** Gives the photos of a claim back: it was withdrawn, or decided without them. */
export async function giveBackPhotos(tx: Tx, village: string, claimId: string, photoIds: string[]): Promise<void> {
  await tx.execute(sql`
    update photos.use set claim_id = null
     where sha256 in (select sha256 from photos.photo
                       where village = ${village} and id = any(${sql.param(photoIds)}::uuid[]))
       and claim_id = ${claimId}`);
}
