import { and, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import { listActiveHouseholds } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type RoundRow, type RoundView, viewOf } from './read.ts';
import { type RoundState, round } from './tables.ts';

export interface RoundKey {
  village: string;
  roundId: string;
}

/**
 * Opens a round: from now on its judges score the households that are active today. One that comes later is not in it.
 * @throws Refusal `not-found` | `wrong-state` | `too-early` (facts: `dueOn`): the month has not begun
 */
export async function openRound(tx: Tx, actor: Actor, key: RoundKey, now: Temporal.Instant): Promise<RoundView> {
  const { month } = await lockRound(tx, key, ['planned']);
  const dueOn = `${month}-01`;
  if (dayOf(now).toString() < dueOn) throw new Refusal('too-early', { dueOn });
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

/** The round, which nobody moves or scores until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockRound(tx: Tx, key: RoundKey, allowedFrom: RoundState[]): Promise<RoundRow> {
  const row = one(await tx.select().from(round).where(mine(key)).for('update'));
  refuseUnlessIn(row, allowedFrom);
  return row;
}

/** The round, which nobody moves until the database transaction ends, but others may score. @throws Refusal `not-found` */
export async function holdRound(tx: Tx, key: RoundKey): Promise<RoundRow> {
  return one(await tx.select().from(round).where(mine(key)).for('share'));
}

/** @throws Refusal `wrong-state` */
export function refuseUnlessIn(row: RoundRow, allowedFrom: RoundState[]): void {
  if (allowedFrom.includes(row.state)) return;
  const since = row.cancelledAt ?? row.closedAt ?? row.openedAt ?? row.createdAt;
  throw new Refusal('wrong-state', { state: row.state, allowedFrom, since });
}

async function moveOn(tx: Tx, key: RoundKey, to: Partial<RoundRow>): Promise<RoundView> {
  return viewOf(one(await tx.update(round).set(to).where(mine(key)).returning()));
}

function mine(key: RoundKey) {
  return and(eq(round.village, key.village), eq(round.id, key.roundId));
}
