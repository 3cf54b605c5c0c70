import { parentPort, workerData } from 'node:worker_threads';
import type { ReadingNews, ReadingTask } from './read-apart.ts';
import { readRoster } from './roster.ts';
import { mistakeIn, openRoster } from './rows.ts';

/** The thread that `readApart` starts: it has a file and nothing else, no database and no clock. */

const say = (news: ReadingNews) => parentPort!.postMessage(news);
const { file, format, grids } = workerData as ReadingTask;
try {
  const opened = await openRoster(Buffer.from(file.buffer), format);
  say({ roster: await readRoster(opened, grids, count => say({ rows: count })) });
} catch (error) {
  const mistake = mistakeIn(error);
  if (mistake === undefined) throw error;
  say({ mistake });
}
