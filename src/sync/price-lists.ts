import { and, asc, eq, inArray } from 'drizzle-orm';
import { listPriceListsFrom } from '../store/prices.ts';
import { price } from '../store/tables.ts';
import type { Read } from './entry.ts';

interface PriceListEntry {
  id: string;
  validFrom: string;
  items: { goodsId: string; points: number }[];
}

/** The price list of today and those that follow it, so that a kiosk without a network knows tomorrow's prices. */
export const priceLists: Read<PriceListEntry> = async (db, { village, today }) => {
  const lists = await listPriceListsFrom(db, village, today);
  if (lists.length === 0) return [];
  const ids = lists.map(list => list.id);
  const rows = await db
    .select({ priceListId: price.priceListId, goodsId: price.goodsId, points: price.points })
    .from(price)
    .where(and(eq(price.village, village), inArray(price.priceListId, ids)))
    .orderBy(asc(price.goodsId));
  const byList = Map.groupBy(rows, row => row.priceListId);
  return lists.map(list => ({
    ...list,
    items: (byList.get(list.id) ?? []).map(({ goodsId, points }) => ({ goodsId, points })),
  }));
};
