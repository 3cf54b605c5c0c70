import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Tx } from '../db/database.ts';
import { expiredAccount } from '../ledger/accounts.ts';
import { hasChangedSince } from '../ledger/earned.ts';
import { openAccounts, postOne } from '../ledger/post.ts';
import { type Event, expiry } from '../ledger/transactions.ts';
import { dueOf, holdingsOf } from './holdings.ts';
import { expiryLine, run } from './tables.ts';

/** What comes back of an order: of which one, by which event, and when in the book the order was made. */
interface Back {
  village: string;
  householdId: string;
  /** Id of the redemption or the return. */
  causeId: string;
  points: number;
  orderedNumber: number;
}

/**
 * Takes what comes back of an order after the year end has been posted for its household: as much as the year end would
 * have taken, for the neighbour who ordered nothing has lost it too. Called after the points are back, with the book locked.
 * A household that has changed since it ordered keeps them: its years were settled then.
 */
export async function takeLate(tx: Tx, event: Event, back: Back): Promise<void> {
  const { village, householdId, causeId, points, orderedNumber } = back;
  const [last] = await tx
    .select({ id: run.id, rule: run.rule, throughOn: run.throughOn, capPoints: run.capPoints })
    .from(run)
    .innerJoin(expiryLine, and(eq(expiryLine.village, run.village), eq(expiryLine.runId, run.id)))
    .where(
      and(
        eq(run.village, village),
        eq(run.kind, 'yearEnd'),
        inArray(run.state, ['posting', 'posted']),
        eq(expiryLine.householdId, householdId),
        isNotNull(expiryLine.taken),
      ),
    )
    .orderBy(desc(run.throughOn))
    .limit(1);
  if (last === undefined || (await hasChangedSince(tx, village, householdId, orderedNumber))) return;
  const { holdings } = await holdingsOf(tx, village, last, [householdId]);
  const due = Math.min(points, dueOf(last, holdings[0]!));
  if (due === 0) return;
  const { rule, throughOn, capPoints } = last;
  const frozen = { run: last.id, rule, throughOn, ...(capPoints !== null && { capPoints: String(capPoints) }) };
  await openAccounts(tx, village, [expiredAccount]);
  await postOne(tx, village, expiry(event, { kind: 'expiry', run: causeId, householdId, points: due, frozen }));
}
