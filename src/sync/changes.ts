import { and, eq } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type Collections, collectionNames } from './collections.ts';
import { syncVersion } from './tables.ts';
import { changedSince, take, type Version } from './take.ts';

interface Kiosk {
  village: string;
  kioskId: string;
}

interface Snapshot {
  cursor: string;
  takenAt: string;
  cardSalt: string;
  collections: Collections;
}

interface Changes {
  cursor: string;
  collections: Collections;
  deleted: { [Name in keyof Collections]: string[] };
}

/**
 * Everything that a kiosk needs to know of its village, and the cursor to ask for changes with. As long as nothing has
 * changed the answer is the same to the byte.
 */
export async function takeSnapshot(tx: Tx, key: Kiosk, now: Temporal.Instant): Promise<Snapshot> {
  const { latest, state } = await take(tx, key, now);
  const collections = each(name => [...state[name]].sort((a, b) => (a.id < b.id ? -1 : 1))) as Collections;
  return { cursor: cursorOf(key, latest), takenAt: latest.takenAt, cardSalt: key.kioskId, collections };
}

/**
 * What has changed since the state that a cursor names: entries as they are now, and the ids of those that are gone. In
 * one piece, as it must be applied: at most, it is as large as a snapshot.
 * @throws Refusal `cursor-expired`: a cursor of 30 days ago, of another kiosk, of a database that was restored, or none
 */
export async function takeChanges(tx: Tx, key: Kiosk, cursor: string, now: Temporal.Instant): Promise<Changes> {
  const { latest, state } = await take(tx, key, now);
  const since = await versionOfCursor(tx, key, cursor);
  const changed = await changedSince(tx, key, since);
  const present = each(name => new Set(state[name].map(entry => entry.id)));
  return {
    cursor: cursorOf(key, latest),
    collections: each(name => state[name].filter(entry => changed.get(name)?.has(entry.id) === true)) as Collections,
    deleted: each(name => [...(changed.get(name) ?? [])].filter(id => !present[name].has(id))),
  };
}

/** One value for each collection. */
function each<T>(make: (name: keyof Collections) => T): { [Name in keyof Collections]: T } {
  return Object.fromEntries(collectionNames.map(name => [name, make(name)])) as { [Name in keyof Collections]: T };
}

function cursorOf({ kioskId }: Kiosk, { version, tag }: Version): string {
  return Buffer.from(JSON.stringify([kioskId, version, tag.toString('base64url')])).toString('base64url');
}

async function versionOfCursor(tx: Tx, key: Kiosk, cursor: string): Promise<number> {
  const [kioskId, version, tag] = read(cursor);
  if (kioskId !== key.kioskId || !Number.isSafeInteger(version) || typeof tag !== 'string')
    throw new Refusal('cursor-expired');
  const [row] = await tx
    .select({ tag: syncVersion.tag })
    .from(syncVersion)
    .where(
      and(
        eq(syncVersion.village, key.village),
        eq(syncVersion.kioskId, key.kioskId),
        eq(syncVersion.version, version as number),
      ),
    );
  if (row?.tag.toString('base64url') !== tag) throw new Refusal('cursor-expired');
  return version as number;
}

function read(cursor: string): unknown[] {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
