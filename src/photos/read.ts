import { and, asc, desc, eq, isNull, lte, ne, or, sql } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { type Actor, holds, type Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { Captured } from './captured.ts';
import { turnsOf } from './likeness.ts';
import { type PhotoRow, photo } from './tables.ts';

/** Who decides by photos, and therefore sees what the camera wrote. */
const deciders: readonly Role[] = ['reviewer', 'supervisionBoard', 'villageAdmin'];

/** Who sees photos of households; a storekeeper, who sees the village's own, is not among them. */
export const viewers = [
  'reviewer',
  'supervisionBoard',
  'clerk',
  'villageAdmin',
  'supervisor',
  'auditor',
] as const satisfies readonly Role[];

interface PhotoView {
  id: string;
  householdId: string | null;
  /** SHA-256 of the file as it was sent, in hexadecimal. */
  sha256: string;
  bytes: number;
  width: number;
  height: number;
  /** Null for those who neither decide nor have it from their own camera. */
  captured: Captured | null;
  uploadedBy: string;
  uploadedAt: string;
  removedAt: string | null;
}

export async function findPhotoRow(db: Db, village: string, id: string): Promise<PhotoRow | undefined> {
  const [row] = await db
    .select()
    .from(photo)
    .where(and(eq(photo.village, village), eq(photo.id, id)));
  return row;
}

/** Photos of a village that were not removed. */
export async function listKeptPhotos(db: Db, village: string): Promise<string[]> {
  const rows = await db
    .select({ id: photo.id })
    .from(photo)
    .where(and(eq(photo.village, village), isNull(photo.removedAt)))
    .orderBy(photo.id);
  return rows.map(({ id }) => id);
}

/** What is known of a photo; a household is told of its own, a storekeeper of the village's. @throws Refusal `not-found` */
export async function getPhoto(db: Db, actor: Actor, village: string, id: string): Promise<PhotoView> {
  const row = one([await findPhotoRow(db, village, id)].filter(row => row !== undefined));
  if (actor.kind === 'household' && row.householdId !== actor.householdId) throw new Refusal('not-found');
  const isVillages = row.householdId === null;
  if (actor.kind === 'staff' && !isVillages && !holds(actor, village, viewers)) throw new Refusal('not-found');
  return viewOf(actor, row);
}

export function viewOf(actor: Actor, row: PhotoRow): PhotoView {
  const shown = actor.kind === 'household' || holds(actor, row.village, deciders);
  return {
    id: row.id,
    householdId: row.householdId,
    sha256: row.sha256.toString('hex'),
    bytes: row.bytes,
    width: row.width,
    height: row.height,
    captured: shown
      ? {
          at: row.capturedAt,
          latitudeMicrodegrees: row.capturedLatitudeMicrodegrees,
          longitudeMicrodegrees: row.capturedLongitudeMicrodegrees,
        }
      : null,
    uploadedBy: row.uploadedBy,
    uploadedAt: row.uploadedAt,
    removedAt: row.removedAt,
  };
}

/** The same bytes; a copy that was saved anew, cut, turned or mirrored; or perhaps only the same place. */
type Level = 'same' | 'near' | 'resembling';

/**
 * Up to how many of 64 bits two pictures may differ. Measured by test/photo-likeness.test.ts on 40 drawn scenes: saved
 * anew, made smaller, brighter, turned, mirrored, or cut by a tenth at any sides: at most 6. Cut by 3 to 12 %: mostly
 * 5 to 10. Of two different scenes the nearest two of 780 pairs differ in 14, half of them in 21 or more.
 */
export const nearMax = 6;
export const resemblingMax = 12;

interface SimilarPhoto {
  id: string;
  householdId: string | null;
  uploadedAt: string;
  removedAt: string | null;
  /** Bits of 64 that differ; 0 for the same bytes. */
  distance: number;
  level: Level;
}

/**
 * The photos of the village that look most like this one, at most 20, the nearest first. A photo that was removed is among
 * them only where a claim has used it. Likeness decides nothing: the same courtyard from the same place looks alike.
 *
 * Every photo of the village is compared, in PostgreSQL: the other one as it is and cut, with this one in its 8
 * positions, and the other one as it is with this one cut. That takes 0.2 s for 20,000 photos (2 cores, embedded
 * PostgreSQL; as two `unnest`s and a `min` it took 0.4 s). An index over bands of bits was thought of and left: bands that
 * find 12 different bits of 64 are so short that almost every photo has one in common with one of 248 hashes.
 * @throws Refusal `not-found`
 */
export async function similarTo(db: Db, village: string, photoId: string): Promise<SimilarPhoto[]> {
  const own = one([await findPhotoRow(db, village, photoId)].filter(row => row !== undefined));
  const [plain, ...cut] = own.views;
  const differing = (view: number, hashes: bigint[]) =>
    hashes.flatMap(turnsOf).map(hash => `bit_count((views[${view}] # '${hash}'::bigint)::bit(64))`);
  const differences = [...own.views.flatMap((_, index) => differing(index + 1, [plain!])), ...differing(1, cut)];
  const used = sql`exists (
    select from photos.use u where u.sha256 = photo.sha256 and u.photo_id = photo.id and u.claim_id is not null)`;
  const compared = db
    .select({
      id: photo.id,
      householdId: photo.householdId,
      uploadedAt: photo.uploadedAt,
      removedAt: photo.removedAt,
      same: sql<boolean>`sha256 = ${own.sha256}`.as('same'),
      distance: sql`case when sha256 = ${own.sha256} then 0 else least(${sql.raw(differences.join(', '))}) end`
        .mapWith(Number)
        .as('distance'),
    })
    .from(photo)
    .where(and(eq(photo.village, village), ne(photo.id, photoId), or(isNull(photo.removedAt), used)))
    .as('compared');
  const rows = await db
    .select()
    .from(compared)
    .where(lte(compared.distance, resemblingMax))
    .orderBy(desc(compared.same), asc(compared.distance), asc(compared.id))
    .limit(20);
  return rows.map(({ same, ...row }) => ({
    ...row,
    level: same ? 'same' : row.distance <= nearMax ? 'near' : 'resembling',
  }));
}
