import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { cancelPending } from '../earning/reverse.ts';
import type { Actor } from '../http/route.ts';
import { lockObjection, type ObjectionKey, refuseHands, refuseKin } from './case.ts';
import { goOn } from './close.ts';
import { getObjection, type ObjectionView } from './read-cases.ts';

/**
 * Rules on an objection. Upheld, the award is cancelled, its caps are free again, and whatever else was objected to it is
 * upheld too. Dismissed, it goes on: when the notice has ended meanwhile and nobody else objects, its points can be spent
 * from now.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` | `own-household`
 */
export async function rule(
  tx: Tx,
  actor: Actor,
  key: ObjectionKey,
  input: { decision: 'dismissed' | 'upheld'; ruling: string },
  now: Temporal.Instant,
): Promise<ObjectionView> {
  const { village, objectionId } = key;
  const { decision, ruling } = input;
  const { awardId, awardState } = await lockObjection(tx, actor, key);
  await refuseHands(tx, village, awardId, actor);
  await refuseKin(tx, village, awardId, actor);
  await tx.execute(sql`
    select publicity.rule(${village}, ${objectionId}, ${actor.id}, ${decision}, ${ruling}, ${iso(now)})`);
  if (decision === 'dismissed') await goOn(tx, village, awardId, actor.id, now);
  // It may have been reversed by two other people while the objection waited.
  else if (awardState === 'pending') await cancelPending(tx, village, awardId, { actor: actor.id }, now);
  return getObjection(tx, actor, village, objectionId);
}
