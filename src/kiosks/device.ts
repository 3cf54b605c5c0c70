import { eq } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { none } from '../db/scope.ts';
import { type Proof, spendProof } from '../identity/proofs.ts';
import { deviceOfRefresh, endSessions, rotate, type SessionRow, startSession } from '../identity/sessions.ts';
import { accessTokenSeconds, type Tokens } from '../identity/tokens.ts';
import { Refusal } from '../refusals.ts';
import { type KioskKey, lockKiosk, markSeen, ofKiosk, suspendByItself } from './kiosk.ts';
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

/** A device that calls, or at which a household calls. */
export interface Calling {
  village: string;
  kioskId: string;
  /** Of the key that it has proved. */
  thumbprint: string;
  /** Whether it calls itself. */
  itself: boolean;
  /** Whether what it calls is open to a suspended device, too. */
  whileSuspended: boolean;
}

/** A device is noted as seen once a minute, not at every call. */
const seenEverySeconds = 60;

/**
 * Refuses a device that may not be used, or has another key by now, in the database transaction of each of its calls and of
 * each call of a household that stands at it. Notes when the device itself was last seen.
 * @throws Refusal `device-suspended` | `device-proof-required`
 */
export async function recogniseDevice(tx: Tx, device: Calling, now: Temporal.Instant): Promise<{ appVersion: string }> {
  const [row] = await tx
    .select({ state: kiosk.state, seenAt: kiosk.seenAt, thumbprint: kiosk.thumbprint, appVersion: kiosk.appVersion })
    .from(kiosk)
    .where(ofKiosk(device));
  const isUsable = row?.state === 'active' || (row?.state === 'suspended' && device.whileSuspended);
  if (row === undefined || !isUsable) throw new Refusal('device-suspended');
  if (row.thumbprint !== device.thumbprint) throw new Refusal('device-proof-required', { reason: 'key' });
  const stale = iso(now.subtract({ seconds: seenEverySeconds }));
  if (device.itself && (row.seenAt === null || row.seenAt <= stale)) await markSeen(tx, device, now);
  return row;
}

/**
 * Answers the device that waits for its approval. An approved answer that was lost may be asked for again: the sign-in it
 * held is ended and another one begun, until the device has once been seen with one; from then on the code is used up.
 * @throws Refusal `not-found` | `pairing-denied` | `expired` (facts: `what`, `expiredAt`) | `device-proof-required`
 */
export async function pollPairing(
  deps: Deps,
  { deviceCode, proof }: { deviceCode: string; proof: Proof },
  now: Temporal.Instant,
): Promise<Polled> {
  const { village, thumbprint } = await deps.database.inSnapshot(none, db => getPairingOfDevice(db, deviceCode));
  if (proof.thumbprint !== thumbprint) throw new Refusal('device-proof-required', { reason: 'key' });
  return deps.database.inTransaction(village ?? none, async tx => {
    await spendProof(tx, proof, now);
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
    return { status: 'approved', ...tokensOf(deps.tokens, thumbprint, started) };
  });
}

/**
 * Exchanges a device's refresh token for a new pair; a suspended device's too, which may still hand in what it has done. A
 * token that was spent tells of two devices with one key, one of which is a copy: both are suspended.
 * @throws Refusal `unauthenticated` | `token-expired` | `session-revoked` (facts: `reason`) | `device-suspended` |
 *   `device-proof-required`
 */
export async function refreshDevice(
  deps: Deps,
  { refreshToken, proof }: { refreshToken: string; proof: Proof },
  now: Temporal.Instant,
): Promise<DeviceTokens> {
  const { database } = deps;
  const device = await database.inSnapshot(none, db => deviceOfRefresh(db, refreshToken));
  if (device === undefined) throw new Refusal('unauthenticated');
  const { thumbprint } = proof;
  const outcome = await database.inTransaction(device.village, async tx => {
    await spendProof(tx, proof, now);
    const rotated = await rotate(tx, 'kiosk', refreshToken, now);
    // Whoever has the token without the key changes nothing.
    await recogniseDevice(tx, { ...device, thumbprint, itself: true, whileSuspended: true }, now);
    if ('reused' in rotated) return suspendByItself(tx, device, 'cloned', now);
    return tokensOf(deps.tokens, thumbprint, rotated);
  });
  if (outcome === undefined) throw new Refusal('device-suspended');
  return outcome;
}

async function refuseUsed(tx: Tx, key: KioskKey): Promise<void> {
  const { state, seenAt } = await lockKiosk(tx, key);
  if (seenAt !== null) throw new Refusal('expired', { what: 'pairing', expiredAt: seenAt });
  if (state !== 'active') throw new Refusal('device-suspended');
}

function tokensOf(
  tokens: Tokens,
  thumbprint: string,
  started: { session: SessionRow; refreshToken: string },
): DeviceTokens {
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
      thumbprint,
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
