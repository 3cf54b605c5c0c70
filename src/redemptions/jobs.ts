import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { expire } from './cancel.ts';
import { listOverdue } from './read.ts';
import { expireQueue, type RedemptionKey } from './redemption.ts';

interface World {
  database: Database;
  clock: Clock;
}

/** Reservations whose time is over: a job for each at that moment, and a look at all of them, should one be lost. */
export const redemptionJobs: JobDefinition<World>[] = [
  {
    queue: expireQueue,
    handler: ({ database, clock }, key: RedemptionKey) =>
      database.inTransaction(key.village, tx => expire(tx, key, clock.now())),
  },
  { queue: 'redemption.sweep', handler: expireOverdue, cron: '*/10 * * * *' },
];

/** Expires what is overdue, one village at a time, each in a database transaction of its own. Answers how many. */
export async function expireOverdue({ database, clock }: World): Promise<number> {
  const villages = await database.inSnapshot(none, listOpenVillages);
  let expired = 0;
  for (const village of villages) {
    const overdue = await database.inSnapshot(village, db => listOverdue(db, village, clock.now(), 1_000));
    for (const redemptionId of overdue) {
      const key = { village, redemptionId };
      if (await database.inTransaction(village, tx => expire(tx, key, clock.now()))) expired += 1;
    }
  }
  return expired;
}
