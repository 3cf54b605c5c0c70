import { and, eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type PrintJobView, refuseForeign, viewOf } from './read.ts';
import { printJob } from './tables.ts';

/**
 * Records what the printer said. Whoever says it again, because the answer was lost, is answered as before; something else
 * is refused: a second try is a job of its own.
 * @throws Refusal `not-found` | `wrong-state`
 */
export async function acknowledge(
  tx: Tx,
  actor: Actor,
  key: { village: string; printJobId: string },
  said: { state: 'printed' | 'failed'; reason?: string | undefined },
  now: Temporal.Instant,
): Promise<PrintJobView> {
  const byKey = and(eq(printJob.village, key.village), eq(printJob.id, key.printJobId));
  const job = one(await tx.select().from(printJob).where(byKey).for('update'));
  refuseForeign(actor, job);
  const reason = said.state === 'failed' ? (said.reason ?? null) : null;
  if (job.state === said.state && job.reason === reason) return viewOf(job);
  if (job.state !== 'queued') throw new Refusal('wrong-state', { state: job.state, since: job.settledAt });
  const [settled] = await tx
    .update(printJob)
    .set({ state: said.state, reason, settledAt: iso(now) })
    .where(byKey)
    .returning();
  return viewOf(settled!);
}
