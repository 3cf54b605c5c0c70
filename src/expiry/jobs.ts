import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { postBatch } from './post-run.ts';
import { listPosting } from './read.ts';
import { postQueue, type RunKey } from './run.ts';

interface World {
  database: Database;
  clock: Clock;
}

/** Runs that were agreed to: a job for each, and a look at all of them twice an hour, should one be lost. */
export const expiryJobs: JobDefinition<World>[] = [
  { queue: postQueue, handler: postRun },
  { queue: 'expiry.resume', handler: resumeRuns, cron: '5,35 * * * *' },
];

/**
 * Posts a run to its end, in database transactions of a hundred households: between two of them everybody else in the
 * village has a turn.
 */
export async function postRun({ database, clock }: World, key: RunKey): Promise<void> {
  while (await database.inTransaction(key.village, tx => postBatch(tx, key, clock.now())));
}

/** Goes on with runs that stopped half-way, one village at a time. */
export async function resumeRuns(deps: World): Promise<void> {
  const villages = await deps.database.inSnapshot(none, listOpenVillages);
  for (const village of villages) {
    for (const runId of await deps.database.inSnapshot(village, db => listPosting(db, village))) {
      await postRun(deps, { village, runId });
    }
  }
}
