import { workerData } from 'node:worker_threads';
import { rosterHeadings } from './columns.ts';
import { tellReading } from './read-apart.ts';
import { readRoster } from './roster.ts';
import { openRoster } from './rows.ts';
import type { RosterTask } from './run-import.ts';

/** The thread that `readApart` starts: it has a file and nothing else, no database and no clock. */

const { file, format, grids } = workerData as RosterTask;
await tellReading(async progress => {
  const opened = await openRoster(Buffer.from(file.buffer), format, rosterHeadings);
  return readRoster(opened, grids, progress);
});
