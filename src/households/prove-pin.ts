import { dayOf } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { verifySecret } from '../identity/passwords.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { countPinTry, forgetPinTries } from './pin.ts';
import type { HouseholdRow } from './read.ts';

/**
 * The household whose PIN this is. A try is counted before the PIN is looked at, and the PIN is looked at outside of any
 * database transaction, for that takes a while.
 * @param who finds the household that is said to stand there. When there is none, `countUnknown` counts the try, so that
 *   the answer tells as little, and comes as late, as for a wrong PIN. `counter` counts the try where it is made too, and
 *   answers whether the device there still works
 * @throws Refusal `pin-wrong` (facts: `attemptsLeft`) | `pin-locked` | `device-suspended` | whatever `counter` refuses with
 */
export async function provePin(
  database: Database,
  village: string,
  pin: string,
  who: {
    find: (tx: Tx) => Promise<HouseholdRow | undefined>;
    countUnknown: (tx: Tx, pinTries: number) => Promise<number>;
    counter: {
      count: (tx: Tx, household: HouseholdRow | undefined) => Promise<boolean>;
      uncount: (tx: Tx) => Promise<void>;
    };
  },
  now: Temporal.Instant,
): Promise<HouseholdRow> {
  // A suspension has to be committed: so it is no refusal until then.
  const counted = await database.inTransaction(village, async tx => {
    const household = await who.find(tx);
    if (!(await who.counter.count(tx, household))) return undefined;
    const { pinTries } = await policyOn(tx, village, dayOf(now));
    const attemptsLeft =
      household === undefined
        ? await who.countUnknown(tx, pinTries)
        : await countPinTry(tx, { village, householdId: household.id }, pinTries);
    return { household, attemptsLeft };
  });
  if (counted === undefined) throw new Refusal('device-suspended');
  const { household, attemptsLeft } = counted;
  const right = await verifySecret(pin, household?.pinHash ?? undefined);
  if (!right || household === undefined) throw new Refusal('pin-wrong', { attemptsLeft });
  await database.inTransaction(village, async tx => {
    await who.counter.uncount(tx);
    await forgetPinTries(tx, { village, householdId: household.id });
  });
  return household;
}
