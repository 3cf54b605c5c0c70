import { and, eq, inArray } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { refuseRepeats } from '../store/goods.ts';
import { findPriceListOn } from '../store/prices.ts';
import { goodsById } from '../store/read.ts';
import { goods, price } from '../store/tables.ts';
import { redemptionLine } from './tables.ts';

/** The most points one transfer of the book carries. */
const pointsMax = 1_000_000;

export interface PricedLine {
  goodsId: string;
  name: string;
  unit: string;
  isService: boolean;
  quantity: number;
  /** Points of one piece, and of the line. */
  unitPoints: number;
  points: number;
}

export interface PricedOrder {
  priceListId: string;
  lines: PricedLine[];
  points: number;
}

/**
 * What an order costs at an instant.
 * @throws Refusal `validation-failed` (goods twice) | `not-found` | `goods-not-offered` | `out-of-bounds` (its points)
 */
export async function priceOrder(
  db: Db,
  village: string,
  requested: readonly { goodsId: string; quantity: number }[],
  at: Temporal.Instant,
): Promise<PricedOrder> {
  refuseRepeats(requested, 'lines');
  const ids = requested.map(line => line.goodsId);
  const found = await goodsById(db, village, ids);
  const priceListId = await findPriceListOn(db, village, dayOf(at));
  const prices = priceListId === undefined ? new Map() : await pricesOf(db, village, priceListId, ids);
  const lines = requested.map(({ goodsId, quantity }) => {
    const { isService, archivedAt, ...called } = found.get(goodsId)!;
    const [name, unit] = [onOneLine(called.name), onOneLine(called.unit)];
    const unitPoints = prices.get(goodsId);
    const archived = archivedAt !== null && Temporal.Instant.compare(archivedAt, at) <= 0;
    if (archived || unitPoints === undefined) {
      throw new Refusal('goods-not-offered', { goodsId, reason: archived ? 'archived' : 'noPrice' });
    }
    return { goodsId, name, unit, isService, quantity, unitPoints, points: unitPoints * quantity };
  });
  const points = lines.reduce((sum, line) => sum + line.points, 0);
  if (points > pointsMax) throw new Refusal('out-of-bounds', { field: 'points', min: 1, max: pointsMax });
  return { priceListId: priceListId!, lines, points };
}

/** As an order keeps it: goods that were entered long ago may be called by more than one line. */
function onOneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** What each of these goods costs on a list; those it does not name are absent. */
export async function pricesOf(
  db: Db,
  village: string,
  priceListId: string,
  ids: string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ goodsId: price.goodsId, points: price.points })
    .from(price)
    .where(and(eq(price.village, village), eq(price.priceListId, priceListId), inArray(price.goodsId, ids)));
  return new Map(rows.map(row => [row.goodsId, row.points]));
}

/** Lines of redemptions with the names and prices they were ordered at, by redemption. */
export async function pricedLines(
  db: Db,
  village: string,
  redemptionIds: readonly string[],
): Promise<Map<string, PricedLine[]>> {
  if (redemptionIds.length === 0) return new Map();
  const rows = await db
    .select({ line: redemptionLine, isService: goods.isService })
    .from(redemptionLine)
    .innerJoin(goods, and(eq(goods.village, redemptionLine.village), eq(goods.id, redemptionLine.goodsId)))
    .where(and(eq(redemptionLine.village, village), inArray(redemptionLine.redemptionId, [...redemptionIds])))
    .orderBy(redemptionLine.redemptionId, redemptionLine.line);
  const byRedemption = Map.groupBy(rows, row => row.line.redemptionId);
  return new Map(
    [...byRedemption].map(([id, own]) => [
      id,
      own.map(({ line: { goodsId, name, unit, quantity, unitPoints }, isService }) => ({
        goodsId,
        name,
        unit,
        isService,
        quantity,
        unitPoints,
        points: unitPoints * quantity,
      })),
    ]),
  );
}

/** What the book moves for an order: points, and goods but no services. */
export function inTheBook(
  redemption: { id: string; householdId: string; storeId: string; points: number },
  lines: readonly { goodsId: string; quantity: number; isService: boolean }[],
) {
  return {
    redemptionId: redemption.id,
    householdId: redemption.householdId,
    storeId: redemption.storeId,
    points: redemption.points,
    goods: lines.filter(line => !line.isService).map(({ goodsId, quantity }) => ({ goodsId, quantity })),
  };
}

/**
 * The household an order is for: a household in session orders for itself and is told of others what it would be told of
 * none; staff says for whom.
 * @throws Refusal `not-found` | `validation-failed`
 */
export function orderingHousehold(actor: Actor, householdId: string | undefined): string {
  if (actor.kind === 'household') {
    if (householdId !== undefined && householdId !== actor.householdId) throw new Refusal('not-found');
    return actor.householdId!;
  }
  if (householdId !== undefined) return householdId;
  throw malformed('/householdId', 'required', { zh: '请选择户。', en: 'Staff must name the household.' });
}
