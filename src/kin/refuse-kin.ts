import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { kin } from './tables.ts';

/**
 * Refuses whoever would decide on the own household, or on that of declared kin.
 * @throws Refusal `own-household`
 */
export async function refuseKin(db: Db, actor: Actor, village: string, householdIds: string[]): Promise<void> {
  if (actor.kind !== 'staff' || householdIds.length === 0) return;
  const [row] = await db
    .select({ one: sql`1` })
    .from(kin)
    .where(
      and(
        eq(kin.village, village),
        eq(kin.userId, actor.id),
        inArray(kin.householdId, householdIds),
        isNull(kin.endedAt),
      ),
    )
    .limit(1);
  if (row !== undefined) throw new Refusal('own-household');
}
