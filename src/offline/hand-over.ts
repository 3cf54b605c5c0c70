import { randomUUIDv7 } from 'node:crypto';
import { type AllowanceRow, findAllowance } from '../allowances/read.ts';
import { countSpent } from '../allowances/spend.ts';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { findCard } from '../households/cards.ts';
import { holdHousehold } from '../households/household.ts';
import type { HouseholdRow } from '../households/read.ts';
import type { KioskRow } from '../kiosks/read.ts';
import { countDifference, goodsAccounts, offlineLossAccount, skuOf } from '../ledger/accounts.ts';
import { offlineHandOver, offlineRedemption } from '../ledger/offline-transactions.ts';
import { lockBook, openAccounts, postOne } from '../ledger/post.ts';
import { shelfBalances } from '../ledger/read.ts';
import { type PricedLine, pricesOf } from '../redemptions/order.ts';
import { insertRedemption } from '../redemptions/redemption.ts';
import { Refusal } from '../refusals.ts';
import { findPriceListOn } from '../store/prices.ts';
import { goodsById } from '../store/read.ts';
import type { RedeemOp } from './signed-op.ts';
import type { Exception } from './tables.ts';

/** What was posted for goods that a kiosk handed over. */
export interface HandedOver {
  exceptions: Exception[];
  householdId: string | null;
  redemptionId: string | null;
  allowanceId: string | null;
  paidPoints: number;
  transactionNumber: number;
}

/** The most points that a transfer carries. */
const pointsMax = 1_000_000;

/** How long after its end a device may still use a price list that it has. */
const staleAfterHours = 72;

/**
 * Posts goods that were handed over without a network, whatever is amiss: points from the allowance as far as it reaches,
 * and the rest is the village's loss; pieces from the shelf as far as the book has them, and the rest is a difference of
 * the count. The household's other points are not touched. Answers null for what cannot be written down: goods that the
 * village never had, goods twice, more points than a transfer carries, a village without a price list.
 */
export async function postHandOver(
  tx: Tx,
  kiosk: KioskRow,
  op: RedeemOp,
  happened: { at: Temporal.Instant; doubtful: boolean },
  now: Temporal.Instant,
): Promise<HandedOver | null> {
  const { village, id: kioskId, storeId } = kiosk;
  const { at } = happened;
  const lines = await knownLines(tx, village, op);
  if (lines === null) return null;
  const exceptions: Exception[] = happened.doubtful ? ['clockDoubtful'] : [];
  const household = await holdHousehold(tx, village, op.householdId).catch(noneIn);
  exceptions.push(...(await aboutHousehold(tx, village, op, household, at)));
  const prices = await pricesAt(tx, village, op, at);
  if (prices.priceListId === null) return null;
  if (prices.stale) exceptions.push('priceStale');

  await lockBook(tx, village);
  const points = lines.reduce((sum, line) => sum + line.points, 0);
  const allowance = await findAllowance(tx, village, op.allowanceId);
  const own = allowance?.kioskId === kioskId && allowance.householdId === op.householdId ? allowance : undefined;
  exceptions.push(...aboutAllowance(own, points, at));
  const paid = own === undefined || own.endedAt !== null ? 0 : Math.min(points, own.points - own.spentPoints);
  const goods = await goodsMoved(tx, village, storeId, lines);
  if (goods.some(({ missing }) => missing > 0)) exceptions.push('stockShort');

  await openAccounts(tx, village, [
    ...(paid < points ? [offlineLossAccount] : []),
    ...goods.flatMap(({ goodsId }) => goodsAccounts(storeId, goodsId)),
    ...goods
      .filter(({ missing }) => missing > 0)
      .map(({ goodsId }) => ({ code: countDifference, asset: skuOf(goodsId) })),
  ]);
  const event = {
    actor: kioskId,
    occurredAt: iso(at),
    businessDate: dayOf(at).toString(),
    enteredOn: dayOf(now).toString(),
  };
  const moved = { kioskId, householdId: op.householdId, storeId, paid, loss: points - paid, goods };
  const frozen = termsOf(kiosk, op, { priceListId: prices.priceListId, loss: points - paid, exceptions });
  let redemptionId: string | null = null;
  if (household !== undefined) {
    redemptionId = randomUUIDv7();
    await insertRedemption(
      tx,
      {
        village,
        id: redemptionId,
        householdId: household.id,
        storeId,
        kioskId,
        priceListId: prices.priceListId,
        points,
        mode: 'counter',
        presented: 'card',
        state: 'fulfilled',
        since: iso(now),
        pickupCode: null,
        expiresAt: null,
        handedOverAt: iso(at),
        handedOverBy: kioskId,
        handOverPresented: 'card',
        codeTries: 0,
        businessDate: dayOf(at).toString(),
        occurredAt: iso(at),
        backEntry: true,
        opId: op.opId,
        createdBy: kioskId,
        createdAt: iso(now),
      },
      lines,
    );
  }
  const command =
    redemptionId === null
      ? offlineHandOver(event, { ...moved, opId: op.opId }, frozen)
      : offlineRedemption(event, { ...moved, redemptionId }, frozen);
  const { number } = await postOne(tx, village, command);
  const spends = own !== undefined && own.endedAt === null;
  if (spends) await countSpent(tx, own, { points: paid, redemptions: 1 });
  return {
    exceptions,
    householdId: household?.id ?? null,
    redemptionId,
    allowanceId: spends ? own.id : null,
    paidPoints: paid,
    transactionNumber: number,
  };
}

async function knownLines(tx: Tx, village: string, op: RedeemOp): Promise<PricedLine[] | null> {
  const ids = op.lines.map(line => line.goodsId);
  if (new Set(ids).size < ids.length) return null;
  const found = await goodsById(tx, village, ids).catch(noneIn);
  if (found === undefined) return null;
  const lines = op.lines.map(({ goodsId, quantity, unitPoints }) => {
    const { name, unit, isService } = found.get(goodsId)!;
    return { goodsId, name, unit, isService, quantity, unitPoints, points: unitPoints * quantity };
  });
  return lines.reduce((sum, line) => sum + line.points, 0) > pointsMax ? null : lines;
}

async function aboutHousehold(
  tx: Tx,
  village: string,
  op: RedeemOp,
  household: HouseholdRow | undefined,
  at: Temporal.Instant,
): Promise<Exception[]> {
  const found: Exception[] = [];
  if (household === undefined) found.push('householdUnknown');
  if (household?.state === 'frozen') found.push('householdFrozen');
  if (household?.state === 'closed') found.push('householdClosed');
  const card = await findCard(tx, village, op.cardId);
  if (card === undefined || card.householdId !== op.householdId) found.push('cardUnknown');
  else if (card.revokedAt !== null && card.revokedAt <= iso(at)) found.push('cardRevoked');
  return found;
}

function aboutAllowance(own: AllowanceRow | undefined, points: number, at: Temporal.Instant): Exception[] {
  if (own === undefined) return ['allowanceUnknown'];
  const found: Exception[] = [];
  if (iso(at) > own.notAfter) found.push('allowanceExpired');
  if (own.endedAt !== null) return [...found, 'allowanceEnded'];
  if (points > own.points - own.spentPoints) found.push('allowanceExceeded');
  if (own.spentRedemptions >= own.redemptions) found.push('limitExceeded');
  return found;
}

/** The list that the operation names, if it held within the last 72 hours at these prices; else the one of its day. */
async function pricesAt(
  tx: Tx,
  village: string,
  op: RedeemOp,
  at: Temporal.Instant,
): Promise<{ priceListId: string | null; stale: boolean }> {
  const lists = new Set<string>();
  for (let day = dayOf(at.subtract({ hours: staleAfterHours })); ; day = day.add({ days: 1 })) {
    const id = await findPriceListOn(tx, village, day);
    if (id !== undefined) lists.add(id);
    if (Temporal.PlainDate.compare(day, dayOf(at)) >= 0) break;
  }
  const latest = [...lists].at(-1) ?? null;
  if (!lists.has(op.priceListId)) return { priceListId: latest, stale: true };
  const prices = await pricesOf(
    tx,
    village,
    op.priceListId,
    op.lines.map(line => line.goodsId),
  );
  const stale = op.lines.some(({ goodsId, unitPoints }) => prices.get(goodsId) !== unitPoints);
  return { priceListId: op.priceListId, stale };
}

async function goodsMoved(tx: Tx, village: string, storeId: string, lines: PricedLine[]) {
  const onShelf = await shelfBalances(tx, village, storeId);
  return lines
    .filter(line => !line.isService)
    .map(({ goodsId, quantity }) => ({
      goodsId,
      quantity,
      missing: Math.max(0, quantity - (onShelf.get(goodsId) ?? 0)),
    }));
}

function termsOf(
  kiosk: KioskRow,
  op: RedeemOp,
  { priceListId, loss, exceptions }: { priceListId: string; loss: number; exceptions: Exception[] },
): Record<string, string> {
  return {
    priceListId,
    presented: 'card',
    backEntry: 'true',
    kioskId: kiosk.id,
    opId: op.opId,
    opSeq: String(op.seq),
    deviceTime: op.occurredAt,
    ...(loss > 0 && { lossPoints: String(loss) }),
    ...(exceptions.length > 0 && { exceptions: exceptions.join(',') }),
    ...Object.fromEntries(
      op.lines.map(({ goodsId, quantity, unitPoints }) => [`goods:${goodsId}`, `${quantity} × ${unitPoints}`] as const),
    ),
  };
}

/** Nothing, where it was not found. */
function noneIn(error: unknown): undefined {
  if (error instanceof Refusal && error.code === 'not-found') return undefined;
  throw error;
}
