import { giveBack } from '../allowances/end.ts';
import { findAllowance } from '../allowances/read.ts';
import { countSpent } from '../allowances/spend.ts';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { KioskRow } from '../kiosks/read.ts';
import { offlineVoid } from '../ledger/offline-transactions.ts';
import { lockBook, postOne } from '../ledger/post.ts';
import { lockRedemption, moveOn } from '../redemptions/redemption.ts';
import { returnsOf } from '../redemptions/return.ts';
import { effectiveOp, isVoided } from './chain.ts';
import type { HandedOver } from './hand-over.ts';
import type { VoidOp } from './signed-op.ts';
import type { Exception } from './tables.ts';

const voidMinutes = 10;

/**
 * Takes an exchange of the same device back: its mirror is posted, and what came from an allowance lies there again, or, if
 * that has ended, comes back to the household. Later than ten minutes after the exchange it is an exception, for the goods
 * lie on the shelf already. Answers null where there is nothing to take back: no such exchange, or goods of it have come
 * back another way.
 */
export async function postVoid(
  tx: Tx,
  kiosk: KioskRow,
  op: VoidOp,
  happened: { at: Temporal.Instant; doubtful: boolean },
  now: Temporal.Instant,
): Promise<HandedOver | null> {
  const { village, id: kioskId } = kiosk;
  const { at } = happened;
  const voided = await effectiveOp(tx, village, op.voidsOpId);
  if (voided === undefined || voided.kioskId !== kioskId || voided.type !== 'redeem') return null;
  if (await isVoided(tx, village, op.voidsOpId)) return null;
  const { redemptionId } = voided;
  if (redemptionId !== null) {
    const { state } = await lockRedemption(tx, { village, redemptionId });
    const { open, points } = await returnsOf(tx, village, redemptionId);
    if (state !== 'fulfilled' || open !== undefined || points > 0) return null;
    await moveOn(tx, { village, redemptionId }, { state: 'returned', by: kioskId }, now);
  }
  const exceptions: Exception[] = happened.doubtful ? ['clockDoubtful'] : [];
  const latest = Temporal.Instant.from(voided.happenedAt!).add({ minutes: voidMinutes });
  if (Temporal.Instant.compare(at, latest) > 0) exceptions.push('voidLate');
  await lockBook(tx, village);
  const event = {
    actor: kioskId,
    occurredAt: iso(at),
    businessDate: dayOf(at).toString(),
    enteredOn: dayOf(now).toString(),
  };
  const number = voided.answer.transactionNumber!;
  const posted = await postOne(tx, village, offlineVoid(event, { opId: op.opId, number }));
  const allowance = voided.allowanceId === null ? undefined : await findAllowance(tx, village, voided.allowanceId);
  if (allowance !== undefined) {
    const points = voided.paidPoints;
    if (allowance.endedAt === null) await countSpent(tx, allowance, { points: -points, redemptions: -1 });
    else
      await giveBack(tx, { ...event, businessDate: dayOf(now).toString() }, allowance, {
        points,
        redemptionId: redemptionId!,
      });
  }
  return {
    exceptions,
    householdId: voided.householdId,
    redemptionId,
    allowanceId: null,
    paidPoints: 0,
    transactionNumber: posted.number,
  };
}
