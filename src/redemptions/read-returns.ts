import { and, asc, desc, eq, inArray, lt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { causes } from '../ledger/causes.ts';
import { numbersByCause } from '../ledger/read.ts';
import { goods } from '../store/tables.ts';
import { redemptionLine, returned, returnLine } from './tables.ts';

/** Returns, looked at. */

type ReturnState = 'proposed' | 'approved' | 'rejected';

export interface ReturnView {
  id: string;
  redemptionId: string;
  lines: { goodsId: string; name: string; quantity: number }[];
  points: number;
  reason: string;
  restock: boolean;
  state: ReturnState;
  proposedBy: string;
  proposedAt: string;
  decidedBy: string | null;
  decidedAt: string | null;
  decisionNote: string | null;
  transactionNumber: number | null;
}

/** @throws Refusal `not-found` */
export async function getReturn(db: Db, village: string, id: string): Promise<ReturnView> {
  const rows = await db
    .select()
    .from(returned)
    .where(and(eq(returned.village, village), eq(returned.id, id)));
  const [view] = await viewsOf(db, village, [one(rows)]);
  return view!;
}

/** Returns, the newest first. */
export async function listReturns(
  db: Db,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    state?: ReturnState | undefined;
    redemptionId?: string | undefined;
  },
): Promise<Page<ReturnView>> {
  const { limit, cursor, state, redemptionId } = query;
  const filters = { list: 'returns', village, state, redemptionId };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(returned)
    .where(
      and(
        eq(returned.village, village),
        state === undefined ? undefined : eq(returned.state, state),
        redemptionId === undefined ? undefined : eq(returned.redemptionId, redemptionId),
        start && lt(returned.id, start[0]),
      ),
    )
    .orderBy(desc(returned.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: await viewsOf(db, village, listed.data) };
}

async function viewsOf(db: Db, village: string, rows: (typeof returned.$inferSelect)[]): Promise<ReturnView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(row => row.id);
  const lines = await db
    .select({ line: returnLine, name: redemptionLine.name })
    .from(returnLine)
    .innerJoin(returned, and(eq(returned.village, returnLine.village), eq(returned.id, returnLine.returnId)))
    .innerJoin(
      redemptionLine,
      and(
        eq(redemptionLine.village, returnLine.village),
        eq(redemptionLine.redemptionId, returned.redemptionId),
        eq(redemptionLine.goodsId, returnLine.goodsId),
      ),
    )
    .innerJoin(goods, and(eq(goods.village, returnLine.village), eq(goods.id, returnLine.goodsId)))
    .where(and(eq(returnLine.village, village), inArray(returnLine.returnId, ids)))
    .orderBy(asc(goods.sku));
  const byReturn = Map.groupBy(lines, row => row.line.returnId);
  const numbers = await numbersByCause(db, village, ['redemptionReturn'], ids.map(causes.redemptionReturn));
  return rows.map(({ village: _village, ...row }) => ({
    ...row,
    lines: (byReturn.get(row.id) ?? []).map(({ line, name }) => ({
      goodsId: line.goodsId,
      name,
      quantity: line.quantity,
    })),
    transactionNumber: numbers.get(causes.redemptionReturn(row.id)) ?? null,
  }));
}
