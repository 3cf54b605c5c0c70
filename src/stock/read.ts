import { and, asc, desc, eq, gt, inArray, lt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { causes, type Kind } from '../ledger/causes.ts';
import { numbersByCause, reservedBalances, shelfBalances } from '../ledger/read.ts';
import { getStore } from '../store/read.ts';
import { goods } from '../store/tables.ts';
import { type DocumentType, stockDocument, stockLine } from './tables.ts';

/** What stands on paper, and what lies on a shelf. */

const kinds: Kind[] = ['stockReceipt', 'stockIssue', 'stockTransfer', 'stockWriteOff', 'stockCount'];

export interface StockDocumentView {
  id: string;
  type: DocumentType;
  storeId: string;
  reason: string;
  state: 'draft' | 'posted' | 'rejected';
  /** What only a paper of one kind says; null for the others. */
  supplier: string | null;
  invoiceNumber: string | null;
  donor: string | null;
  declaredValueFen: number | null;
  event: string | null;
  receiver: string | null;
  toStoreId: string | null;
  countId: string | null;
  countedBy: string | null;
  photoIds: string[];
  lines: {
    goodsId: string;
    sku: string;
    name: string;
    unit: string;
    quantity: number;
    costFen: number | null;
    expiresOn: string | null;
  }[];
  draftedBy: string;
  draftedAt: string;
  decidedBy: string | null;
  decidedAt: string | null;
  decisionNote: string | null;
  transactionNumber: number | null;
}

/** @throws Refusal `not-found` */
export async function getStockDocument(db: Db, village: string, id: string): Promise<StockDocumentView> {
  const rows = await db
    .select()
    .from(stockDocument)
    .where(and(eq(stockDocument.village, village), eq(stockDocument.id, id)));
  const [view] = await viewsOf(db, village, [one(rows)]);
  return view!;
}

/** Stock documents, the newest first. */
export async function listStockDocuments(
  db: Db,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    type?: DocumentType | undefined;
    state?: 'draft' | 'posted' | 'rejected' | undefined;
  },
): Promise<Page<StockDocumentView>> {
  const filters = { list: 'stockDocuments', village, type: query.type ?? null, state: query.state ?? null };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(stockDocument)
    .where(
      and(
        eq(stockDocument.village, village),
        query.type === undefined ? undefined : eq(stockDocument.type, query.type),
        query.state === undefined ? undefined : eq(stockDocument.state, query.state),
        start && lt(stockDocument.id, start[0]),
      ),
    )
    .orderBy(desc(stockDocument.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.id]);
  return { ...listed, data: await viewsOf(db, village, listed.data) };
}

async function viewsOf(
  db: Db,
  village: string,
  rows: (typeof stockDocument.$inferSelect)[],
): Promise<StockDocumentView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(row => row.id);
  const lines = await db
    .select({ line: stockLine, sku: goods.sku, name: goods.name, unit: goods.unit })
    .from(stockLine)
    .innerJoin(goods, and(eq(goods.village, stockLine.village), eq(goods.id, stockLine.goodsId)))
    .where(and(eq(stockLine.village, village), inArray(stockLine.documentId, ids)))
    .orderBy(asc(stockLine.documentId), asc(stockLine.line));
  const byDocument = Map.groupBy(lines, row => row.line.documentId);
  // Whatever its kind, a document posts once, under its id.
  const causeOf = (row: { id: string }) => causes.stockReceipt(row.id);
  const numbers = await numbersByCause(db, village, kinds, rows.map(causeOf));
  return rows.map(({ village: _village, ...row }) => ({
    ...row,
    lines: (byDocument.get(row.id) ?? []).map(({ line, sku, name, unit }) => ({
      goodsId: line.goodsId,
      sku,
      name,
      unit,
      quantity: line.quantity,
      costFen: line.costFen,
      expiresOn: line.expiresOn,
    })),
    transactionNumber: numbers.get(causeOf(row)) ?? null,
  }));
}

interface StockLevelView {
  goodsId: string;
  sku: string;
  name: string;
  unit: string;
  onShelf: number;
  reserved: number;
  minStock: number;
  /** Fewer on the shelf than the village wants to have. */
  low: boolean;
}

/** What lies at a store, by sku; services have no stock. @throws Refusal `not-found` (the store) */
export async function listStockLevels(
  db: Db,
  village: string,
  query: { storeId: string; limit: number; cursor?: string | undefined },
): Promise<Page<StockLevelView>> {
  await getStore(db, village, query.storeId);
  const filters = { list: 'stockLevels', village, store: query.storeId };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(goods)
    .where(and(eq(goods.village, village), eq(goods.isService, false), start && gt(goods.sku, start[0])))
    .orderBy(asc(goods.sku))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.sku]);
  const shelf = await shelfBalances(db, village, query.storeId);
  const reserved = await reservedBalances(db, village, query.storeId);
  const data = listed.data.map(({ id, sku, name, unit, minStock }) => {
    const onShelf = shelf.get(id) ?? 0;
    return {
      goodsId: id,
      sku,
      name,
      unit,
      onShelf,
      reserved: reserved.get(id) ?? 0,
      minStock,
      low: onShelf < minStock,
    };
  });
  return { ...listed, data };
}
