import { createHash, randomBytes, randomInt } from 'node:crypto';
import { and, eq, ne, or, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one, rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { type Proof, spendProof } from '../identity/proofs.ts';
import { Refusal } from '../refusals.ts';
import { getStore } from '../store/read.ts';
import { addKiosk } from './kiosk.ts';
import type { KioskView } from './read.ts';
import { pairing, pairingTry } from './tables.ts';

type PairingRow = typeof pairing.$inferSelect;

interface PairingView {
  userCode: string;
  state: PairingRow['state'];
  appVersion: string;
  model: string;
  serial: string;
  thumbprint: string;
  createdAt: string;
  expiresAt: string;
  kioskId: string | null;
}

export const pairingSeconds = 600;

/** No vowels, so that no code spells a word, and nothing that looks like a digit (RFC 8628, section 6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ';

/**
 * Begins the pairing of a device that nobody knows yet, under the key that its proof was made with. The device code is in this
 * answer and nowhere else.
 * @throws Refusal `too-many-requests` (facts: `retryAfterSeconds`, `policy`) | `device-proof-required`
 */
export async function createPairing(
  tx: Tx,
  input: { address: string; proof: Proof; appVersion: string; model: string; serial: string },
  triesPerHour: number,
  now: Temporal.Instant,
): Promise<{ deviceCode: string; userCode: string }> {
  const { address, proof, ...device } = input;
  await spendProof(tx, proof, now);
  await countTry(tx, { address, triesPerHour }, now);
  await sweep(tx, now);
  const deviceCode = randomBytes(32).toString('base64url');
  for (let left = 5; left > 0; left -= 1) {
    const userCode = newUserCode();
    const made = await tx
      .insert(pairing)
      .values({
        ...device,
        publicKey: proof.publicKey,
        thumbprint: proof.thumbprint,
        deviceCodeHash: digest(deviceCode),
        userCode,
        state: 'pending',
        createdAt: iso(now),
        expiresAt: iso(now.add({ seconds: pairingSeconds })),
      })
      .onConflictDoNothing()
      .returning();
    if (made.length === 1) return { deviceCode, userCode };
  }
  throw new Error('five user codes in a row were taken');
}

/** The pairing of a device code, whatever has become of it. @throws Refusal `not-found` */
export async function getPairingOfDevice(db: Db, deviceCode: string): Promise<PairingRow> {
  return one(
    await db
      .select()
      .from(pairing)
      .where(eq(pairing.deviceCodeHash, digest(deviceCode))),
  );
}

/** The same, so that two polls at once come one after the other. @throws Refusal `not-found` */
export async function lockPairingOfDevice(tx: Tx, deviceCode: string): Promise<PairingRow> {
  return one(
    await tx
      .select()
      .from(pairing)
      .where(eq(pairing.deviceCodeHash, digest(deviceCode)))
      .for('update'),
  );
}

/** What the administrator sees of the device that shows this code. @throws Refusal `not-found` | `expired` */
export async function getPairing(
  db: Db,
  key: { village: string; userCode: string },
  now: Temporal.Instant,
): Promise<PairingView> {
  const row = one(await db.select().from(pairing).where(shownTo(key)).orderBy(newestFirst).limit(1));
  if (row.state === 'pending') refuseExpired(row, now);
  return viewOf(row);
}

/**
 * Makes the device a kiosk of the village, at one of its stores.
 * @throws Refusal `not-found` (the pairing, the store) | `wrong-state` | `expired` | `already-exists` (its key is a kiosk’s)
 */
export async function approvePairing(
  tx: Tx,
  actor: Actor,
  key: { village: string; userCode: string },
  input: { name: string; storeId: string },
  now: Temporal.Instant,
): Promise<KioskView> {
  const row = await getUndecided(tx, key, now);
  await getStore(tx, key.village, input.storeId);
  const { appVersion, model, serial, publicKey, thumbprint } = row;
  const device = { appVersion, model, serial, publicKey, thumbprint };
  const made = await addKiosk(tx, actor, { ...input, ...device, village: key.village }, now);
  await decide(tx, actor, row, { state: 'approved', village: key.village, kioskId: made.id }, now);
  return made;
}

/** Sends a device away that nobody here has set up. @throws Refusal `not-found` | `wrong-state` | `expired` */
export async function denyPairing(
  tx: Tx,
  actor: Actor,
  key: { village: string; userCode: string },
  now: Temporal.Instant,
): Promise<PairingView> {
  const row = await getUndecided(tx, key, now);
  return viewOf(await decide(tx, actor, row, { state: 'denied', village: key.village, kioskId: null }, now));
}

/** @throws Refusal `expired` (facts: `what`, `expiredAt`) */
export function refuseExpired(row: PairingRow, now: Temporal.Instant): void {
  if (Temporal.Instant.compare(now, row.expiresAt) < 0) return;
  throw new Refusal('expired', { what: 'pairing', expiredAt: row.expiresAt });
}

async function getUndecided(
  tx: Tx,
  key: { village: string; userCode: string },
  now: Temporal.Instant,
): Promise<PairingRow> {
  const row = one(await tx.select().from(pairing).where(shownTo(key)).orderBy(newestFirst).limit(1).for('update'));
  if (row.state !== 'pending') throw new Refusal('wrong-state', { state: row.state, since: row.decidedAt });
  refuseExpired(row, now);
  return row;
}

/** The device has its full time from here on to fetch the answer. */
async function decide(
  tx: Tx,
  actor: Actor,
  row: PairingRow,
  verdict: { state: 'approved' | 'denied'; village: string; kioskId: string | null },
  now: Temporal.Instant,
): Promise<PairingRow> {
  const [decided] = await tx
    .update(pairing)
    .set({
      ...verdict,
      decidedBy: actor.id,
      decidedAt: iso(now),
      expiresAt: iso(now.add({ seconds: pairingSeconds })),
    })
    .where(eq(pairing.deviceCodeHash, row.deviceCodeHash))
    .returning();
  return decided!;
}

/** A pairing that waits is shown to whoever holds its code; a decided one to the village that decided it. */
function shownTo(key: { village: string; userCode: string }) {
  return and(
    eq(pairing.userCode, key.userCode),
    or(eq(pairing.state, 'pending'), and(ne(pairing.state, 'pending'), eq(pairing.village, key.village))),
  );
}

const newestFirst = sql`${pairing.createdAt} desc`;

/** Counted in the database: a farm of processes behind one address is still one address. */
async function countTry(
  tx: Tx,
  { address, triesPerHour }: { address: string; triesPerHour: number },
  now: Temporal.Instant,
): Promise<void> {
  const hourAgo = iso(now.subtract({ hours: 1 }));
  const counted = await rowsOf(
    tx,
    sql`
    insert into kiosks.pairing_try as t (address, since, tries) values (${address}, ${iso(now)}, 1)
    on conflict (address) do update
      set tries = case when t.since <= ${hourAgo}::timestamptz then 1 else t.tries + 1 end,
          since = case when t.since <= ${hourAgo}::timestamptz then excluded.since else t.since end
    where t.since <= ${hourAgo}::timestamptz or t.tries < ${triesPerHour}
    returning t.tries`,
  );
  if (counted.length === 1) return;
  const [row] = await tx.select().from(pairingTry).where(eq(pairingTry.address, address));
  const until = Temporal.Instant.from(row!.since).add({ hours: 1 });
  const retryAfterSeconds = Math.max(1, Math.ceil(until.since(now).total('seconds')));
  throw new Refusal('too-many-requests', { retryAfterSeconds, policy: 'pairing' });
}

async function sweep(tx: Tx, now: Temporal.Instant): Promise<void> {
  const dayAgo = iso(now.subtract({ hours: 24 }));
  await tx.execute(sql`delete from kiosks.pairing where expires_at < ${dayAgo}`);
  await tx.execute(sql`delete from kiosks.pairing_try where since < ${dayAgo}`);
}

function newUserCode(): string {
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

function digest(deviceCode: string): Buffer {
  return createHash('sha256').update(deviceCode).digest();
}

function viewOf(row: PairingRow): PairingView {
  const { userCode, state, appVersion, model, serial, thumbprint, createdAt, expiresAt, kioskId } = row;
  return { userCode, state, appVersion, model, serial, thumbprint, createdAt, expiresAt, kioskId };
}
