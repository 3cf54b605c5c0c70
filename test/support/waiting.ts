import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/**
 * How long is waited for what must come, before a test that hangs is told so. No claim about speed: a slow machine comes
 * nowhere near it.
 */
export const patienceMs = 150_000;

/** Asks again and again until it is so. @throws Error when it does not come */
export async function until(holds: () => boolean | Promise<boolean>, what = String(holds)): Promise<void> {
  const tooLate = AbortSignal.timeout(patienceMs);
  for (let pauseMs = 2; !(await holds()); pauseMs = Math.min(pauseMs * 2, 50)) {
    if (tooLate.aborted) throw new Error(`it does not come: ${what}`);
    await sleep(pauseMs);
  }
}

/** How many sessions of this database wait for a lock that another one has. */
export async function countBlocked(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    `select count(distinct l.pid)::integer as blocked
       from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where not l.granted and a.datname = current_database()`,
  );
  return rows[0].blocked;
}

/**
 * Waits until as many sessions of this database wait for a lock: then whoever was to come too late has come.
 * @param client a connection that is in no transaction and waits for nothing itself
 */
export function untilBlocked(client: pg.Client, sessions = 1): Promise<void> {
  return until(async () => (await countBlocked(client)) >= sessions, `${sessions} sessions wait for a lock`);
}
