import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { MistakeCode } from './mistakes.ts';
import type { Roster } from './roster.ts';
import { unreadable } from './rows.ts';

/** What the thread is given. */
export interface ReadingTask {
  file: Uint8Array;
  format: 'csv' | 'xlsx';
  /** Numbers of the village's groups, by number and by name. */
  grids: Map<string, number>;
}

/** What the thread says: how far it is, or what came of it. */
export type ReadingNews = { rows: number } | { roster: Roster } | { mistake: MistakeCode };

/** Many times what the largest roster takes on a slow machine. */
const readingMaxMs = 180_000;
const memoryMaxMb = 768;

/**
 * Reads a roster in a thread of its own, which is ended when it takes too long or too much memory: whatever a file does to
 * its reader, the villages that this process serves meanwhile do not wait for it. The memory of `file` goes over to the thread.
 * @throws `unreadable`
 */
export async function readApart(
  task: ReadingTask,
  progress: (rows: number) => Promise<void>,
  { maxMs = readingMaxMs, maxMb = memoryMaxMb } = {},
): Promise<Roster> {
  const deadline = AbortSignal.timeout(maxMs);
  const thread = new Worker(new URL('./reading-thread.ts', import.meta.url), {
    workerData: task,
    transferList: [task.file.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: maxMb },
  });
  try {
    for await (const [news] of on(thread, 'message', { signal: deadline }) as AsyncIterable<[ReadingNews]>) {
      if ('rows' in news) await progress(news.rows);
      else if ('mistake' in news) throw unreadable(news.mistake);
      else return news.roster;
    }
    throw new Error('the worker thread sent no result');
  } catch (error) {
    if (deadline.aborted) throw unreadable('file-too-slow');
    if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') throw unreadable('file-too-large');
    throw error;
  } finally {
    await thread.terminate();
  }
}
