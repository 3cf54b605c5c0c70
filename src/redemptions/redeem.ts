import { randomUUIDv7 } from 'node:crypto';
import { byOurClock, dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { householdOfCard } from '../households/cards.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { type Limit, redemptionHold, redemption as redemptionTransaction } from '../ledger/transactions.ts';
import { queueAtKiosk } from '../printing/queue-print.ts';
import { malformed, Refusal, type Sentence } from '../refusals.ts';
import { goodsLimits } from '../store/goods-limits.ts';
import { postOrder } from '../store/post-order.ts';
import { getStore } from '../store/read.ts';
import { type PolicyView, policyOn } from '../villages/policy.ts';
import { getVillage } from '../villages/read.ts';
import { isOpen, nextOpening } from './exchange-days.ts';
import { inTheBook, orderingHousehold, type PricedOrder, priceOrder } from './order.ts';
import { presentedBy, recordSlip, refuseOwnProof, type Shown } from './presented.ts';
import { type ProxyPerson, recordProxy } from './proxy.ts';
import { type RedemptionView, viewOf } from './read.ts';
import { expireQueue, insertRedemption, type RedemptionRow, refuseKnownOp, refuseWithoutPin } from './redemption.ts';

interface NewRedemption extends Shown {
  storeId: string;
  householdId?: string | undefined;
  lines: { goodsId: string; quantity: number }[];
  /** The quote's price list and points: when they are stale, nothing is ordered. */
  priceListId?: string | undefined;
  points?: number | undefined;
  handOver: boolean;
  mode: 'counter' | 'pickup';
  /** Of goods that left already. */
  occurredAt?: string | undefined;
  opId?: string | undefined;
  /** Who fetches the goods, if it is not the household. */
  proxy?: ProxyPerson | undefined;
}

/**
 * Reserves goods for a household, or hands them over at once. Prices freeze, and one transaction takes or holds points
 * and goods together. An order that left the shelf earlier (`occurredAt`) is validated for that moment: its prices, its
 * exchange day, its limits; the book has it on that day, or on today's if the points or the goods came later. A PIN was proved
 * before (`provePin`), outside of any database transaction.
 * @throws Refusal `validation-failed` | `already-exists` (facts: `existingId`) | `business-date-refused` | `not-found` |
 *   `card-unknown` | `card-revoked` | `household-not-active` | `goods-not-offered` | `price-changed` | `out-of-bounds` |
 *   `exchange-closed` | `pin-required` | `identification-required` | `photo-reused` | `insufficient-points` | `insufficient-stock` | `redemption-limit` |
 *   `exchange-full` | `own-household` | `proxy-limit` | `second-person-required` (it shows what the actor made)
 */
export async function redeem(
  tx: Tx,
  jobs: Jobs,
  actor: Actor,
  village: string,
  input: NewRedemption,
  now: Temporal.Instant,
): Promise<RedemptionView> {
  refuseInconsistent(input);
  await refuseKnownOp(tx, village, input.opId);
  const at = input.occurredAt === undefined ? now : byOurClock(Temporal.Instant.from(input.occurredAt), now);
  if (input.occurredAt !== undefined) await refuseMoment(tx, actor, village, at, now);
  await getStore(tx, village, input.storeId);
  if (actor.storeId !== undefined && actor.storeId !== input.storeId)
    throw new Refusal('not-found', { field: 'storeId' });
  const householdId = await identify(tx, actor, village, input);
  const presented = presentedBy(actor, input);
  await refuseOwnProof(tx, actor, { village, householdId }, presented);
  const order = await priceOrder(tx, village, input.lines, at);
  refuseStaleQuote(input, order);
  const policy = await policyOn(tx, village, dayOf(at));
  refuseClosed(input, policy, at);
  // Only a slip tells of an earlier day: who shows a card or a PIN stands there now.
  if (actor.kind !== 'household' && presented !== 'slip' && input.occurredAt !== undefined) {
    refuseClosed(input, await policyOn(tx, village, dayOf(now)), now);
  }
  refuseWithoutPin(actor, order.points, policy);

  const waits = !input.handOver;
  const row = await insertRedemption(
    tx,
    {
      village,
      id: randomUUIDv7(),
      householdId,
      storeId: input.storeId,
      kioskId: actor.kioskId,
      priceListId: order.priceListId,
      points: order.points,
      mode: input.mode,
      presented,
      state: waits ? 'reserved' : 'fulfilled',
      since: iso(now),
      pickupCode: null,
      expiresAt: waits ? iso(expiry(input.mode, policy, now)) : null,
      handedOverAt: waits ? null : iso(at),
      handedOverBy: waits ? null : actor.id,
      handOverPresented: waits ? null : presented,
      codeTries: 0,
      businessDate: dayOf(at).toString(),
      occurredAt: iso(at),
      backEntry: input.occurredAt !== undefined,
      opId: input.opId ?? null,
      createdBy: actor.id,
      createdAt: iso(now),
    },
    order.lines,
  );
  await recordProxy(tx, actor, row, input.proxy, policy, { handedOver: at, now });
  const slips = await recordSlip(tx, actor, row, 'order', input.slip, now);
  await queueAtKiosk(tx, actor, village, row, now);
  if (waits) {
    const job = { village, redemptionId: row.id };
    await jobs.send(tx, expireQueue, job, { key: row.id, startAfter: row.expiresAt! });
  }

  const { occurredAt, businessDate } = row;
  const event = { actor: actor.id, occurredAt, businessDate, enteredOn: dayOf(now).toString() };
  const ofGoods = await goodsLimits(tx, row, order.lines);
  const limits = [...limitsOf(row, policy), ...ofGoods.limits];
  const terms = { limits, frozen: termsOf(row, order) };
  const command = (waits ? redemptionHold : redemptionTransaction)(event, inTheBook(row, order.lines), terms);
  const posted = await postOrder(tx, village, command, {
    resetsOn: dayOf(at).add({ days: 1 }).toString(),
    nextExchangeAt: nextOpening(policy.exchangeDays, at),
    goods: ofGoods.told,
  });
  const lines = order.lines.map(line => ({ ...line, returnedQuantity: 0 }));
  const view = viewOf(actor, row, lines, [posted.number], { slips, proxy: input.proxy ?? null });
  // Told once, to whoever stands at the counter or the kiosk with the household.
  return { ...view, pickupCode: row.pickupCode };
}

/** What the schema cannot say. */
function refuseInconsistent(input: NewRedemption): void {
  const invalid = (pointer: string, detail: Sentence) => malformed(pointer, 'dependency', detail);
  if (input.handOver && input.mode === 'pickup')
    throw invalid('/mode', {
      zh: '当面交付的，不能同时选择以后取货。',
      en: 'Pick-up cannot be combined with handOver.',
    });
  if (!input.handOver && input.proxy !== undefined)
    throw invalid('/proxy', { zh: '交付时再填代领人。', en: 'Only allowed with handOver.' });
  if (!input.handOver && input.occurredAt !== undefined)
    throw invalid('/occurredAt', { zh: '只有当面交付才能填写发生时间。', en: 'Only allowed with handOver.' });
}

async function refuseMoment(
  tx: Tx,
  actor: Actor,
  village: string,
  at: Temporal.Instant,
  now: Temporal.Instant,
): Promise<void> {
  const today = dayOf(now);
  const policy = await policyOn(tx, village, today);
  const backdateDays = actor.kind === 'household' ? policy.kioskBackdateDays : policy.backdateDays;
  const { openedOn } = await getVillage(tx, village);
  const oldest = today.subtract({ days: backdateDays }).toString();
  const earliest = [oldest, openedOn].sort().at(-1)!;
  const bounds = { earliest, latest: today.toString() };
  if (Temporal.Instant.compare(at, now) > 0) {
    throw new Refusal('business-date-refused', { ...bounds, serverTime: iso(now) });
  }
  if (dayOf(at).toString() < earliest) throw new Refusal('business-date-refused', bounds);
}

async function identify(tx: Tx, actor: Actor, village: string, input: NewRedemption): Promise<string> {
  const carded =
    actor.kind === 'household' || input.cardCode === undefined
      ? undefined
      : await householdOfCard(tx, village, input.cardCode);
  // A card of somebody else's does not confirm the household that was named.
  if (carded !== undefined && carded.id !== (input.householdId ?? carded.id)) throw new Refusal('card-unknown');
  const householdId = carded?.id ?? orderingHousehold(actor, input.householdId);
  const { state } = carded ?? (await getHouseholdRow(tx, village, householdId));
  if (state !== 'active') throw new Refusal('household-not-active', { state });
  return householdId;
}

function refuseStaleQuote(input: NewRedemption, order: PricedOrder): void {
  const { priceListId, points, lines } = order;
  if ((input.priceListId ?? priceListId) === priceListId && (input.points ?? points) === points) return;
  throw new Refusal('price-changed', {
    priceListId,
    points,
    lines: lines.map(({ goodsId, quantity, unitPoints }) => ({ goodsId, quantity, unitPoints })),
  });
}

/** Goods leave on exchange days only; an order for later pick-up may be made on any. */
function refuseClosed(input: NewRedemption, policy: PolicyView, at: Temporal.Instant): void {
  if (input.mode === 'pickup' || isOpen(policy.exchangeDays, at)) return;
  throw new Refusal('exchange-closed', { nextExchangeAt: nextOpening(policy.exchangeDays, at) });
}

function expiry(mode: 'counter' | 'pickup', policy: PolicyView, now: Temporal.Instant): Temporal.Instant {
  if (mode === 'counter') return now.add({ minutes: policy.reservationMinutes });
  return now.add({ hours: 24 * policy.pickupDays });
}

/** Uses of the day's limits, checked by the ledger. An order for later pick-up is no visit today. */
function limitsOf(row: RedemptionRow, policy: PolicyView): Limit[] {
  const { householdId, businessDate, mode } = row;
  const limits: Limit[] = [
    {
      key: `redemption:${householdId}:${businessDate}`,
      use: 1,
      max: policy.redemptionsPerDay,
      code: 'redemption-limit',
    },
  ];
  if (policy.exchangeDayMaxVisits !== null && mode === 'counter') {
    limits.push({ key: `exchange:${businessDate}`, use: 1, max: policy.exchangeDayMaxVisits, code: 'exchange-full' });
  }
  return limits;
}

/** What the transaction keeps of the terms it was made on. */
function termsOf(row: RedemptionRow, order: PricedOrder): Record<string, string> {
  return {
    priceListId: order.priceListId,
    presented: row.presented,
    ...(row.backEntry && { backEntry: 'true' }),
    ...(row.opId !== null && { opId: row.opId }),
    ...Object.fromEntries(
      order.lines.map(line => [`goods:${line.goodsId}`, `${line.quantity} × ${line.unitPoints}`] as const),
    ),
  };
}
