import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { lockBook, type PostResult, post } from '../ledger/post.ts';
import { type Command, expiry } from '../ledger/transactions.ts';
import { dueOf, holdingsOf } from './holdings.ts';
import { lockAnyRun, moveOn, nextHouseholds, type RunKey, type RunRow, settleLines } from './run.ts';

/** Households of one database transaction: for as long as it takes, the village waits. */
const batchSize = 100;

/**
 * Posts the next households of a run that was agreed to, and answers whether there may be more. What was posted is marked
 * in the same database transaction, so that a run that was broken off at any point goes on where it stopped, and two
 * jobs at once post nothing twice.
 *
 * Balances and lots are read while the book is locked: a household loses what the rule takes of what it then has.
 */
export async function postBatch(tx: Tx, key: RunKey, now: Temporal.Instant): Promise<boolean> {
  const row = await lockAnyRun(tx, key);
  if (row.state !== 'posting') return false;
  const householdIds = await nextHouseholds(tx, key, batchSize);
  if (householdIds.length === 0) {
    await moveOn(tx, key, { state: 'posted', postedAt: iso(now) });
    return false;
  }

  await lockBook(tx, key.village);
  const { holdings } = await holdingsOf(tx, key.village, row, householdIds);
  const due = holdings.map(holding => ({ householdId: holding.householdId, points: dueOf(row, holding) }));
  const commands = due.filter(({ points }) => points > 0).map(part => commandOf(row, part));
  const numbers = (await post(tx, key.village, commands, { atomic: false })).map(numberOf);
  const taken = due.map(part => ({
    ...part,
    number: part.points > 0 ? numbers.shift()! : null,
  }));
  await settleLines(tx, key, taken);
  return true;
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
