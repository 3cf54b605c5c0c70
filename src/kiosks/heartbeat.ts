import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { type KioskKey, ofKiosk } from './kiosk.ts';
import type { KioskRow } from './read.ts';
import { type Heartbeat, kiosk } from './tables.ts';

/** How often a device is asked to say how it is. */
export const heartbeatSeconds = 300;

/** Takes down how a device is, and which version of the app it runs by now. Answers whether it may be used. */
export async function takeHeartbeat(
  tx: Tx,
  key: KioskKey,
  said: Heartbeat & { appVersion: string },
  now: Temporal.Instant,
): Promise<Pick<KioskRow, 'state'>> {
  const { appVersion, ...heartbeat } = said;
  const [row] = await tx
    .update(kiosk)
    .set({ appVersion, heartbeat, heartbeatAt: iso(now) })
    .where(ofKiosk(key))
    .returning({ state: kiosk.state });
  return row!;
}
