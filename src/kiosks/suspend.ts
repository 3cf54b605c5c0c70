import type { Tx } from '../db/database.ts';
import { endSessions } from '../identity/sessions.ts';
import { type KioskKey, moveKiosk } from './kiosk.ts';
import type { KioskView } from './read.ts';

/** Every call of the device, and of a household at it, is refused from now on. @throws Refusal `not-found` | `wrong-state` */
export async function suspendKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  return moveKiosk(tx, key, { from: ['active'], to: 'suspended' }, now);
}

/** The device works again with the sign-in it has, and its unknown cards are forgotten. @throws Refusal `not-found` | `wrong-state` */
export async function resumeKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  return moveKiosk(tx, key, { from: ['suspended'], to: 'active' }, now);
}

/** For good: its sign-ins end, those of households at it too. @throws Refusal `not-found` | `wrong-state` */
export async function retireKiosk(tx: Tx, key: KioskKey, now: Temporal.Instant): Promise<KioskView> {
  const retired = await moveKiosk(tx, key, { from: ['active', 'suspended'], to: 'retired' }, now);
  await endSessions(tx, { subject: key.kioskId }, 'retired', now);
  await endSessions(tx, { device: key.kioskId }, 'retired', now);
  return retired;
}
