import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { kin } from './tables.ts';

/**
 * Refuses whoever would decide on their own household, or on that of declared kin. The functions of the database that
 * record decisions ask the same.
 * @throws Refusal `own-household`
 */
export async function refuseKin(db: Db, actor: Actor, village: string, householdIds: string[]): Promise<void> {
  const [found] = await db
    .select({ householdId: kin.householdId })
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
  if (found !== undefined) throw new Refusal('own-household');
}
