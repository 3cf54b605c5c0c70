import { and, eq, sql } from 'drizzle-orm';
import { changesIn, correct, type Patch } from '../corrections/correct.ts';
import type { Subject } from '../corrections/subjects.ts';
import { refuseStale } from '../corrections/versions.ts';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { holdHousehold } from './household.ts';
import { refuseFarNumber } from './numbers.ts';
import { findHouseholdByNumber, getMember, hasGrid } from './read.ts';
import { lockRegister, refuseRegistered } from './register.ts';
import { household, member } from './tables.ts';

/** What the register has wrong, put right by somebody who is no kin, and what it said before kept. */

export type HouseholdPatch = Patch<{ number: string; grid: number | null; address: string | null }>;
export type MemberPatch = Patch<{ name: string; phone: string | null; idLast4: string | null }>;

/** What to write, and the header `If-Match`; without that member, nobody has to name a version. */
interface Asked<P> {
  patch: P;
  ifMatch?: string | undefined;
}

export function householdSubject(village: string, householdId: string): Subject {
  return { village, kind: 'household', id: householdId, householdId };
}

export function memberSubject(village: string, memberId: string, householdId: string): Subject {
  return { village, kind: 'member', id: memberId, householdId };
}

/**
 * Corrects number, group and address of a household.
 * @throws Refusal `not-found` (also the group) | `version-required` | `version-stale` | `household-not-active` (it is closed) |
 *   `already-exists` (the number) | `number-far` | `own-household`
 */
export async function updateHousehold(
  tx: Tx,
  by: string,
  { village, householdId }: { village: string; householdId: string },
  { patch, numberConfirmed, ...asked }: Asked<HouseholdPatch> & { numberConfirmed?: boolean | undefined },
  now: Temporal.Instant,
): Promise<void> {
  await lockRegister(tx, village);
  const subject = householdSubject(village, householdId);
  const { number, grid, address, state } = one(
    await tx
      .select()
      .from(household)
      .where(and(eq(household.village, village), eq(household.id, householdId)))
      .for('no key update'),
  );
  if ('ifMatch' in asked) await refuseStale(tx, subject, asked.ifMatch);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const fields = { number, grid, address };
  const changed = changesIn(fields, patch);
  if (isNothing(changed)) return;
  if (changed.number !== undefined) {
    const other = await findHouseholdByNumber(tx, village, changed.number);
    if (other !== undefined && other.id !== householdId)
      throw new Refusal('already-exists', { field: 'number', existingId: other.id });
    await refuseFarNumber(tx, village, { number: changed.number, numberConfirmed }, { householdId });
  }
  if (changed.grid != null && !(await hasGrid(tx, village, changed.grid)))
    throw new Refusal('not-found', { field: 'grid' });
  await correct(tx, by, subject, { fields, patch }, now);
  await tx.execute(sql`
    select households.correct_household(${village}, ${householdId}, ${JSON.stringify(changed)}::jsonb, ${by})`);
}

/**
 * Corrects name, phone and end of the ID number of a person.
 * @throws Refusal `not-found` | `version-required` | `version-stale` | `household-not-active` (it is closed) |
 *   `member-elsewhere` (somebody in the register is the person that would be written) | `own-household`
 */
export async function updateMember(
  tx: Tx,
  by: string,
  key: { village: string; memberId: string },
  { patch, ...asked }: Asked<MemberPatch>,
  now: Temporal.Instant,
): Promise<void> {
  const { village, memberId } = key;
  await lockRegister(tx, village);
  // In the order of whoever changes a household: the household, then its people, who may have gone meanwhile.
  await holdHousehold(tx, village, (await getMember(tx, village, memberId)).householdId);
  const row = one(
    await tx
      .select()
      .from(member)
      .where(and(eq(member.village, village), eq(member.id, memberId)))
      .for('no key update'),
  );
  const { householdId, name, phone, idLast4 } = row;
  const subject = memberSubject(village, memberId, householdId);
  if ('ifMatch' in asked) await refuseStale(tx, subject, asked.ifMatch);
  const { state } = await holdHousehold(tx, village, householdId);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const fields = { name, phone, idLast4 };
  const changed = changesIn(fields, patch);
  if (isNothing(changed)) return;
  await refuseRegistered(tx, village, [{ ...fields, ...changed }], memberId);
  await correct(tx, by, subject, { fields, patch }, now);
  await tx.execute(sql`
    select households.correct_member(${village}, ${memberId}, ${JSON.stringify(changed)}::jsonb, ${by})`);
}

function isNothing(changed: object): boolean {
  return Object.keys(changed).length === 0;
}
