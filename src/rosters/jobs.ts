import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { listUnfinished } from './read.ts';
import { failUncommitted, importQueue } from './roster-import.ts';
import { runImport } from './run-import.ts';

/** For as long a reported roster waits to be committed. Then its file goes, for it is full of people's data. */
const keptDays = 7;

interface World {
  database: Database;
  clock: Clock;
}

/** Rosters that were sent or committed: a job for each, and a look at all of them twice an hour, should one be lost. */
export const rosterJobs: JobDefinition<World>[] = [
  { queue: importQueue, handler: runImport },
  { queue: 'households.import.sweep', handler: sweepImports, cron: '15,45 * * * *' },
];

/** Goes on with imports that stopped half-way, and ends those that nobody committed, one village at a time. */
export async function sweepImports(deps: World): Promise<void> {
  const { database, clock } = deps;
  const now = clock.now();
  const before = iso(now.subtract({ hours: 24 * keptDays }));
  for (const village of await database.inSnapshot(none, listOpenVillages)) {
    await database.inTransaction(village, tx => failUncommitted(tx, village, before, now));
    for (const importId of await database.inSnapshot(village, db => listUnfinished(db, village))) {
      await runImport(deps, { village, importId });
    }
  }
}
