import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { lockAward } from '../earning/award-row.ts';
import { cancelPending } from '../earning/reverse.ts';
import type { Actor } from '../http/route.ts';
import { refuseKin } from '../kin/refuse-kin.ts';
import { Refusal } from '../refusals.ts';
import type { NoticeKey } from './notice.ts';
import { getLine, getNotice, listOpenCases, type NoticeView } from './read.ts';

/**
 * Takes a line out with a reason: its award is cancelled by a second person, and its caps and its occasion are free
 * again, so that it can be entered as it should have been. It stays on the notice as cancelled.
 * @throws Refusal `not-found` | `second-person-required` | `own-household` | `wrong-state` (its points can be spent, or it
 *   was cancelled already) | `objection-open` (facts: `objectionIds`)
 */
export async function strike(
  tx: Tx,
  actor: Actor,
  key: NoticeKey,
  input: { awardId: string; reason: string },
  now: Temporal.Instant,
): Promise<NoticeView> {
  const { village, noticeId } = key;
  const { awardId, reason } = input;
  const { state, householdId } = await lockAward(tx, village, awardId);
  const line = await getLine(tx, village, awardId);
  if (line.noticeId !== noticeId) throw new Refusal('not-found', { field: 'awardId' });
  if (line.enteredBy === actor.id) throw new Refusal('second-person-required');
  // Of the line's household alone: refused for another, kin of whoever objects would be told so.
  await refuseKin(tx, actor, village, [householdId]);
  if (state !== 'pending') throw new Refusal('wrong-state', { state, allowedFrom: ['pending'] });
  const objectionIds = await listOpenCases(tx, village, awardId);
  if (objectionIds.length > 0) throw new Refusal('objection-open', { objectionIds });
  await tx.execute(sql`select publicity.strike(${village}, ${awardId}, ${actor.id}, ${reason}, ${iso(now)})`);
  await cancelPending(tx, village, awardId, { actor: actor.id }, now);
  return getNotice(tx, village, noticeId);
}
