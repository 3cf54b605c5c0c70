import { randomInt } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import { iso } from '../calendar.ts';
import { type Db, one, rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { PolicyView } from '../villages/policy.ts';
import type { PricedLine } from './order.ts';
import { type RedemptionState, redemption, redemptionLine } from './tables.ts';

/** The row of a redemption: how it is written, locked and moved from state to state. */

export type RedemptionRow = typeof redemption.$inferSelect;

export interface RedemptionKey {
  village: string;
  redemptionId: string;
}

/** One job for each reservation, at the moment its time is over. */
export const expireQueue = 'redemption.expire';

/**
 * Writes a redemption and its lines, under a pick-up code of its own while it waits.
 * @throws Refusal `already-exists` (`opId`; facts: `existingId`) | `own-household`
 */
export async function insertRedemption(
  tx: Tx,
  row: RedemptionRow,
  lines: readonly PricedLine[],
): Promise<RedemptionRow> {
  const made = await insertRow(tx, row);
  await tx.insert(redemptionLine).values(
    lines.map(({ goodsId, name, unit, quantity, unitPoints }, at) => ({
      village: made.village,
      redemptionId: made.id,
      line: at + 1,
      goodsId,
      name,
      unit,
      quantity,
      unitPoints,
    })),
  );
  return made;
}

/** Codes of eight digits meet now and then; five in a row would be a bug. */
async function insertRow(tx: Tx, row: RedemptionRow): Promise<RedemptionRow> {
  for (let left = 5; left > 0; left -= 1) {
    const pickupCode = row.state === 'reserved' ? String(randomInt(100_000_000)).padStart(8, '0') : null;
    const made = { ...row, pickupCode };
    const columns = Object.fromEntries(Object.entries(made).map(([name, value]) => [toSnakeCase(name), value]));
    const [placed] = await rowsOf<{ placed: boolean }>(
      tx,
      sql`select store.place_order(${row.village}, ${JSON.stringify(columns)}) as placed`,
    );
    if (placed!.placed) return made;
    // The other side of a race has committed: the next statement sees it.
    await refuseKnownOp(tx, row.village, row.opId ?? undefined);
  }
  throw new Error('no free pick-up code in five tries');
}

/** One op is one redemption, for ever. @throws Refusal `already-exists` (facts: `existingId`) */
export async function refuseKnownOp(tx: Tx, village: string, opId: string | undefined): Promise<void> {
  if (opId === undefined) return;
  const known = await findRedemptionOfOp(tx, village, opId);
  if (known !== undefined) throw new Refusal('already-exists', { field: 'opId', existingId: known.id });
}

/** The redemption that was made under a device's operation id, if there is one. */
export async function findRedemptionOfOp(db: Db, village: string, opId: string): Promise<RedemptionRow | undefined> {
  const [row] = await db
    .select()
    .from(redemption)
    .where(and(eq(redemption.village, village), eq(redemption.opId, opId)));
  return row;
}

/** A household is told of another one's order what it would be told of none. @throws Refusal `not-found` */
export function refuseForeign(actor: Actor, row: { householdId: string }): void {
  if (!isOwn(actor, row)) throw new Refusal('not-found');
}

/** Whether the caller may know of an order: a household of its own only. */
export function isOwn(actor: Actor, row: { householdId: string }): boolean {
  return actor.kind !== 'household' || row.householdId === actor.householdId;
}

/** A card alone may be stolen. @throws Refusal `pin-required` */
export function refuseWithoutPin(actor: Actor, points: number, policy: PolicyView): void {
  if (actor.kind === 'household' && actor.level === 'card' && points > policy.pinAbovePoints) {
    throw new Refusal('pin-required', { abovePoints: policy.pinAbovePoints });
  }
}

/** Whoever holds this row decides what becomes of the order: the others wait, and find it decided. */
export async function lockRedemption(tx: Tx, key: RedemptionKey): Promise<RedemptionRow> {
  return one(await tx.select().from(redemption).where(byKey(key)).for('update'));
}

/**
 * The next state of an order; its code is worthless from then on. With what was `presented`, its goods leave.
 * @throws Refusal `own-household`
 */
export async function moveOn(
  tx: Tx,
  { village, redemptionId }: RedemptionKey,
  to: { state: RedemptionState; by: string; presented?: string },
  now: Temporal.Instant,
): Promise<void> {
  await tx.execute(sql`
    select store.move_order(${village}, ${redemptionId}, ${to.state}, ${to.by}, ${iso(now)}, ${to.presented ?? null})`);
}

function byKey(key: RedemptionKey) {
  return and(eq(redemption.village, key.village), eq(redemption.id, key.redemptionId));
}
