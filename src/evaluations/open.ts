import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { listActiveHouseholds } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { RoundView } from './read.ts';
import { refuseRules } from './refuse-rules.ts';
import { lockRound, moveOn, type RoundKey } from './round.ts';

/**
 * Opens a round: from now on its judges score the households that are active today. One that comes later is not in it.
 * @throws Refusal `not-found` | `wrong-state` | `too-early` (facts: `dueOn`): the month has not begun |
 *   whatever `refuseRules` refuses
 */
export async function openRound(tx: Tx, actor: Actor, key: RoundKey, now: Temporal.Instant): Promise<RoundView> {
  const { month, grades } = await lockRound(tx, key, ['planned']);
  const dueOn = `${month}-01`;
  if (dayOf(now).toString() < dueOn) throw new Refusal('too-early', { dueOn });
  await refuseRules(tx, key.village, { month, grades }, dayOf(now));
  const householdIds = await listActiveHouseholds(tx, key.village);
  await tx.execute(sql`
    insert into evaluations.entrant (village, round_id, household_id)
    select ${key.village}, ${key.roundId}, id from unnest(${sql.param(householdIds)}::uuid[]) id`);
  return moveOn(tx, key, {
    state: 'open',
    households: householdIds.length,
    openedBy: actor.id,
    openedAt: iso(now),
  });
}

/**
 * Ends a round that was not closed: nothing comes of its scores, and another one may be planned in its place.
 * @throws Refusal `not-found` | `wrong-state`
 */
export async function cancelRound(tx: Tx, actor: Actor, key: RoundKey, now: Temporal.Instant): Promise<RoundView> {
  await lockRound(tx, key, ['planned', 'open']);
  return moveOn(tx, key, { state: 'cancelled', cancelledBy: actor.id, cancelledAt: iso(now) });
}
