import { and, eq, isNull, sql } from 'drizzle-orm';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type RunView, viewOf } from './read.ts';
import { expiryLine, type RunState, run } from './tables.ts';

/** The row of a run and its lines: how they are written, locked and moved from state to state. */

export interface RunKey {
  village: string;
  runId: string;
}

export type RunRow = typeof run.$inferSelect;

/** A job for each run that was agreed to. */
export const postQueue = 'expiry.post';

/** The run in one of these states, which nobody else moves until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockRun(tx: Tx, key: RunKey, allowedFrom: RunState[]): Promise<RunRow> {
  const row = await lockAnyRun(tx, key);
  if (allowedFrom.includes(row.state)) return row;
  const since = row.cancelledAt ?? row.postedAt ?? row.approvedAt ?? row.announcedAt ?? row.previewedAt;
  throw new Refusal('wrong-state', { state: row.state, allowedFrom, since });
}

export async function moveOn(tx: Tx, key: RunKey, to: Partial<RunRow>): Promise<RunView> {
  return viewOf(one(await tx.update(run).set(to).where(byKey(key)).returning()));
}

/** The run, locked, in whatever state it is. @throws Refusal `not-found` */
export async function lockAnyRun(tx: Tx, key: RunKey): Promise<RunRow> {
  return one(await tx.select().from(run).where(byKey(key)).for('update'));
}

/** Lines of a run; a household that has one keeps it. */
export async function insertLines(
  tx: Tx,
  { village, runId }: RunKey,
  lines: { householdId: string; available: number; expiring: number }[],
): Promise<void> {
  // One parameter, of whatever length the village is.
  await tx.execute(sql`
    insert into expiry.line (village, run_id, household_id, available, expiring)
    select ${village}, ${runId}, l."householdId", l.available, l.expiring
      from jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) l("householdId" uuid, available bigint, expiring bigint)
    on conflict do nothing`);
}

/** Households whose lines are not settled, at most `limit`. */
export async function nextHouseholds(tx: Tx, key: RunKey, limit: number): Promise<string[]> {
  const rows = await tx
    .select({ householdId: expiryLine.householdId })
    .from(expiryLine)
    .where(and(eq(expiryLine.village, key.village), eq(expiryLine.runId, key.runId), isNull(expiryLine.taken)))
    .orderBy(expiryLine.householdId)
    .limit(limit);
  return rows.map(row => row.householdId);
}

/** Writes down what was taken of these households, and counts it. */
export async function settleLines(
  tx: Tx,
  { village, runId }: RunKey,
  taken: { householdId: string; points: number; number: number | null }[],
): Promise<void> {
  await tx.execute(sql`
    update expiry.line l set taken = t.points, transaction_number = t.number
      from jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) t("householdId" uuid, points bigint, number bigint)
     where l.village = ${village} and l.run_id = ${runId} and l.household_id = t."householdId"`);
  const points = taken.reduce((sum, part) => sum + part.points, 0);
  await tx
    .update(run)
    .set({ settled: sql`${run.settled} + ${taken.length}`, taken: sql`${run.taken} + ${points}` })
    .where(byKey({ village, runId }));
}

function byKey(key: RunKey) {
  return and(eq(run.village, key.village), eq(run.id, key.runId));
}
