import { randomUUIDv7 } from 'node:crypto';
import { and, eq, ne } from 'drizzle-orm';
import { dayOf, iso, startOf } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { holdHousehold } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { lastOf, lotsMoved } from '../ledger/lots.ts';
import { redemptionReturn } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { refuseRepeats } from '../store/goods.ts';
import { postOrder } from '../store/post-order.ts';
import { policyOn } from '../villages/policy.ts';
import { lockRedemption, moveOn, type RedemptionKey } from './fulfil.ts';
import { frozenLines, inTheBook, type PricedLine } from './order.ts';
import type { RedemptionRow } from './read.ts';
import { getReturn, type ReturnView } from './read-returns.ts';
import { returned, returnLine } from './tables.ts';

export interface NewReturn {
  redemptionId: string;
  /** All of it when absent. */
  lines?: { goodsId: string; quantity: number }[] | undefined;
  reason: string;
  /** To the shelf, or away as spoiled. */
  restock: boolean;
}

interface ReturnKey {
  village: string;
  returnId: string;
}

/**
 * Proposes that goods come back, whole or in part. Nothing moves before another person has agreed.
 * @throws Refusal `validation-failed` (goods twice) | `not-found` | `wrong-state` | `already-exists` (facts:
 *   `existingId`) | `too-late` | `out-of-bounds` (more than was handed over)
 */
export async function proposeReturn(
  tx: Tx,
  actor: Actor,
  village: string,
  said: NewReturn,
  now: Temporal.Instant,
): Promise<ReturnView> {
  const lines = said.lines ?? [];
  refuseRepeats(lines, 'lines');
  const row = await lockRedemption(tx, { village, redemptionId: said.redemptionId });
  if (row.state !== 'fulfilled') throw new Refusal('wrong-state', { state: row.state, since: row.since });
  await refuseSecond(tx, village, row.id);
  await refuseLate(tx, row, now);
  const handedOver = (await frozenLines(tx, village, [row.id])).get(row.id)!;
  const back = said.lines === undefined ? handedOver : pick(handedOver, lines);
  const id = randomUUIDv7();
  await tx.insert(returned).values({
    village,
    id,
    redemptionId: row.id,
    reason: said.reason,
    restock: said.restock,
    points: back.reduce((sum, line) => sum + line.unitPoints * line.quantity, 0),
    state: 'proposed',
    proposedBy: actor.id,
    proposedAt: iso(now),
  });
  await tx
    .insert(returnLine)
    .values(back.map(({ goodsId, quantity }) => ({ village, returnId: id, goodsId, quantity })));
  return getReturn(tx, village, id);
}

/**
 * Agrees: points go back to the household, goods to the shelf or to what is lost.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `household-not-active` (it was closed since)
 */
export async function approveReturn(tx: Tx, actor: Actor, key: ReturnKey, now: Temporal.Instant): Promise<ReturnView> {
  const { village } = key;
  const { view, row } = await decide(tx, actor, key, { state: 'approved', note: null }, now);
  const { state } = await holdHousehold(tx, village, row.householdId);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  await moveOn(tx, keyOf(row), { state: 'returned', since: iso(now) });
  const kinds = new Map((await frozenLines(tx, village, [row.id])).get(row.id)!.map(line => [line.goodsId, line]));
  const back = view.lines.map(line => ({ ...line, isService: kinds.get(line.goodsId)!.isService }));
  const event = {
    actor: view.proposedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const spent = await lotsMoved(tx, village, ['redemption', 'redemptionFulfil'], causes.redemptionFulfil(row.id));
  const order = {
    ...inTheBook({ ...row, points: view.points }, back),
    lots: lastOf(spent, row.points, view.points),
    returnId: view.id,
    restock: view.restock,
  };
  const posted = await postOrder(tx, village, redemptionReturn(event, order));
  return { ...view, transactionNumber: posted.number };
}

/** Turns a return down. @throws Refusal `not-found` | `wrong-state` | `second-person-required` */
export async function rejectReturn(
  tx: Tx,
  actor: Actor,
  key: ReturnKey,
  note: string,
  now: Temporal.Instant,
): Promise<ReturnView> {
  return (await decide(tx, actor, key, { state: 'rejected', note }, now)).view;
}

/** Locks the redemption, then its return, as `proposeReturn` does. */
async function decide(
  tx: Tx,
  actor: Actor,
  { village, returnId }: ReturnKey,
  verdict: { state: 'approved' | 'rejected'; note: string | null },
  now: Temporal.Instant,
): Promise<{ view: ReturnView; row: RedemptionRow }> {
  const mine = and(eq(returned.village, village), eq(returned.id, returnId));
  const { redemptionId } = one(await tx.select().from(returned).where(mine));
  const row = await lockRedemption(tx, { village, redemptionId });
  const proposal = one(await tx.select().from(returned).where(mine).for('update'));
  if (proposal.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: proposal.state, since: proposal.decidedAt });
  }
  if (proposal.proposedBy === actor.id) {
    throw new Refusal('second-person-required', { firstUserId: proposal.proposedBy });
  }
  await tx
    .update(returned)
    .set({ state: verdict.state, decidedBy: actor.id, decidedAt: iso(now), decisionNote: verdict.note })
    .where(mine);
  return { view: await getReturn(tx, village, returnId), row };
}

/** One return of a redemption is open or approved at a time. */
async function refuseSecond(tx: Tx, village: string, redemptionId: string): Promise<void> {
  const [standing] = await tx
    .select({ id: returned.id })
    .from(returned)
    .where(and(eq(returned.village, village), eq(returned.redemptionId, redemptionId), ne(returned.state, 'rejected')));
  if (standing !== undefined) throw new Refusal('already-exists', { field: 'redemptionId', existingId: standing.id });
}

/** The day of the hand-over and `returnDays` whole days after it. */
async function refuseLate(tx: Tx, row: RedemptionRow, now: Temporal.Instant): Promise<void> {
  const day = dayOf(Temporal.Instant.from(row.handedOverAt!));
  const { returnDays } = await policyOn(tx, row.village, day);
  const endedAt = startOf(day.add({ days: returnDays + 1 }));
  if (Temporal.Instant.compare(now, endedAt) < 0) return;
  throw new Refusal('too-late', { what: 'return', endedAt: iso(endedAt) });
}

function pick(handedOver: PricedLine[], lines: { goodsId: string; quantity: number }[]): PricedLine[] {
  return lines.map(({ goodsId, quantity }, at) => {
    const line = handedOver.find(one => one.goodsId === goodsId);
    if (line === undefined || quantity > line.quantity) {
      throw new Refusal('out-of-bounds', { field: `lines/${at}/quantity`, min: 1, max: line?.quantity ?? 0 });
    }
    return { ...line, quantity };
  });
}

function keyOf(row: RedemptionRow): RedemptionKey {
  return { village: row.village, redemptionId: row.id };
}
