import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { getBook } from '../ledger/read.ts';
import { listOpenVillages } from '../villages/read.ts';
import { growTree, makeCheckpoint } from './make-checkpoint.ts';
import { findLatest } from './read.ts';
import type { BookSigner } from './signer.ts';

interface World {
  database: Database;
  clock: Clock;
  signer: BookSigner;
}

/** Every evening a checkpoint for each book that grew. */
export const checkpointJobs: JobDefinition<World>[] = [
  { queue: 'checkpoints.daily', handler: makeDueCheckpoints, cron: '30 23 * * *' },
];

/**
 * Signs the head of every book that grew, one village at a time. Answers the villages. Asked again after a crash, it goes
 * on where it stopped. A book that cannot be signed keeps no other from it.
 * @throws AggregateError of what went wrong, after all were tried
 */
export async function makeDueCheckpoints({ database, clock, signer }: World): Promise<string[]> {
  const made: string[] = [];
  const failures: Error[] = [];
  for (const village of await database.inSnapshot(none, listOpenVillages)) {
    try {
      const { number } = await database.inSnapshot(village, db => getBook(db, village));
      const last = await database.inSnapshot(village, db => findLatest(db, village));
      if (number === (last?.size ?? 0)) continue;
      await growTree(database, village);
      await database.inTransaction(village, tx => makeCheckpoint(tx, signer, village, clock.now()));
      made.push(village);
    } catch (error) {
      failures.push(new Error(`no checkpoint for ${village}: ${(error as Error).message}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('; '));
  return made;
}
