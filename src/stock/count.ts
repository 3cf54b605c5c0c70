import { randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { shelfBalances } from '../ledger/read.ts';
import { malformed, Refusal } from '../refusals.ts';
import { getStore, goodsById } from '../store/read.ts';
import { getStockCount, type StockCountView } from './read-counts.ts';
import { countedMax, piecesMax } from './schemas.ts';
import { insertDocument } from './stock-document.ts';
import { stockCount, stockCountLine } from './tables.ts';

interface CountKey {
  village: string;
  countId: string;
}

/**
 * Opens a count of the goods on a store's shelf: those that are named, or all that ever lay there. What the book has of them
 * now is kept, and shown to nobody before both people have counted.
 * @throws Refusal `not-found` (store, goods) | `out-of-bounds` (a service; none or more than 200 goods; more than a million pieces)
 */
export async function openStockCount(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { storeId: string; goodsIds?: string[] | undefined },
  now: Temporal.Instant,
): Promise<StockCountView> {
  await getStore(tx, village, input.storeId);
  const shelf = await shelfBalances(tx, village, input.storeId);
  const goodsIds = input.goodsIds ?? [...shelf.keys()];
  if (goodsIds.length < 1 || goodsIds.length > countedMax) {
    throw new Refusal('out-of-bounds', { field: 'goodsIds', min: 1, max: countedMax });
  }
  const found = await goodsById(tx, village, goodsIds);
  const service = goodsIds.findIndex(id => found.get(id)!.isService);
  if (service !== -1) throw new Refusal('out-of-bounds', { field: `goodsIds/${service}`, min: 0, max: 0 });
  const many = goodsIds.findIndex(goodsId => (shelf.get(goodsId) ?? 0) > piecesMax);
  if (many !== -1) throw new Refusal('out-of-bounds', { field: `goodsIds/${many}`, min: 0, max: piecesMax });
  const id = randomUUIDv7();
  const { storeId } = input;
  await tx.insert(stockCount).values({ village, id, storeId, state: 'open', openedBy: actor.id, openedAt: iso(now) });
  // Along the shelves, as they stand in the catalogue.
  const bySku = goodsIds.toSorted((one, other) => (found.get(one)!.sku < found.get(other)!.sku ? -1 : 1));
  const lines = bySku.map((goodsId, at) => ({
    village,
    countId: id,
    line: at + 1,
    goodsId,
    book: shelf.get(goodsId) ?? 0,
  }));
  await tx.insert(stockCountLine).values(lines);
  return getStockCount(tx, village, id);
}

/**
 * Hands in what one person counted. With the second, the count ends: `stale` where the book has moved meanwhile, `disagreed`
 * where the two found different numbers, and then the goods are counted anew; else `agreed`. What was found less or more than
 * the book has is drafted as a document for a third person to post; the numbers themselves are never overwritten.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `validation-failed` (goods are missing)
 */
export async function handInCount(
  tx: Tx,
  actor: Actor,
  key: CountKey,
  figures: { goodsId: string; counted: number }[],
  now: Temporal.Instant,
): Promise<StockCountView> {
  const { village, countId } = key;
  const byKey = and(eq(stockCount.village, village), eq(stockCount.id, countId));
  const row = one(await tx.select().from(stockCount).where(byKey).for('update'));
  if (row.state !== 'open') throw new Refusal('wrong-state', { state: row.state, since: row.secondAt });
  if (row.firstBy === actor.id) throw new Refusal('second-person-required', { firstUserId: actor.id });
  const lines = await tx
    .select()
    .from(stockCountLine)
    .where(and(eq(stockCountLine.village, village), eq(stockCountLine.countId, countId)))
    .orderBy(stockCountLine.line);
  const counted = new Map(figures.map(figure => [figure.goodsId, figure.counted]));
  refuseIncomplete(lines, figures, counted);
  const column = row.firstBy === null ? 'first_counted' : 'second_counted';
  await tx.execute(sql`
    update store.stock_count_line l set ${sql.identifier(column)} = f.counted
      from jsonb_to_recordset(${JSON.stringify(figures)}::jsonb) f("goodsId" uuid, counted integer)
     where l.village = ${village} and l.count_id = ${countId} and l.goods_id = f."goodsId"`);
  if (row.firstBy === null) {
    await tx
      .update(stockCount)
      .set({ firstBy: actor.id, firstAt: iso(now) })
      .where(byKey);
    return getStockCount(tx, village, countId);
  }

  const shelf = await shelfBalances(tx, village, row.storeId);
  const isStale = lines.some(line => (shelf.get(line.goodsId) ?? 0) !== line.book);
  const isAgreed = lines.every(line => line.firstCounted === counted.get(line.goodsId));
  const state = isStale ? 'stale' : isAgreed ? 'agreed' : 'disagreed';
  await tx
    .update(stockCount)
    .set({ state, secondBy: actor.id, secondAt: iso(now) })
    .where(byKey);
  if (state === 'agreed') {
    const differences = lines.map(line => ({ goodsId: line.goodsId, by: counted.get(line.goodsId)! - line.book }));
    await draftDifferences(tx, actor, { ...key, storeId: row.storeId, countedBy: row.firstBy }, differences, now);
  }
  return getStockCount(tx, village, countId);
}

function refuseIncomplete(
  lines: { goodsId: string }[],
  figures: { goodsId: string }[],
  counted: Map<string, number>,
): void {
  if (figures.length === lines.length && lines.every(({ goodsId }) => counted.has(goodsId))) return;
  throw malformed('/figures', 'dependency', {
    zh: '盘点表上的商品须逐一填写，每种一行，没有的填 0。',
    en: 'Every item of the count sheet needs one figure; 0 if there is none.',
  });
}

/** A paper for what is missing, and one for what is too much. */
async function draftDifferences(
  tx: Tx,
  actor: Actor,
  count: CountKey & { storeId: string; countedBy: string },
  differences: { goodsId: string; by: number }[],
  now: Temporal.Instant,
): Promise<void> {
  const { village, countId, storeId, countedBy } = count;
  for (const [type, sign, reason] of [
    ['countShortage', -1, '盘点短少'],
    ['countSurplus', 1, '盘点溢余'],
  ] as const) {
    const lines = differences.filter(({ by }) => by * sign > 0);
    if (lines.length === 0) continue;
    await insertDocument(
      tx,
      {
        ...{ village, id: randomUUIDv7(), type, storeId, reason, state: 'draft', photoIds: [] },
        ...{ draftedBy: actor.id, draftedAt: iso(now), countId, countedBy },
      },
      lines.map(({ goodsId, by }) => ({ goodsId, quantity: Math.abs(by) })),
    );
  }
}
