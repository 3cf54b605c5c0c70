import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { type PhotoKey, removeQueue } from './photo.ts';
import { keyOf, type PhotoStore, variants } from './photo-store.ts';
import { findPhotoRow } from './read.ts';

interface World {
  database: Database;
  photos: PhotoStore;
}

/** Removes the files of removed photos. */
export const photoJobs: JobDefinition<World>[] = [{ queue: removeQueue, handler: removeFiles }];

/** Removes the files of a photo, if that has been removed; as often as anybody likes. */
export async function removeFiles({ database, photos }: World, { village, photoId }: PhotoKey): Promise<void> {
  const row = await database.inSnapshot(village, db => findPhotoRow(db, village, photoId));
  if (row === undefined || row.removedAt === null) return;
  for (const variant of variants) await photos.remove(keyOf(village, photoId, variant));
}
