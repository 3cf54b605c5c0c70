import { and, eq } from 'drizzle-orm';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { type RoundRow, type RoundView, viewOf } from './read.ts';
import { type RoundState, round } from './tables.ts';

/** The row of a round: how it is locked and moved from state to state. */

export interface RoundKey {
  village: string;
  roundId: string;
}

/** The round, which nobody moves or scores until the database transaction ends. @throws Refusal `not-found` | `wrong-state` */
export async function lockRound(tx: Tx, key: RoundKey, allowedFrom: RoundState[]): Promise<RoundRow> {
  const row = one(await tx.select().from(round).where(byKey(key)).for('update'));
  refuseUnlessIn(row, allowedFrom);
  return row;
}

/** The round, which nobody moves until the database transaction ends, but others may score. @throws Refusal `not-found` */
export async function lockRoundShared(tx: Tx, key: RoundKey): Promise<RoundRow> {
  return one(await tx.select().from(round).where(byKey(key)).for('share'));
}

/** @throws Refusal `wrong-state` */
export function refuseUnlessIn(row: RoundRow, allowedFrom: RoundState[]): void {
  if (allowedFrom.includes(row.state)) return;
  const since = row.cancelledAt ?? row.closedAt ?? row.openedAt ?? row.createdAt;
  throw new Refusal('wrong-state', { state: row.state, allowedFrom, since });
}

export async function moveOn(tx: Tx, key: RoundKey, to: Partial<RoundRow>): Promise<RoundView> {
  return viewOf(one(await tx.update(round).set(to).where(byKey(key)).returning()));
}

function byKey(key: RoundKey) {
  return and(eq(round.village, key.village), eq(round.id, key.roundId));
}
