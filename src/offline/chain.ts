import { and, desc, eq, inArray } from 'drizzle-orm';
import { type Db, one, type Tx } from '../db/database.ts';
import type { KioskKey } from '../kiosks/kiosk.ts';
import { chain, op } from './tables.ts';

export type OpRow = typeof op.$inferSelect;

/** How far a device's operations have been taken. */
export interface Head {
  ackedSeq: number;
  /** What the next operation names as the one before it; null where anything fits. */
  ackedHash: string | null;
}

/** The head of a device's chain; before its first operation, the thumbprint of its key stands there. */
export async function readHead(db: Db, key: KioskKey, thumbprint: string | null): Promise<Head> {
  const [row] = await db.select().from(chain).where(ofKiosk(key));
  return { ackedSeq: row?.ackedSeq ?? 0, ackedHash: row === undefined ? thumbprint : row.ackedHash };
}

/** The same, which nobody else moves until the database transaction ends. Everything about a device waits here. */
export async function lockHead(
  tx: Tx,
  key: KioskKey,
  thumbprint: string | null,
): Promise<Head & { ackedAt: string | null }> {
  await tx
    .insert(chain)
    .values({ ...key, ackedSeq: 0, ackedHash: thumbprint })
    .onConflictDoNothing();
  return one(await tx.select().from(chain).where(ofKiosk(key)).for('update'));
}

/** Takes the chain on; without a time, past operations that nobody has any more. */
export async function moveHead(tx: Tx, key: KioskKey, head: Head, ackedAt?: string): Promise<void> {
  await tx
    .update(chain)
    .set({ ...head, ...(ackedAt !== undefined && { ackedAt }) })
    .where(ofKiosk(key));
}

/** What was uploaded under these hashes. */
export async function opsByHash(db: Db, { village, kioskId }: KioskKey, hashes: string[]): Promise<Map<string, OpRow>> {
  const rows = await db
    .select()
    .from(op)
    .where(and(eq(op.village, village), eq(op.kioskId, kioskId), inArray(op.hash, hashes)));
  return new Map(rows.map(row => [row.hash, row]));
}

/** The operation of this id that took effect, whichever device of the village sent it. */
export async function effectiveOp(db: Db, village: string, opId: string): Promise<OpRow | undefined> {
  const rows = await db
    .select()
    .from(op)
    .where(and(eq(op.village, village), eq(op.opId, opId), inArray(op.verdict, ['applied', 'appliedWithException'])))
    .orderBy(desc(op.receivedAt))
    .limit(1);
  return rows[0];
}

/** Whether an operation was voided. */
export async function isVoided(db: Db, village: string, opId: string): Promise<boolean> {
  const rows = await db
    .select({ verdict: op.verdict })
    .from(op)
    .where(and(eq(op.village, village), eq(op.voidsOpId, opId)));
  return rows.some(({ verdict }) => verdict !== 'rejected');
}

function ofKiosk({ village, kioskId }: KioskKey) {
  return and(eq(chain.village, village), eq(chain.kioskId, kioskId));
}
