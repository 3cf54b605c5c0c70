import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { takeLate } from '../expiry/take-late.ts';
import { holdHousehold } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { lastOf, lotsMoved } from '../ledger/lots.ts';
import { redemptionReturn } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { inTheBook, pricedLines } from './order.ts';
import { transactionNumbers } from './read.ts';
import { getReturn, type ReturnView } from './read-returns.ts';
import { moveOn } from './redemption.ts';
import { decideReturn, lockReturn, type ReturnKey } from './return.ts';

/**
 * Agrees: points go back to the household, goods to the shelf or to what is lost.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `household-not-active` (it was closed since)
 */
export async function approveReturn(tx: Tx, actor: Actor, key: ReturnKey, now: Temporal.Instant): Promise<ReturnView> {
  const { village } = key;
  const row = await lockReturn(tx, actor, key);
  await decideReturn(tx, actor, key, { state: 'approved', note: null }, now);
  const view = await getReturn(tx, village, key.returnId);
  const { state } = await holdHousehold(tx, village, row.householdId);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  await moveOn(tx, { village, redemptionId: row.id }, { state: 'returned', since: iso(now) });
  const kinds = new Map((await pricedLines(tx, village, [row.id])).get(row.id)!.map(line => [line.goodsId, line]));
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
  const [orderedNumber] = (await transactionNumbers(tx, village, [row.id])).get(row.id)!;
  await takeLate(tx, event, {
    village,
    householdId: row.householdId,
    causeId: view.id,
    points: view.points,
    orderedNumber: orderedNumber!,
  });
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
  await lockReturn(tx, actor, key);
  await decideReturn(tx, actor, key, { state: 'rejected', note }, now);
  return getReturn(tx, key.village, key.returnId);
}
