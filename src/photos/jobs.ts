import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { keyOf, type PhotoStore, variants } from './photo-store.ts';
import { findPhotoRow } from './read.ts';

/** The files of a photo that was removed. */
export const removeQueue = 'photos.remove';

interface World {
  database: Database;
  photos: PhotoStore;
}

/** Starts removing the files of removed photos. */
export async function photoJobs(deps: World & { jobs: Jobs }): Promise<void> {
  await deps.jobs.work<{ village: string; photoId: string }>(removeQueue, key => removeFiles(deps, key));
}

/** Removes the files of a photo, if that has been removed; as often as anybody likes. */
export async function removeFiles(
  { database, photos }: World,
  { village, photoId }: { village: string; photoId: string },
): Promise<void> {
  const row = await database.inSnapshot(village, db => findPhotoRow(db, village, photoId));
  if (row === undefined || row.removedAt === null) return;
  for (const variant of variants) await photos.remove(keyOf(village, photoId, variant));
}
