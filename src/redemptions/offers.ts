import { and, asc, eq, isNull } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { shelfBalances, spendableBalances } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { findPriceListOn } from '../store/prices.ts';
import { getStore } from '../store/read.ts';
import { goods, price } from '../store/tables.ts';
import { policyOn } from '../villages/policy.ts';
import { isOpen, nextOpening } from './exchange-days.ts';
import { orderingHousehold, type PricedOrder, priceOrder } from './order.ts';

interface Opening {
  openNow: boolean;
  nextExchangeAt: string | null;
}

interface OfferView {
  goodsId: string;
  sku: string;
  name: string;
  nameEn: string | null;
  unit: string;
  category: string;
  isService: boolean;
  points: number;
  /** Null for a service. */
  onShelf: number | null;
  /** Whether the household has the points; null where none is asked for. */
  affordable: boolean | null;
  /** Why it cannot be had now. */
  reason: 'outOfStock' | 'notEnoughPoints' | null;
}

interface OffersView extends Opening {
  storeId: string;
  householdId: string | null;
  available: number | null;
  priceListId: string | null;
  businessDate: string;
  data: OfferView[];
}

/**
 * What a store offers today, by category and sku.
 * @throws Refusal `not-found` (store, household) | `forbidden` (a kiosk asks for a household without its card)
 */
export async function listOffers(
  db: Db,
  actor: Actor,
  village: string,
  query: { storeId: string; householdId?: string | undefined },
  now: Temporal.Instant,
): Promise<OffersView> {
  await getStore(db, village, query.storeId);
  const householdId = asksFor(actor, query.householdId);
  if (householdId !== null) await getHouseholdRow(db, village, householdId);
  const today = dayOf(now);
  const available = householdId === null ? null : (await spendableBalances(db, village, householdId, today)).available;
  const priceListId = (await findPriceListOn(db, village, dayOf(now))) ?? null;
  const rows = priceListId === null ? [] : await pricedGoods(db, village, priceListId);
  const shelf = await shelfBalances(db, village, query.storeId);
  const data = rows.map(({ points, ...row }) => {
    const onShelf = row.isService ? null : (shelf.get(row.goodsId) ?? 0);
    const affordable = available === null ? null : available >= points;
    const reason = onShelf === 0 ? 'outOfStock' : affordable === false ? 'notEnoughPoints' : null;
    return { ...row, points, onShelf, affordable, reason } as const;
  });
  return {
    storeId: query.storeId,
    householdId,
    available,
    priceListId,
    businessDate: dayOf(now).toString(),
    ...(await opening(db, village, now)),
    data,
  };
}

function asksFor(actor: Actor, householdId: string | undefined): string | null {
  if (actor.kind === 'household') return orderingHousehold(actor, householdId);
  if (actor.kind === 'kiosk' && householdId !== undefined)
    throw new Refusal('forbidden', { requiredRoles: ['household'] });
  return householdId ?? null;
}

async function pricedGoods(db: Db, village: string, priceListId: string) {
  return db
    .select({
      goodsId: goods.id,
      sku: goods.sku,
      name: goods.name,
      nameEn: goods.nameEn,
      unit: goods.unit,
      category: goods.category,
      isService: goods.isService,
      points: price.points,
    })
    .from(price)
    .innerJoin(goods, and(eq(goods.village, price.village), eq(goods.id, price.goodsId)))
    .where(and(eq(price.village, village), eq(price.priceListId, priceListId), isNull(goods.archivedAt)))
    .orderBy(asc(goods.category), asc(goods.sku));
}

/** Whether the village's stores are open, and when they next open. */
async function opening(db: Db, village: string, now: Temporal.Instant): Promise<Opening> {
  const { exchangeDays } = await policyOn(db, village, dayOf(now));
  return { openNow: isOpen(exchangeDays, now), nextExchangeAt: nextOpening(exchangeDays, now) };
}

interface QuoteView extends PricedOrder, Opening {
  storeId: string;
  householdId: string;
  businessDate: string;
  available: number;
  /** What would be left; below zero when the points do not reach. */
  remaining: number;
}

/**
 * What an order would cost and leave. It decides nothing: points and stock are checked when it is made.
 * @throws Refusal `validation-failed` | `not-found` | `household-not-active` | `goods-not-offered` | `out-of-bounds`
 */
export async function quote(
  db: Db,
  actor: Actor,
  village: string,
  input: { storeId: string; householdId?: string | undefined; lines: { goodsId: string; quantity: number }[] },
  now: Temporal.Instant,
): Promise<QuoteView> {
  await getStore(db, village, input.storeId);
  const householdId = orderingHousehold(actor, input.householdId);
  const { state } = await getHouseholdRow(db, village, householdId);
  if (state !== 'active') throw new Refusal('household-not-active', { state });
  const order = await priceOrder(db, village, input.lines, now);
  const { available } = await spendableBalances(db, village, householdId, dayOf(now));
  return {
    storeId: input.storeId,
    householdId,
    businessDate: dayOf(now).toString(),
    ...order,
    available,
    remaining: available - order.points,
    ...(await opening(db, village, now)),
  };
}
