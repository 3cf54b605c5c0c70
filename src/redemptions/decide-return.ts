import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { takeLate } from '../expiry/take-late.ts';
import { successorOf } from '../household-changes/read.ts';
import { holdHousehold } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { lastOf, lotsMoved } from '../ledger/lots.ts';
import { type Lots, redemptionReturn } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { inTheBook, pricedLines } from './order.ts';
import { transactionNumbers } from './read.ts';
import { getReturn, type ReturnView } from './read-returns.ts';
import { moveOn } from './redemption.ts';
import { decideReturn, lockReturn, type ReturnKey, remaining, returnsOf } from './return.ts';

/**
 * Agrees: points go back to the household, or to the one that took it on, goods to the shelf or to what is lost. When all
 * of it has come back, the redemption is returned.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household` | `household-not-active` (it was
 *   closed since, and nobody took it on)
 */
export async function approveReturn(tx: Tx, actor: Actor, key: ReturnKey, now: Temporal.Instant): Promise<ReturnView> {
  const { village } = key;
  const row = await lockReturn(tx, actor, key);
  const toHouseholdId = await successorOf(tx, village, row.householdId);
  const earlier = await returnsOf(tx, village, row.id);
  await decideReturn(tx, actor, key, { state: 'approved', note: null, toHouseholdId }, now);
  const view = await getReturn(tx, village, key.returnId);
  const { state } = await holdHousehold(tx, village, toHouseholdId);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const handedOver = (await pricedLines(tx, village, [row.id])).get(row.id)!;
  const { pieces } = await returnsOf(tx, village, row.id);
  if (remaining(handedOver, pieces).length === 0) {
    await moveOn(tx, { village, redemptionId: row.id }, { state: 'returned', by: actor.id }, now);
  }
  const kinds = new Map(handedOver.map(line => [line.goodsId, line]));
  const back = view.lines.map(line => ({ ...line, isService: kinds.get(line.goodsId)!.isService }));
  const event = {
    actor: view.proposedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const spent = await lotsMoved(
    tx,
    village,
    ['redemption', 'offlineRedemption', 'redemptionFulfil'],
    causes.redemptionFulfil(row.id),
  );
  const order = {
    ...inTheBook({ ...row, householdId: toHouseholdId, points: view.points }, back),
    lots: without(lastOf(spent, row.points, earlier.points + view.points), lastOf(spent, row.points, earlier.points)),
    returnId: view.id,
    restock: view.restock,
  };
  const posted = await postOrder(tx, village, redemptionReturn(event, order));
  const [orderedNumber] = (await transactionNumbers(tx, village, [row.id])).get(row.id)!;
  await takeLate(tx, event, {
    village,
    householdId: toHouseholdId,
    causeId: view.id,
    points: view.points,
    orderedNumber: orderedNumber!,
  });
  return { ...view, transactionNumber: posted.number };
}

/** What earlier returns gave back is not given back again. */
function without(lots: Lots, earlier: Lots): Lots {
  return Object.fromEntries(
    Object.entries(lots)
      .map(([day, points]) => [day, points - (earlier[day] ?? 0)] as const)
      .filter(([, points]) => points > 0),
  );
}

/** Turns a return down. @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household` */
export async function rejectReturn(
  tx: Tx,
  actor: Actor,
  key: ReturnKey,
  note: string,
  now: Temporal.Instant,
): Promise<ReturnView> {
  const { householdId } = await lockReturn(tx, actor, key);
  await decideReturn(tx, actor, key, { state: 'rejected', note, toHouseholdId: householdId }, now);
  return getReturn(tx, key.village, key.returnId);
}
