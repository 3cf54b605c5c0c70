import { and, eq } from 'drizzle-orm';
import { pricedLines } from '../redemptions/order.ts';
import { redemption } from '../redemptions/tables.ts';
import type { Read } from './entry.ts';

interface PickupEntry {
  id: string;
  householdId: string;
  points: number;
  expiresAt: string | null;
  lines: { goodsId: string; quantity: number }[];
}

/** Orders that wait at the kiosk's own store. Their pick-up codes are the households'. */
export const pickups: Read<PickupEntry> = async (db, { village, storeId }) => {
  const waiting = await db
    .select({
      id: redemption.id,
      householdId: redemption.householdId,
      points: redemption.points,
      expiresAt: redemption.expiresAt,
    })
    .from(redemption)
    .where(and(eq(redemption.village, village), eq(redemption.storeId, storeId), eq(redemption.state, 'reserved')));
  const lines = await pricedLines(
    db,
    village,
    waiting.map(({ id }) => id),
  );
  return waiting.map(row => ({
    ...row,
    lines: (lines.get(row.id) ?? []).map(({ goodsId, quantity }) => ({ goodsId, quantity })),
  }));
};
