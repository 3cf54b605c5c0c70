import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import type { AllowanceRow } from './read.ts';
import { allowance } from './tables.ts';

/** Counts an exchange against its allowance, or, with negative numbers, one that was voided. With the book locked. */
export async function countSpent(
  tx: Tx,
  { village, id }: Pick<AllowanceRow, 'village' | 'id'>,
  spent: { points: number; redemptions: number },
): Promise<void> {
  await tx
    .update(allowance)
    .set({
      spentPoints: sql`${allowance.spentPoints} + ${spent.points}`,
      spentRedemptions: sql`${allowance.spentRedemptions} + ${spent.redemptions}`,
    })
    .where(and(eq(allowance.village, village), eq(allowance.id, id)));
}
