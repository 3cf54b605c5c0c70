import { randomUUIDv7 } from 'node:crypto';
import { dayOf, iso, startOf } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { offlineLossOf } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { refuseRepeats } from '../store/goods.ts';
import { policyOn } from '../villages/policy.ts';
import { type PricedLine, pricedLines } from './order.ts';
import { getReturn, type ReturnView } from './read-returns.ts';
import { lockRedemption, type RedemptionRow } from './redemption.ts';
import { insertReturn, remaining, returnsOf } from './return.ts';

interface NewReturn {
  redemptionId: string;
  /** All that has not come back yet when absent. */
  lines?: { goodsId: string; quantity: number }[] | undefined;
  reason: string;
  /** To the shelf, or away as spoiled. */
  restock: boolean;
}

/**
 * Proposes that goods come back, whole or in part, and over as many returns as it takes: each piece once. Nothing moves
 * before another person has agreed, and until then no other return of the redemption is proposed.
 * @throws Refusal `validation-failed` (goods twice) | `not-found` | `wrong-state` | `already-exists` (facts:
 *   `existingId`) | `too-late` | `out-of-bounds` (more than is still with the household) | `own-household`
 */
export async function proposeReturn(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewReturn,
  now: Temporal.Instant,
): Promise<ReturnView> {
  const lines = input.lines ?? [];
  refuseRepeats(lines, 'lines');
  const row = await lockRedemption(tx, { village, redemptionId: input.redemptionId });
  if (row.state !== 'fulfilled') throw new Refusal('wrong-state', { state: row.state, since: row.since });
  // What the village paid is not the household's to get back: that is settled in the case.
  if ((await offlineLossOf(tx, village, row.id)) > 0) throw new Refusal('wrong-state', { state: 'offlineLoss' });
  const { open, pieces } = await returnsOf(tx, village, row.id);
  if (open !== undefined) throw new Refusal('already-exists', { field: 'redemptionId', existingId: open });
  await refuseLate(tx, row, now);
  const left = remaining((await pricedLines(tx, village, [row.id])).get(row.id)!, pieces);
  const back = input.lines === undefined ? left : pick(left, lines);
  const id = randomUUIDv7();
  await insertReturn(
    tx,
    {
      village,
      id,
      redemptionId: row.id,
      reason: input.reason,
      restock: input.restock,
      points: back.reduce((sum, line) => sum + line.unitPoints * line.quantity, 0),
      proposedBy: actor.id,
      proposedAt: iso(now),
    },
    back,
  );
  return getReturn(tx, village, id);
}

/** The day of the hand-over and `returnDays` whole days after it. */
async function refuseLate(tx: Tx, row: RedemptionRow, now: Temporal.Instant): Promise<void> {
  const day = dayOf(Temporal.Instant.from(row.handedOverAt!));
  const { returnDays } = await policyOn(tx, row.village, day);
  const endedAt = startOf(day.add({ days: returnDays + 1 }));
  if (Temporal.Instant.compare(now, endedAt) < 0) return;
  throw new Refusal('too-late', { what: 'return', endedAt: iso(endedAt) });
}

function pick(left: PricedLine[], lines: { goodsId: string; quantity: number }[]): PricedLine[] {
  return lines.map(({ goodsId, quantity }, at) => {
    const line = left.find(one => one.goodsId === goodsId);
    if (line === undefined || quantity > line.quantity) {
      throw new Refusal('out-of-bounds', { field: `lines/${at}/quantity`, min: 1, max: line?.quantity ?? 0 });
    }
    return { ...line, quantity };
  });
}
