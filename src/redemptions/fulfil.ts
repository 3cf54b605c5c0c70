import { timingSafeEqual } from 'node:crypto';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { lotsMoved } from '../ledger/lots.ts';
import { redemptionFulfil } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { policyOn } from '../villages/policy.ts';
import { isOpen, nextOpening } from './exchange-days.ts';
import { inTheBook, pricedLines } from './order.ts';
import { type RedemptionView, transactionNumbers, viewOf } from './read.ts';
import {
  lockRedemption,
  moveOn,
  type RedemptionKey,
  type RedemptionRow,
  refuseForeign,
  refuseWithoutPin,
} from './redemption.ts';

/**
 * Hands reserved goods over: what was held leaves for good, at the prices of the order. At a kiosk an order for later
 * pick-up leaves on an exchange day; whoever keeps the store may hand it over on any, for it is paid for, and an elder may
 * not be able to come back.
 * @throws Refusal `not-found` | `wrong-state` | `expired` | `pin-required` | `pickup-code-wrong` | `exchange-closed`
 */
export async function fulfil(
  tx: Tx,
  actor: Actor,
  key: RedemptionKey,
  input: { pickupCode?: string | undefined },
  now: Temporal.Instant,
): Promise<RedemptionView> {
  const { village } = key;
  const row = await lockRedemption(tx, key);
  refuseForeign(actor, row);
  refuseUnlessReserved(row, now);
  const policy = await policyOn(tx, village, dayOf(now));
  refuseWithoutPin(actor, row.points, policy);
  if (input.pickupCode !== undefined && !isSame(input.pickupCode, row.pickupCode!)) {
    throw new Refusal('pickup-code-wrong');
  }
  if (actor.kind === 'household' && row.mode === 'pickup' && !isOpen(policy.exchangeDays, now)) {
    throw new Refusal('exchange-closed', { nextExchangeAt: nextOpening(policy.exchangeDays, now) });
  }
  const after = await moveOn(tx, key, {
    state: 'fulfilled',
    since: iso(now),
    handedOverAt: iso(now),
    handedOverBy: actor.id,
  });
  const lines = (await pricedLines(tx, village, [row.id])).get(row.id)!;
  const numbers = (await transactionNumbers(tx, village, [row.id])).get(row.id)!;
  const event = { actor: actor.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const lots = await lotsMoved(tx, village, ['redemptionHold'], causes.redemptionHold(row.id));
  const posted = await postOrder(tx, village, redemptionFulfil(event, { ...inTheBook(row, lines), lots }));
  return viewOf(actor, after, lines, [...numbers, posted.number]);
}

/** Time ends a reservation, whether or not the job that gives everything back has come to it. */
function refuseUnlessReserved(row: RedemptionRow, now: Temporal.Instant): void {
  const { state, since, expiresAt } = row;
  const over = expiresAt !== null && Temporal.Instant.compare(expiresAt, now) <= 0;
  if (state === 'expired' || (state === 'reserved' && over)) {
    throw new Refusal('expired', { what: 'redemption', expiredAt: expiresAt });
  }
  if (state !== 'reserved') throw new Refusal('wrong-state', { state, since });
}

function isSame(given: string, code: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(code));
}
