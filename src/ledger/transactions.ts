import { randomUUIDv7 } from 'node:crypto';
import type { RefusalCode } from '../refusals.ts';
import {
  type Asset,
  countDifference,
  expired,
  handedOut,
  householdAccount,
  issued,
  lost,
  redeemed,
  reserved,
  shelf,
  skuOf,
  supply,
  waived,
} from './accounts.ts';
import { causes, type Kind } from './causes.ts';

/** An amount of one asset from one account to another. Whole units: points, minutes, pieces; money in fen. */
export interface Transfer {
  from: string;
  to: string;
  asset: Asset;
  amount: number;
  /** What of it expires. Points that are given get these lots; of points that are taken, these go first. */
  lots?: Lots | undefined;
}

/** Points by the last day on which they can be spent; what is not named here never expires. */
export type Lots = Record<string, number>;

/**
 * A use of a cap, checked while the book is locked: `use` more must fit below `max`, or the command is refused with `code`.
 */
export interface Limit {
  key: string;
  use: number;
  max: number;
  code: Extract<
    RefusalCode,
    'cap-reached' | 'rule-exclusive' | 'redemption-limit' | 'exchange-full' | 'budget-exhausted'
  >;
}

/** What every business event says of itself. `actor` and `approver` are ids of users or devices, never names. */
export interface Event {
  actor: string;
  approver?: string | undefined;
  /** RFC 3339, UTC. */
  occurredAt: string;
  /** Calendar day in Asia/Shanghai. */
  businessDate: string;
  /** The day on which it is entered, where `businessDate` is an earlier one; the book does not keep it (`post`). */
  enteredOn?: string | undefined;
  memo?: string | undefined;
}

/** One transaction to be posted. `cause` is unique per village and kind, for ever. */
export interface Command extends Event {
  id: string;
  kind: string;
  cause: string;
  frozen?: Record<string, string>;
  transfers?: Transfer[];
  limits?: Limit[];
  reverses?: number;
}

/*
 * Every way value moves, and nothing here touches anything: each function says which transfers a business event is made
 * of, and `post` writes them.
 */

/** Points for a household: to `pending` while the village may object, else spendable; honour grows when they are. */
export function award(
  event: Event,
  award: {
    awardId: string;
    householdId: string;
    points: number;
    honour: boolean;
    pending: boolean;
    /** Last day on which the points can be spent; null for ever. */
    expiresOn: string | null;
    limits: Limit[];
    frozen: Record<string, string>;
  },
): Command {
  const to = householdAccount(award.householdId, award.pending ? 'pending' : 'available');
  const lots = award.expiresOn === null ? undefined : { [award.expiresOn]: award.points };
  const transfers: Transfer[] = [{ from: issued, to, asset: 'PTS', amount: award.points, lots }];
  if (award.honour && !award.pending) {
    transfers.push({
      from: issued,
      to: householdAccount(award.householdId, 'honour'),
      asset: 'HON',
      amount: award.points,
    });
  }
  return command(event, 'award', causes.award(award.awardId), {
    transfers,
    limits: award.limits,
    frozen: award.frozen,
  });
}

/**
 * Points of an award whose publicity has ended, from the notice board to where they can be spent, with the lots they were
 * given; honour grows by as much.
 */
export function publicityRelease(
  event: Event,
  award: { awardId: string; householdId: string; points: number; honour: boolean; lots: Lots },
): Command {
  const { householdId, points: amount, lots } = award;
  const transfers: Transfer[] = [
    {
      from: householdAccount(householdId, 'pending'),
      to: householdAccount(householdId, 'available'),
      asset: 'PTS',
      amount,
      lots,
    },
  ];
  if (award.honour) transfers.push({ from: issued, to: householdAccount(householdId, 'honour'), asset: 'HON', amount });
  return command(event, 'publicityRelease', causes.publicityRelease(award.awardId), { transfers });
}

interface Order {
  redemptionId: string;
  householdId: string;
  storeId: string;
  points: number;
  /** What of the points expires, where the order says so. */
  lots?: Lots;
  /** Services have no stock and are no lines here. */
  goods: { goodsId: string; quantity: number }[];
}

/** Points and goods set aside for a reserved redemption, or neither. */
export function redemptionHold(
  event: Event,
  order: Order,
  terms: { limits: Limit[]; frozen: Record<string, string> },
): Command {
  return command(event, 'redemptionHold', causes.redemptionHold(order.redemptionId), {
    ...terms,
    transfers: moves(order, { points: ['available', 'held'], goods: [shelf(order.storeId), reserved(order.storeId)] }),
  });
}

/**
 * What was held leaves for good, with the lots that were held: another order of the household may wait at the same time.
 */
export function redemptionFulfil(event: Event, order: Order & { lots: Lots }): Command {
  return command(event, 'redemptionFulfil', causes.redemptionFulfil(order.redemptionId), {
    transfers: moves(order, { points: ['held', redeemed], goods: [reserved(order.storeId), handedOut] }),
  });
}

/** Reserved and handed over at once: one transaction, points out and goods out. */
export function redemption(
  event: Event,
  order: Order,
  terms: { limits: Limit[]; frozen: Record<string, string> },
): Command {
  return command(event, 'redemption', causes.redemption(order.redemptionId), {
    ...terms,
    transfers: moves(order, { points: ['available', redeemed], goods: [shelf(order.storeId), handedOut] }),
  });
}

/** A reservation that was cancelled or ran out of time: its hold backwards, the day's visit given back. */
export function redemptionRelease(event: Event, release: { redemptionId: string; holdNumber: number }): Command {
  return command(event, 'redemptionRelease', causes.redemptionRelease(release.redemptionId), {
    reverses: release.holdNumber,
  });
}

/**
 * Goods come back, whole or in part: points to the lots they came from, so that a return makes none younger, goods to the
 * shelf, or to `lost` when they are spoiled.
 */
export function redemptionReturn(
  event: Event,
  order: Order & { returnId: string; restock: boolean; lots: Lots },
): Command {
  const back = order.restock ? shelf(order.storeId) : lost;
  return command(event, 'redemptionReturn', causes.redemptionReturn(order.returnId), {
    transfers: moves(order, { points: [redeemed, 'available'], goods: [handedOut, back] }),
  });
}

/** Goods come in by a posted stock document: bought, donated, or there from the beginning. */
export function stockReceipt(event: Event, document: StockDocument): Command {
  return ofStock(event, document, 'stockReceipt', [supply(document.documentId), shelf(document.storeId)]);
}

/** Goods are given out at an event of the village, for no points. */
export function stockIssue(event: Event, document: StockDocument): Command {
  return ofStock(event, document, 'stockIssue', [shelf(document.storeId), handedOut]);
}

/** Goods go from one store to another of the village: both shelves in one transaction, so that they are never nowhere. */
export function stockTransfer(event: Event, document: StockDocument & { toStoreId: string }): Command {
  return ofStock(event, document, 'stockTransfer', [shelf(document.storeId), shelf(document.toStoreId)]);
}

/** Goods are spoiled or lost. */
export function stockWriteOff(event: Event, document: StockDocument): Command {
  return ofStock(event, document, 'stockWriteOff', [shelf(document.storeId), lost]);
}

/** What a count found less than the book has, or more. */
export function stockCount(
  event: Event,
  document: StockDocument & { type: 'countShortage' | 'countSurplus' },
): Command {
  const [short, over] = [shelf(document.storeId), countDifference];
  return ofStock(event, document, 'stockCount', document.type === 'countShortage' ? [short, over] : [over, short]);
}

function ofStock(
  event: Event,
  document: StockDocument,
  kind: 'stockReceipt' | 'stockIssue' | 'stockTransfer' | 'stockWriteOff' | 'stockCount',
  [from, to]: [string, string],
): Command {
  const transfers = document.lines.map(({ goodsId, quantity: amount }) => ({
    from,
    to,
    asset: skuOf(goodsId),
    amount,
  }));
  return command(event, kind, causes[kind](document.documentId), { transfers });
}

interface StockDocument {
  documentId: string;
  storeId: string;
  lines: { goodsId: string; quantity: number }[];
}

/**
 * Points that were not spent in time, or that a village's year end takes: one transaction for each account and run. The
 * lots that expire first go, so the amount decides which.
 */
export function expiry(
  event: Event,
  expiry: {
    kind: 'expiry' | 'yearEnd';
    run: string;
    householdId: string;
    points: number;
    frozen: Record<string, string>;
  },
): Command {
  return command(event, expiry.kind, causes[expiry.kind](expiry), {
    frozen: expiry.frozen,
    transfers: [
      { from: householdAccount(expiry.householdId, 'available'), to: expired, asset: 'PTS', amount: expiry.points },
    ],
  });
}

/**
 * What a household has already spent of an award that is reversed, lent to it and owed from now on: posted just before
 * the reversal, which then finds its points and stays an exact mirror.
 */
export function arrears(event: Event, owed: { awardId: string; householdId: string; points: number }): Command {
  return command(event, 'arrears', causes.arrears(owed.awardId), {
    transfers: [
      {
        from: householdAccount(owed.householdId, 'arrears'),
        to: householdAccount(owed.householdId, 'available'),
        asset: 'PTS',
        amount: owed.points,
      },
    ],
  });
}

/** What a household pays of what it owes, out of the points that it could spend: those that expire first go. */
export function arrearsPayment(
  event: Event,
  paid: { paymentId: string; householdId: string; points: number },
): Command {
  return command(event, 'arrearsPayment', causes.arrearsPayment(paid.paymentId), {
    transfers: [
      {
        from: householdAccount(paid.householdId, 'available'),
        to: householdAccount(paid.householdId, 'arrears'),
        asset: 'PTS',
        amount: paid.points,
      },
    ],
  });
}

/** What a household owes and need not pay. */
export function arrearsWaiver(
  event: Event,
  waiver: { waiverId: string; householdId: string; points: number },
): Command {
  return command(event, 'arrearsWaiver', causes.arrearsWaiver(waiver.waiverId), {
    transfers: [
      { from: waived, to: householdAccount(waiver.householdId, 'arrears'), asset: 'PTS', amount: waiver.points },
    ],
  });
}

/** Points that a village gives every household of itself, which cannot be spent: once, or once in each period. */
export function basePoints(event: Event, base: { householdId: string; period: string; points: number }): Command {
  return command(event, 'basePoints', causes.basePoints(base), {
    transfers: [{ from: issued, to: householdAccount(base.householdId, 'base'), asset: 'PTS', amount: base.points }],
  });
}

/** The mirror of a transaction, at most once. The ledger itself makes the transfers and gives the limits back. */
export function reversal(event: Event, number: number): Command {
  return command(event, 'reversal', causes.reversal(number), { reverses: number });
}

function moves(order: Order, way: { points: [string, string]; goods: [string, string] }): Transfer[] {
  const [pointsFrom, pointsTo] = way.points.map(end =>
    end === redeemed ? redeemed : householdAccount(order.householdId, end as 'available' | 'held'),
  ) as [string, string];
  const [from, to] = way.goods;
  return [
    { from: pointsFrom, to: pointsTo, asset: 'PTS', amount: order.points, lots: order.lots },
    ...order.goods.map(line => ({ from, to, asset: skuOf(line.goodsId), amount: line.quantity })),
  ];
}

/** A command under an id of its own. */
export function command(event: Event, kind: Kind, cause: string, rest: Partial<Command>): Command {
  return { id: randomUUIDv7(), kind, cause, ...event, ...rest };
}
