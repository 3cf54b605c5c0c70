import { and, asc, desc, eq, inArray, lt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { goods } from '../store/tables.ts';
import { type countStates, stockCount, stockCountLine, stockDocument } from './tables.ts';

/** Counts of goods: what they show while people count, and afterwards. */

type CountRow = typeof stockCount.$inferSelect;

interface StockCountSummaryView extends Omit<CountRow, 'village'> {
  /** Goods to be counted. */
  goodsCount: number;
  /** The papers of what was found less or more. */
  documentIds: string[];
}

export interface StockCountView extends StockCountSummaryView {
  lines: {
    goodsId: string;
    sku: string;
    name: string;
    unit: string;
    /** Null until both people have counted. */
    result: { first: number; second: number; book: number; difference: number | null } | null;
  }[];
}

/** @throws Refusal `not-found` */
export async function getStockCount(db: Db, village: string, id: string): Promise<StockCountView> {
  const row = one(
    await db
      .select()
      .from(stockCount)
      .where(and(eq(stockCount.village, village), eq(stockCount.id, id))),
  );
  const lines = await db
    .select({ line: stockCountLine, sku: goods.sku, name: goods.name, unit: goods.unit })
    .from(stockCountLine)
    .innerJoin(goods, and(eq(goods.village, stockCountLine.village), eq(goods.id, stockCountLine.goodsId)))
    .where(and(eq(stockCountLine.village, village), eq(stockCountLine.countId, id)))
    .orderBy(asc(stockCountLine.line));
  const [summary] = await summariesOf(db, village, [row]);
  return {
    ...summary!,
    lines: lines.map(({ line, ...known }) => ({ goodsId: line.goodsId, ...known, result: resultOf(row, line) })),
  };
}

function resultOf({ state }: CountRow, { firstCounted, secondCounted, book }: typeof stockCountLine.$inferSelect) {
  if (state === 'open') return null;
  const [first, second] = [firstCounted!, secondCounted!];
  return { first, second, book, difference: first === second ? second - book : null };
}

/** Counts, the newest first. */
export async function listStockCounts(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined; state?: (typeof countStates)[number] | undefined },
): Promise<Page<StockCountSummaryView>> {
  const filters = { list: 'stockCounts', village, state: query.state ?? null };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(stockCount)
    .where(
      and(
        eq(stockCount.village, village),
        query.state === undefined ? undefined : eq(stockCount.state, query.state),
        start && lt(stockCount.id, start[0]),
      ),
    )
    .orderBy(desc(stockCount.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.id]);
  return { ...listed, data: await summariesOf(db, village, listed.data) };
}

async function summariesOf(db: Db, village: string, rows: CountRow[]): Promise<StockCountSummaryView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const documents = await db
    .select({ id: stockDocument.id, countId: stockDocument.countId })
    .from(stockDocument)
    .where(and(eq(stockDocument.village, village), inArray(stockDocument.countId, ids)))
    .orderBy(asc(stockDocument.id));
  const goodsOf = await db
    .select({ countId: stockCountLine.countId, line: stockCountLine.line })
    .from(stockCountLine)
    .where(and(eq(stockCountLine.village, village), inArray(stockCountLine.countId, ids)));
  const counts = Map.groupBy(goodsOf, ({ countId }) => countId);
  return rows.map(({ village: _village, ...row }) => ({
    ...row,
    goodsCount: counts.get(row.id)?.length ?? 0,
    documentIds: documents.filter(({ countId }) => countId === row.id).map(({ id }) => id),
  }));
}
