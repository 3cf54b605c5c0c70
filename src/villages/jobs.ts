import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { none } from '../db/scope.ts';
import { forgetAnswers } from '../posting/keys.ts';
import { listOpenVillages } from './read.ts';

interface World {
  database: Database;
  clock: Clock;
}

/** Each night, in every village: answers to repeated calls that nobody will ask for again. */
export const villageJobs: JobDefinition<World>[] = [
  { queue: 'answers.forget', handler: forgetOldAnswers, cron: '20 3 * * *' },
];

async function forgetOldAnswers({ database, clock }: World): Promise<void> {
  await forgetAnswers(database, await database.inSnapshot(none, listOpenVillages), clock.now());
}
