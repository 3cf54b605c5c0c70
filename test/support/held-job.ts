// A process that takes a job of the queue that it is told, says so, and never ends it: whoever started it kills it.
// Arguments: connection string of jifen_app, queue.

import { openJobs } from '../../src/db/jobs.ts';

const [url, queue] = process.argv.slice(2) as [string, string];
const jobs = await openJobs(url, [queue], {
  worker: true,
  onError: error => process.stderr.write(`${error.message}\n`),
});
await jobs.work(queue, () => {
  process.stdout.write('taken\n');
  return new Promise(() => undefined);
});
