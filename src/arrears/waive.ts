import { randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { waivedAccount } from '../ledger/accounts.ts';
import { lockBook, openAccounts, postOne } from '../ledger/post.ts';
import { householdBalances } from '../ledger/read.ts';
import { arrearsWaiver as waiverCommand } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { findOpenWaiver, getWaiver, type WaiverView } from './read.ts';
import { arrearsWaiver } from './tables.ts';

interface WaiverKey {
  village: string;
  waiverId: string;
}

/**
 * Proposes that a household need not pay `points` of what it owes. Nothing moves until somebody else agrees.
 * @throws Refusal `not-found` | `own-household` | `nothing-owed` | `out-of-bounds` (more than it owes) | `already-exists`
 *   (a proposal is open)
 */
export async function proposeWaiver(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { householdId: string; points: number; reason: string },
  now: Temporal.Instant,
): Promise<WaiverView> {
  const { householdId, points, reason } = input;
  await getHouseholdRow(tx, village, householdId);
  await refuseKin(tx, actor, village, [householdId]);
  const { arrears } = await householdBalances(tx, village, householdId);
  refuseMoreThan(arrears, points);
  const open = await findOpenWaiver(tx, village, householdId);
  if (open !== undefined) throw new Refusal('already-exists', { field: 'householdId', existingId: open.id });
  const id = randomUUIDv7();
  await tx.execute(sql`
    select earning.propose_waiver(${village}, ${id}, ${householdId}, ${points}, ${reason}, ${actor.id}, ${iso(now)})`);
  return getWaiver(tx, actor, village, id);
}

/**
 * Agrees: the points are owed no more. What two people signed is waived whole or not at all: a household that has paid
 * part of it since is proposed for again.
 * @throws Refusal `not-found` | `second-person-required` (facts: `firstUserId`) | `own-household` | `wrong-state` |
 *   `nothing-owed` | `out-of-bounds` (it owes less by now)
 */
export async function approveWaiver(tx: Tx, actor: Actor, key: WaiverKey, now: Temporal.Instant): Promise<WaiverView> {
  const { village, waiverId } = key;
  const { householdId, points, proposedBy } = await lockProposal(tx, actor, key);
  await lockBook(tx, village);
  const { arrears } = await householdBalances(tx, village, householdId);
  refuseMoreThan(arrears, points);
  const event = { actor: proposedBy, approver: actor.id, occurredAt: iso(now), businessDate: dayOf(now).toString() };
  await openAccounts(tx, village, [waivedAccount]);
  const { number } = await postOne(tx, village, waiverCommand(event, { waiverId, householdId, points }));
  // The row is locked since before the book was locked, so nothing waits here.
  await tx.execute(sql`
    select earning.decide_waiver(${village}, ${waiverId}, 'posted', ${actor.id}, ${iso(now)}, null, ${number})`);
  return getWaiver(tx, actor, village, waiverId);
}

/** Disagrees: it is still owed. @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` */
export async function rejectWaiver(
  tx: Tx,
  actor: Actor,
  key: WaiverKey,
  input: { reason: string },
  now: Temporal.Instant,
): Promise<WaiverView> {
  await lockProposal(tx, actor, key);
  await tx.execute(sql`
    select earning.decide_waiver(${key.village}, ${key.waiverId}, 'rejected', ${actor.id}, ${iso(now)},
                                 ${input.reason}, null)`);
  return getWaiver(tx, actor, key.village, key.waiverId);
}

function refuseMoreThan(arrears: number, points: number): void {
  if (arrears === 0) throw new Refusal('nothing-owed');
  if (points > arrears) throw new Refusal('out-of-bounds', { field: 'points', min: 1, max: arrears });
}

/** A proposal that is still open, for a decision by somebody else than made it, who is no kin of the household. */
async function lockProposal(tx: Tx, actor: Actor, key: WaiverKey): Promise<typeof arrearsWaiver.$inferSelect> {
  const byKey = and(eq(arrearsWaiver.village, key.village), eq(arrearsWaiver.id, key.waiverId));
  const row = one(await tx.select().from(arrearsWaiver).where(byKey).for('update'));
  if (row.proposedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: row.proposedBy });
  await refuseKin(tx, actor, key.village, [row.householdId]);
  if (row.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['proposed'], since: row.decidedAt });
  }
  return row;
}
