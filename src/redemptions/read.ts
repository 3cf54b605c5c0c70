import { and, asc, desc, eq, gte, inArray, lt, lte, or, sum } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { maskName } from '../households/masking.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, seesWhole } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { numbersByCause } from '../ledger/read.ts';
import { transaction } from '../ledger/tables.ts';
import { Refusal } from '../refusals.ts';
import { type PricedLine, pricedLines } from './order.ts';
import type { ProxyPerson } from './proxy.ts';
import { isOwn, type RedemptionRow, refuseForeign } from './redemption.ts';
import { type Presented, proxyPickup, type RedemptionState, redemption, returned, returnLine, slip } from './tables.ts';

/** What staff recorded in place of a card, PIN or code. */
export interface SlipView {
  step: 'order' | 'handOver';
  photoId: string;
  reason: string;
  recordedBy: string;
  recordedAt: string;
}

/** A line with how many of its pieces came back. */
interface OrderedLine extends PricedLine {
  returnedQuantity: number;
}

export interface RedemptionView {
  id: string;
  /** `R-20261123-18412`: business date, and number of its first transaction in the book. */
  number: string;
  householdId: string;
  storeId: string;
  kioskId: string | null;
  lines: OrderedLine[];
  points: number;
  /** Points that came back with returned goods: below `points` some of the goods are still with the household. */
  returnedPoints: number;
  priceListId: string;
  mode: 'counter' | 'pickup';
  presented: Presented;
  state: RedemptionState;
  since: string;
  pickupCode: string | null;
  expiresAt: string | null;
  handedOverAt: string | null;
  handOverPresented: Presented | 'pickupCode' | null;
  slips: SlipView[];
  /** Who fetched the goods, if it was not the household; masked for those who see names masked. */
  proxy: ProxyPerson | null;
  businessDate: string;
  occurredAt: string;
  backEntry: boolean;
  opId: string | null;
  createdBy: string;
  createdAt: string;
  transactionNumbers: number[];
}

/** A household is told of another one's order what it would be told of none. @throws Refusal `not-found` */
async function getRedemptionRow(db: Db, actor: Actor, village: string, id: string): Promise<RedemptionRow> {
  const row = one(
    await db
      .select()
      .from(redemption)
      .where(and(eq(redemption.village, village), eq(redemption.id, id))),
  );
  refuseForeign(actor, row);
  return row;
}

/** @throws Refusal `not-found` */
export async function getRedemption(db: Db, actor: Actor, village: string, id: string): Promise<RedemptionView> {
  const [view] = await viewsOf(db, actor, village, [await getRedemptionRow(db, actor, village, id)]);
  return view!;
}

/** The order that waits under a pick-up code, if there is one that the caller may know of. */
export async function findRedemptionByCode(
  db: Db,
  actor: Actor,
  village: string,
  pickupCode: string,
): Promise<RedemptionView | undefined> {
  const rows = await db
    .select()
    .from(redemption)
    .where(and(eq(redemption.village, village), eq(redemption.pickupCode, pickupCode)));
  const [view] = await viewsOf(
    db,
    actor,
    village,
    rows.filter(row => isOwn(actor, row)),
  );
  return view;
}

/**
 * The order of a number as slips and receipts show it, whatever has become of it. The number holds the order's first
 * transaction, and the book knows what that was posted for.
 * @throws Refusal `not-found`
 */
export async function getRedemptionByNumber(
  db: Db,
  actor: Actor,
  village: string,
  number: string,
): Promise<RedemptionView> {
  const first = Number(number.split('-')[2]);
  const { cause } = one(
    await db
      .select({ cause: transaction.cause })
      .from(transaction)
      .where(
        and(
          eq(transaction.village, village),
          eq(transaction.number, first),
          inArray(transaction.kind, ['redemptionHold', 'redemption']),
        ),
      ),
  );
  const view = await getRedemption(db, actor, village, cause.split(':')[1]!);
  if (view.number !== number) throw new Refusal('not-found');
  return view;
}

interface RedemptionQuery {
  limit: number;
  cursor?: string | undefined;
  householdId?: string | undefined;
  state?: RedemptionState | undefined;
  /** With the order, or when the goods left. */
  presented?: Presented | 'pickupCode' | undefined;
  businessFrom?: string | undefined;
  businessTo?: string | undefined;
}

/** Redemptions, the newest first; a household's own only. @throws Refusal `not-found` (another household) */
export async function listRedemptions(
  db: Db,
  actor: Actor,
  village: string,
  query: RedemptionQuery,
): Promise<Page<RedemptionView>> {
  const { limit, cursor, state, presented, businessFrom, businessTo } = query;
  const householdId = actor.kind === 'household' ? actor.householdId! : query.householdId;
  if (query.householdId !== undefined) refuseForeign(actor, { householdId: query.householdId });
  const filters = { list: 'redemptions', village, householdId, state, presented, businessFrom, businessTo };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(redemption)
    .where(
      and(
        eq(redemption.village, village),
        householdId === undefined ? undefined : eq(redemption.householdId, householdId),
        state === undefined ? undefined : eq(redemption.state, state),
        presented === undefined ? undefined : shows(presented),
        businessFrom === undefined ? undefined : gte(redemption.businessDate, businessFrom),
        businessTo === undefined ? undefined : lt(redemption.businessDate, businessTo),
        start && lt(redemption.id, start[0]),
      ),
    )
    .orderBy(desc(redemption.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: await viewsOf(db, actor, village, listed.data) };
}

function shows(presented: Presented | 'pickupCode') {
  const atHandOver = eq(redemption.handOverPresented, presented);
  return presented === 'pickupCode' ? atHandOver : or(eq(redemption.presented, presented), atHandOver);
}

async function viewsOf(db: Db, actor: Actor, village: string, rows: RedemptionRow[]): Promise<RedemptionView[]> {
  const ids = rows.map(row => row.id);
  const lines = await pricedLines(db, village, ids);
  const numbers = await transactionNumbers(db, village, ids);
  const slips = await slipsOf(db, village, rows);
  const proxies = await proxiesOf(db, village, rows);
  const back = await piecesBack(db, village, rows);
  return rows.map(row =>
    viewOf(
      actor,
      row,
      (lines.get(row.id) ?? []).map(line => ({
        ...line,
        returnedQuantity: back.get(`${row.id}:${line.goodsId}`) ?? 0,
      })),
      numbers.get(row.id) ?? [],
      { slips: slips.get(row.id) ?? [], proxy: proxies.get(row.id) ?? null },
    ),
  );
}

/** Who fetched goods, by redemption. */
async function proxiesOf(db: Db, village: string, rows: RedemptionRow[]): Promise<Map<string, ProxyPerson>> {
  const ids = rows.filter(row => row.handedOverAt !== null).map(row => row.id);
  if (ids.length === 0) return new Map();
  const found = await db
    .select({ id: proxyPickup.redemptionId, name: proxyPickup.name, relation: proxyPickup.relation })
    .from(proxyPickup)
    .where(and(eq(proxyPickup.village, village), inArray(proxyPickup.redemptionId, ids)));
  return new Map(found.map(({ id, name, relation }) => [id, { name, relation }]));
}

/** Pieces of approved returns, by redemption and goods; only what was handed over can have come back. */
async function piecesBack(db: Db, village: string, rows: RedemptionRow[]): Promise<Map<string, number>> {
  const ids = rows.filter(row => row.handedOverAt !== null).map(row => row.id);
  if (ids.length === 0) return new Map();
  const found = await db
    .select({
      id: returned.redemptionId,
      goodsId: returnLine.goodsId,
      quantity: sum(returnLine.quantity).mapWith(Number),
    })
    .from(returned)
    .innerJoin(returnLine, and(eq(returnLine.village, returned.village), eq(returnLine.returnId, returned.id)))
    .where(and(eq(returned.village, village), inArray(returned.redemptionId, ids), eq(returned.state, 'approved')))
    .groupBy(returned.redemptionId, returnLine.goodsId);
  return new Map(found.map(({ id, goodsId, quantity }) => [`${id}:${goodsId}`, quantity]));
}

/** Slips by redemption, those of the order first; most redemptions have none and are not asked for. */
async function slipsOf(db: Db, village: string, rows: RedemptionRow[]): Promise<Map<string, SlipView[]>> {
  const ids = rows.filter(row => row.presented === 'slip' || row.handOverPresented === 'slip').map(row => row.id);
  if (ids.length === 0) return new Map();
  const found = await db
    .select()
    .from(slip)
    .where(and(eq(slip.village, village), inArray(slip.redemptionId, ids)))
    .orderBy(asc(slip.recordedAt), asc(slip.id));
  const byRedemption = Map.groupBy(found, row => row.redemptionId);
  return new Map([...byRedemption].map(([id, own]) => [id, own.map(slipViewOf)]));
}

export function slipViewOf({ step, photoId, reason, recordedBy, recordedAt }: typeof slip.$inferSelect): SlipView {
  return { step, photoId, reason, recordedBy, recordedAt };
}

/** How the row stands now, to whoever may see it. `numbers` are its transactions, in the order of the book. */
export function viewOf(
  actor: Actor,
  row: RedemptionRow,
  lines: OrderedLine[],
  numbers: number[],
  { slips, proxy }: { slips: SlipView[]; proxy: ProxyPerson | null },
): RedemptionView {
  const { village: _village, handedOverBy: _by, codeTries: _tries, pickupCode, ...shown } = row;
  return {
    ...shown,
    number: numberOf(row, numbers[0]!),
    lines,
    returnedPoints: lines.reduce((points, line) => points + line.returnedQuantity * line.unitPoints, 0),
    // The code proves to staff that the goods are whose they are, so staff never reads it; nor does who found a card.
    pickupCode: actor.kind === 'household' && actor.level !== 'card' ? pickupCode : null,
    transactionNumbers: numbers,
    slips,
    proxy: proxy && (seesWhole(actor, row.village, row.householdId) ? proxy : { ...proxy, name: maskName(proxy.name) }),
  };
}

function numberOf(row: { businessDate: string }, first: number): string {
  return `R-${row.businessDate.replaceAll('-', '')}-${String(first).padStart(4, '0')}`;
}

const kinds = [
  'redemptionHold',
  'redemption',
  'offlineRedemption',
  'redemptionFulfil',
  'redemptionRelease',
  'redemptionReturn',
] as const;

/** Numbers of the transactions that redemptions made, by redemption, in the order of the book. */
export async function transactionNumbers(
  db: Db,
  village: string,
  redemptionIds: readonly string[],
): Promise<Map<string, number[]>> {
  if (redemptionIds.length === 0) return new Map();
  const returns = await db
    .select({ id: returned.id, redemptionId: returned.redemptionId })
    .from(returned)
    .where(
      and(
        eq(returned.village, village),
        inArray(returned.redemptionId, [...redemptionIds]),
        eq(returned.state, 'approved'),
      ),
    );
  const redemptionOfCause = new Map<string, string>([
    ...redemptionIds.flatMap(id =>
      [causes.redemptionHold(id), causes.redemptionFulfil(id), causes.redemptionRelease(id)].map(
        cause => [cause, id] as const,
      ),
    ),
    ...returns.map(({ id, redemptionId }) => [causes.redemptionReturn(id), redemptionId] as const),
  ]);
  const numbers = await numbersByCause(db, village, kinds, [...redemptionOfCause.keys()]);
  const byRedemption = Map.groupBy(numbers, ([cause]) => redemptionOfCause.get(cause)!);
  return new Map([...byRedemption].map(([id, own]) => [id, own.map(([, number]) => number)]));
}

/** Reservations whose time is over, the oldest first, at most `limit`. */
export async function listOverdue(db: Db, village: string, now: Temporal.Instant, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: redemption.id })
    .from(redemption)
    .where(and(eq(redemption.village, village), eq(redemption.state, 'reserved'), lte(redemption.expiresAt, iso(now))))
    .orderBy(redemption.expiresAt)
    .limit(limit);
  return rows.map(row => row.id);
}
