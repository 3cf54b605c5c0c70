import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { causes } from '../ledger/causes.ts';
import { lotsMoved } from '../ledger/lots.ts';
import { redemptionFulfil } from '../ledger/transactions.ts';
import { queueAtKiosk } from '../printing/queue-print.ts';
import { Refusal } from '../refusals.ts';
import { postOrder } from '../store/post-order.ts';
import { policyOn } from '../villages/policy.ts';
import { isOpen, nextOpening } from './exchange-days.ts';
import { inTheBook, pricedLines } from './order.ts';
import {
  presentedAtHandOver,
  recordSlip,
  refuseForeignCard,
  refuseOwnProof,
  refuseWrongCode,
  type ShownWithCode,
} from './presented.ts';
import { type ProxyPerson, recordProxy } from './proxy.ts';
import { getRedemption, type RedemptionView } from './read.ts';
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
 * not be able to come back. Staff hands over to whoever shows the household's card, its PIN, which was proved before
 * (`provePin`), the pick-up code, or a slip.
 * @throws Refusal `not-found` | `wrong-state` | `expired` | `pin-required` | `identification-required` |
 *   `pickup-code-wrong` | `card-unknown` | `card-revoked` | `photo-reused` | `exchange-closed` | `own-household` |
 *   `proxy-limit` | `household-not-active` (it was frozen meanwhile) | `second-person-required` (it shows what the actor made)
 */
export async function fulfil(
  tx: Tx,
  actor: Actor,
  key: RedemptionKey,
  input: ShownWithCode & { proxy?: ProxyPerson | undefined },
  now: Temporal.Instant,
): Promise<RedemptionView> {
  const { village } = key;
  const row = await lockRedemption(tx, key);
  refuseForeign(actor, row);
  refuseUnlessReserved(row, now);
  const { state } = await getHouseholdRow(tx, village, row.householdId);
  if (state !== 'active') throw new Refusal('household-not-active', { state });
  const policy = await policyOn(tx, village, dayOf(now));
  refuseWithoutPin(actor, row.points, policy);
  const handOverPresented = presentedAtHandOver(actor, input);
  refuseWrongCode(row, input);
  await refuseForeignCard(tx, actor, row, input);
  await refuseOwnProof(tx, actor, row, handOverPresented);
  if (actor.kind === 'household' && row.mode === 'pickup' && !isOpen(policy.exchangeDays, now)) {
    throw new Refusal('exchange-closed', { nextExchangeAt: nextOpening(policy.exchangeDays, now) });
  }
  await moveOn(tx, key, { state: 'fulfilled', by: actor.id, presented: handOverPresented }, now);
  await recordProxy(tx, actor, row, input.proxy, policy, { handedOver: now, now });
  await recordSlip(tx, actor, row, 'handOver', input.slip, now);
  await queueAtKiosk(tx, actor, village, row, now);
  const lines = (await pricedLines(tx, village, [row.id])).get(row.id)!;
  const event = { actor: actor.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  const lots = await lotsMoved(tx, village, ['redemptionHold'], causes.redemptionHold(row.id));
  await postOrder(tx, village, redemptionFulfil(event, { ...inTheBook(row, lines), lots }));
  return getRedemption(tx, actor, village, row.id);
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
