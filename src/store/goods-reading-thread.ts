import { workerData } from 'node:worker_threads';
import { type ReadingTask, tellReading } from '../rosters/read-apart.ts';
import { openRoster } from '../rosters/rows.ts';
import { goodsHeadings, readGoodsList } from './goods-list.ts';

/** The thread that reads a list of goods: it has a file and nothing else, no database and no clock. */

const { file, format } = workerData as ReadingTask;
await tellReading(async progress =>
  readGoodsList(await openRoster(Buffer.from(file.buffer), format, goodsHeadings), progress),
);
