import type { Clock } from '../calendar.ts';
import type { Database } from '../db/database.ts';
import type { JobDefinition } from '../db/jobs.ts';
import { forgetSpentProofs } from './proofs.ts';
import { forgetOldTries } from './sign-in.ts';

/** Each night: old tries at passwords, and proofs of devices that no longer call. */
export const identityJobs: JobDefinition<{ database: Database; clock: Clock }>[] = [
  { queue: 'tries.forget', handler: forgetOldTries, cron: '20 3 * * *' },
  { queue: 'proofs.forget', handler: forgetSpentProofs, cron: '25 3 * * *' },
];
