import type { Tx } from '../db/database.ts';
import type { Limit } from '../ledger/transactions.ts';
import { goodsById } from './read.ts';
import type { LimitPer } from './tables.ts';

interface GoodsLimits {
  limits: Limit[];
  /** What a household is told of a limit, by its key. */
  told: Map<string, { goodsId: string; per: LimitPer; resetsOn: string }>;
}

/**
 * Uses of what one household may have of goods in a day, month or year, checked by the ledger: two orders at once cannot both
 * be within. An order that is cancelled or runs out gives them back with its hold; a return does not, for the goods were had.
 */
export async function goodsLimits(
  tx: Tx,
  { village, householdId, businessDate }: { village: string; householdId: string; businessDate: string },
  lines: readonly { goodsId: string; quantity: number }[],
): Promise<GoodsLimits> {
  const found = await goodsById(
    tx,
    village,
    lines.map(line => line.goodsId),
  );
  const limits: Limit[] = [];
  const told: GoodsLimits['told'] = new Map();
  for (const { goodsId, quantity } of lines) {
    const { limitQuantity: max, limitPer: per } = found.get(goodsId)!;
    if (max === null || per === null) continue;
    const { begins, resetsOn } = periodOf(per, businessDate);
    const key = `goods:${goodsId}:${householdId}:${begins}`;
    limits.push({ key, use: quantity, max, code: 'redemption-limit' });
    told.set(key, { goodsId, per, resetsOn });
  }
  return { limits, told };
}

/** The period in which a day lies, as `2026-11-23`, `2026-11` or `2026`, and the first day after it. */
function periodOf(per: LimitPer, businessDate: string): { begins: string; resetsOn: string } {
  const day = Temporal.PlainDate.from(businessDate);
  const first = { day, month: day.with({ day: 1 }), year: day.with({ month: 1, day: 1 }) }[per];
  const begins = businessDate.slice(0, { day: 10, month: 7, year: 4 }[per]);
  return { begins, resetsOn: first.add({ [`${per}s`]: 1 }).toString() };
}
