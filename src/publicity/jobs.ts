import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type JobDefinition, jobActor } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { closeBatch } from './close.ts';
import { closeQueue, type NoticeKey } from './notice.ts';
import { listDue } from './read.ts';

interface World {
  database: Database;
  clock: Clock;
}

/** Notices whose last day has ended: a job for each at that midnight, and a look at all of them, should one be lost. */
export const publicityJobs: JobDefinition<World>[] = [
  { queue: closeQueue, handler: closeNotice },
  { queue: 'publicity.sweep', handler: closeDue, cron: '10 0 * * *' },
];

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
