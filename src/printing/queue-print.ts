import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { type PrintJobView, viewOf } from './read.ts';
import { printJob } from './tables.ts';

/** What a paper is of. */
interface Printed {
  redemptionId: string;
  /** The paper of this return, and not of the redemption. */
  returnId: string | null;
  storeId: string;
}

/**
 * Queues a receipt for printing: at the kiosk where the household stands, else at the counter of the store. When the same
 * receipt was printed before, the paper will say that it is a copy.
 */
export async function queuePrint(
  tx: Tx,
  actor: Actor,
  village: string,
  paper: Printed,
  now: Temporal.Instant,
): Promise<PrintJobView> {
  const { redemptionId, returnId } = paper;
  const [before] = await tx
    .select({ id: printJob.id })
    .from(printJob)
    .where(
      and(
        eq(printJob.village, village),
        eq(printJob.redemptionId, redemptionId),
        returnId === null ? isNull(printJob.returnId) : eq(printJob.returnId, returnId),
        eq(printJob.state, 'printed'),
      ),
    )
    .limit(1);
  return insert(tx, actor, village, { ...paper, copy: before !== undefined }, now);
}

/**
 * Queues the paper of what has just been done to a redemption at a kiosk, with it and in its database transaction. At a
 * counter paper is printed when somebody asks for it.
 */
export async function queueAtKiosk(
  tx: Tx,
  actor: Actor,
  village: string,
  order: { id: string; storeId: string },
  now: Temporal.Instant,
): Promise<void> {
  if (actor.kioskId === null) return;
  const paper = { redemptionId: order.id, returnId: null, storeId: order.storeId };
  await insert(tx, actor, village, { ...paper, copy: false }, now);
}

async function insert(
  tx: Tx,
  actor: Actor,
  village: string,
  paper: Printed & { copy: boolean },
  now: Temporal.Instant,
): Promise<PrintJobView> {
  const [made] = await tx
    .insert(printJob)
    .values({
      village,
      id: randomUUIDv7(),
      ...paper,
      kioskId: actor.kioskId,
      state: 'queued',
      queuedBy: actor.id,
      queuedAt: iso(now),
    })
    .returning();
  return viewOf(made!);
}
