import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { policyOn } from '../villages/policy.ts';
import type { RunView } from './read.ts';
import { lockRun, moveOn, type RunKey } from './run.ts';

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
