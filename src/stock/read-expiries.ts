import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { reservedBalances, shelfBalances } from '../ledger/read.ts';
import { getStore } from '../store/read.ts';
import { goods } from '../store/tables.ts';
import { stockDocument } from './tables.ts';

interface StockExpiryView {
  goodsId: string;
  sku: string;
  name: string;
  unit: string;
  expiresOn: string;
  quantity: number;
  /** The day has come: these are to be written off. */
  expired: boolean;
}

/**
 * Goods at a store that expire within some days, or have expired, the soonest first. Nobody notes which bag was handed over: it
 * is taken that what came first went first. So what is left, on the shelf and set aside, is of the latest papers that brought
 * goods to this store, as many pieces as each brought, back to where they come to what the book has; and it expires on the day
 * that paper says. Pieces beyond all of them, that came back or were found, have no day.
 * @throws Refusal `not-found` (the store)
 */
export async function listStockExpiries(
  db: Db,
  village: string,
  query: { storeId: string; days: number; limit: number; cursor?: string | undefined },
  today: Temporal.PlainDate,
): Promise<Page<StockExpiryView>> {
  const { storeId, days } = query;
  await getStore(db, village, storeId);
  const filters = { list: 'stockExpiries', village, storeId, days };
  const start = after<[string, string]>(query.cursor, filters);
  const until = today.add({ days }).toString();
  const left = await leftOf(db, village, storeId);
  const due = (await broughtTo(db, village, storeId, [...left.keys()]))
    .flatMap(({ goodsId, lines }) => expiring(lines, left.get(goodsId)!).map(one => ({ goodsId, ...one })))
    .filter(({ expiresOn }) => expiresOn <= until)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rows = due
    .filter(row => start === undefined || keyOf(row) > `${start[0]} ${start[1]}`)
    .slice(0, query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.expiresOn, row.goodsId]);
  const known = await namesOf(
    db,
    village,
    listed.data.map(row => row.goodsId),
  );
  const data = listed.data.map(({ goodsId, expiresOn, quantity }) => {
    const { sku, name, unit } = known.get(goodsId)!;
    return { goodsId, sku, name, unit, expiresOn, quantity, expired: expiresOn <= today.toString() };
  });
  return { ...listed, data };
}

function keyOf({ expiresOn, goodsId }: { expiresOn: string; goodsId: string }): string {
  return `${expiresOn} ${goodsId}`;
}

/** Pieces of goods at a store, on the shelf and set aside; those of which there are none are absent. */
async function leftOf(db: Db, village: string, storeId: string): Promise<Map<string, number>> {
  const left = await shelfBalances(db, village, storeId);
  for (const [goodsId, pieces] of await reservedBalances(db, village, storeId)) {
    left.set(goodsId, (left.get(goodsId) ?? 0) + pieces);
  }
  return new Map([...left].filter(([, pieces]) => pieces > 0));
}

interface Brought {
  quantity: number;
  expiresOn: string | null;
}

/** What papers brought to a store, the latest first, as the book has them. */
async function broughtTo(
  db: Db,
  village: string,
  storeId: string,
  goodsIds: string[],
): Promise<{ goodsId: string; lines: Brought[] }[]> {
  if (goodsIds.length === 0) return [];
  const rows = await rowsOf<Brought & { goodsId: string }>(
    db,
    sql`
    select l.goods_id as "goodsId", l.quantity, l.expires_on::text as "expiresOn"
      from ${stockDocument} d
      join store.stock_line l on l.village = d.village and l.document_id = d.id
     where d.village = ${village} and d.state = 'posted' and l.goods_id = any(${sql.param(goodsIds)}::uuid[])
       and ((d.type in ('receipt', 'purchase', 'donation') and d.store_id = ${storeId})
         or (d.type = 'transfer' and d.to_store_id = ${storeId}))
     order by d.decided_at desc, d.id desc, l.line desc`,
  );
  return [...Map.groupBy(rows, row => row.goodsId)].map(([goodsId, lines]) => ({ goodsId, lines }));
}

/** Of so many pieces that are left, how many expire when. */
function expiring(lines: Brought[], pieces: number): { expiresOn: string; quantity: number }[] {
  const byDay = new Map<string, number>();
  let left = pieces;
  for (const { quantity, expiresOn } of lines) {
    const taken = Math.min(left, quantity);
    left -= taken;
    if (taken > 0 && expiresOn !== null) byDay.set(expiresOn, (byDay.get(expiresOn) ?? 0) + taken);
  }
  return [...byDay].map(([expiresOn, quantity]) => ({ expiresOn, quantity }));
}

async function namesOf(db: Db, village: string, ids: string[]) {
  if (ids.length === 0) return new Map<string, { sku: string; name: string; unit: string }>();
  const rows = await db
    .select({ id: goods.id, sku: goods.sku, name: goods.name, unit: goods.unit })
    .from(goods)
    .where(and(eq(goods.village, village), inArray(goods.id, ids)))
    .orderBy(asc(goods.sku));
  return new Map(rows.map(row => [row.id, row]));
}
