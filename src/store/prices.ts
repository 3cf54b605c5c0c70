import { randomUUIDv7 } from 'node:crypto';
import { and, asc, count, desc, eq, inArray, isNull, lte, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { type Db, one, type Tx } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getVillage } from '../villages/read.ts';
import { refuseRepeats } from './goods.ts';
import { goodsById } from './read.ts';
import { goods, price, priceList } from './tables.ts';

interface PriceListView {
  id: string;
  validFrom: string;
  itemCount: number;
  publishedBy: string;
  publishedAt: string;
  state: 'published' | 'withdrawn';
  withdrawnBy: string | null;
  withdrawnAt: string | null;
}

interface PriceListFull extends PriceListView {
  items: { goodsId: string; sku: string; name: string; points: number }[];
}

/**
 * Publishes what goods cost from a day on. It never reaches back: the day lies after today, or, for the first list, on
 * or after the day the village opened. A list that was withdrawn does not count. Goods it does not name are not offered while it holds.
 * @throws Refusal `validation-failed` (goods twice) | `not-found` | `business-date-refused` (facts: `earliest`)
 */
export async function publishPriceList(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { validFrom: string; items: { goodsId: string; points: number }[] },
  now: Temporal.Instant,
): Promise<PriceListFull> {
  refuseRepeats(input.items, 'items');
  await goodsById(
    tx,
    village,
    input.items.map(item => item.goodsId),
  );
  const taken = await tx
    .select({ validFrom: priceList.validFrom })
    .from(priceList)
    .where(and(eq(priceList.village, village), isNull(priceList.withdrawnAt)))
    .orderBy(desc(priceList.validFrom));
  const isFirst = taken.length === 0;
  const earliest = isFirst ? (await getVillage(tx, village)).openedOn : dayOf(now).add({ days: 1 }).toString();
  const isTaken = taken.some(list => list.validFrom === input.validFrom);
  if (input.validFrom < earliest || isTaken) throw new Refusal('business-date-refused', { earliest, latest: null });
  const id = randomUUIDv7();
  await tx
    .insert(priceList)
    .values({ village, id, validFrom: input.validFrom, isFirst, publishedBy: actor.id, publishedAt: iso(now) });
  await tx.insert(price).values(input.items.map(item => ({ village, priceListId: id, ...item })));
  return getPriceList(tx, village, id);
}

/**
 * Takes back a list that is not in force yet: the one before it goes on, and another may take its day.
 * @throws Refusal `not-found` | `wrong-state` (facts: `state` is inForce or withdrawn; `since`)
 */
export async function withdrawPriceList(
  tx: Tx,
  actor: Actor,
  key: { village: string; priceListId: string },
  now: Temporal.Instant,
): Promise<PriceListFull> {
  const byKey = and(eq(priceList.village, key.village), eq(priceList.id, key.priceListId));
  const { validFrom, withdrawnAt } = one(await tx.select().from(priceList).where(byKey).for('update'));
  if (withdrawnAt !== null) throw new Refusal('wrong-state', { state: 'withdrawn', since: withdrawnAt });
  if (validFrom <= dayOf(now).toString()) throw new Refusal('wrong-state', { state: 'inForce', since: validFrom });
  await tx
    .update(priceList)
    .set({ withdrawnBy: actor.id, withdrawnAt: iso(now) })
    .where(byKey);
  return getPriceList(tx, key.village, key.priceListId);
}

/** The list in force on a day, if there is one. */
export async function findPriceListOn(db: Db, village: string, day: Temporal.PlainDate): Promise<string | undefined> {
  const [row] = await db
    .select({ id: priceList.id })
    .from(priceList)
    .where(and(eq(priceList.village, village), lte(priceList.validFrom, day.toString()), isNull(priceList.withdrawnAt)))
    .orderBy(desc(priceList.validFrom))
    .limit(1);
  return row?.id;
}

/** The list in force on a day, and those that follow it, by first day; none that was withdrawn. */
export async function listPriceListsFrom(
  db: Db,
  village: string,
  day: Temporal.PlainDate,
): Promise<{ id: string; validFrom: string }[]> {
  const rows = await db
    .select({ id: priceList.id, validFrom: priceList.validFrom })
    .from(priceList)
    .where(and(eq(priceList.village, village), isNull(priceList.withdrawnAt)))
    .orderBy(asc(priceList.validFrom));
  return rows.slice(
    Math.max(
      0,
      rows.findLastIndex(row => row.validFrom <= day.toString()),
    ),
  );
}

/** Price lists, the newest first, those that were withdrawn among them. */
export async function listPriceLists(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<PriceListView>> {
  const filters = { list: 'priceLists', village };
  const start = after<[string, string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(priceList)
    .where(
      and(
        eq(priceList.village, village),
        start && sql`(${priceList.validFrom}, ${priceList.id}) < (${start[0]}::date, ${start[1]}::uuid)`,
      ),
    )
    .orderBy(desc(priceList.validFrom), desc(priceList.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.validFrom, row.id]);
  const counts = await itemCounts(
    db,
    village,
    listed.data.map(row => row.id),
  );
  return { ...listed, data: listed.data.map(row => viewOf(row, counts.get(row.id) ?? 0)) };
}

/** @throws Refusal `not-found` */
export async function getPriceList(db: Db, village: string, id: string): Promise<PriceListFull> {
  const row = one(
    await db
      .select()
      .from(priceList)
      .where(and(eq(priceList.village, village), eq(priceList.id, id))),
  );
  const items = await db
    .select({ goodsId: price.goodsId, sku: goods.sku, name: goods.name, points: price.points })
    .from(price)
    .innerJoin(goods, and(eq(goods.village, price.village), eq(goods.id, price.goodsId)))
    .where(and(eq(price.village, village), eq(price.priceListId, id)))
    .orderBy(asc(goods.sku));
  return { ...viewOf(row, items.length), items };
}

async function itemCounts(db: Db, village: string, ids: string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({ id: price.priceListId, items: count() })
    .from(price)
    .where(and(eq(price.village, village), inArray(price.priceListId, ids)))
    .groupBy(price.priceListId);
  return new Map(rows.map(row => [row.id, row.items]));
}

function viewOf(row: typeof priceList.$inferSelect, itemCount: number): PriceListView {
  const { id, validFrom, publishedBy, publishedAt, withdrawnBy, withdrawnAt } = row;
  const state = withdrawnAt === null ? 'published' : 'withdrawn';
  return { id, validFrom, itemCount, publishedBy, publishedAt, state, withdrawnBy, withdrawnAt };
}
