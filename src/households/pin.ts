import { and, eq, lt, sql } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { getHouseholdRow } from './read.ts';
import { household } from './tables.ts';

interface HouseholdKey {
  village: string;
  householdId: string;
}

/** A PIN that a stranger tries first: one digit six times, or a run up or down. */
export function isEasyPin(pin: string): boolean {
  return /^(\d)\1{5}$/.test(pin) || '0123456789012345'.includes(pin) || '9876543210987654'.includes(pin);
}

/** Sets or clears the PIN. `pinHash` is a PHC string made before, or null. @throws Refusal `not-found` */
export async function setPin(tx: Tx, key: HouseholdKey, pinHash: string | null): Promise<void> {
  await getHouseholdRow(tx, key.village, key.householdId);
  await tx.update(household).set({ pinHash, pinFailedAttempts: 0 }).where(byKey(key));
}

/** Lets the household try its PIN again; the clerk has seen the person. @throws Refusal `not-found` */
export async function unlockPin(tx: Tx, key: HouseholdKey): Promise<void> {
  await getHouseholdRow(tx, key.village, key.householdId);
  await tx.update(household).set({ pinFailedAttempts: 0 }).where(byKey(key));
}

/**
 * Counts a try before the PIN is looked at, so that a thousand guesses at once are still `pinTries`. Answers how many
 * tries are left after this one. @throws Refusal `pin-locked`
 */
export async function countPinTry(tx: Tx, key: HouseholdKey, pinTries: number): Promise<number> {
  const [counted] = await tx
    .update(household)
    .set({ pinFailedAttempts: sql`${household.pinFailedAttempts} + 1` })
    .where(and(byKey(key), lt(household.pinFailedAttempts, pinTries)))
    .returning({ failed: household.pinFailedAttempts });
  if (counted === undefined) throw new Refusal('pin-locked', { until: null });
  return pinTries - counted.failed;
}

/** A right PIN forgets the wrong ones. */
export async function forgetPinTries(tx: Tx, key: HouseholdKey): Promise<void> {
  await tx.update(household).set({ pinFailedAttempts: 0 }).where(byKey(key));
}

function byKey(key: HouseholdKey) {
  return and(eq(household.village, key.village), eq(household.id, key.householdId));
}
