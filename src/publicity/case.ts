import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import { lockAward } from '../earning/award-row.ts';
import type { AwardRow } from '../earning/tables.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type AppealRow, getAppealRow, getObjection, getObjectionRow } from './read-cases.ts';

/** A case: an objection or an appeal, locked with the award that it is about; and who has no say in it. */

export interface ObjectionKey {
  village: string;
  objectionId: string;
}

/**
 * An open objection, with its award locked: everything that touches a case locks the award first.
 * @throws Refusal `not-found` | `wrong-state`
 */
export async function lockObjection(tx: Tx, actor: Actor, { village, objectionId }: ObjectionKey) {
  const { awardId } = await getObjection(tx, actor, village, objectionId);
  const { state: awardState } = await lockAward(tx, village, awardId);
  const row = await getObjectionRow(tx, village, objectionId);
  if (row.state !== 'open') {
    throw new Refusal('wrong-state', {
      state: row.state,
      allowedFrom: ['open'],
      since: row.ruledAt ?? row.withdrawnAt,
    });
  }
  return { ...row, awardState };
}

export async function withdrawObjection(
  tx: Tx,
  { village, objectionId }: ObjectionKey,
  now: Temporal.Instant,
): Promise<void> {
  await tx.execute(sql`
    update publicity.objection set state = 'withdrawn', withdrawn_at = ${iso(now)}
     where village = ${village} and id = ${objectionId}`);
}

export interface AppealKey {
  village: string;
  appealId: string;
}

/** An open appeal, with its award, locked in the same order. @throws Refusal `not-found` | `wrong-state` */
export async function lockAppeal(tx: Tx, { village, appealId }: AppealKey): Promise<AppealRow & { award: AwardRow }> {
  const { awardId } = await getAppealRow(tx, village, appealId);
  const award = await lockAward(tx, village, awardId);
  const row = await getAppealRow(tx, village, appealId);
  if (row.state !== 'open') {
    throw new Refusal('wrong-state', { state: row.state, allowedFrom: ['open'], since: row.heardAt });
  }
  return { ...row, award };
}

/** Which award the second one is that an appeal has brought. */
export async function recordNewAward(tx: Tx, { village, appealId }: AppealKey, newAwardId: string): Promise<void> {
  await tx.execute(sql`
    update publicity.appeal set new_award_id = ${newAwardId} where village = ${village} and id = ${appealId}`);
}

/**
 * Refuses whom the case of an award went through: who entered it, decided on it, published it or lodged something about
 * it. Asks what the database asks of the decision itself.
 * @throws Refusal `second-person-required`
 */
export async function refuseHands(tx: Tx, village: string, awardId: string, actor: Actor): Promise<void> {
  const [asked] = await rowsOf<{ hand: boolean }>(
    tx,
    sql`select ${actor.id} = any(publicity.hands_of(${village}, ${awardId})) as hand`,
  );
  if (asked!.hand) throw new Refusal('second-person-required');
}

/**
 * Refuses kin of the household whose award it is. Not kin of an objector: the refusal would say who objected.
 * @throws Refusal `own-household`
 */
export async function refuseKin(tx: Tx, village: string, awardId: string, actor: Actor): Promise<void> {
  const [asked] = await rowsOf<{ kin: boolean }>(
    tx,
    sql`select publicity.is_kin_in(${village}, ${actor.id}, ${awardId}) as kin`,
  );
  if (asked!.kin) throw new Refusal('own-household');
}
