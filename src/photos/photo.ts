import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { type PhotoRow, photo } from './tables.ts';

/** The row of a photo: how it is locked, and marked as removed. A claim that takes it locks it too (use.ts). */

export interface PhotoKey {
  village: string;
  photoId: string;
}

/** A job for the files of each photo that was removed. */
export const removeQueue = 'photos.remove';

/** Locks a photo: a claim that would take it waits, and whoever comes first decides. @throws Refusal `not-found` */
export async function lockPhoto(tx: Tx, key: PhotoKey): Promise<PhotoRow> {
  return one(await tx.select().from(photo).where(byKey(key)).for('update'));
}

export async function markRemoved(tx: Tx, key: PhotoKey, now: Temporal.Instant): Promise<void> {
  await tx
    .update(photo)
    .set({ removedAt: iso(now) })
    .where(byKey(key));
}

function byKey({ village, photoId }: PhotoKey) {
  return and(eq(photo.village, village), eq(photo.id, photoId));
}
