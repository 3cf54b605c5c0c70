import { randomInt } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dayOf } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { awardSheet } from '../earning/award-sheet.ts';
import { issueCard } from '../households/cards.ts';
import { isEasyPin, setPin } from '../households/pin.ts';
import { findHouseholdByNumber } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { redeem } from '../redemptions/redeem.ts';
import { rulesInForce } from '../rules/read.ts';
import { sampleVillage } from './files.ts';

/** A household to try a kiosk or a counter with: it has points, and its card can be shown. */
export interface TestHousehold {
  number: string;
  /** What the QR code of its card holds. */
  card: string;
  /** Null for a household that never chose one. */
  pin: string | null;
  /** Of an order that waits to be picked up: its number, which its slip shows, and its pick-up code. */
  order: { number: string; pickupCode: string } | null;
}

/** Households that do nothing in the month of events, so that its sums stay what they are. */
const wanted = [
  { number: 'H0003', hasPin: true, waits: true },
  { number: 'H0013', hasPin: true, waits: false },
  { number: 'H0024', hasPin: false, waits: false },
];

/** Cardboard by the kilogram, two points each: a day's most for one household. */
const points = { ruleCode: 'REC05', quantity: 15 };

/** PINs of the test households by number, with what is kept of them. Made anew for every sample. */
type TestPins = Map<string, { pin: string; hash: string }>;

export async function newTestPins(hash: (pin: string) => Promise<string>): Promise<TestPins> {
  const pins: TestPins = new Map();
  for (const { number } of wanted.filter(({ hasPin }) => hasPin)) {
    let pin: string;
    do pin = String(randomInt(1_000_000)).padStart(6, '0');
    while (isEasyPin(pin));
    pins.set(number, { pin, hash: await hash(pin) });
  }
  return pins;
}

/**
 * Gives the test households cards, PINs and points, and places an order that waits to be picked up.
 * @throws Refusal whatever a clerk and a storekeeper would be refused: the sample itself is wrong then
 */
export async function makeTestHouseholds(
  tx: Tx,
  jobs: Jobs,
  staff: { clerk: Actor; storekeeper: Actor },
  shop: { storeId: string; goodsId: string },
  pins: TestPins,
  now: Temporal.Instant,
): Promise<TestHousehold[]> {
  const village = sampleVillage;
  const rules = await rulesInForce(tx, village, dayOf(now));
  const ruleId = rules.data.find(rule => rule.code === points.ruleCode)!.id;
  const ids = new Map<string, string>();
  for (const { number } of wanted) ids.set(number, (await findHouseholdByNumber(tx, village, number))!.id);
  const lines = [...ids.values()].map(householdId => ({ ruleId, householdId, quantity: points.quantity, note: null }));
  const { results } = await awardSheet(tx, staff.clerk, village, { mode: 'atomic', lines, occasion: 'sample' }, now);
  for (const result of results) if (result !== 'undone' && 'refusal' in result) throw result.refusal;
  const made: TestHousehold[] = [];
  for (const { number, waits } of wanted) {
    const householdId = ids.get(number)!;
    const { code } = await issueCard(tx, staff.clerk, { village, householdId }, now);
    const { pin, hash } = pins.get(number) ?? { pin: null, hash: null };
    if (hash !== null) await setPin(tx, staff.clerk, { village, householdId }, hash, now);
    const order = { storeId: shop.storeId, lines: [{ goodsId: shop.goodsId, quantity: 1 }], cardCode: code };
    const waiting = waits
      ? await redeem(tx, jobs, staff.storekeeper, village, { ...order, handOver: false, mode: 'pickup' }, now)
      : null;
    made.push({
      number,
      card: code,
      pin,
      order: waiting && { number: waiting.number, pickupCode: waiting.pickupCode! },
    });
  }
  return made;
}

/** Where the test households lie, next to the sign-ins. */
export function testHouseholdsFile(dataDir: string): string {
  return join(dataDir, 'sample', 'test-cards.json');
}

export async function keepTestHouseholds(dataDir: string, households: TestHousehold[]): Promise<void> {
  const file = testHouseholdsFile(dataDir);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${JSON.stringify(households, null, 2)}\n`, { mode: 0o600 });
  // The mode above counts for a new file only.
  await chmod(file, 0o600);
}
