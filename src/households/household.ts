import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { one, type Tx } from '../db/database.ts';
import type { HouseholdRow } from './read.ts';
import { card, household, member } from './tables.ts';

/** The household, locked and changed: what happens to its row, its people and its cards when its life changes. */

interface HouseholdKey {
  village: string;
  householdId: string;
}

/** The household, which nobody closes until the database transaction ends. @throws Refusal `not-found` */
export async function holdHousehold(tx: Tx, village: string, id: string): Promise<HouseholdRow> {
  return one(
    await tx
      .select()
      .from(household)
      .where(and(eq(household.village, village), eq(household.id, id)))
      .for('key share'),
  );
}

/**
 * Locks households, in the order of their ids, against everybody. Whoever awards, issues a card or takes goods back holds
 * the household too, less strictly (`holdHousehold`), and waits here.
 */
export async function lockHouseholds(tx: Tx, village: string, ids: string[]): Promise<void> {
  await tx
    .select({ id: household.id })
    .from(household)
    .where(and(eq(household.village, village), inArray(household.id, ids)))
    .orderBy(asc(household.id))
    .for('update');
}

export async function moveMembers(tx: Tx, village: string, memberIds: string[], householdId: string): Promise<void> {
  await tx.update(member).set({ householdId }).where(amongMembers(village, memberIds));
}

export async function recordDeath(tx: Tx, village: string, memberIds: string[], diedOn: string): Promise<void> {
  await tx.update(member).set({ diedOn }).where(amongMembers(village, memberIds));
}

export async function setHead(tx: Tx, key: HouseholdKey, headMemberId: string): Promise<void> {
  await tx.update(household).set({ headMemberId }).where(ofHousehold(key));
}

/** It earns and spends no more, and its cards are worthless. Its file and its accounts stay. */
export async function closeHousehold(tx: Tx, key: HouseholdKey, by: string, at: string): Promise<void> {
  await setState(tx, key, { state: 'closed', by, at, reason: null });
  await tx
    .update(card)
    .set({ revokedBy: by, revokedAt: at })
    .where(and(eq(card.village, key.village), eq(card.householdId, key.householdId), isNull(card.revokedAt)));
}

/**
 * The next state of a household that was locked and looked at before, and so was the book.
 * @throws Refusal `own-household`
 */
export async function setState(
  tx: Tx,
  { village, householdId }: HouseholdKey,
  to: { state: HouseholdRow['state']; by: string; at: string; reason: string | null },
): Promise<void> {
  await tx.execute(sql`
    select households.set_state(${village}, ${householdId}, ${to.state}, ${to.by}, ${to.at}, ${to.reason})`);
}

function ofHousehold({ village, householdId }: HouseholdKey) {
  return and(eq(household.village, village), eq(household.id, householdId));
}

function amongMembers(village: string, memberIds: string[]) {
  return and(eq(member.village, village), inArray(member.id, memberIds));
}
