import { type Clock, dayOf, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import { type JobDefinition, jobActor } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { lockBook } from '../ledger/post.ts';
import { listOpenVillages } from '../villages/read.ts';
import { endAllowance } from './end.ts';
import { findAllowance, listOverdue } from './read.ts';

interface World {
  database: Database;
  clock: Clock;
}

/** How long after its last hour an allowance waits for a device that was out of reach. */
const graceDays = 7;

/** Allowances whose kiosk did not come back: looked for every hour. */
export const allowanceJobs: JobDefinition<World>[] = [
  { queue: 'allowances.lapse', handler: lapseAllowances, cron: '25 * * * *' },
];

/** Gives back what lies in overdue allowances, each in a database transaction of its own. Answers how many. */
export async function lapseAllowances({ database, clock }: World): Promise<number> {
  const now = clock.now();
  const before = iso(now.subtract({ hours: 24 * graceDays }));
  let lapsed = 0;
  for (const village of await database.inSnapshot(none, listOpenVillages)) {
    for (const id of await database.inSnapshot(village, db => listOverdue(db, village, before, 1_000))) {
      lapsed += await database.inTransaction(village, async tx => {
        await lockBook(tx, village);
        const row = await findAllowance(tx, village, id);
        // Somebody was quicker.
        if (row === undefined || row.endedAt !== null) return 0;
        const event = { actor: jobActor, occurredAt: iso(now), businessDate: dayOf(now).toString() };
        await endAllowance(tx, event, row, 'lapsed', now);
        return 1;
      });
    }
  }
  return lapsed;
}
