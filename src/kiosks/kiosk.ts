import { randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import type { PublicKey } from '../identity/proofs.ts';
import { Refusal } from '../refusals.ts';
import { type KioskRow, type KioskView, kioskView } from './read.ts';
import { kiosk } from './tables.ts';

/** The row of a kiosk: how it is written, locked and moved from state to state, and what it counts. */

export interface KioskKey {
  village: string;
  kioskId: string;
}

/** Adds a device to the village's list, with the next code. @throws Refusal `already-exists` (its key is a kiosk’s) */
export async function addKiosk(
  tx: Tx,
  actor: Actor,
  input: Pick<KioskView, 'village' | 'name' | 'storeId' | 'appVersion' | 'model' | 'serial'> & {
    publicKey: PublicKey;
    thumbprint: string;
  },
  now: Temporal.Instant,
): Promise<KioskView> {
  // Two approved at once: the second waits for the first one's code, finds it taken and takes the next. Of n at once the
  // last one needs n attempts.
  for (let left = 20; left > 0; left -= 1) {
    const [made] = await tx
      .insert(kiosk)
      .values({
        ...input,
        id: randomUUIDv7(),
        code: await nextCode(tx, input.village),
        state: 'active',
        stateSince: iso(now),
        pairedBy: actor.id,
        pairedAt: iso(now),
        unknownCards: 0,
      })
      .onConflictDoNothing({ target: [kiosk.village, kiosk.code] })
      .returning();
    if (made !== undefined) return kioskView(made);
  }
  throw new Refusal('unavailable', { retryAfterSeconds: 1 });
}

async function nextCode(tx: Tx, village: string): Promise<string> {
  const [row] = await rowsOf<{ next: number }>(
    tx,
    sql`select coalesce(max(substr(code, 2)::integer), 0) + 1 as next from kiosks.kiosk where village = ${village}`,
  );
  return `K${String(row!.next).padStart(2, '0')}`;
}

/** @throws Refusal `not-found` */
export async function lockKiosk(tx: Tx, key: KioskKey): Promise<KioskRow> {
  return one(await tx.select().from(kiosk).where(ofKiosk(key)).for('update'));
}

/** Its next state; what it has counted is forgotten. @throws Refusal `not-found` | `wrong-state` */
export async function moveKiosk(
  tx: Tx,
  key: KioskKey,
  change: { from: KioskRow['state'][]; to: KioskRow['state'] },
  now: Temporal.Instant,
): Promise<KioskView> {
  const row = await lockKiosk(tx, key);
  if (!change.from.includes(row.state)) throw new Refusal('wrong-state', { state: row.state, since: row.stateSince });
  const [changed] = await tx
    .update(kiosk)
    .set({
      state: change.to,
      stateReason: null,
      stateSince: iso(now),
      unknownCards: 0,
      unknownCardsSince: null,
      wrongPins: 0,
      wrongPinsSince: null,
    })
    .where(ofKiosk(key))
    .returning();
  return kioskView(changed!);
}

/**
 * Counts a card that nobody has. Somebody who tries codes at a kiosk is stopped at the thirtieth within an hour: the
 * device is suspended. Answers whether it still works.
 */
export function countUnknownCard(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<boolean> {
  return countAtDevice(tx, key, { what: 'unknownCards', max: 29 }, now);
}

/**
 * Counts a PIN before it is looked at, whichever household it is for: a stolen kiosk that tries a few at every household is
 * suspended by the next one after thirty wrong ones within an hour. Answers whether it still works.
 */
export function countPinAtDevice(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<boolean> {
  return countAtDevice(tx, key, { what: 'wrongPins', max: 30 }, now);
}

/** One more, within an hour of the first; the one after `max` suspends the device. Answers whether it still works. */
async function countAtDevice(
  tx: Tx,
  key: KioskKey,
  { what, max }: { what: 'unknownCards' | 'wrongPins'; max: number },
  now: Temporal.Instant,
): Promise<boolean> {
  const [count, since] = [kiosk[what], kiosk[`${what}Since`]];
  const isSameHour = sql`${since} > ${iso(now.subtract({ hours: 1 }))}::timestamptz`;
  const [row] = await tx
    .update(kiosk)
    .set({
      [what]: sql`case when ${isSameHour} then ${count} + 1 else 1 end`,
      [`${what}Since`]: sql`case when ${isSameHour} then ${since} else ${iso(now)}::timestamptz end`,
    })
    .where(and(ofKiosk(key), eq(kiosk.state, 'active')))
    .returning({ counted: count });
  if (row === undefined) return false;
  if (row.counted <= max) return true;
  await suspendByItself(tx, key, what, now);
  return false;
}

/** Without anybody's decision, and for all to see why. One that is suspended already keeps its reason. */
export async function suspendByItself(
  tx: Tx,
  key: KioskKey,
  reason: NonNullable<KioskRow['stateReason']>,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .update(kiosk)
    .set({ state: 'suspended', stateReason: reason, stateSince: iso(now) })
    .where(and(ofKiosk(key), eq(kiosk.state, 'active')));
}

/** The PIN was right, and counts no longer. */
export async function uncountPinAtDevice(tx: Tx, key: KioskKey): Promise<void> {
  await tx
    .update(kiosk)
    .set({ wrongPins: sql`greatest(${kiosk.wrongPins} - 1, 0)` })
    .where(ofKiosk(key));
}

export async function markSeen(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<void> {
  await tx
    .update(kiosk)
    .set({ seenAt: iso(now) })
    .where(ofKiosk(key));
}

export function ofKiosk({ village, kioskId }: KioskKey) {
  return and(eq(kiosk.village, village), eq(kiosk.id, kioskId));
}
