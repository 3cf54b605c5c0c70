import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import { endSessions } from '../identity/sessions.ts';
import { Refusal } from '../refusals.ts';
import { type KioskRow, type KioskView, kioskView } from './read.ts';
import { kiosk } from './tables.ts';

interface KioskKey {
  village: string;
  kioskId: string;
}

const unknownCardsPerHour = 30;

/** Every call of the device, and of a household at it, is refused from now on. @throws Refusal `not-found` | `wrong-state` */
export async function suspendKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  return setState(tx, key, { from: ['active'], to: 'suspended' }, now);
}

/** The device works again with the sign-in it has, and its unknown cards are forgotten. @throws Refusal `not-found` | `wrong-state` */
export async function resumeKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  return setState(tx, key, { from: ['suspended'], to: 'active' }, now);
}

/** For good: its sign-ins end, those of households at it too. @throws Refusal `not-found` | `wrong-state` */
export async function retireKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  const retired = await setState(tx, key, { from: ['active', 'suspended'], to: 'retired' }, now);
  await endSessions(tx, { subject: key.kioskId }, 'retired', now);
  await endSessions(tx, { device: key.kioskId }, 'retired', now);
  return retired;
}

/**
 * Counts a card that nobody has. Somebody who tries codes at a kiosk is stopped at the thirtieth within an hour: the
 * device is suspended. Answers whether it still works.
 */
export async function countUnknownCard(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<boolean> {
  const hourAgo = iso(now.subtract({ hours: 1 }));
  const [row] = await rowsOf<{ unknownCards: number }>(
    tx,
    sql`
    update kiosks.kiosk
       set unknown_cards = case when unknown_cards_since > ${hourAgo}::timestamptz then unknown_cards + 1 else 1 end,
           unknown_cards_since = case when unknown_cards_since > ${hourAgo}::timestamptz then unknown_cards_since
                                      else ${iso(now)}::timestamptz end
     where village = ${key.village} and id = ${key.kioskId} and state = 'active'
    returning unknown_cards as "unknownCards"`,
  );
  if (row === undefined) return false;
  if (row.unknownCards < unknownCardsPerHour) return true;
  await tx
    .update(kiosk)
    .set({ state: 'suspended', stateReason: 'unknownCards', stateSince: iso(now) })
    .where(mine(key));
  return false;
}

async function setState(
  tx: Tx,
  key: KioskKey,
  change: { from: KioskRow['state'][]; to: KioskRow['state'] },
  now: Temporal.Instant,
): Promise<KioskView> {
  const row = one(await tx.select().from(kiosk).where(mine(key)).for('update'));
  if (!change.from.includes(row.state)) throw new Refusal('wrong-state', { state: row.state, since: row.stateSince });
  const [changed] = await tx
    .update(kiosk)
    .set({ state: change.to, stateReason: null, stateSince: iso(now), unknownCards: 0, unknownCardsSince: null })
    .where(mine(key))
    .returning();
  return kioskView(changed!);
}

function mine(key: KioskKey) {
  return and(eq(kiosk.village, key.village), eq(kiosk.id, key.kioskId));
}
