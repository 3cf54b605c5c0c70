import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { jobActor } from '../db/jobs.ts';
import { takeLate } from '../expiry/take-late.ts';
import type { Actor } from '../http/route.ts';
import { postOne } from '../ledger/post.ts';
import { redemptionRelease } from '../ledger/transactions.ts';
import { queueAtKiosk } from '../printing/queue-print.ts';
import { Refusal } from '../refusals.ts';
import { getRedemption, type RedemptionView, transactionNumbers } from './read.ts';
import { lockRedemption, moveOn, type RedemptionKey, type RedemptionRow, refuseForeign } from './redemption.ts';

/**
 * Gives a reservation back before the hand-over: points, goods, and the day's use.
 * @throws Refusal `not-found` | `wrong-state` | `own-household`
 */
export async function cancel(tx: Tx, actor: Actor, key: RedemptionKey, now: Temporal.Instant): Promise<RedemptionView> {
  const row = await lockRedemption(tx, key);
  refuseForeign(actor, row);
  if (row.state !== 'reserved') throw new Refusal('wrong-state', { state: row.state, since: row.since });
  await queueAtKiosk(tx, actor, key.village, row, now);
  await release(tx, row, { state: 'cancelled', actorId: actor.id }, now);
  return getRedemption(tx, actor, key.village, row.id);
}

/**
 * The same when its time is over. Answers false when there was nothing to give back: somebody was quicker.
 * Throws when it is too early, so that the job is tried again.
 */
export async function expire(tx: Tx, key: RedemptionKey, now: Temporal.Instant): Promise<boolean> {
  const row = await lockRedemption(tx, key);
  if (row.state !== 'reserved') return false;
  if (Temporal.Instant.compare(now, row.expiresAt!) < 0) throw new Error(`not before ${row.expiresAt}`);
  await release(tx, row, { state: 'expired', actorId: jobActor }, now);
  return true;
}

async function release(
  tx: Tx,
  row: RedemptionRow,
  to: { state: 'cancelled' | 'expired'; actorId: string },
  now: Temporal.Instant,
): Promise<void> {
  const { village, id } = row;
  await moveOn(tx, { village, redemptionId: id }, { state: to.state, by: to.actorId }, now);
  const [holdNumber] = (await transactionNumbers(tx, village, [id])).get(id)!;
  const event = { actor: to.actorId, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  await postOne(tx, village, redemptionRelease(event, { redemptionId: id, holdNumber: holdNumber! }));
  const { householdId, points } = row;
  await takeLate(tx, event, { village, householdId, causeId: id, points, orderedNumber: holdNumber! });
}
