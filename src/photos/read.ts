import { and, eq, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { type Actor, holds, type Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { Captured } from './captured.ts';
import { turnsOf } from './likeness.ts';
import { type PhotoRow, photo } from './tables.ts';

/** Who judges by photos, and therefore sees what the camera wrote. */
const judges: readonly Role[] = ['reviewer', 'supervisionBoard', 'villageAdmin'];

export interface PhotoView {
  id: string;
  householdId: string | null;
  /** SHA-256 of the file as it was sent, in hexadecimal. */
  sha256: string;
  bytes: number;
  width: number;
  height: number;
  /** Null for those who neither judge nor have it from their own camera. */
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

/** What is known of a photo; of a household, its own. @throws Refusal `not-found` */
export async function getPhoto(db: Db, actor: Actor, village: string, id: string): Promise<PhotoView> {
  const row = one([await findPhotoRow(db, village, id)].filter(row => row !== undefined));
  if (actor.kind === 'household' && row.householdId !== actor.householdId) throw new Refusal('not-found');
  return viewOf(actor, row);
}

export function viewOf(actor: Actor, row: PhotoRow): PhotoView {
  const shown = actor.kind === 'household' || holds(actor, row.village, judges);
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
export type Level = 'same' | 'near' | 'resembling';

/**
 * Up to how many of 64 bits two pictures may differ. Measured by test/photo-likeness.test.ts on 40 drawn scenes: saved
 * anew, made smaller, brighter, turned, mirrored, or cut by a tenth at any sides: at most 6. Cut by 3 to 12 %: mostly
 * 5 to 10. Of two different scenes the nearest two of 780 pairs differ in 14, half of them in 21 or more.
 */
export const nearMax = 6;
export const resemblingMax = 12;

export interface SimilarPhoto {
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
 * them only where a claim has used it. Likeness judges nothing: the same courtyard from the same place looks alike.
 *
 * Every photo of the village is compared, in PostgreSQL: the other one as it is and cut, with this one in its 8
 * positions, and the other one as it is with this one cut. An index over bands of bits was thought of and left: bands
 * that find 12 different bits of 64 are so short that almost every photo has one in common with one of 128 hashes.
 * @throws Refusal `not-found`
 */
export async function similarTo(db: Db, village: string, photoId: string): Promise<SimilarPhoto[]> {
  const own = one([await findPhotoRow(db, village, photoId)].filter(row => row !== undefined));
  const [plain, ...cut] = own.views;
  const positions = (hashes: bigint[]) => sql.param(hashes.flatMap(turnsOf).map(String));
  const rows = await rowsOf<Omit<SimilarPhoto, 'level'> & { same: boolean }>(
    db,
    sql`
    select p.id, p.household_id as "householdId", p.uploaded_at as "uploadedAt", p.removed_at as "removedAt",
           case when p.sha256 = ${own.sha256} then 0 else d.distance end as distance, p.sha256 = ${own.sha256} as same
      from photos.photo p
     cross join lateral (
       select least(
         (select min(bit_count((v # t)::bit(64))) from unnest(p.views) v, unnest(${positions([plain!])}::bigint[]) t),
         (select min(bit_count((p.views[1] # t)::bit(64))) from unnest(${positions(cut)}::bigint[]) t)) as distance) d
     where p.village = ${village} and p.id <> ${photoId}
       and (p.sha256 = ${own.sha256} or d.distance <= ${resemblingMax})
       and (p.removed_at is null or exists (
             select from photos.use u where u.sha256 = p.sha256 and u.photo_id = p.id and u.claim_id is not null))
     order by same desc, distance, p.id
     limit 20`,
  );
  return rows.map(({ same, ...row }) => ({
    ...row,
    distance: Number(row.distance),
    level: same ? 'same' : row.distance <= nearMax ? 'near' : 'resembling',
  }));
}
