import {
  allowanceAccount,
  countDifference,
  expired,
  handedOut,
  householdAccount,
  offlineLoss,
  redeemed,
  shelf,
  skuOf,
} from './accounts.ts';
import { causes } from './causes.ts';
import { type Command, command, type Event, type Transfer } from './transactions.ts';

/*
 * How value moves with kiosks that work without a network, as pure as transactions.ts. Points keep their lots on the way to
 * a kiosk and back.
 */

interface Escrow {
  allowanceId: string;
  kioskId: string;
  householdId: string;
  points: number;
}

/** Points that the household can spend at this kiosk alone, from now on. Those that expire first go. */
export function allowanceGrant(event: Event, { allowanceId, kioskId, householdId, points }: Escrow): Command {
  const to = allowanceAccount(kioskId, householdId).code;
  return command(event, 'allowanceGrant', causes.allowanceGrant(allowanceId), {
    transfers: [{ from: householdAccount(householdId, 'available'), to, asset: 'PTS', amount: points }],
  });
}

/** What of it was not spent comes back to the household, or to the one that took it on; null: to nobody, it lapses. */
export function allowanceReturn(
  event: Event,
  back: Escrow & { toHouseholdId: string | null; redemptionId?: string },
): Command {
  const { kioskId, householdId, toHouseholdId, points } = back;
  const to = toHouseholdId === null ? expired : householdAccount(toHouseholdId, 'available');
  return command(event, 'allowanceReturn', causes.allowanceReturn(back), {
    transfers: [{ from: allowanceAccount(kioskId, householdId).code, to, asset: 'PTS', amount: points }],
    frozen: { allowance: back.allowanceId },
  });
}

/** What was handed over without a network: who pays for it, and where the goods were. */
interface HandOver {
  kioskId: string;
  householdId: string;
  storeId: string;
  /** Points from the escrow, and those that nobody had. */
  paid: number;
  loss: number;
  /** Pieces from the shelf, and those that the book did not have there. */
  goods: { goodsId: string; quantity: number; missing: number }[];
}

/** An exchange of a household, handed over already. */
export function offlineRedemption(
  event: Event,
  order: HandOver & { redemptionId: string },
  frozen: Record<string, string>,
): Command {
  return command(event, 'offlineRedemption', causes.offlineRedemption(order.redemptionId), {
    transfers: handedOver(order),
    frozen: { ...frozen, householdId: order.householdId },
  });
}

/** The same for a household that is in no register: nobody pays but the village. */
export function offlineHandOver(
  event: Event,
  order: HandOver & { opId: string },
  frozen: Record<string, string>,
): Command {
  return command(event, 'offlineHandOver', causes.offlineHandOver(order.opId), {
    transfers: handedOver(order),
    frozen: { ...frozen, householdId: order.householdId },
  });
}

/** An exchange that did not happen after all: its mirror, points back in the escrow and goods on the shelf. */
export function offlineVoid(event: Event, voided: { opId: string; number: number }): Command {
  return command(event, 'offlineVoid', causes.offlineVoid(voided.opId), { reverses: voided.number });
}

function handedOver({ kioskId, householdId, storeId, paid, loss, goods }: HandOver): Transfer[] {
  const transfers: Transfer[] = [
    { from: allowanceAccount(kioskId, householdId).code, to: redeemed, asset: 'PTS', amount: paid },
    { from: offlineLoss, to: redeemed, asset: 'PTS', amount: loss },
  ];
  for (const { goodsId, quantity, missing } of goods) {
    const asset = skuOf(goodsId);
    transfers.push({ from: shelf(storeId), to: handedOut, asset, amount: quantity - missing });
    transfers.push({ from: countDifference, to: handedOut, asset, amount: missing });
  }
  return transfers.filter(({ amount }) => amount > 0);
}
