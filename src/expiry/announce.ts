import { and, eq } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { type RunView, viewOf } from './read.ts';
import { type RunState, run } from './tables.ts';

export interface RunKey {
  village: string;
  runId: string;
}

export type RunRow = typeof run.$inferSelect;

/**
 * Puts a run on the notice, from today. It may be posted when the days of notice have passed and the last day has ended.
 * @throws Refusal `not-found` | `wrong-state`
 */
export async function announce(tx: Tx, actor: Actor, key: RunKey, now: Temporal.Instant): Promise<RunView> {
  const { throughOn } = await lockRun(tx, key, ['previewed']);
  const { expiryNoticeDays } = await policyOn(tx, key.village, dayOf(now));
  const days = [dayOf(now).add({ days: expiryNoticeDays }), Temporal.PlainDate.from(throughOn).add({ days: 1 })];
  const dueOn = days.sort(Temporal.PlainDate.compare)[1]!.toString();
  return moveOn(tx, key, { state: 'announced', announcedBy: actor.id, announcedAt: iso(now), dueOn });
}

/**
 * Ends a run that nobody has agreed to: another preview may follow.
 * @throws Refusal `not-found` | `wrong-state`
 */
export async function cancel(tx: Tx, actor: Actor, key: RunKey, now: Temporal.Instant): Promise<RunView> {
  await lockRun(tx, key, ['previewed', 'announced']);
  return moveOn(tx, key, { state: 'cancelled', cancelledBy: actor.id, cancelledAt: iso(now) });
}

/** The run, which nobody else moves until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockRun(tx: Tx, key: RunKey, allowedFrom: RunState[]): Promise<RunRow> {
  const row = one(await tx.select().from(run).where(mine(key)).for('update'));
  if (allowedFrom.includes(row.state)) return row;
  const since = row.cancelledAt ?? row.postedAt ?? row.approvedAt ?? row.announcedAt ?? row.previewedAt;
  throw new Refusal('wrong-state', { state: row.state, allowedFrom, since });
}

export async function moveOn(tx: Tx, key: RunKey, to: Partial<RunRow>): Promise<RunView> {
  return viewOf(one(await tx.update(run).set(to).where(mine(key)).returning()));
}

export function mine(key: RunKey) {
  return and(eq(run.village, key.village), eq(run.id, key.runId));
}
