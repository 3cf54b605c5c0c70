import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getImport, type ImportView } from './read.ts';
import { type ImportKey, importQueue, lockImport, updateImport } from './roster-import.ts';
import { rosterImport } from './tables.ts';
import { choose } from './take-over.ts';

export const rosterMaxBytes = 20 * 1024 * 1024;

/**
 * Takes a roster, which a job reads and checks. Nothing is entered by a dry run before it is committed.
 * `file` is what was sent, at most 20 MiB.
 */
export async function receiveImport(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { file: Buffer; format: 'csv' | 'xlsx'; dryRun: boolean },
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<ImportView> {
  const key = { village, importId: randomUUIDv7() };
  const committed = input.dryRun ? {} : { committedBy: actor.id, committedAt: iso(now) };
  await tx.insert(rosterImport).values({
    village,
    id: key.importId,
    state: 'received',
    dryRun: input.dryRun,
    format: input.format,
    bytes: input.file.length,
    content: input.file,
    columns: [],
    ignoredColumns: [],
    attempts: 0,
    rows: 0,
    households: 0,
    good: 0,
    alreadyThere: 0,
    mistakes: 0,
    entered: 0,
    takenOver: 0,
    createdBy: actor.id,
    createdAt: iso(now),
    ...committed,
  });
  await jobs.send(tx, importQueue, key, { key: key.importId, startAfter: iso(now) });
  return getImport(tx, village, key.importId);
}

/**
 * Enrols what the report found good, and takes over what it found different and is chosen, by a job.
 * @param takeOver keys of differences, or all of them
 * @throws Refusal `not-found` | `wrong-state` (nothing was reported, or it is entered already) | `validation-failed` (there
 *   is no such difference)
 */
export async function commitImport(
  tx: Tx,
  actor: Actor,
  key: ImportKey,
  takeOver: 'all' | string[],
  { now, jobs }: { now: Temporal.Instant; jobs: Pick<Jobs, 'send'> },
): Promise<ImportView> {
  const row = await lockImport(tx, key);
  if (row.state !== 'reported') {
    const since = row.endedAt ?? row.committedAt ?? row.createdAt;
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['reported'], since });
  }
  await choose(tx, key, takeOver);
  await updateImport(tx, key, { state: 'committing', committedBy: actor.id, committedAt: iso(now), attempts: 0 });
  await jobs.send(tx, importQueue, key, { key: key.importId, startAfter: iso(now) });
  return getImport(tx, key.village, key.importId);
}
