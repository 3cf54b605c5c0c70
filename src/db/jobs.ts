import { PgBoss } from 'pg-boss';
import type { Tx } from './database.ts';

/** Work that is done later, or again and again: kept in the database, so that a restart loses none of it. */
export interface Jobs {
  /**
   * Asks for a job in the caller's own database transaction: it exists if and only if that commits. A second job with
   * the same `key` is not made while the first waits.
   */
  send(tx: Tx, queue: string, data: object, options: { key: string; startAfter: string }): Promise<void>;
  /** Runs `handler` for each job of `queue`, in this process. A handler that throws is tried again later. */
  work<T extends object>(queue: string, handler: (data: T) => Promise<void>): Promise<void>;
  /** Asks for a job of `queue` at every tick of `cron` (five fields, Asia/Shanghai). */
  repeat(queue: string, cron: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Opens the queues, which the migrations made.
 *
 * @param url connection string of `jifen_app`
 * @param queues the names of every queue there is
 * @param options.worker false in a process that only asks for jobs
 */
export async function openJobs(
  url: string,
  queues: readonly string[],
  options: { worker: boolean; onError: (error: Error) => void },
): Promise<Jobs> {
  const boss = new PgBoss({
    connectionString: url,
    schema: 'jobs',
    max: 4,
    // The app has no DDL: db/migrate.ts has made the schema.
    migrate: false,
    createSchema: false,
    supervise: options.worker,
    schedule: options.worker,
  });
  boss.on('error', options.onError);
  await boss.start();
  for (const queue of queues) {
    await boss.createQueue(queue, {
      policy: 'short',
      retryLimit: 10,
      retryDelay: 5,
      retryBackoff: true,
      retryDelayMax: 600,
    });
  }

  return {
    async send(tx, queue, data, { key, startAfter }) {
      const db = { executeSql: (text: string, values?: unknown[]) => tx.$client.query(text, values as unknown[]) };
      await boss.send(queue, data, { singletonKey: key, startAfter: new Date(startAfter), db });
    },
    async work<T extends object>(queue: string, handler: (data: T) => Promise<void>) {
      await boss.work<T>(queue, { pollingIntervalSeconds: 1 }, async jobs => {
        for (const job of jobs) await handler(job.data);
      });
    },
    async repeat(queue, cron) {
      await boss.schedule(queue, cron, {}, { tz: 'Asia/Shanghai' });
    },
    stop: () => boss.stop({ graceful: true, timeout: 5_000 }),
  };
}
