import { and, eq, lt } from 'drizzle-orm';
import { type Clock, iso } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { listOpenVillages } from '../villages/read.ts';
import { type ImportKey, importQueue } from './imports.ts';
import { listUnfinished } from './read.ts';
import { runImport } from './run-import.ts';
import { rosterImport } from './tables.ts';

export { importQueue };

/** A look at all of them twice an hour, should a job be lost; and at files that nobody came back for. */
export const importSweepQueue = 'households.import.sweep';

/** For as long a reported roster waits to be committed. Then its file goes, for it is full of people's data. */
const keptDays = 7;

interface World {
  database: Database;
  clock: Clock;
}

/** Starts reading and entering rosters. */
export async function importJobs(deps: World & { jobs: Jobs }): Promise<void> {
  const { jobs } = deps;
  await jobs.work<ImportKey>(importQueue, key => runImport(deps, key));
  await jobs.work(importSweepQueue, () => sweepImports(deps));
  await jobs.repeat(importSweepQueue, '15,45 * * * *');
}

/** Goes on with imports that stopped half-way, and ends those that nobody committed, one village at a time. */
export async function sweepImports(deps: World): Promise<void> {
  const { database, clock } = deps;
  const now = clock.now();
  const before = iso(now.subtract({ hours: 24 * keptDays }));
  for (const village of await database.inSnapshot(none, listOpenVillages)) {
    await database.inTransaction(village, tx =>
      tx
        .update(rosterImport)
        .set({ state: 'failed', content: null, endedAt: iso(now) })
        .where(
          and(
            eq(rosterImport.village, village),
            eq(rosterImport.state, 'reported'),
            lt(rosterImport.createdAt, before),
          ),
        ),
    );
    for (const importId of await database.inSnapshot(village, db => listUnfinished(db, village))) {
      await runImport(deps, { village, importId });
    }
  }
}
