import { join } from 'node:path';
import type pg from 'pg';
import { logFrom, type Manifest, readSet } from './backup-set.ts';
import { copyFolders } from './copy-folders.ts';
import { closeSegment, copyLog } from './copy-log.ts';
import { describeCluster, type Source, slot } from './source.ts';
import { formatLsn, type Lsn, parseLsn } from './wal.ts';

/**
 * Copies what was written since the last time, and what is new among keys and photos. PostgreSQL keeps the log for this
 * (by a replication slot) until it is copied, so that a round that fails is made up for by the next one. Answers the newest
 * base if the log leads from it to now.
 */
export async function takeLog(
  client: pg.Client,
  source: Source,
  { backups, recipient }: { backups: string; recipient: string | null },
): Promise<Manifest | undefined> {
  const { systemIdentifier, segmentBytes } = await describeCluster(client);
  const folder = join(backups, systemIdentifier);
  const from = await holdLog(client);
  const end = await closeSegment(client, segmentBytes);
  await copyFolders(source, folder, recipient);
  await copyLog(source.postgres.dataFolder, folder, { from, end, segmentBytes, recipient });
  await client.query('select pg_replication_slot_advance($1, $2::pg_lsn)', [
    slot,
    formatLsn((end.last + 1) * segmentBytes),
  ]);
  const set = await readSet(folder);
  const base = set.bases.findLast(({ timeline }) => timeline === end.timeline);
  const isReached = base !== undefined && logFrom(set, base).segments.at(-1)?.segment === end.last;
  return isReached ? base : undefined;
}

/** From here on the log is held. A slot whose log was too much to be held is made anew: a base is due then. */
async function holdLog(client: pg.Client): Promise<Lsn> {
  const { rows } = await client.query('select restart_lsn, wal_status from pg_replication_slots where slot_name = $1', [
    slot,
  ]);
  const [held] = rows;
  if (held !== undefined && held.restart_lsn !== null && held.wal_status !== 'lost') return parseLsn(held.restart_lsn);
  await releaseLog(client);
  await client.query('select pg_create_physical_replication_slot($1, true)', [slot]);
  return holdLog(client);
}

/** Holds no log any more: there is nobody who would copy it. */
export async function releaseLog(client: pg.Client): Promise<void> {
  await client.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1', [
    slot,
  ]);
}
