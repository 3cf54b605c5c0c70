import type { Tx } from '../db/database.ts';
import { lockBook, postOne } from './post.ts';
import { spendableBalances } from './read.ts';
import { arrearsPayment, type Event } from './transactions.ts';

/** What was paid, the transaction that says so (null when there was nothing to pay it with), and what is owed still. */
interface Paid {
  points: number;
  arrears: number;
  /** Left to spend. */
  available: number;
  transactionNumber: number | null;
}

/**
 * Pays what a household owes out of the points that it could spend on the event's day, as far as they go and no more than
 * `points`. Points that come in pay by themselves (`ledger.arrears_payments`): this is for what was there before.
 */
export async function payArrears(
  tx: Tx,
  village: string,
  event: Event,
  { paymentId, householdId, points = Number.MAX_SAFE_INTEGER }: PaymentOrder,
): Promise<Paid> {
  await lockBook(tx, village);
  const day = Temporal.PlainDate.from(event.businessDate);
  const { arrears, available } = await spendableBalances(tx, village, householdId, day);
  const paid = Math.min(points, arrears, available);
  const left = { points: paid, arrears: arrears - paid, available: available - paid };
  if (paid === 0) return { ...left, transactionNumber: null };
  const { number } = await postOne(tx, village, arrearsPayment(event, { paymentId, householdId, points: paid }));
  return { ...left, transactionNumber: number };
}

interface PaymentOrder {
  paymentId: string;
  householdId: string;
  points?: number | undefined;
}
