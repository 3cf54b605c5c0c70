import { and, eq, sql } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import { type Database, type Db, rowsOf, type Tx } from '../db/database.ts';
import { householdOfCard } from '../households/cards.ts';
import { findFreeze } from '../households/freezes.ts';
import { maskName } from '../households/masking.ts';
import { provePin } from '../households/prove-pin.ts';
import {
  findHouseholdByNumber,
  getHouseholdRow,
  getMember,
  getPoints,
  type HouseholdRow,
  type PointsView,
} from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import {
  elderLifetime,
  endSessions,
  getLiveSession,
  lifetimes,
  type SessionRow,
  startSession,
} from '../identity/sessions.ts';
import type { Tokens } from '../identity/tokens.ts';
import { Refusal } from '../refusals.ts';
import { recogniseDevice } from './device.ts';
import { countPinAtDevice, countUnknownCard, uncountPinAtDevice } from './kiosk.ts';
import { type KioskSettings, kiosk } from './tables.ts';

type Level = NonNullable<Actor['level']>;

type Shown = { card: string; pin?: string | undefined } | { householdNumber: string; pin?: string | undefined };

interface SessionView {
  level: Level;
  expiresInSeconds: number;
  idleSeconds: number;
  household: { id: string; number: string; headName: string; state: HouseholdRow['state'] };
  points: PointsView;
}

interface Deps {
  database: Database;
  tokens: Tokens;
}

interface Device {
  village: string;
  kioskId: string;
  /** Of the device’s key, to which the household’s token is bound, too. */
  thumbprint: string;
}

/**
 * Begins a household's session at a kiosk, by card, by card and PIN, or by number and PIN; whoever stood there before is
 * signed out. A PIN is counted before it is looked at, and looked at outside of any database transaction.
 * @throws Refusal `card-unknown` | `card-revoked` | `household-not-active` | `pin-required` | `pin-not-set` | `pin-wrong` (facts:
 *   `attemptsLeft`) | `pin-locked` | `device-suspended` | `unavailable`
 */
export async function startHouseholdSession(
  deps: Deps,
  device: Device,
  shown: Shown,
  now: Temporal.Instant,
): Promise<SessionView & { accessToken: string }> {
  const known = 'card' in shown ? await holderOfCard(deps.database, device, shown.card, now) : undefined;
  if (known === undefined && shown.pin === undefined) throw new Refusal('pin-required');
  // Told to whoever has the card. A number alone is not told whether anybody has it.
  if (shown.pin !== undefined && known?.pinHash === null) throw new Refusal('pin-not-set');
  const household =
    shown.pin === undefined
      ? known!
      : await provePin(deps.database, device.village, shown.pin, holderAt(device, known, shown, now), now);
  const level: Level = !('card' in shown) ? 'pin' : shown.pin === undefined ? 'card' : 'cardAndPin';

  return deps.database.inTransaction(device.village, async tx => {
    const { storeId, lifetime } = await takePlace(tx, device, now);
    const row = await getHouseholdRow(tx, device.village, household.id);
    if (row.state !== 'active') throw await notActive(tx, row, level);
    const { session } = await startSession(
      tx,
      { kind: 'household', subject: row.id, village: device.village, device: device.kioskId },
      now,
      lifetime,
    );
    const accessToken = deps.tokens.sign(
      actorAt({ ...device, storeId }, row.id, session.id, level),
      lifetime.maxSeconds,
    );
    return { accessToken, ...(await viewOf(tx, row, { session, level }, now)) };
  });
}

/** A card alone may have been found: why the household is frozen is its own affair. */
async function notActive(db: Db, row: HouseholdRow, level: Level): Promise<Refusal> {
  const frozen = await findFreeze(db, row);
  const told = frozen && { since: frozen.since, reason: level === 'card' ? null : frozen.reason };
  return new Refusal('household-not-active', { state: row.state, ...told });
}

/** The session in hand. @throws Refusal `kiosk-session-ended` */
export async function getHouseholdSession(
  db: Db,
  actor: Actor,
  village: string,
  now: Temporal.Instant,
): Promise<SessionView> {
  const session = await getLiveSession(db, actor.sessionId, now);
  const row = await getHouseholdRow(db, village, actor.householdId!);
  return viewOf(db, row, { session, level: actor.level! }, now);
}

/** An unknown card is counted at the device, and the count has to be committed: so it is no refusal until then. */
async function holderOfCard(
  database: Database,
  device: Device,
  code: string,
  now: Temporal.Instant,
): Promise<HouseholdRow> {
  const found = await database.inTransaction(device.village, async tx => {
    try {
      return await householdOfCard(tx, device.village, code);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'card-unknown') throw error;
      return (await countUnknownCard(tx, device, now)) ? 'unknown' : 'suspended';
    }
  });
  if (found === 'unknown') throw new Refusal('card-unknown');
  if (found === 'suspended') throw new Refusal('device-suspended');
  return found;
}

/**
 * A number that nobody has answers as a wrong PIN does: as late, and counted. And whatever household it is for, a PIN counts
 * at the device until it has turned out to be right.
 */
function holderAt(
  device: Device,
  known: HouseholdRow | undefined,
  shown: Shown,
  now: Temporal.Instant,
): Parameters<typeof provePin>[3] {
  const { village } = device;
  const number = 'card' in shown ? '' : shown.householdNumber;
  return {
    find: async tx => known ?? (await findHouseholdByNumber(tx, village, number)),
    countUnknown: (tx, pinTries) => countUnknownNumber(tx, { village, number }, pinTries),
    counter: {
      count: tx => countPinAtDevice(tx, device, now),
      uncount: tx => uncountPinAtDevice(tx, device),
    },
  };
}

/** @throws Refusal `pin-locked` */
async function countUnknownNumber(tx: Tx, key: { village: string; number: string }, pinTries: number): Promise<number> {
  const [counted] = await rowsOf<{ failed: number }>(
    tx,
    sql`
    insert into kiosks.unknown_number as u (village, number, failed_attempts) values (${key.village}, ${key.number}, 1)
    on conflict (village, number) do update set failed_attempts = u.failed_attempts + 1
    where u.failed_attempts < ${pinTries}
    returning failed_attempts as failed`,
  );
  if (counted === undefined) throw new Refusal('pin-locked', { until: null });
  return pinTries - counted.failed;
}

/**
 * One household stands at a device at a time. The device's row is locked first, so that two at once are one at last.
 * Answers the store the device is bound to, and how long one may stand there.
 */
async function takePlace(tx: Tx, device: Device, now: Temporal.Instant) {
  const [row] = await tx
    .select({ storeId: kiosk.storeId, settings: kiosk.settings })
    .from(kiosk)
    .where(and(eq(kiosk.village, device.village), eq(kiosk.id, device.kioskId)))
    .for('update');
  await recogniseDevice(tx, { ...device, itself: false, whileSuspended: false }, now);
  await endSessions(tx, { device: device.kioskId }, 'replaced', now);
  const { storeId, settings } = row!;
  return { storeId, lifetime: lifetimeAt(settings) };
}

/** How long a household may stand at a kiosk: elders are given more time. */
export function lifetimeAt({ elderMode }: KioskSettings): { idleSeconds: number; maxSeconds: number } {
  return elderMode ? elderLifetime : lifetimes.household;
}

function actorAt(device: Device & { storeId: string }, householdId: string, sessionId: string, level: Level): Actor {
  return {
    kind: 'household',
    id: householdId,
    client: device.kioskId,
    sessionId,
    grants: [['household', device.village]],
    kioskId: device.kioskId,
    householdId,
    storeId: device.storeId,
    level,
    thumbprint: device.thumbprint,
  };
}

async function viewOf(
  db: Db,
  row: HouseholdRow,
  stands: { session: SessionRow; level: Level },
  now: Temporal.Instant,
): Promise<SessionView> {
  const head = await getMember(db, row.village, row.headMemberId);
  const left = Temporal.Instant.from(stands.session.expiresAt).since(now).total('seconds');
  return {
    level: stands.level,
    expiresInSeconds: Math.max(0, Math.floor(left)),
    idleSeconds: stands.session.idleSeconds,
    household: { id: row.id, number: row.number, headName: maskName(head.name), state: row.state },
    points: await getPoints(db, row.village, row.id, dayOf(now)),
  };
}
