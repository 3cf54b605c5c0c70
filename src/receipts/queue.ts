import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { queuePrint } from '../printing/queue-print.ts';
import type { PrintJobView } from '../printing/read.ts';
import { getRedemption } from '../redemptions/read.ts';
import { getReturn } from '../redemptions/read-returns.ts';
import { Refusal } from '../refusals.ts';

/**
 * Queues the receipt of a redemption or of one of its returns, the first time or again. A household asks for its own
 * redemptions.
 * @throws Refusal `not-found`
 */
export async function queueReceipt(
  tx: Tx,
  actor: Actor,
  village: string,
  asked: { redemptionId: string; returnId?: string | undefined },
  now: Temporal.Instant,
): Promise<PrintJobView> {
  const { redemptionId, returnId = null } = asked;
  const { storeId } = await getRedemption(tx, actor, village, redemptionId);
  if (returnId !== null && (await getReturn(tx, village, returnId)).redemptionId !== redemptionId) {
    throw new Refusal('not-found', { field: 'returnId' });
  }
  return queuePrint(tx, actor, village, { redemptionId, returnId, storeId }, now);
}
