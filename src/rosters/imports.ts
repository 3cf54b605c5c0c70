import { randomUUIDv7 } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getImport, type ImportView, withoutContent } from './read.ts';
import { rosterImport } from './tables.ts';

/** A job for each roster that was sent, and another when it is committed. */
export const importQueue = 'households.import';

export const rosterMaxBytes = 20 * 1024 * 1024;

export interface ImportKey {
  village: string;
  importId: string;
}

/**
 * Takes a roster, which a job reads and checks. Nothing is entered by a dry run before it is committed.
 * `file` is what was sent, at most 20 MiB.
 */
export async function receiveImport(
  tx: Tx,
  actor: Actor,
  village: string,
  said: { file: Buffer; format: 'csv' | 'xlsx'; dryRun: boolean },
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<ImportView> {
  const key = { village, importId: randomUUIDv7() };
  const committed = said.dryRun ? {} : { committedBy: actor.id, committedAt: iso(now) };
  await tx.insert(rosterImport).values({
    village,
    id: key.importId,
    state: 'received',
    dryRun: said.dryRun,
    format: said.format,
    bytes: said.file.length,
    content: said.file,
    ignoredColumns: [],
    attempts: 0,
    rows: 0,
    households: 0,
    good: 0,
    alreadyThere: 0,
    mistakes: 0,
    entered: 0,
    createdBy: actor.id,
    createdAt: iso(now),
    ...committed,
  });
  await jobs.send(tx, importQueue, key, { key: key.importId, startAfter: iso(now) });
  return getImport(tx, village, key.importId);
}

/**
 * Enters what the report found good, by a job.
 * @throws Refusal `not-found` | `wrong-state` (nothing was reported, or it is entered already)
 */
export async function commitImport(
  tx: Tx,
  actor: Actor,
  key: ImportKey,
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<ImportView> {
  const row = one(await tx.select(withoutContent).from(rosterImport).where(mine(key)).for('update'));
  if (row.state !== 'reported') {
    const since = row.endedAt ?? row.committedAt ?? row.createdAt;
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['reported'], since });
  }
  await tx
    .update(rosterImport)
    .set({ state: 'committing', committedBy: actor.id, committedAt: iso(now), attempts: 0 })
    .where(mine(key));
  await jobs.send(tx, importQueue, key, { key: key.importId, startAfter: iso(now) });
  return getImport(tx, key.village, key.importId);
}

export function mine(key: ImportKey) {
  return and(eq(rosterImport.village, key.village), eq(rosterImport.id, key.importId));
}
