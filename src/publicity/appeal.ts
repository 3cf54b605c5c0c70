import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { lockAward } from '../earning/award-row.ts';
import { type Actor, holds } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type AppealView, getAppeal, getObjection, getObjectionRow, isOwn, tookBack } from './read-cases.ts';

/** For how many days a ruling can be appealed against. */
const appealDays = 30;

/**
 * Appeals against a ruling: where the objection was upheld, by the household that lost its award; where it was dismissed, by
 * whoever objected; a clerk for either. The award is paused while it waits for that.
 * @throws Refusal `not-found` | `wrong-state` (nobody has ruled, or not against the caller) | `too-late` (facts: `endsAt`) |
 *   `already-exists` | `already-reversed` (by somebody else than ruled: the ruling took nothing)
 */
export async function lodgeAppeal(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { objectionId: string; reason: string },
  now: Temporal.Instant,
): Promise<AppealView> {
  const { objectionId, reason } = input;
  const { awardId } = await getObjection(tx, actor, village, objectionId);
  await lockAward(tx, village, awardId);
  const row = await getObjectionRow(tx, village, objectionId);
  const { state, ruledAt } = row;
  const allowedFrom = [
    ...(isOwn(row, actor) ? ['dismissed'] : []),
    ...(row.householdId === actor.id ? ['upheld'] : []),
  ];
  if (holds(actor, village, ['clerk'])) allowedFrom.push('dismissed', 'upheld');
  if (!allowedFrom.includes(state)) {
    throw new Refusal('wrong-state', { state, allowedFrom, since: ruledAt ?? row.withdrawnAt });
  }
  const endsAt = iso(Temporal.Instant.from(ruledAt!).add({ hours: 24 * appealDays }));
  if (iso(now) > endsAt) throw new Refusal('too-late', { endsAt });
  // What others had reversed for reasons of their own, no appeal against the ruling gives again.
  if (state === 'upheld' && !(await tookBack(tx, village, row))) throw new Refusal('already-reversed');
  const id = randomUUIDv7();
  await tx.execute(sql`
    insert into publicity.appeal (village, id, objection_id, award_id, against, reason, lodged_by, lodged_at)
    values (${village}, ${id}, ${objectionId}, ${awardId}, ${state}, ${reason}, ${actor.id}, ${iso(now)})`);
  return getAppeal(tx, actor, village, id);
}
