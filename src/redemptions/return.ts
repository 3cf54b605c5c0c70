import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { PricedLine } from './order.ts';
import { lockRedemption, type RedemptionRow } from './redemption.ts';
import { returned, returnLine } from './tables.ts';

/** The row of a return: how it is written, and how it is locked, after its redemption, and decided. */

type ReturnRow = typeof returned.$inferSelect;

export interface ReturnKey {
  village: string;
  returnId: string;
}

/** @throws Refusal `own-household` */
export async function insertReturn(
  tx: Tx,
  row: Pick<
    ReturnRow,
    'village' | 'id' | 'redemptionId' | 'reason' | 'restock' | 'points' | 'proposedBy' | 'proposedAt'
  >,
  lines: readonly { goodsId: string; quantity: number }[],
): Promise<void> {
  await tx.execute(sql`
    select store.propose_return(${row.village}, ${row.id}, ${row.redemptionId}, ${row.reason}, ${row.restock},
                                ${row.points}, ${row.proposedBy}, ${row.proposedAt})`);
  await tx
    .insert(returnLine)
    .values(lines.map(({ goodsId, quantity }) => ({ village: row.village, returnId: row.id, goodsId, quantity })));
}

/**
 * Locks a proposed return for a decision by somebody else than proposed it, after its redemption, as when it is proposed.
 * Answers the redemption.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required`
 */
export async function lockReturn(tx: Tx, actor: Actor, key: ReturnKey): Promise<RedemptionRow> {
  const { redemptionId } = one(await tx.select().from(returned).where(byKey(key)));
  const redemption = await lockRedemption(tx, { village: key.village, redemptionId });
  // Whoever holds the redemption holds its returns.
  const proposal = one(await tx.select().from(returned).where(byKey(key)));
  if (proposal.state !== 'proposed') {
    throw new Refusal('wrong-state', { state: proposal.state, since: proposal.decidedAt });
  }
  if (proposal.proposedBy === actor.id) {
    throw new Refusal('second-person-required', { firstUserId: proposal.proposedBy });
  }
  return redemption;
}

/**
 * Writes down what was decided on a return that is locked. Approved, its points go to `toHouseholdId`.
 * @throws Refusal `own-household`
 */
export async function decideReturn(
  tx: Tx,
  actor: Actor,
  key: ReturnKey,
  verdict: { state: 'approved' | 'rejected'; note: string | null; toHouseholdId: string },
  now: Temporal.Instant,
): Promise<void> {
  const { state, note, toHouseholdId } = verdict;
  await tx.execute(sql`
    select store.decide_return(${key.village}, ${key.returnId}, ${state}, ${note}, ${actor.id}, ${iso(now)},
                               ${toHouseholdId})`);
}

/** What came back of a redemption until now, and what was proposed. */
interface Returns {
  /** A proposal that nobody has decided on. */
  open: string | undefined;
  /** Points and pieces, by goods, of those that were approved. */
  points: number;
  pieces: Map<string, number>;
}

/** Of a redemption that is locked. */
export async function returnsOf(tx: Tx, village: string, redemptionId: string): Promise<Returns> {
  const rows = await tx
    .select()
    .from(returned)
    .where(and(eq(returned.village, village), eq(returned.redemptionId, redemptionId), ne(returned.state, 'rejected')));
  const approved = rows.filter(row => row.state === 'approved');
  const pieces = new Map<string, number>();
  if (approved.length > 0) {
    const lines = await tx
      .select()
      .from(returnLine)
      .where(
        and(
          eq(returnLine.village, village),
          inArray(
            returnLine.returnId,
            approved.map(row => row.id),
          ),
        ),
      );
    for (const { goodsId, quantity } of lines) pieces.set(goodsId, (pieces.get(goodsId) ?? 0) + quantity);
  }
  return {
    open: rows.find(row => row.state === 'proposed')?.id,
    points: approved.reduce((sum, row) => sum + row.points, 0),
    pieces,
  };
}

/** What of it has not come back yet. */
export function remaining(handedOver: readonly PricedLine[], pieces: ReadonlyMap<string, number>): PricedLine[] {
  return handedOver
    .map(line => {
      const quantity = line.quantity - (pieces.get(line.goodsId) ?? 0);
      return { ...line, quantity, points: quantity * line.unitPoints };
    })
    .filter(line => line.quantity > 0);
}

function byKey({ village, returnId }: ReturnKey) {
  return and(eq(returned.village, village), eq(returned.id, returnId));
}
