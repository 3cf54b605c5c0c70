import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import type { JoinRow } from './read.ts';
import { type JoinState, joinApplication } from './tables.ts';

/** The row of an application to join: how it is locked, changed while it is open, and decided. */

export interface JoinKey {
  village: string;
  applicationId: string;
}

/** The application in one of these states, which nobody else moves meanwhile. @throws Refusal `not-found` | `wrong-state` */
export async function lockApplication(tx: Tx, key: JoinKey, allowedFrom: JoinState[]): Promise<JoinRow> {
  const row = one(await tx.select().from(joinApplication).where(byKey(key)).for('update'));
  if (allowedFrom.includes(row.state)) return row;
  const since = row.decidedAt ?? (row.state === 'returned' ? row.returnedAt : (row.resubmittedAt ?? row.createdAt));
  throw new Refusal('wrong-state', { state: row.state, allowedFrom, since });
}

/** Changes what the service may change of an application that is locked. */
export async function updateApplication(tx: Tx, key: JoinKey, to: Partial<JoinRow>): Promise<void> {
  await tx.update(joinApplication).set(to).where(byKey(key));
}

/** Nothing but this function of the database may record how it ended; it asks once more who decides. */
export async function recordEnd(
  tx: Tx,
  decidedBy: string,
  { village, applicationId }: JoinKey,
  to: { state: 'approved' | 'rejected' | 'withdrawn'; reason?: string; householdId?: string | undefined },
  now: Temporal.Instant,
): Promise<void> {
  const { state, reason, householdId } = to;
  await tx.execute(sql`
    select households.decide_join(${village}, ${applicationId}::uuid, ${state}, ${decidedBy}::uuid,
      ${iso(now)}::timestamptz, ${reason ?? null}::text, ${householdId ?? null}::uuid)`);
}

function byKey(key: JoinKey) {
  return and(eq(joinApplication.village, key.village), eq(joinApplication.id, key.applicationId));
}
