import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { lockHouseholds } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { lockBook } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { type Change, otherHouseholdOf } from './change.ts';
import { type ChangeKey, lockProposal, type Proposal, recordVerdict } from './change-row.ts';
import { type ChangeView, getChange } from './read.ts';
import { readyToSettle, settleChange } from './settle.ts';
import { readHousehold, validateChange } from './validate.ts';

/**
 * Agrees to a change, as the second person: what it moves is posted, and the registers follow. It is validated again, under
 * the locks of both households and of the book, so nobody earns or spends between the look and the posting.
 * @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` | whatever `validateChange` refuses
 *   | `already-exists` (the number)
 */
export async function approveChange(tx: Tx, actor: Actor, key: ChangeKey, now: Temporal.Instant): Promise<ChangeView> {
  const proposal = await lockForDecision(tx, actor, key);
  const { village } = key;
  await lockHouseholds(tx, village, householdsOf(proposal));
  // A new household's number may be waited for, and never while the book is locked.
  const change = await readyToSettle(tx, proposal, now);
  await lockBook(tx, village);
  const household = await readHousehold(tx, village, proposal.householdId);
  await validateChange(tx, proposal, household, now);
  const event = {
    actor: proposal.proposedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const number = await settleChange(tx, event, change, household);
  await recordVerdict(
    tx,
    actor.id,
    key,
    { state: 'approved', reason: null, madeId: change.kind === 'split' ? change.madeId : null, number },
    now,
  );
  return getChange(tx, actor, village, key.changeId);
}

/** Turns a change down. @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` */
export async function rejectChange(
  tx: Tx,
  actor: Actor,
  key: ChangeKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<ChangeView> {
  await lockForDecision(tx, actor, key);
  await recordVerdict(tx, actor.id, key, { state: 'rejected', reason: input.reason, madeId: null, number: null }, now);
  return getChange(tx, actor, key.village, key.changeId);
}

/** Takes a proposal back before anybody has decided. @throws Refusal `not-found` | `wrong-state` */
export async function withdrawChange(tx: Tx, actor: Actor, key: ChangeKey, now: Temporal.Instant): Promise<ChangeView> {
  await lockProposal(tx, key);
  await recordVerdict(tx, actor.id, key, { state: 'withdrawn', reason: null, madeId: null, number: null }, now);
  return getChange(tx, actor, key.village, key.changeId);
}

/** An open proposal, for a decision by somebody else than made it, who is no kin of either household. */
async function lockForDecision(tx: Tx, actor: Actor, key: ChangeKey): Promise<Proposal> {
  const proposal = await lockProposal(tx, key);
  const { proposedBy } = proposal;
  if (proposedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: proposedBy });
  await refuseKin(tx, actor, key.village, householdsOf(proposal));
  return proposal;
}

function householdsOf(change: Change): string[] {
  const other = otherHouseholdOf(change);
  return other === null ? [change.householdId] : [change.householdId, other];
}
