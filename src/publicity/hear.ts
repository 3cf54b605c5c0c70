import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { jobActor } from '../db/jobs.ts';
import { awardEach } from '../earning/award.ts';
import { findOpenReversal } from '../earning/read.ts';
import { approveReversal, cancelPending, proposeReversal } from '../earning/reverse.ts';
import type { AwardRow } from '../earning/tables.ts';
import { readContexts } from '../earning/validate-award.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type AppealKey, lockAppeal, recordNewAward, refuseHands, refuseKin } from './case.ts';
import { goOn } from './close.ts';
import { type AppealRow, type AppealView, getAppeal, listRulers } from './read-cases.ts';

/**
 * Decides an appeal, one level up and for good, by somebody who decided nothing in the case. Upheld, the ruling is undone:
 * an award that was cancelled is made again under the same terms and stands on the next notice; one that stood is taken
 * back, if its points can be spent by a reversal. Dismissed, the award goes on.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household` | whatever the award is refused
 *   with that would be made again | `reversal-arrears`
 */
export async function hear(
  tx: Tx,
  actor: Actor,
  key: AppealKey,
  input: { decision: 'dismissed' | 'upheld'; ruling: string },
  now: Temporal.Instant,
): Promise<AppealView> {
  const { village, appealId } = key;
  const { decision, ruling } = input;
  const { award, ...row } = await lockAppeal(tx, key);
  const { awardId } = row;
  await refuseHands(tx, village, awardId, actor);
  const rulers = await listRulers(tx, village, awardId);
  if (rulers.includes(actor.id)) throw new Refusal('second-person-required');
  await refuseKin(tx, village, awardId, actor);
  await tx.execute(sql`
    select publicity.hear(${village}, ${appealId}, ${actor.id}, ${decision}, ${ruling}, ${iso(now)})`);
  if (decision === 'dismissed') await goOn(tx, village, awardId, actor.id, now);
  else if (row.against === 'dismissed') await takeBack(tx, actor, award, ruling, now);
  else await makeAgain(tx, actor, award, row, now);
  return getAppeal(tx, actor, village, appealId);
}

async function takeBack(tx: Tx, actor: Actor, award: AwardRow, reason: string, now: Temporal.Instant): Promise<void> {
  const { village, id: awardId, state } = award;
  if (state === 'pending') await cancelPending(tx, village, awardId, { actor: actor.id }, now);
  if (state !== 'posted') return;
  // The first of the two people is whoever appealed. The book and the list of reversals do not say who that is.
  const unnamed: Actor = { ...actor, id: jobActor };
  const open = await findOpenReversal(tx, village, awardId);
  const proposed = open ?? (await proposeReversal(tx, unnamed, village, { awardId, reason }, now));
  await approveReversal(tx, actor, { village, reversalId: proposed.id }, now);
}

/** Under the rule, for the day and the occasion of the first; what the claim or the round has set by hand stays. */
async function makeAgain(
  tx: Tx,
  actor: Actor,
  award: AwardRow,
  appeal: AppealRow,
  now: Temporal.Instant,
): Promise<void> {
  const { village, ruleId, householdId, memberId, quantity, occurredAt, occasion, note, points, roundId } = award;
  const line = { ruleId, householdId, memberId, quantity, occurredAt, occasion, note };
  const contexts = await readContexts(tx, [{ village, line }]);
  const origin = {
    ...(roundId !== null && { roundId }),
    enteredBy: award.createdBy,
    decidedBy: [actor.id],
    points,
    frozen: { appeal: appeal.id, insteadOf: award.id },
  };
  const [made] = await awardEach(
    tx,
    [{ actor, village, line, origin }],
    contexts,
    { atomic: false, batchId: null },
    now,
  );
  if (made === undefined || made === 'undone') throw new Error('one award was asked for');
  if ('refusal' in made) throw made.refusal;
  await recordNewAward(tx, { village, appealId: appeal.id }, made.award.id);
}
