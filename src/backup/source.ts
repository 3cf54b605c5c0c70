// The running embedded PostgreSQL that a backup is made of, and what it is asked.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Config } from '../config.ts';
import type { RunningPostgres } from '../db/embedded.ts';

/** Where a backup comes from. */
export interface Source {
  postgres: RunningPostgres;
  /** Folders of the data folder that go into the backup; `photos` is null where they lie in a bucket. */
  folders: { keys: string; photos: string | null };
  /** Version of the service. */
  version: string;
}

export function foldersOf({ dataDir, photoBucket }: Pick<Config, 'dataDir' | 'photoBucket'>): Source['folders'] {
  return { keys: join(dataDir, 'keys'), photos: photoBucket === null ? join(dataDir, 'photos') : null };
}

/**
 * The folder for backups is made by whoever chooses it, and never by us: where a disk is not mounted, its place would be
 * made on the disk that the backups are to be kept apart from.
 * @throws Error for the operator: there is no such folder
 */
export async function refuseMissing(backups: string): Promise<void> {
  await stat(backups).catch(error => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`There is no folder ${backups}. Is its disk there? If it is, make the folder first.`);
  });
}

/** Holds the log until a round has copied it. */
export const slot = 'jifen_backup';

/**
 * Runs `work` on a connection of the superuser. One process at a time makes a backup of an installation: another one
 * waits for it. When `signal` is aborted the connection ends, and PostgreSQL forgets what was begun on it.
 */
export async function onSource<T>(
  source: Source,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: source.postgres.url, application_name: 'jifen backup' });
  // Whatever is asked next fails, without a word of why.
  let lost: Error | undefined;
  client.on('error', error => {
    lost ??= error;
  });
  const end = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end);
  try {
    signal.throwIfAborted();
    await client.connect();
    await client.query('select pg_advisory_lock(7231, 3)');
    return await work(client);
  } catch (error) {
    if (lost === undefined) throw error;
    throw new Error(`The connection of the backup was lost: ${lost.message}.`, { cause: error });
  } finally {
    signal.removeEventListener('abort', end);
    await client.end().catch(() => undefined);
  }
}

/** What does not change while the server runs. */
interface Cluster {
  systemIdentifier: string;
  postgres: string;
  segmentBytes: number;
}

export async function describeCluster(client: pg.Client): Promise<Cluster> {
  const { rows } = await client.query(
    `select (select system_identifier::text from pg_control_system()) as identifier,
            split_part(current_setting('server_version'), ' ', 1) as version,
            (select setting::int from pg_settings where name = 'wal_segment_size') as bytes`,
  );
  const { identifier, version, bytes } = rows[0];
  return { systemIdentifier: identifier, postgres: version, segmentBytes: bytes };
}
