import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getHouseholdRow } from './read.ts';
import { household, pinEvent } from './tables.ts';

interface HouseholdKey {
  village: string;
  householdId: string;
}

/**
 * A PIN that a stranger tries first: of one digit or two, a run up or down, a part that is repeated or mirrored, a way over
 * the keypad, or anything that reads as a day or a month of the last hundred years, for birthdays are what people choose.
 */
export function isEasyPin(pin: string): boolean {
  const half = pin.slice(0, 3);
  return (
    new Set(pin).size <= 2 ||
    isRun(pin) ||
    pin === half.repeat(2) ||
    pin === half + [...half].reverse().join('') ||
    /^(\d)\1(\d)\2(\d)\3$/.test(pin) ||
    keypadWays.has(pin) ||
    isDate(pin)
  );
}

/** Each digit as far from the one before, past 9 and 0 too: 123456, 890123, 135791, 864208. */
function isRun(pin: string): boolean {
  const steps = [...pin].slice(1).map((digit, n) => (Number(digit) - Number(pin[n]) + 10) % 10);
  return new Set(steps).size === 1;
}

/** Columns, diagonals and edges of a keypad, and numbers that are read as words: 我爱你一生一世, 一路发. */
const keypadWays = new Set([
  ...['147258', '258369', '369258', '258147', '147369', '369147', '741852', '852963', '963852', '852741', '741963'],
  ...['159357', '357159', '159753', '753159', '951357', '951753', '357951', '753951', '123654', '321456', '789456'],
  ...['147896', '123698', '147852', '258963', '456789', '789654', '456123', '123789', '789123', '520131', '521314'],
  ...['520134', '131452', '134520', '168888', '168168', '518518', '666888', '888666'],
]);

/** YYMMDD, DDMMYY, MMDDYY, or a year of this century or the last and a month. */
function isDate(pin: string): boolean {
  const [a, b, c] = [pin.slice(0, 2), pin.slice(2, 4), pin.slice(4)].map(Number) as [number, number, number];
  const isDay = (month: number, day: number) =>
    month >= 1 && month <= 12 && day >= 1 && day <= (monthDays[month - 1] ?? 0);
  return isDay(b, c) || isDay(b, a) || isDay(a, b) || ((a === 19 || a === 20) && c >= 1 && c <= 12);
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Sets the PIN, and writes down who did. `pinHash` is a PHC string made before; without one the PIN stays, and may be tried
 * again: the clerk has seen the person.
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

interface PinEvent {
  id: string;
  kind: 'set' | 'unlocked';
  byUserId: string;
  at: string;
}

const pinEventsMax = 50;

/** Who has set or unlocked a household's PIN, the newest first, at most 50. @throws Refusal `not-found` */
export async function listPinEvents(db: Db, key: HouseholdKey): Promise<PinEvent[]> {
  await getHouseholdRow(db, key.village, key.householdId);
  return db
    .select({ id: pinEvent.id, kind: pinEvent.kind, byUserId: pinEvent.byUser, at: pinEvent.at })
    .from(pinEvent)
    .where(and(eq(pinEvent.village, key.village), eq(pinEvent.householdId, key.householdId)))
    .orderBy(desc(pinEvent.at), desc(pinEvent.id))
    .limit(pinEventsMax);
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
