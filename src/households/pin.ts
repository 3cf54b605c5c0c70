import { and, eq, lt, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
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

/**
 * Sets the PIN. `pinHash` is a PHC string made before; without one the PIN stays, and may be tried again: the clerk has
 * seen the person.
 * @throws Refusal `not-found` | `own-household`
 */
export async function setPin(
  tx: Tx,
  actor: Actor,
  key: HouseholdKey,
  pinHash: string | null,
  now: Temporal.Instant,
): Promise<void> {
  const { village, householdId } = key;
  await getHouseholdRow(tx, village, householdId);
  await tx.execute(sql`select households.set_pin(${village}, ${householdId}, ${pinHash}, ${actor.id}, ${iso(now)})`);
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
