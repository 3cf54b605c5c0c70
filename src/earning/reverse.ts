import { randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { successorOf } from '../household-changes/read.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { arrearsAccount } from '../ledger/accounts.ts';
import { causes } from '../ledger/causes.ts';
import { earnedTerms, earningsOfHousehold } from '../ledger/earned.ts';
import { successorReturn } from '../ledger/household-transactions.ts';
import { lotsMoved } from '../ledger/lots.ts';
import { lockBook, openAccounts, postOne } from '../ledger/post.ts';
import { businessDateOf, householdBalances } from '../ledger/read.ts';
import * as transactions from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { lockAward, markReversed } from './award-row.ts';
import { findOpenReversal, getAward, getReversal, honourOf, type ReversalView } from './read.ts';
import { type AwardRow, reversal } from './tables.ts';

interface ReversalKey {
  village: string;
  reversalId: string;
}

/**
 * Proposes that an award be reversed. Nothing moves until somebody else agrees.
 * @throws Refusal `not-found` | `own-household` | `already-reversed` (facts: `reversalNumber`) | `already-exists` (a
 *   proposal is open)
 */
export async function proposeReversal(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { awardId: string; reason: string },
  now: Temporal.Instant,
): Promise<ReversalView> {
  const { state, householdId, reversalNumber } = await lockAward(tx, village, input.awardId);
  await refuseKin(tx, actor, village, [householdId, await successorOf(tx, village, householdId)]);
  if (state === 'reversed') throw new Refusal('already-reversed', { reversalNumber });
  const open = await findOpenReversal(tx, village, input.awardId);
  if (open !== undefined) throw new Refusal('already-exists', { field: 'awardId', existingId: open.id });
  const id = randomUUIDv7();
  await tx.execute(sql`
    select earning.propose_reversal(${village}, ${id}, ${input.awardId}, ${input.reason}, ${actor.id}, ${iso(now)})`);
  return getReversal(tx, actor, village, id);
}

/**
 * Agrees: posts the mirror of the award, dated today, and gives its caps and its occasion back. When points of it are
 * spent, the policy decides: nothing changes, or what is missing is recorded as owed.
 * @throws Refusal `not-found` | `second-person-required` (facts: `firstUserId`) | `wrong-state` | `already-reversed` |
 *   `reversal-arrears` (facts: `available`, `required`) | `household-not-active` (it was closed, and nobody took it on) |
 *   `own-household`
 */
export async function approveReversal(
  tx: Tx,
  actor: Actor,
  key: ReversalKey,
  now: Temporal.Instant,
): Promise<ReversalView> {
  const { awardId, proposedBy } = await lockProposal(tx, actor, key);
  const taken = await lockAward(tx, key.village, awardId);
  const policy = await policyOn(tx, key.village, dayOf(now));
  const event = {
    actor: proposedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  if (taken.state === 'posted') await makeGood(tx, event, taken, policy.arrears === 'floorAndRecord');
  const number = await takeBack(tx, event, taken);
  // The row is locked since before the book was locked, so nothing waits here.
  await tx.execute(sql`
    select earning.decide_reversal(${key.village}, ${key.reversalId}, 'posted', ${actor.id}, ${iso(now)}, null, ${number})`);
  return getReversal(tx, actor, key.village, key.reversalId);
}

/**
 * Takes back an award that is still on the notice board: its objection was upheld. The mirror of the award gives its caps
 * and its occasion back. Answers the number of the transaction.
 * @throws Refusal `not-found` | `already-reversed` (facts: `reversalNumber`) | `wrong-state` (it is spendable: `proposeReversal`)
 */
export async function cancelPending(
  tx: Tx,
  village: string,
  awardId: string,
  by: { actor: string; approver?: string | undefined },
  now: Temporal.Instant,
): Promise<number> {
  const pending = await lockAward(tx, village, awardId);
  if (pending.state === 'reversed') throw new Refusal('already-reversed', { reversalNumber: pending.reversalNumber });
  if (pending.state !== 'pending') throw new Refusal('wrong-state', { state: pending.state, allowedFrom: ['pending'] });
  return takeBack(tx, { ...by, occurredAt: iso(now), businessDate: dayOf(now).toString() }, pending);
}

/**
 * Posts the mirror of what an award has moved: of its release, when its publicity has ended, then of itself. Answers the
 * number of the last.
 */
async function takeBack(tx: Tx, event: transactions.Event, taken: AwardRow): Promise<number> {
  const { village, releaseNumber, transactionNumber } = taken;
  if (releaseNumber !== null) await postOne(tx, village, transactions.reversal(event, releaseNumber));
  const { number } = await postOne(tx, village, transactions.reversal(event, transactionNumber));
  await markReversed(tx, taken, number);
  return number;
}

/**
 * Sees to it that a household has what a reversal takes of it: what it has already spent is lent to it, where the policy
 * says so. A closed household has nothing any more: who took on all of it gives the award's points and honour back to
 * it, or else nothing can be reversed. With the book locked: nobody spends, merges or closes between the look and the posting.
 * @throws Refusal `reversal-arrears` | `household-not-active` (closed, and nobody took it on)
 */
async function makeGood(tx: Tx, event: transactions.Event, taken: AwardRow, lend: boolean): Promise<void> {
  const { village, id: awardId, householdId, points } = taken;
  await lockBook(tx, village);
  const owner = await successorOf(tx, village, householdId);
  const { state } = await getHouseholdRow(tx, village, owner);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const { available, honour: honoured } = await householdBalances(tx, village, owner);
  if (available < points && lend) {
    await openAccounts(tx, village, [arrearsAccount(owner)]);
    const owed = { awardId, householdId: owner, points: points - available };
    await postOne(tx, village, transactions.arrears(event, owed));
  }
  if (owner === householdId) return;
  if (available < points && !lend) throw new Refusal('reversal-arrears', { available, required: points });
  const honour = await honourOf(tx, taken);
  if (honoured < honour) throw new Refusal('reversal-arrears', { available: honoured, required: honour });
  const lots = await lotsMoved(tx, village, ['award'], causes.award(awardId));
  const spendableSince = await businessDateOf(tx, village, taken.releaseNumber ?? taken.transactionNumber);
  const earned = earnedTerms(event.businessDate.slice(0, 4), points, {
    from: await earningsOfHousehold(tx, village, owner),
    to: await earningsOfHousehold(tx, village, householdId),
    moved: { [spendableSince.slice(0, 4)]: points },
  });
  const back = { awardId, from: owner, to: householdId, available: points, honour, lots, earned };
  await postOne(tx, village, successorReturn(event, back));
}

/** Disagrees: the award stands. @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` */
export async function rejectReversal(
  tx: Tx,
  actor: Actor,
  key: ReversalKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<ReversalView> {
  await lockProposal(tx, actor, key);
  await tx.execute(sql`
    select earning.decide_reversal(${key.village}, ${key.reversalId}, 'rejected', ${actor.id}, ${iso(now)},
                                   ${input.reason}, null)`);
  return getReversal(tx, actor, key.village, key.reversalId);
}

/** A proposal that is still open, for a decision by somebody else than made it, who is no kin of those that it takes from. */
async function lockProposal(tx: Tx, actor: Actor, key: ReversalKey): Promise<typeof reversal.$inferSelect> {
  const row = one(await tx.select().from(reversal).where(byKey(key)).for('update'));
  if (row.proposedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: row.proposedBy });
  const { householdId } = await getAward(tx, actor, key.village, row.awardId);
  await refuseKin(tx, actor, key.village, [householdId, await successorOf(tx, key.village, householdId)]);
  if (row.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['proposed'], since: row.decidedAt });
  }
  return row;
}

function byKey(key: ReversalKey) {
  return and(eq(reversal.village, key.village), eq(reversal.id, key.reversalId));
}
