import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import type { Actor } from '../http/route.ts';
import { expiredAccount } from '../ledger/accounts.ts';
import { openAccounts } from '../ledger/post.ts';
import { Refusal } from '../refusals.ts';
import { holdingsOf } from './holdings.ts';
import { ruleOf } from './preview.ts';
import type { RunView } from './read.ts';
import { insertLines, lockRun, moveOn, postQueue, type RunKey } from './run.ts';

/**
 * Agrees, as the second person: a job posts the run from now on. Households that came after the preview get a line, for
 * they may have what the rule takes.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` (facts: `firstUserId`) | `too-early` (facts:
 *   `dueOn`) | `year-end-stale` (the policy of the last day is another than the preview's) | `feature-off`
 */
export async function approve(
  tx: Tx,
  actor: Actor,
  key: RunKey,
  now: Temporal.Instant,
  jobs: Pick<Jobs, 'send'>,
): Promise<RunView> {
  const { village, runId } = key;
  const { kind, throughOn, rule, capPoints, announcedBy, dueOn } = await lockRun(tx, key, ['announced']);
  if (announcedBy === actor.id) throw new Refusal('second-person-required', { firstUserId: announcedBy });
  if (dayOf(now).toString() < dueOn!) throw new Refusal('too-early', { dueOn });
  const current = await ruleOf(tx, village, kind, throughOn);
  if (current.rule !== rule || current.capPoints !== capPoints) {
    throw new Refusal('year-end-stale', { rule: current.rule, capPoints: current.capPoints });
  }
  const { holdings } = await holdingsOf(tx, village, current);
  const latecomers = holdings.map(({ householdId }) => ({ householdId, available: 0, expiring: 0 }));
  await insertLines(tx, key, latecomers);
  const view = await moveOn(tx, key, { state: 'posting', approvedBy: actor.id, approvedAt: iso(now) });
  await jobs.send(tx, postQueue, key, { key: runId, startAfter: iso(now) });
  await openAccounts(tx, village, [expiredAccount]);
  return view;
}
