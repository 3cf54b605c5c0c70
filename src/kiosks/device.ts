import { eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { endSessions, rotate, type SessionRow, startSession, villageOfRefresh } from '../identity/sessions.ts';
import { accessTokenSeconds, type Tokens } from '../identity/tokens.ts';
import { Refusal } from '../refusals.ts';
import { type KioskKey, lockKiosk, markSeen, ofKiosk } from './kiosk.ts';
import { getPairingOfDevice, lockPairingOfDevice, refuseExpired } from './pairing.ts';
import { kiosk, pairing } from './tables.ts';

/** What the device holds after pairing and after each rotation. */
interface DeviceTokens {
  kioskId: string;
  village: string;
  accessToken: string;
  refreshToken: string;
  expiresInSeconds: number;
}

type Polled = { status: 'pending' } | ({ status: 'approved' } & DeviceTokens);

interface Deps {
  database: Database;
  tokens: Tokens;
}

/** A device is noted as seen once a minute, not at every call. */
const seenEverySeconds = 60;

/**
 * Refuses a device that may not be used, in the database transaction of each of its calls and of each call of a
 * household that stands at it. Notes when the device itself was last seen.
 * @throws Refusal `device-suspended`
 */
export async function recogniseDevice(
  tx: Tx,
  device: { village: string; kioskId: string; itself: boolean },
  now: Temporal.Instant,
): Promise<void> {
  const [row] = await tx.select({ state: kiosk.state, seenAt: kiosk.seenAt }).from(kiosk).where(ofKiosk(device));
  if (row?.state !== 'active') throw new Refusal('device-suspended');
  if (!device.itself) return;
  const stale = iso(now.subtract({ seconds: seenEverySeconds }));
  if (row.seenAt === null || row.seenAt <= stale) await markSeen(tx, device, now);
}

/**
 * Answers the device that waits for its approval. An approved answer that was lost may be asked for again: the sign-in it
 * held is ended and another one begun, until the device has once been seen with one; from then on the code is used up.
 * @throws Refusal `not-found` | `pairing-denied` | `expired` (facts: `what`, `expiredAt`)
 */
export async function pollPairing(deps: Deps, deviceCode: string, now: Temporal.Instant): Promise<Polled> {
  const { village } = await deps.database.inSnapshot(none, db => getPairingOfDevice(db, deviceCode));
  return deps.database.inTransaction(village ?? none, async tx => {
    const row = await lockPairingOfDevice(tx, deviceCode);
    if (row.state === 'denied') throw new Refusal('pairing-denied');
    refuseExpired(row, now);
    // Approved since we looked for the village: the next poll, in five seconds, sees it.
    if (row.state === 'pending' || village === null) return { status: 'pending' };
    const key = { village, kioskId: row.kioskId! };
    await refuseUsed(tx, key);
    if (row.sessionId !== null) await endSessions(tx, { id: row.sessionId }, 'replaced', now);
    const started = await startSession(tx, { kind: 'kiosk', subject: key.kioskId, village, device: null }, now);
    await tx
      .update(pairing)
      .set({ sessionId: started.session.id })
      .where(eq(pairing.deviceCodeHash, row.deviceCodeHash));
    return { status: 'approved', ...tokensOf(deps.tokens, started) };
  });
}

/**
 * Exchanges a device's refresh token for a new pair.
 * @throws Refusal `unauthenticated` | `token-expired` | `session-revoked` (facts: `reason`) | `device-suspended`
 */
export async function refreshDevice(deps: Deps, refreshToken: string, now: Temporal.Instant): Promise<DeviceTokens> {
  const { database } = deps;
  const village = await database.inSnapshot(none, db => villageOfRefresh(db, refreshToken));
  const outcome = await database.inTransaction(village ?? none, async tx => {
    const rotated = await rotate(tx, 'kiosk', refreshToken, now);
    if ('reused' in rotated) return null;
    const tokens = tokensOf(deps.tokens, rotated);
    await recogniseDevice(tx, { ...tokens, itself: true }, now);
    return tokens;
  });
  if (outcome === null) throw new Refusal('session-revoked', { reason: 'refreshReused' });
  return outcome;
}

async function refuseUsed(tx: Tx, key: KioskKey): Promise<void> {
  const { state, seenAt } = await lockKiosk(tx, key);
  if (seenAt !== null) throw new Refusal('expired', { what: 'pairing', expiredAt: seenAt });
  if (state !== 'active') throw new Refusal('device-suspended');
}

function tokensOf(tokens: Tokens, started: { session: SessionRow; refreshToken: string }): DeviceTokens {
  const { id: sessionId, subject: kioskId, village } = started.session;
  const accessToken = tokens.sign(
    {
      kind: 'kiosk',
      id: kioskId,
      client: kioskId,
      sessionId,
      grants: [['kiosk', village!]],
      kioskId,
      householdId: null,
      level: null,
    },
    accessTokenSeconds,
  );
  return {
    kioskId,
    village: village!,
    accessToken,
    refreshToken: started.refreshToken,
    expiresInSeconds: accessTokenSeconds,
  };
}
