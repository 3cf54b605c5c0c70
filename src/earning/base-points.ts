import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { listActiveHouseholds } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { baseAccount } from '../ledger/accounts.ts';
import { lockBook, openAccounts, post } from '../ledger/post.ts';
import { numbersByCause } from '../ledger/read.ts';
import * as transactions from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';

interface BasePointsView {
  /** `once`, a month or a year. */
  period: string;
  /** Of one household. */
  points: number;
  households: number;
  /** Households that were given them now, and that had them before. */
  given: number;
  already: number;
}

/** A command costs a fifth of a millisecond, and a statement ends after five seconds. */
const commandsAtOnce = 1_000;

/**
 * Gives every active household the base points of the current period, unless it has them. They cannot be spent.
 * @throws Refusal `feature-off` (facts: `feature`): the village gives none
 */
export async function giveBasePoints(
  tx: Tx,
  actor: Actor,
  village: string,
  now: Temporal.Instant,
): Promise<BasePointsView> {
  const today = dayOf(now);
  const { basePoints: points, basePeriod } = await policyOn(tx, village, today);
  if (points === 0) throw new Refusal('feature-off', { feature: 'basePoints' });
  const period = periodOf(basePeriod, today);
  const event = { actor: actor.id, occurredAt: iso(now), businessDate: today.toString() };
  // With the book locked, so that no household is closed, and nobody given them, between the look and the posting.
  await lockBook(tx, village);
  const householdIds = await listActiveHouseholds(tx, village);
  const commands = householdIds.map(householdId => transactions.basePoints(event, { householdId, period, points }));

  const causes = commands.map(({ cause }) => cause);
  const had = await numbersByCause(tx, village, ['basePoints'], causes);
  const due = commands.filter(({ cause }) => !had.has(cause));
  await openAccounts(tx, village, householdIds.map(baseAccount));
  for (let from = 0; from < due.length; from += commandsAtOnce) {
    const results = await post(tx, village, due.slice(from, from + commandsAtOnce), { atomic: false });
    const refused = results.find(({ status }) => status === 'refused');
    if (refused !== undefined) throw new Error(`base points were refused: ${JSON.stringify(refused)}`);
  }
  return { period, points, households: householdIds.length, given: due.length, already: had.size };
}

function periodOf(every: 'once' | 'month' | 'year', day: Temporal.PlainDate): string {
  if (every === 'once') return 'once';
  return every === 'month' ? day.toPlainYearMonth().toString() : String(day.year);
}
