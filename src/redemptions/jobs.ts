import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { expire, listOverdue } from './cancel.ts';
import type { RedemptionKey } from './fulfil.ts';

/** One job for each reservation, at the moment its time is over. */
export const expireQueue = 'redemption.expire';
/** And a look at all of them every ten minutes, should a job be lost. */
export const sweepQueue = 'redemption.sweep';

interface World {
  database: Database;
  clock: Clock;
}

/** Starts working off what the store has asked for. */
export async function storeJobs(deps: World & { jobs: Jobs }): Promise<void> {
  const { database, jobs, clock } = deps;
  await jobs.work<RedemptionKey>(expireQueue, async key => {
    await database.inTransaction(key.village, tx => expire(tx, key, clock.now()));
  });
  await jobs.work(sweepQueue, () => expireOverdue(deps).then(() => undefined));
  await jobs.repeat(sweepQueue, '*/10 * * * *');
}

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
