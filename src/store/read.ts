import { and, asc, eq, gt, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { Refusal } from '../refusals.ts';
import { goods, type LimitPer, store } from './tables.ts';

export interface StoreView {
  id: string;
  name: string;
  place: string | null;
  createdAt: string;
}

export interface GoodsView {
  id: string;
  sku: string;
  name: string;
  nameEn: string | null;
  unit: string;
  barcode: string | null;
  category: string;
  isService: boolean;
  minStock: number;
  costFen: number | null;
  /** Pieces that one household may have in each day, month or year; null for no limit. */
  limitQuantity: number | null;
  limitPer: LimitPer | null;
  state: 'active' | 'archived';
  createdAt: string;
}

/** @throws Refusal `not-found` */
export async function getStore(db: Db, village: string, id: string): Promise<StoreView> {
  return one(
    await db
      .select(storeColumns)
      .from(store)
      .where(and(eq(store.village, village), eq(store.id, id))),
  );
}

const storeColumns = { id: store.id, name: store.name, place: store.place, createdAt: store.createdAt };

/** Stores of a village, the oldest first. */
export async function listStores(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<StoreView>> {
  const filters = { list: 'stores', village };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select(storeColumns)
    .from(store)
    .where(and(eq(store.village, village), start && gt(store.id, start[0])))
    .orderBy(asc(store.id))
    .limit(query.limit + 1);
  return page(rows, query.limit, filters, row => [row.id]);
}

/** @throws Refusal `not-found` */
export async function getGoods(db: Db, village: string, id: string): Promise<GoodsView> {
  const rows = await db
    .select()
    .from(goods)
    .where(and(eq(goods.village, village), eq(goods.id, id)));
  return goodsView(one(rows));
}

/** Goods by sku. `q` finds part of a name, the beginning of an sku, or a whole barcode. */
export async function listGoods(
  db: Db,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    q?: string | undefined;
    state?: 'active' | 'archived' | undefined;
  },
): Promise<Page<GoodsView>> {
  const filters = { list: 'goods', village, q: query.q ?? null, state: query.state ?? null };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(goods)
    .where(
      and(
        eq(goods.village, village),
        query.q === undefined ? undefined : matches(query.q),
        query.state === undefined ? undefined : inState(query.state),
        start && gt(goods.sku, start[0]),
      ),
    )
    .orderBy(asc(goods.sku))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.sku]);
  return { ...listed, data: listed.data.map(goodsView) };
}

function matches(q: string) {
  // As a till may read it: with other zeros before it.
  const barcode = /^[0-9]{8,14}$/.test(q) ? q : null;
  return sql`(position(lower(${q}) in lower(${goods.name})) > 0
    or position(lower(${q}) in lower(coalesce(${goods.nameEn}, ''))) > 0
    or starts_with(upper(${goods.sku}), upper(${q})) or lpad(${goods.barcode}, 14, '0') = lpad(${barcode}, 14, '0'))`;
}

function inState(state: 'active' | 'archived') {
  return state === 'active' ? isNull(goods.archivedAt) : isNotNull(goods.archivedAt);
}

/** Goods by id. @throws Refusal `not-found` (facts: `field`) when one of them is not the village's */
export async function goodsById(
  db: Db,
  village: string,
  ids: readonly string[],
): Promise<Map<string, typeof goods.$inferSelect>> {
  const rows = await db
    .select()
    .from(goods)
    .where(and(eq(goods.village, village), inArray(goods.id, [...ids])));
  const found = new Map(rows.map(row => [row.id, row]));
  if (ids.some(id => !found.has(id))) throw new Refusal('not-found', { field: 'goodsId' });
  return found;
}

export function goodsView(row: typeof goods.$inferSelect): GoodsView {
  const { archivedBy: _, archivedAt, village: __, createdBy: ___, ...known } = row;
  return { ...known, state: archivedAt === null ? 'active' : 'archived' };
}
