import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type Change, changeOf, columnsOf } from './change.ts';
import { type ChangeState, change } from './tables.ts';

/** The row of a change: how it is written, locked and decided. */

export interface ChangeKey {
  village: string;
  changeId: string;
}

/** A change that somebody has proposed and nobody has decided on. */
export type Proposal = Change & { id: string; proposedBy: string };

/** @throws Refusal `already-exists` (an open proposal of the household, a closing that came in) */
export async function insertChange(
  tx: Tx,
  row: Change & { id: string; proposedBy: string },
  now: Temporal.Instant,
): Promise<void> {
  const { village, id, kind, householdId, reason, proposedBy } = row;
  const columns = columnsOf(row);
  // The service may fill these columns alone: what a decision leaves is another's to write.
  await tx.execute(sql`
    insert into households.change (village, id, kind, household_id, to_household_id, member_ids, head_member_id, died_on,
      new_number, new_grid, new_address, new_head_member_id, available_points, honour_points, carried, other_village,
      closing_number, closing_hash, lots, earned, arrears, arrears_points, reason, proposed_by, proposed_at)
    values (${village}, ${id}, ${kind}, ${householdId}, ${columns.toHouseholdId},
      ${sql.param(columns.memberIds)}::uuid[], ${columns.headMemberId}, ${columns.diedOn}, ${columns.newNumber},
      ${columns.newGrid}, ${columns.newAddress}, ${columns.newHeadMemberId}, ${columns.availablePoints},
      ${columns.honourPoints}, ${columns.carried}, ${columns.otherVillage}, ${columns.closingNumber},
      ${columns.closingHash}, ${JSON.stringify(columns.lots)}::jsonb, ${JSON.stringify(columns.earned)}::jsonb,
      ${columns.arrears}, ${columns.arrearsPoints}, ${reason}, ${proposedBy}, ${iso(now)})`);
}

/** An open proposal, which nobody else decides on until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockProposal(tx: Tx, key: ChangeKey): Promise<Proposal> {
  const row = one(await tx.select().from(change).where(byKey(key)).for('update'));
  if (row.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['proposed'], since: row.decidedAt });
  }
  return { ...changeOf(row), id: row.id, proposedBy: row.proposedBy };
}

/** Who has moved by a merger: everybody it had when it was agreed to. */
export async function recordMergedMembers(tx: Tx, key: ChangeKey, memberIds: string[]): Promise<void> {
  await tx.update(change).set({ memberIds }).where(byKey(key));
}

/** What was decided. `madeId` is the household that a split has made, `number` the transaction, where there is one. */
interface Verdict {
  state: Exclude<ChangeState, 'proposed'>;
  reason: string | null;
  madeId: string | null;
  number: number | null;
}

/** Nothing but this function of the database may record a decision; it asks once more who decides. */
export async function recordVerdict(
  tx: Tx,
  decidedBy: string,
  { village, changeId }: ChangeKey,
  { state, reason, madeId, number }: Verdict,
  now: Temporal.Instant,
): Promise<void> {
  await tx.execute(sql`
    select households.decide_change(${village}, ${changeId}::uuid, ${state}, ${decidedBy}::uuid, ${iso(now)}::timestamptz,
      ${reason}, ${madeId}::uuid, ${number}::bigint)`);
}

function byKey({ village, changeId }: ChangeKey) {
  return and(eq(change.village, village), eq(change.id, changeId));
}
