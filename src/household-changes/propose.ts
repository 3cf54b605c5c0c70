import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { findHouseholdByNumber, hasGrid } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { villageExists } from '../villages/read.ts';
import { type ChangeView, type Closing, getChange } from './read.ts';
import type { NewChange } from './schemas.ts';
import { type Household, judgeChange, lookAt, type Terms } from './validate.ts';

/**
 * Proposes a change of a household. Nothing moves until somebody else agrees. One proposal for a household at a time.
 * @param closing of a `moveIn`, read in the other village's book
 * @throws Refusal whatever `judgeChange` refuses | `already-exists` (an open proposal, the number, a closing that came in)
 */
export async function proposeChange(
  tx: Tx,
  actor: Actor,
  village: string,
  said: NewChange,
  now: Temporal.Instant,
  closing?: Closing,
): Promise<ChangeView> {
  const found = await lookAt(tx, village, said.householdId);
  const terms = termsOf(village, said, found, closing);
  refuseSelf(terms);
  await refusePlaces(tx, terms);
  await judgeChange(tx, terms, found, now);
  const id = randomUUIDv7();
  const ids = (values: string[]) => sql`${sql.param(values)}::uuid[]`;
  await tx.execute(sql`
    insert into households.change (village, id, kind, household_id, to_household_id, member_ids, head_member_id, died_on,
      new_number, new_grid, new_address, new_head_member_id, available_points, honour_points, carried, other_village,
      closing_number, closing_hash, lots, reason, proposed_by, proposed_at)
    values (${village}, ${id}, ${terms.kind}, ${terms.householdId}, ${terms.toHouseholdId}, ${ids(terms.memberIds)},
      ${terms.headMemberId}, ${terms.diedOn}, ${terms.newNumber}, ${terms.newGrid}, ${terms.newAddress},
      ${terms.newHeadMemberId}, ${terms.availablePoints}, ${terms.honourPoints}, ${terms.carried}, ${terms.otherVillage},
      ${terms.closingNumber}, ${terms.closingHash}, ${JSON.stringify(terms.lots)}::jsonb, ${terms.reason}, ${actor.id},
      ${iso(now)})`);
  return getChange(tx, actor, village, id);
}

const nothing = {
  toHouseholdId: null,
  memberIds: [],
  headMemberId: null,
  diedOn: null,
  newNumber: null,
  newGrid: null,
  newAddress: null,
  newHeadMemberId: null,
  availablePoints: null,
  honourPoints: null,
  carried: null,
  otherVillage: null,
  closingNumber: null,
  closingHash: null,
  lots: {},
};

function termsOf(village: string, said: NewChange, found: Household, closing?: Closing): Terms {
  const { kind, householdId, reason } = said;
  const terms: Terms = { ...nothing, village, kind, householdId, reason };
  switch (said.kind) {
    case 'memberMove':
      return {
        ...terms,
        memberIds: [said.memberId],
        toHouseholdId: said.toHouseholdId,
        headMemberId: said.headMemberId ?? null,
      };
    case 'split':
      return { ...terms, ...splitOf(said, found) };
    case 'merge':
      return { ...terms, toHouseholdId: said.toHouseholdId };
    case 'moveAway':
      return { ...terms, otherVillage: said.toVillage, carried: said.carry };
    case 'moveIn':
      return {
        ...terms,
        otherVillage: closing!.village,
        closingNumber: closing!.number,
        closingHash: closing!.hash,
        availablePoints: closing!.available,
        honourPoints: closing!.honour,
        lots: closing!.lots,
      };
    case 'death':
      return { ...terms, ...deathOf(said) };
    case 'close':
      return terms;
    case 'head':
      return { ...terms, headMemberId: said.headMemberId };
  }
}

function splitOf(said: Extract<NewChange, { kind: 'split' }>, { living, balances }: Household): Partial<Terms> {
  const { memberIds, newHousehold } = said;
  const share = (points: number) =>
    Number((BigInt(points) * BigInt(memberIds.length)) / BigInt(Math.max(1, living.length)));
  return {
    memberIds,
    headMemberId: said.headMemberId ?? null,
    newNumber: newHousehold.number ?? null,
    newGrid: newHousehold.grid,
    newAddress: newHousehold.address ?? null,
    newHeadMemberId: newHousehold.headMemberId,
    availablePoints: said.availablePoints ?? share(balances.available),
    honourPoints: said.honourPoints ?? share(balances.honour),
  };
}

function deathOf(said: Extract<NewChange, { kind: 'death' }>): Partial<Terms> {
  const { heirHouseholdId, lapse } = said;
  if (heirHouseholdId !== undefined && lapse === true) {
    throw malformed('/lapse', 'not', 'who inherits, or that it lapses: not both');
  }
  return {
    memberIds: [said.memberId],
    diedOn: said.diedOn,
    headMemberId: said.headMemberId ?? null,
    toHouseholdId: heirHouseholdId ?? null,
    carried: heirHouseholdId !== undefined ? true : lapse === true ? false : null,
  };
}

function refuseSelf({ village, householdId, toHouseholdId, otherVillage }: Terms): void {
  if (toHouseholdId === householdId) throw malformed('/toHouseholdId', 'not', 'another household');
  if (otherVillage === village) throw malformed('/toVillage', 'not', 'another village');
}

async function refusePlaces(
  tx: Tx,
  { village, kind, newNumber, newGrid, otherVillage, carried }: Terms,
): Promise<void> {
  if (newGrid !== null && !(await hasGrid(tx, village, newGrid))) throw new Refusal('not-found', { field: 'grid' });
  const taken = newNumber === null ? undefined : await findHouseholdByNumber(tx, village, newNumber);
  if (taken !== undefined) throw new Refusal('already-exists', { field: 'number', existingId: taken.id });
  if (kind === 'moveAway' && carried && !(await villageExists(tx, otherVillage!))) {
    throw new Refusal('not-found', { field: 'toVillage' });
  }
}
