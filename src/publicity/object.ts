import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import { jobActor } from '../db/jobs.ts';
import { lockAward } from '../earning/award-row.ts';
import { getHouseholdRow } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { lockObjection, type ObjectionKey, withdrawObjection } from './case.ts';
import { goOn, isBefore } from './close.ts';
import { getLine, getNotice } from './read.ts';
import { getObjection, isOwn, type ObjectionView } from './read-cases.ts';

/** Objections of one household that wait for a ruling at the same time. */
const openObjectionsMax = 5;

/**
 * Objects to a line while its notice runs: its award is paused, and no other. A household objects at a kiosk, to its own
 * line too; a clerk or the supervision board for a household, or for somebody whose name is not kept. One open objection
 * of each objector, and few of a household at a time; both are checked against what the caller has lodged and by nothing else, for
 * an answer that knew of the others would say who objected.
 * @throws Refusal `not-found` (facts: `field`) | `wrong-state` (it can be spent, or was reversed) | `too-late` (facts:
 *   `endsAt`) | `already-exists` | `cap-reached` (facts: `cap`, `limit`, `used`)
 */
export async function object(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { awardId: string; reason: string; householdId?: string | undefined },
  now: Temporal.Instant,
): Promise<ObjectionView> {
  const { awardId, reason } = input;
  const householdId = actor.householdId ?? input.householdId ?? null;
  if (input.householdId !== undefined && input.householdId !== householdId) {
    throw new Refusal('not-found', { field: 'householdId' });
  }
  if (householdId !== null) await refuseMany(tx, actor, { village, householdId });
  const { state } = await lockAward(tx, village, awardId);
  const { noticeId } = await getLine(tx, village, awardId);
  const { endsAt } = await getNotice(tx, village, noticeId);
  if (!isBefore(now, endsAt)) throw new Refusal('too-late', { endsAt });
  if (state !== 'pending') throw new Refusal('wrong-state', { state, allowedFrom: ['pending'] });
  const id = randomUUIDv7();
  await tx.execute(sql`
    insert into publicity.objection
      (village, id, award_id, reason, objector_id, objector_household_id, lodged_by, lodged_at)
    values (${village}, ${id}, ${awardId}, ${reason}, ${householdId ?? actor.id}, ${householdId}, ${actor.id}, ${iso(now)})`);
  return getObjection(tx, actor, village, id);
}

/** A household that objects to every line would stop a whole notice with one card. @throws Refusal `not-found` | `cap-reached` */
async function refuseMany(tx: Tx, actor: Actor, key: { village: string; householdId: string }): Promise<void> {
  const { village, householdId } = key;
  await getHouseholdRow(tx, village, householdId);
  // Locked in one statement, counted in the next: of two at once, the second sees the first one's.
  await tx.execute(sql`
    select from households.household where village = ${village} and id = ${householdId} for no key update`);
  const [row] = await rowsOf<{ used: number }>(
    tx,
    sql`
    select count(*)::integer as used from publicity.objection
     where village = ${village} and objector_id = ${householdId} and lodged_by = ${actor.id} and state = 'open'`,
  );
  if (row!.used >= openObjectionsMax)
    throw new Refusal('cap-reached', { cap: 'openObjections', limit: openObjectionsMax, used: row!.used });
}

/**
 * Takes an objection back, by whoever it is: the award goes on.
 * @throws Refusal `not-found` | `forbidden` | `wrong-state`
 */
export async function withdraw(tx: Tx, actor: Actor, key: ObjectionKey, now: Temporal.Instant): Promise<ObjectionView> {
  const { village, objectionId } = key;
  const row = await lockObjection(tx, actor, key);
  if (!isOwn(row, actor)) throw new Refusal('forbidden');
  await withdrawObjection(tx, key, now);
  // Not as the caller: everybody may read the book, and it would say who objected.
  await goOn(tx, village, row.awardId, jobActor, now);
  return getObjection(tx, actor, village, objectionId);
}
