import { one, type Tx } from '../db/database.ts';
import { type KioskKey, ofKiosk } from './kiosk.ts';
import { type KioskView, kioskView } from './read.ts';
import { type KioskSettings, kiosk } from './tables.ts';

/** How the village wants a kiosk to be, from the device's next look at its configuration on. @throws Refusal `not-found` */
export async function setKioskSettings(tx: Tx, key: KioskKey, settings: KioskSettings): Promise<KioskView> {
  return kioskView(one(await tx.update(kiosk).set({ settings }).where(ofKiosk(key)).returning()));
}
