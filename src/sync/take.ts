import { createHash, randomBytes } from 'node:crypto';
import { and, desc, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { atOnce, rowsOf, type Tx } from '../db/database.ts';
import { getKiosk } from '../kiosks/read.ts';
import { type CollectionName, type Collections, collectionNames, collections } from './collections.ts';
import type { Entry, Place } from './entry.ts';
import { syncEntry, syncVersion } from './tables.ts';

/*
 * How changes are found. Nothing that writes to a village knows of kiosks: no trigger, no counter, no time of change. The
 * whole state is read in one snapshot (REPEATABLE READ), and each entry is compared, by a digest of its content, with what
 * this kiosk was told last. What differs gets the next version; what is no longer there becomes a tombstone of it.
 *
 * Why nothing is missed:
 * 1. A version is written only by who has seen its predecessor: two that compare with the same one at a time collide on
 *    the next number, and the second begins again with a new snapshot. So versions follow each other as the snapshots do,
 *    and the entries recorded at a version are exactly the state in its snapshot.
 * 2. A kiosk at version c that applies every entry with a version above c, or takes away what is a tombstone, has the
 *    state of the latest one, whatever lies between; to do it twice changes nothing.
 * 3. A change that was made early and committed late was in no snapshot before, so it differs at the next comparison: its
 *    time plays no part.
 * The price is that each question reads the whole state: about 5,000 entries of the largest village.
 */

interface Kiosk {
  village: string;
  kioskId: string;
}

/** The state of a village for one kiosk. */
interface Taken {
  latest: Version;
  state: Collections;
}

export interface Version {
  version: number;
  tag: Buffer;
  takenAt: string;
}

/** So long a kiosk may have been away and is still told what has changed. */
const keptDays = 30;

/** Reads the state, and records what is new in it as the kiosk's next version. To be called first in its database transaction. */
export async function take(tx: Tx, key: Kiosk, now: Temporal.Instant): Promise<Taken> {
  await tx.execute(sql`set transaction isolation level repeatable read`);
  const { storeId } = await getKiosk(tx, key.village, key.kioskId);
  const state = await readState(tx, { ...key, storeId, today: dayOf(now) });
  const last = await latestVersion(tx, key);
  const changes = differences(await recordedEntries(tx, key), state);
  if (last !== undefined && changes.length === 0) return { latest: last, state };
  const latest = await addVersion(tx, key, last?.version ?? 0, now);
  await record(tx, key, latest.version, changes);
  await forget(tx, key, now);
  return { latest, state };
}

async function readState(tx: Tx, place: Place): Promise<Collections> {
  const read = await atOnce(collectionNames.map(name => collections[name](tx, place)));
  return Object.fromEntries(collectionNames.map((name, index) => [name, read[index]])) as Collections;
}

async function latestVersion(tx: Tx, key: Kiosk): Promise<Version | undefined> {
  const [row] = await tx
    .select({ version: syncVersion.version, tag: syncVersion.tag, takenAt: syncVersion.takenAt })
    .from(syncVersion)
    .where(and(eq(syncVersion.village, key.village), eq(syncVersion.kioskId, key.kioskId)))
    .orderBy(desc(syncVersion.version))
    .limit(1);
  return row;
}

interface Recorded {
  collection: string;
  id: string;
  digest: Buffer;
}

/** What the kiosk was told last, without tombstones. */
async function recordedEntries(tx: Tx, key: Kiosk): Promise<Recorded[]> {
  return rowsOf<Recorded>(
    tx,
    sql`
    select collection, id, digest from kiosks.sync_entry
     where village = ${key.village} and kiosk_id = ${key.kioskId} and digest is not null`,
  );
}

interface Change {
  collection: string;
  id: string;
  /** Null: it is gone. */
  digest: string | null;
}

function differences(recorded: Recorded[], state: Collections): Change[] {
  const told = new Map(recorded.map(({ collection, id, digest }) => [`${collection}/${id}`, digest.toString('hex')]));
  const changes: Change[] = [];
  for (const collection of collectionNames) {
    for (const entry of state[collection]) {
      const [key, digest] = [`${collection}/${entry.id}`, digestOf(entry)];
      if (told.get(key) !== digest) changes.push({ collection, id: entry.id, digest });
      told.delete(key);
    }
  }
  for (const key of told.keys()) {
    const slash = key.indexOf('/');
    changes.push({ collection: key.slice(0, slash), id: key.slice(slash + 1), digest: null });
  }
  return changes;
}

function digestOf(entry: Entry): string {
  return createHash('sha256').update(JSON.stringify(entry)).digest('hex').slice(0, 32);
}

/**
 * Takes the number after the one that was seen. Where another has taken it since, our snapshot does not show it, and
 * PostgreSQL asks for another try (40001): that is what keeps the order.
 */
async function addVersion(tx: Tx, key: Kiosk, seen: number, now: Temporal.Instant): Promise<Version> {
  const made = { version: seen + 1, tag: randomBytes(9), takenAt: iso(now) };
  const rows = await tx
    .insert(syncVersion)
    .values({ ...key, ...made })
    .onConflictDoNothing()
    .returning({ version: syncVersion.version });
  if (rows.length === 0) throw new Error(`version ${made.version} stands already`);
  return made;
}

async function record(tx: Tx, key: Kiosk, version: number, changes: Change[]): Promise<void> {
  await tx.execute(sql`
    insert into kiosks.sync_entry as e (village, kiosk_id, collection, id, digest, version)
    select ${key.village}, ${key.kioskId}, c.collection, c.id, decode(c.digest, 'hex'), ${version}
      from unnest(${sql.param(changes.map(one => one.collection))}::text[],
                  ${sql.param(changes.map(one => one.id))}::text[],
                  ${sql.param(changes.map(one => one.digest))}::text[]) as c (collection, id, digest)
    on conflict (village, kiosk_id, collection, id) do update
      set digest = excluded.digest, version = excluded.version`);
}

/** Tombstones go after 30 days, and with them the versions that would need them. */
async function forget(tx: Tx, key: Kiosk, now: Temporal.Instant): Promise<void> {
  const before = iso(now.subtract({ hours: keptDays * 24 }));
  const old = sql`
    (select coalesce(max(version), 0) from kiosks.sync_version
      where village = ${key.village} and kiosk_id = ${key.kioskId} and taken_at <= ${before}::timestamptz)`;
  await tx.execute(sql`
    delete from kiosks.sync_entry
     where village = ${key.village} and kiosk_id = ${key.kioskId} and digest is null and version <= ${old}`);
  await tx.execute(sql`
    delete from kiosks.sync_version
     where village = ${key.village} and kiosk_id = ${key.kioskId} and version < ${old}`);
}

/** Which entries have a version above `since`, by collection, tombstones among them. */
export async function changedSince(tx: Tx, key: Kiosk, since: number): Promise<Map<CollectionName, Set<string>>> {
  const rows = await tx
    .select({ collection: syncEntry.collection, id: syncEntry.id })
    .from(syncEntry)
    .where(
      and(eq(syncEntry.village, key.village), eq(syncEntry.kioskId, key.kioskId), sql`${syncEntry.version} > ${since}`),
    );
  const byCollection = Map.groupBy(rows, row => row.collection as CollectionName);
  return new Map([...byCollection].map(([name, own]) => [name, new Set(own.map(({ id }) => id))]));
}
