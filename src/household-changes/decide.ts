import { and, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { lockHouseholds } from '../households/household.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { takePen } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { type ChangeRow, type ChangeView, getChange } from './read.ts';
import { foundHousehold, settleChange } from './settle.ts';
import { change } from './tables.ts';
import { judgeChange, lookAt } from './validate.ts';

interface ChangeKey {
  village: string;
  changeId: string;
}

/**
 * Agrees to a change, as the second person: what it moves is posted, and the registers follow. It is judged again, under
 * the locks of both households and the pen, so nobody earns or spends between the look and the posting.
 * @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` | whatever `judgeChange` refuses
 *   | `already-exists` (the number)
 */
export async function approveChange(tx: Tx, actor: Actor, key: ChangeKey, now: Temporal.Instant): Promise<ChangeView> {
  const proposal = await lockProposal(tx, actor, key);
  const { village } = key;
  await lockHouseholds(tx, village, sidesOf(proposal));
  // A new household's number may be waited for, and never under the pen.
  const madeId = proposal.kind === 'split' ? await foundHousehold(tx, proposal, now) : null;
  await takePen(tx, village);
  const state = await lookAt(tx, village, proposal.householdId);
  await judgeChange(tx, proposal, state, now);
  const event = {
    actor: proposal.proposedBy,
    approver: actor.id,
    occurredAt: iso(now),
    businessDate: dayOf(now).toString(),
  };
  const number = await settleChange(tx, event, proposal, state, madeId);
  await decide(tx, actor, key, { state: 'approved', reason: null, madeId, number }, now);
  return getChange(tx, actor, village, key.changeId);
}

/** Turns a change down. @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` */
export async function rejectChange(
  tx: Tx,
  actor: Actor,
  key: ChangeKey,
  said: { reason: string },
  now: Temporal.Instant,
): Promise<ChangeView> {
  await lockProposal(tx, actor, key);
  await decide(tx, actor, key, { state: 'rejected', reason: said.reason, madeId: null, number: null }, now);
  return getChange(tx, actor, key.village, key.changeId);
}

/** Takes a proposal back before anybody has decided. @throws Refusal `not-found` | `wrong-state` */
export async function withdrawChange(tx: Tx, actor: Actor, key: ChangeKey, now: Temporal.Instant): Promise<ChangeView> {
  await lockOpen(tx, key);
  await decide(tx, actor, key, { state: 'withdrawn', reason: null, madeId: null, number: null }, now);
  return getChange(tx, actor, key.village, key.changeId);
}

/** An open proposal, for a decision by somebody else than made it, who is no kin of either household. */
async function lockProposal(tx: Tx, actor: Actor, key: ChangeKey): Promise<ChangeRow> {
  const row = await lockOpen(tx, key);
  if (row.proposedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: row.proposedBy });
  await refuseKin(tx, actor, key.village, sidesOf(row));
  return row;
}

async function lockOpen(tx: Tx, { village, changeId }: ChangeKey): Promise<ChangeRow> {
  const mine = and(eq(change.village, village), eq(change.id, changeId));
  const row = one(await tx.select().from(change).where(mine).for('update'));
  if (row.state === 'proposed') return row;
  throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['proposed'], since: row.decidedAt });
}

function sidesOf({ householdId, toHouseholdId }: ChangeRow): string[] {
  return toHouseholdId === null ? [householdId] : [householdId, toHouseholdId];
}

/** Nothing but this function of the database may record a decision; it asks once more who decides. */
async function decide(
  tx: Tx,
  actor: Actor,
  { village, changeId }: ChangeKey,
  to: { state: string; reason: string | null; madeId: string | null; number: number | null },
  now: Temporal.Instant,
): Promise<void> {
  await tx.execute(sql`
    select households.decide_change(${village}, ${changeId}::uuid, ${to.state}, ${actor.id}::uuid, ${iso(now)}::timestamptz,
      ${to.reason}, ${to.madeId}::uuid, ${to.number}::bigint)`);
}
