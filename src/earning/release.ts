import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { lotsOf } from '../ledger/lots.ts';
import { post } from '../ledger/post.ts';
import { publicityRelease } from '../ledger/transactions.ts';
import { lockPending, markReleased } from './award-row.ts';

/**
 * Makes the points of awards spendable whose publicity has ended, and lets honour grow by as much: one transaction for
 * each award that is still pending, none for the others, so that a second run finds nothing to do. Answers the number of
 * each transaction by the award's id. Locks the awards, then the book: give it few at a time where others wait for
 * the village.
 */
export async function releaseEach(
  tx: Tx,
  village: string,
  awardIds: string[],
  by: { actor: string; businessDate: string },
  now: Temporal.Instant,
): Promise<Map<string, number>> {
  const pending = await lockPending(tx, village, awardIds);
  if (pending.length === 0) return new Map();
  const event = { actor: by.actor, occurredAt: iso(now), businessDate: by.businessDate };
  const commands = pending.map(({ id, lots, ...award }) =>
    publicityRelease(event, { ...award, awardId: id, lots: lotsOf(lots) }),
  );
  const results = await post(tx, village, commands, { atomic: true });
  const numbers = results.map(result => {
    // A pending award has its points on the notice board, and nothing else takes them from there.
    if (!('number' in result)) throw new Error(`a pending award cannot be released: ${JSON.stringify(result)}`);
    return result.number;
  });
  await markReleased(
    tx,
    village,
    pending.map(award => award.id),
    numbers,
  );
  return new Map(pending.map((award, place) => [award.id, numbers[place]!]));
}
