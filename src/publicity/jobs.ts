import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type Jobs, jobActor } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { closeBatch, closeQueue, type NoticeKey } from './close.ts';
import { listDue } from './read.ts';

/** A look at all villages each night, should a job be lost. */
export const noticeSweepQueue = 'publicity.sweep';

interface World {
  database: Database;
  clock: Clock;
}

/** Starts closing notices at the midnight after their last day. */
export async function publicityJobs(deps: World & { jobs: Jobs }): Promise<void> {
  const { jobs } = deps;
  await jobs.work<NoticeKey>(closeQueue, key => closeNotice(deps, key));
  await jobs.work(noticeSweepQueue, () => closeDue(deps));
  await jobs.repeat(noticeSweepQueue, '10 0 * * *');
}

/**
 * Closes a notice that has ended, in database transactions of a hundred awards: between two of them everybody else in the
 * village has a turn.
 */
export async function closeNotice({ database, clock }: World, key: NoticeKey): Promise<void> {
  while (await database.inTransaction(key.village, tx => closeBatch(tx, key, jobActor, clock.now())));
}

/** Closes every notice that has ended, one village at a time. */
export async function closeDue(deps: World): Promise<void> {
  const villages = await deps.database.inSnapshot(none, listOpenVillages);
  for (const village of villages) {
    const due = await deps.database.inSnapshot(village, db => listDue(db, village, iso(deps.clock.now())));
    for (const noticeId of due) await closeNotice(deps, { village, noticeId });
  }
}
