import { setTimeout as wait } from 'node:timers/promises';
import { type JobResult, PgBoss } from 'pg-boss';
import type { Tx } from './database.ts';
import { lineSettings } from './line.ts';
import { withoutValues } from './without-values.ts';

/** What the book keeps as its actor where time has come and no person did anything. */
export const jobActor = '00000000-0000-7000-8000-000000000000';

/** Work that is done later, or again and again: kept in the database, so that a restart loses none of it. */
export interface Jobs {
  /**
   * Asks for a job in the caller's own database transaction: it exists if and only if that commits. A second job with
   * the same `key` is not made while the first waits.
   */
  send(tx: Tx, queue: string, data: object, options: { key: string; startAfter: string }): Promise<void>;
  /**
   * Runs `handler` for each job of `queue`, in this process. A job whose handler throws is tried again later, and a
   * process that dies may leave one to be run twice: a handler looks at what is there before it acts.
   */
  work<T extends object>(queue: string, handler: (data: T) => Promise<void>): Promise<void>;
  /**
   * Asks for a job of `queue` at every tick of `cron` (five fields, Asia/Shanghai). For ticks that came while no worker
   * ran, however many, there is one job at the next start.
   */
  repeat(queue: string, cron: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A worker says so often that it still has its jobs. One that is silent for longer, because it was killed or its machine is
 * gone, loses them to the next one.
 */
const heartbeatSeconds = 30;

/** How often silent workers are looked for. */
const watchSeconds = 10;

/** How failures are repeated; and for how long a job waits for a worker. */
const patience = {
  retryLimit: 10,
  retryDelay: 5,
  retryBackoff: true,
  retryDelayMax: 600,
  retentionSeconds: 366 * 86_400,
};

/** A worker's word counts for an hour: by then, a handler that has not ended hangs. */
const held = { heartbeatSeconds, expireInSeconds: 3600 };

/** pg-boss's own, through which each tick becomes a job. */
const tickQueue = '__pgboss__send-it';

/** What a folder does in the background: `handler` runs for each job of `queue`, as `Jobs.work` says. */
export interface JobDefinition<World> {
  queue: string;
  handler(world: World, data: object): Promise<unknown>;
  /** Asks for a job at every tick of it: five fields, Asia/Shanghai. */
  cron?: string;
}

/** Starts working off these jobs in this process. */
export async function startJobs<World>(
  jobs: Jobs,
  definitions: readonly JobDefinition<World>[],
  world: World,
): Promise<void> {
  for (const { queue, handler, cron } of definitions) {
    await jobs.work(queue, async data => void (await handler(world, data)));
    if (cron !== undefined) await jobs.repeat(queue, cron);
  }
}

/**
 * Opens the queues, which the migrations made.
 *
 * @param url connection string of `jifen_app`
 * @param queues the names of every queue there is
 * @param worker false in a process that only asks for jobs
 */
export async function openJobs(
  url: string,
  queues: readonly string[],
  { worker, onError }: { worker: boolean; onError: (error: Error) => void },
): Promise<Jobs> {
  const boss = new PgBoss({
    ...lineSettings,
    connectionString: url,
    schema: 'jobs',
    max: 4,
    // The app has no DDL: db/migrate.ts has made the schema.
    migrate: false,
    createSchema: false,
    supervise: worker,
    superviseIntervalSeconds: watchSeconds,
    monitorIntervalSeconds: watchSeconds,
    schedule: worker,
  });
  boss.on('error', onError);
  await boss.start();
  const there = new Map((await boss.getQueues()).map(queue => [queue.name, queue]));
  for (const queue of queues) {
    if (!there.has(queue)) await boss.createQueue(queue, { policy: 'short', ...patience, ...held });
    else if (there.get(queue)!.heartbeatSeconds !== heartbeatSeconds)
      await boss.updateQueue(queue, { ...patience, ...held });
  }
  if (there.has(tickQueue)) await boss.updateQueue(tickQueue, held);

  return {
    async send(tx, queue, data, { key, startAfter }) {
      const db = { executeSql: (text: string, values?: unknown[]) => tx.$client.query(text, values as unknown[]) };
      await boss.send(queue, data, { singletonKey: key, startAfter: new Date(startAfter), db });
    },
    async work<T extends object>(queue: string, handler: (data: T) => Promise<void>) {
      // One job a second is what a worker does unless told, too slow for an evening on which a village's orders run out.
      const options = {
        pollingIntervalSeconds: 1,
        batchSize: 50,
        burstWhenBatchFull: true,
        perJobResults: true as const,
      };
      await boss.work<T>(queue, options, async jobs => {
        const results: JobResult[] = [];
        for (const { id, data } of jobs) {
          try {
            await handler(data);
            results.push({ id, status: 'completed' });
          } catch (error) {
            const told = withoutValues(error) as Error;
            onError(told);
            results.push({ id, status: 'failed', output: { message: String(told) } });
          }
        }
        return results;
      });
    },
    async repeat(queue, cron) {
      await boss.schedule(queue, cron, {}, { tz: 'Asia/Shanghai', missed: 'once' });
    },
    // It says goodbye in several queries. Where none is answered, its jobs are lost to the next worker without that.
    stop: () => Promise.race([boss.stop({ graceful: true, timeout: 5_000 }), wait(10_000, undefined, { ref: false })]),
  };
}
