import { and, eq } from 'drizzle-orm';
import { correct, type Patch } from '../corrections/correct.ts';
import type { Subject } from '../corrections/subjects.ts';
import { refuseStale } from '../corrections/versions.ts';
import { one, type Tx } from '../db/database.ts';
import { grid } from './tables.ts';

export function gridSubject(code: string, number: number): Subject {
  return { village: code, kind: 'grid', id: String(number), householdId: null };
}

/**
 * Corrects the name of a group or patrol area. Its number stays, for households stand under it.
 * @param ifMatch the header `If-Match`
 * @throws Refusal `not-found` | `version-required` | `version-stale`
 */
export async function updateGrid(
  tx: Tx,
  by: string,
  key: { village: string; number: number },
  { patch, ifMatch }: { patch: Patch<{ name: string }>; ifMatch: string | undefined },
  now: Temporal.Instant,
): Promise<{ number: number; name: string }> {
  const { village, number } = key;
  const ofGrid = and(eq(grid.village, village), eq(grid.number, number));
  const { name } = one(await tx.select().from(grid).where(ofGrid).for('no key update'));
  const subject = gridSubject(village, number);
  await refuseStale(tx, subject, ifMatch);
  const changed = await correct(tx, by, subject, { fields: { name }, patch }, now);
  if (changed.name !== undefined) await tx.update(grid).set({ name: changed.name }).where(ofGrid);
  return { number, name: changed.name ?? name };
}
