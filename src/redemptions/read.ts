import { and, desc, eq, gte, inArray, lt, lte } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { numbersByCause } from '../ledger/read.ts';
import { type PricedLine, pricedLines } from './order.ts';
import { type RedemptionRow, refuseForeign } from './redemption.ts';
import { type RedemptionState, redemption, returned } from './tables.ts';

export interface RedemptionView {
  id: string;
  /** `R-20261123-18412`: business date, and number of its first transaction in the book. */
  number: string;
  householdId: string;
  storeId: string;
  kioskId: string | null;
  lines: PricedLine[];
  points: number;
  priceListId: string;
  mode: 'counter' | 'pickup';
  presented: 'card' | 'cardAndPin' | 'pin' | 'slip';
  state: RedemptionState;
  since: string;
  pickupCode: string | null;
  expiresAt: string | null;
  handedOverAt: string | null;
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

/** The order that waits under a pick-up code. @throws Refusal `not-found` */
export async function getRedemptionByCode(
  db: Db,
  actor: Actor,
  village: string,
  pickupCode: string,
): Promise<RedemptionView> {
  const rows = await db
    .select()
    .from(redemption)
    .where(and(eq(redemption.village, village), eq(redemption.pickupCode, pickupCode)));
  const [view] = await viewsOf(db, actor, village, [one(rows)]);
  return view!;
}

interface RedemptionQuery {
  limit: number;
  cursor?: string | undefined;
  householdId?: string | undefined;
  state?: RedemptionState | undefined;
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
  const { limit, cursor, state, businessFrom, businessTo } = query;
  const householdId = actor.kind === 'household' ? actor.householdId! : query.householdId;
  if (query.householdId !== undefined) refuseForeign(actor, { householdId: query.householdId });
  const filters = { list: 'redemptions', village, householdId, state, businessFrom, businessTo };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(redemption)
    .where(
      and(
        eq(redemption.village, village),
        householdId === undefined ? undefined : eq(redemption.householdId, householdId),
        state === undefined ? undefined : eq(redemption.state, state),
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

async function viewsOf(db: Db, actor: Actor, village: string, rows: RedemptionRow[]): Promise<RedemptionView[]> {
  const ids = rows.map(row => row.id);
  const lines = await pricedLines(db, village, ids);
  const numbers = await transactionNumbers(db, village, ids);
  return rows.map(row => viewOf(actor, row, lines.get(row.id) ?? [], numbers.get(row.id) ?? []));
}

/** How the row stands now, to whoever may see it. `numbers` are its transactions, in the order of the book. */
export function viewOf(actor: Actor, row: RedemptionRow, lines: PricedLine[], numbers: number[]): RedemptionView {
  const { village: _village, handedOverBy: _by, pickupCode, ...shown } = row;
  return {
    ...shown,
    number: numberOf(row, numbers[0]!),
    lines,
    // The code is the household's proof that the goods are its own: it knows it, and whoever typed the order.
    pickupCode: actor.kind === 'household' || actor.id === row.createdBy ? pickupCode : null,
    transactionNumbers: numbers,
  };
}

function numberOf(row: { businessDate: string }, first: number): string {
  return `R-${row.businessDate.replaceAll('-', '')}-${String(first).padStart(4, '0')}`;
}

const kinds = ['redemptionHold', 'redemption', 'redemptionFulfil', 'redemptionRelease', 'redemptionReturn'] as const;

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
