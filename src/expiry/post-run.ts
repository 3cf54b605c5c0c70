import { and, eq, isNull, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { one } from '../db/database.ts';
import { type PostResult, post, takePen } from '../ledger/post.ts';
import { type Command, expiry } from '../ledger/transactions.ts';
import { mine, moveOn, type RunKey, type RunRow } from './announce.ts';
import { dueOf, holdingsOf } from './holdings.ts';
import { line, run } from './tables.ts';

export const postQueue = 'expiry.post';

/** Households of one database transaction: for as long as it takes, the village waits. */
export const batchSize = 100;

/**
 * Posts the next households of a run that was agreed to, and answers whether there may be more. What was posted is marked
 * in the same database transaction, so that a run that was broken off at any point goes on where it stopped, and two
 * jobs at once post nothing twice.
 *
 * Balances and lots are read under the pen: a household loses what the rule takes of what it then has.
 */
export async function postBatch(tx: Tx, key: RunKey, now: Temporal.Instant): Promise<boolean> {
  const row = one(await tx.select().from(run).where(mine(key)).for('update'));
  if (row.state !== 'posting') return false;
  const householdIds = await nextHouseholds(tx, key);
  if (householdIds.length === 0) {
    await moveOn(tx, key, { state: 'posted', postedAt: iso(now) });
    return false;
  }

  await takePen(tx, key.village);
  const { holdings } = await holdingsOf(tx, key.village, row, householdIds);
  const due = holdings.map(holding => ({ householdId: holding.householdId, points: dueOf(row, holding) }));
  const commands = due.filter(({ points }) => points > 0).map(part => commandOf(row, part));
  const numbers = (await post(tx, key.village, commands, { atomic: false })).map(numberOf);
  const taken = due.map(part => ({
    ...part,
    number: part.points > 0 ? numbers.shift()! : null,
  }));
  await settle(tx, key, taken);
  return true;
}

async function nextHouseholds(tx: Tx, key: RunKey): Promise<string[]> {
  const rows = await tx
    .select({ householdId: line.householdId })
    .from(line)
    .where(and(eq(line.village, key.village), eq(line.runId, key.runId), isNull(line.taken)))
    .orderBy(line.householdId)
    .limit(batchSize);
  return rows.map(row => row.householdId);
}

/** The same however often it is made: everything in it was decided when the run was agreed to, but for the points. */
function commandOf(row: RunRow, part: { householdId: string; points: number }): Command {
  const { id, kind, rule, throughOn, capPoints, announcedBy, approvedBy, approvedAt } = row;
  const event = {
    actor: announcedBy!,
    approver: approvedBy!,
    occurredAt: approvedAt!,
    businessDate: dayOf(Temporal.Instant.from(approvedAt!)).toString(),
  };
  return expiry(event, {
    kind: kind === 'yearEnd' ? 'yearEnd' : 'expiry',
    // A year ends once, whatever becomes of its runs.
    run: kind === 'yearEnd' ? throughOn.slice(0, 4) : id,
    ...part,
    frozen: { run: id, rule, throughOn, ...(capPoints !== null && { capPoints: String(capPoints) }) },
  });
}

function numberOf(result: PostResult): number {
  if ('number' in result) return result.number;
  throw new Error(`points that are there could not be taken: ${JSON.stringify(result)}`);
}

async function settle(
  tx: Tx,
  { village, runId }: RunKey,
  taken: { householdId: string; points: number; number: number | null }[],
): Promise<void> {
  await tx.execute(sql`
    update expiry.line l set taken = t.points, transaction_number = t.number
      from jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) t("householdId" uuid, points bigint, number bigint)
     where l.village = ${village} and l.run_id = ${runId} and l.household_id = t."householdId"`);
  const points = taken.reduce((sum, part) => sum + part.points, 0);
  await tx
    .update(run)
    .set({ settled: sql`${run.settled} + ${taken.length}`, taken: sql`${run.taken} + ${points}` })
    .where(mine({ village, runId }));
}
