import { createHash, randomUUIDv7 } from 'node:crypto';
import { and, count, eq, gte, isNull } from 'drizzle-orm';
import { dayOf, iso, startOf } from '../calendar.ts';
import type { Database, Db, Tx } from '../db/database.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { answerOf, keyOf, type PhotoStore, variants } from './photo-store.ts';
import { pictureOf } from './picture.ts';
import { type PhotoRow, photo } from './tables.ts';
import type { WaitingRoom } from './waiting-room.ts';

const photosPerDay = 30;
/** Of the village itself: a shop that opens takes a picture of everything in it. */
const villagePhotosPerDay = 300;

interface Upload {
  village: string;
  /** Null: the village's own, of goods and papers. */
  householdId: string | null;
  /** The file as it was sent. */
  bytes: Buffer;
  /** Tells that nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A photo whose files lie in the store; the row that tells of them is still to be written. */
type Received = Omit<PhotoRow, 'uploadedBy' | 'uploadedAt' | 'removedAt'>;

/**
 * Makes a photo of what was sent and puts its files into the store, before any database transaction of the upload: what
 * takes a second and a disk must not hold a connection. Answers the photo of the same household, or of the village, that has the same bytes, when
 * there is one.
 * @throws Refusal `not-found` | `household-not-active` (facts: `state`) | `too-many-requests` (30 a day of a household, 300 of the village itself) |
 *   `media-type-unsupported` | `out-of-bounds` | `unavailable`: too many pictures are waiting, or the store does not answer
 */
export async function receive(
  deps: { database: Database; photos: PhotoStore; waitingRoom: WaitingRoom },
  upload: Upload,
  now: Temporal.Instant,
): Promise<PhotoRow | Received> {
  const { village, householdId, bytes, signal } = upload;
  const sha256 = createHash('sha256').update(bytes).digest();
  const there = await deps.database.inSnapshot(village, async db => {
    const known = await findStored(db, { village, householdId, sha256 });
    if (known === undefined) await refuseTooMany(db, { village, householdId }, now);
    return known;
  });
  if (there !== undefined) return there;

  const picture = await deps.waitingRoom(() => pictureOf(bytes, now), signal);
  const id = randomUUIDv7();
  for (const variant of variants) await answerOf(deps.photos.put(keyOf(village, id, variant), picture[variant]));
  return {
    village,
    id,
    householdId,
    sha256,
    bytes: bytes.length,
    width: picture.width,
    height: picture.height,
    views: picture.views,
    capturedAt: picture.captured.at,
    capturedLatitudeMicrodegrees: picture.captured.latitudeMicrodegrees,
    capturedLongitudeMicrodegrees: picture.captured.longitudeMicrodegrees,
  };
}

/**
 * Writes the row of a photo whose files lie in the store; or answers the household's own photo with the same bytes, also
 * when that was written a moment ago by another call.
 * @throws Refusal `not-found` | `household-not-active` (facts: `state`) | `too-many-requests`
 */
export async function addPhoto(
  tx: Tx,
  actor: Actor,
  received: PhotoRow | Received,
  now: Temporal.Instant,
): Promise<PhotoRow> {
  const { village, sha256 } = received;
  const { householdId } = received;
  const there = await findStored(tx, { village, householdId, sha256 });
  if (there !== undefined) return there;
  await refuseTooMany(tx, { village, householdId }, now);
  // It was there when the file came, and has been removed since: its files are gone, or going.
  if ('uploadedAt' in received) throw new Refusal('unavailable', { retryAfterSeconds: 1 });
  const [added] = await tx
    .insert(photo)
    .values({ ...received, uploadedBy: actor.id, uploadedAt: iso(now) })
    .onConflictDoNothing()
    .returning();
  return added ?? (await findStored(tx, { village, householdId, sha256 }))!;
}

interface Bytes {
  village: string;
  householdId: string | null;
  sha256: Buffer;
}

/** @throws Refusal `not-found` | `household-not-active` */
async function findStored(db: Db, { village, householdId, sha256 }: Bytes): Promise<PhotoRow | undefined> {
  if (householdId !== null) {
    const { state } = await getHouseholdRow(db, village, householdId);
    if (state === 'closed') throw new Refusal('household-not-active', { state });
  }
  const [row] = await db
    .select()
    .from(photo)
    .where(and(eq(photo.village, village), ownedBy(householdId), eq(photo.sha256, sha256), isNull(photo.removedAt)));
  return row;
}

function ownedBy(householdId: string | null) {
  return householdId === null ? isNull(photo.householdId) : eq(photo.householdId, householdId);
}

/** Photos that were removed count too. Of uploads at the same moment a few more may pass: nothing hangs on the number. */
async function refuseTooMany(
  db: Db,
  { village, householdId }: { village: string; householdId: string | null },
  now: Temporal.Instant,
): Promise<void> {
  const today = dayOf(now);
  const [row] = await db
    .select({ photos: count() })
    .from(photo)
    .where(and(eq(photo.village, village), ownedBy(householdId), gte(photo.uploadedAt, iso(startOf(today)))));
  const limit = householdId === null ? villagePhotosPerDay : photosPerDay;
  if (row!.photos < limit) return;
  const retryAfterSeconds = Math.ceil(now.until(startOf(today.add({ days: 1 }))).total('seconds'));
  throw new Refusal('too-many-requests', { retryAfterSeconds, policy: 'photosPerDay', limit });
}
