import { createHash, createHmac, randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, inArray, isNull, ne, or } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { session, spentRefresh } from './tables.ts';

export type SessionRow = typeof session.$inferSelect;

type EndReason = 'signedOut' | 'refreshReused' | 'disabled' | 'replaced' | 'retired' | 'frozen';

/** How long a sign-in lasts: until nobody has used it for `idleSeconds`, and never beyond `maxSeconds`. */
export const lifetimes = {
  staff: { idleSeconds: 12 * 3600, maxSeconds: 7 * 24 * 3600 },
  kiosk: { idleSeconds: 90 * 24 * 3600, maxSeconds: 3650 * 24 * 3600 },
  household: { idleSeconds: 60, maxSeconds: 300 },
} as const;

/** Of a household at a kiosk in elder mode. */
export const elderLifetime = { idleSeconds: 180, maxSeconds: 600 } as const;

/** Begins a sign-in. Answers the session and, but for households, its refresh token, which is kept as a digest only. */
export async function startSession(
  tx: Tx,
  who: { kind: SessionRow['kind']; subject: string; village: string | null; device: string | null },
  now: Temporal.Instant,
  lifetime: { idleSeconds: number; maxSeconds: number } = lifetimes[who.kind],
): Promise<{ session: SessionRow; refreshToken: string }> {
  const { idleSeconds, maxSeconds } = lifetime;
  const refreshToken = newToken();
  const [row] = await tx
    .insert(session)
    .values({
      id: randomUUIDv7(),
      ...who,
      refreshHash: who.kind === 'household' ? null : digest(refreshToken),
      createdAt: iso(now),
      usedAt: iso(now),
      idleSeconds,
      expiresAt: iso(now.add({ seconds: maxSeconds })),
    })
    .returning();
  return { session: row!, refreshToken };
}

/**
 * Rotates a refresh token. It stays good until its successor is first used, and until then every call gets the same
 * successor: an answer lost on a bad line costs nothing, and of two calls at once neither voids the other's. Presented
 * after that, it ends the whole sign-in (RFC 9700, section 4.14.2).
 *
 * The successor is derived from the token and a nonce of the session, so that the service can say it again and keeps
 * only digests all the same: without the token the nonce tells nothing, and without the nonce an old token tells nothing.
 *
 * Answers `reused` instead of throwing, because the end of the sign-in has to be committed. A kiosk's goes on: its tokens are
 * bound to its key, so that two who go on from one token both have the key, and what they did offline is still to be taken
 * down. Kiosks are suspended instead.
 * @throws Refusal `unauthenticated` | `session-revoked` (facts: `reason`)
 */
export async function rotate(
  tx: Tx,
  kind: SessionRow['kind'],
  refreshToken: string,
  now: Temporal.Instant,
): Promise<{ session: SessionRow; refreshToken: string } | { reused: SessionRow }> {
  const hash = digest(refreshToken);
  const [row] = await tx
    .select()
    .from(session)
    .where(and(eq(session.kind, kind), or(eq(session.refreshHash, hash), eq(session.successorHash, hash))))
    .for('update');
  if (row === undefined) return await spent(tx, hash, kind, now);
  refuseEnded(row, now);

  const usesSuccessor = row.successorHash?.equals(hash) === true;
  // What was succeeded may never come back.
  if (usesSuccessor && row.refreshHash !== null) {
    await tx.insert(spentRefresh).values({ hash: row.refreshHash, sessionId: row.id });
  }
  const nonce = usesSuccessor || row.successorNonce === null ? randomBytes(32) : row.successorNonce;
  const next = createHmac('sha256', refreshToken).update(nonce).digest('base64url');
  const [rotated] = await tx
    .update(session)
    .set({ refreshHash: hash, successorHash: digest(next), successorNonce: nonce, usedAt: iso(now) })
    .where(eq(session.id, row.id))
    .returning();
  return { session: rotated!, refreshToken: next };
}

async function spent(tx: Tx, hash: Buffer, kind: string, now: Temporal.Instant): Promise<{ reused: SessionRow }> {
  const [old] = await tx.select().from(spentRefresh).where(eq(spentRefresh.hash, hash));
  if (old === undefined) throw new Refusal('unauthenticated');
  const [row] = await tx.select().from(session).where(eq(session.id, old.sessionId)).for('update');
  if (row === undefined || row.kind !== kind) throw new Refusal('unauthenticated');
  refuseEnded(row, now);
  if (kind !== 'kiosk') await endSessions(tx, { id: row.id }, 'refreshReused', now);
  return { reused: row };
}

/** Ends a sign-in, all of a user or device (but for the one in hand), or those of the households that stand at a device. */
export async function endSessions(
  tx: Tx,
  which: { id: string } | { subject: string; but?: string } | { device: string },
  reason: EndReason,
  now: Temporal.Instant,
): Promise<void> {
  const selected =
    'id' in which
      ? eq(session.id, which.id)
      : 'subject' in which
        ? and(eq(session.subject, which.subject), which.but === undefined ? undefined : ne(session.id, which.but))
        : and(eq(session.kind, 'household'), eq(session.device, which.device));
  await tx
    .update(session)
    .set({ endedAt: iso(now), endedReason: reason })
    .where(and(selected, isNull(session.endedAt)));
}

/** The device that this refresh token was given to, spent or not; undefined when it was given to none. */
export async function deviceOfRefresh(
  db: Db,
  refreshToken: string,
): Promise<{ village: string; kioskId: string } | undefined> {
  const hash = digest(refreshToken);
  const spentBy = db.select({ id: spentRefresh.sessionId }).from(spentRefresh).where(eq(spentRefresh.hash, hash));
  const [row] = await db
    .select({ village: session.village, kioskId: session.subject })
    .from(session)
    .where(
      and(
        eq(session.kind, 'kiosk'),
        or(eq(session.refreshHash, hash), eq(session.successorHash, hash), inArray(session.id, spentBy)),
      ),
    );
  return row?.village ? { village: row.village, kioskId: row.kioskId } : undefined;
}

/** The sign-in, unless it has ended. @throws Refusal `session-revoked` | `kiosk-session-ended` */
export async function getLiveSession(db: Db, id: string, now: Temporal.Instant): Promise<SessionRow> {
  const [row] = await db.select().from(session).where(eq(session.id, id));
  if (row === undefined) throw new Refusal('unauthenticated');
  refuseEnded(row, now);
  return row;
}

/** What says whether a sign-in has ended. */
export type SessionEnd = Pick<SessionRow, 'kind' | 'usedAt' | 'idleSeconds' | 'expiresAt' | 'endedAt' | 'endedReason'>;

function refuseEnded(row: SessionRow, now: Temporal.Instant): void {
  const end = endOf(row, now);
  if (end !== undefined) throw end;
}

/** Why a sign-in has ended; undefined while it lives. */
export function endOf(row: SessionEnd, now: Temporal.Instant): Refusal | undefined {
  const idleUntil = Temporal.Instant.from(row.usedAt).add({ seconds: row.idleSeconds });
  const over = Temporal.Instant.compare(now, row.expiresAt) >= 0 || Temporal.Instant.compare(now, idleUntil) >= 0;
  if (row.kind === 'household' && (over || row.endedAt !== null)) return new Refusal('kiosk-session-ended');
  if (row.endedAt !== null) return new Refusal('session-revoked', { reason: row.endedReason });
  return over ? new Refusal('token-expired') : undefined;
}

function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
