import { and, asc, eq, inArray, isNull, lt } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { allowance } from './tables.ts';

export type AllowanceRow = typeof allowance.$inferSelect;

/** An allowance, whatever has become of it. */
export async function findAllowance(db: Db, village: string, id: string): Promise<AllowanceRow | undefined> {
  const [row] = await db
    .select()
    .from(allowance)
    .where(and(eq(allowance.village, village), eq(allowance.id, id)));
  return row;
}

/** The open allowances of a kiosk, all or those of some households, by household id. */
export async function openAllowancesAt(
  db: Db,
  key: { village: string; kioskId: string },
  householdIds?: readonly string[],
): Promise<AllowanceRow[]> {
  return db
    .select()
    .from(allowance)
    .where(
      and(
        eq(allowance.village, key.village),
        eq(allowance.kioskId, key.kioskId),
        isNull(allowance.endedAt),
        householdIds && inArray(allowance.householdId, [...householdIds]),
      ),
    )
    .orderBy(asc(allowance.householdId));
}

/** What of a household's points lies with which kiosk, and until when it may be spent there. */
export async function allowancesOf(
  db: Db,
  village: string,
  householdId: string,
): Promise<{ kioskId: string; points: number; notAfter: string }[]> {
  const rows = await db
    .select()
    .from(allowance)
    .where(and(eq(allowance.village, village), eq(allowance.householdId, householdId), isNull(allowance.endedAt)))
    .orderBy(asc(allowance.notAfter), asc(allowance.id));
  return rows
    .map(({ kioskId, points, spentPoints, notAfter }) => ({ kioskId, points: points - spentPoints, notAfter }))
    .filter(({ points }) => points > 0);
}

/** Ids of open allowances that could last be spent before an instant. */
export async function listOverdue(db: Db, village: string, before: string, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: allowance.id })
    .from(allowance)
    .where(and(eq(allowance.village, village), isNull(allowance.endedAt), lt(allowance.notAfter, before)))
    .orderBy(asc(allowance.notAfter))
    .limit(limit);
  return rows.map(({ id }) => id);
}
