import { and, eq } from 'drizzle-orm';
import { correct, type Patch } from '../corrections/correct.ts';
import type { Subject } from '../corrections/subjects.ts';
import { refuseStale } from '../corrections/versions.ts';
import { one, type Tx } from '../db/database.ts';
import { refuseWrongGoods } from './goods.ts';
import { type GoodsView, getStore, goodsView, type StoreView } from './read.ts';
import { goods, store } from './tables.ts';

/**
 * What the catalogue and the stores have wrong, put right. Prices are not among it, nor pieces: the book keeps what goods were
 * given for, and a stock document moves them.
 */

type GoodsPatch = Patch<
  Pick<
    typeof goods.$inferSelect,
    'sku' | 'name' | 'nameEn' | 'unit' | 'barcode' | 'category' | 'minStock' | 'costFen' | 'limitQuantity' | 'limitPer'
  >
>;
type StorePatch = Patch<Pick<typeof store.$inferSelect, 'name' | 'place'>>;

interface Asked<P> {
  patch: P;
  /** The header; undefined where it is missing. */
  ifMatch: string | undefined;
}

export function goodsSubject(village: string, goodsId: string): Subject {
  return { village, kind: 'goods', id: goodsId, householdId: null };
}

export function storeSubject(village: string, storeId: string): Subject {
  return { village, kind: 'store', id: storeId, householdId: null };
}

/**
 * Corrects goods, but for whether they are a service: that decides whether they lie on a shelf.
 * @throws Refusal `not-found` | `version-required` | `version-stale` | `already-exists` (sku or barcode) |
 *   `validation-failed` (check digit) | `out-of-bounds` (a minimum stock of a service)
 */
export async function updateGoods(
  tx: Tx,
  by: string,
  { village, goodsId }: { village: string; goodsId: string },
  { patch, ifMatch }: Asked<GoodsPatch>,
  now: Temporal.Instant,
): Promise<GoodsView> {
  const byKey = and(eq(goods.village, village), eq(goods.id, goodsId));
  const row = one(await tx.select().from(goods).where(byKey).for('no key update'));
  const subject = goodsSubject(village, goodsId);
  await refuseStale(tx, subject, ifMatch);
  const { sku, name, nameEn, unit, barcode, category, minStock, costFen, limitQuantity, limitPer } = row;
  const fields = { sku, name, nameEn, unit, barcode, category, minStock, costFen, limitQuantity, limitPer };
  const changed = await correct(tx, by, subject, { fields, patch }, now);
  if (Object.keys(changed).length === 0) return goodsView(row);
  refuseWrongGoods({ ...row, ...changed });
  const [corrected] = await tx.update(goods).set(changed).where(byKey).returning();
  return goodsView(corrected!);
}

/**
 * Corrects what a store is called and where it is.
 * @throws Refusal `not-found` | `version-required` | `version-stale` | `already-exists` (the name)
 */
export async function updateStore(
  tx: Tx,
  by: string,
  { village, storeId }: { village: string; storeId: string },
  { patch, ifMatch }: Asked<StorePatch>,
  now: Temporal.Instant,
): Promise<StoreView> {
  const byKey = and(eq(store.village, village), eq(store.id, storeId));
  const { name, place } = one(await tx.select().from(store).where(byKey).for('no key update'));
  const subject = storeSubject(village, storeId);
  await refuseStale(tx, subject, ifMatch);
  const changed = await correct(tx, by, subject, { fields: { name, place }, patch }, now);
  if (Object.keys(changed).length > 0) await tx.update(store).set(changed).where(byKey);
  return getStore(tx, village, storeId);
}
