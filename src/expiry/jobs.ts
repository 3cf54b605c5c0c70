import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import type { RunKey } from './announce.ts';
import { postBatch, postQueue } from './post-run.ts';
import { listPosting } from './read.ts';

/** A look at all of them twice an hour, should a job be lost. */
export const resumeQueue = 'expiry.resume';

interface World {
  database: Database;
  clock: Clock;
}

/** Starts posting runs that were agreed to. */
export async function expiryJobs(deps: World & { jobs: Jobs }): Promise<void> {
  const { jobs } = deps;
  await jobs.work<RunKey>(postQueue, key => postRun(deps, key));
  await jobs.work(resumeQueue, () => resumeRuns(deps));
  await jobs.repeat(resumeQueue, '5,35 * * * *');
}

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
