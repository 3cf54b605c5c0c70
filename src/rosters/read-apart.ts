import { on } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';
import type { MistakeCode } from './mistakes.ts';
import { mistakeIn, unreadable } from './rows.ts';

/** What the thread is given. */
export interface ReadingTask {
  file: Uint8Array;
  format: 'csv' | 'xlsx';
}

/** What the thread says: how far it is, or what came of it. */
type ReadingNews<R> = { rows: number } | { result: R } | { mistake: MistakeCode };

/** Many times what the largest roster takes on a slow machine. */
const readingMaxMs = 180_000;
const memoryMaxMb = 768;

/** What such a thread does: it reads, tells how far it is, and says what came of it or what is wrong with the file. */
export async function tellReading<R>(read: (progress: (rows: number) => void) => Promise<R>): Promise<void> {
  const say = (news: ReadingNews<R>) => parentPort!.postMessage(news);
  try {
    say({ result: await read(rows => say({ rows })) });
  } catch (error) {
    const mistake = mistakeIn(error);
    if (mistake === undefined) throw error;
    say({ mistake });
  }
}

/**
 * Reads a file in a thread of its own (`thread`, which calls `tellReading`), which is ended when it takes too long or too much memory: whatever a file does to
 * its reader, the villages that this process serves meanwhile do not wait for it. The memory of `file` goes over to the thread.
 * @throws `unreadable`
 */
export async function readApart<R>(
  thread: URL,
  task: ReadingTask,
  progress: (rows: number) => Promise<void>,
  { maxMs = readingMaxMs, maxMb = memoryMaxMb } = {},
): Promise<R> {
  const deadline = AbortSignal.timeout(maxMs);
  const worker = new Worker(thread, {
    workerData: task,
    transferList: [task.file.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: maxMb },
  });
  try {
    for await (const [news] of on(worker, 'message', { signal: deadline }) as AsyncIterable<[ReadingNews<R>]>) {
      if ('rows' in news) await progress(news.rows);
      else if ('mistake' in news) throw unreadable(news.mistake);
      else return news.result;
    }
    throw new Error('the worker thread sent no result');
  } catch (error) {
    if (deadline.aborted) throw unreadable('file-too-slow');
    if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') throw unreadable('file-too-large');
    throw error;
  } finally {
    await worker.terminate();
  }
}
