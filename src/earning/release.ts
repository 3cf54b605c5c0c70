import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import { lotsOf } from '../ledger/lots.ts';
import { post } from '../ledger/post.ts';
import { publicityRelease } from '../ledger/transactions.ts';

/**
 * Makes the points of awards spendable whose publicity has ended, and lets honour grow by as much: one transaction for
 * each award that is still pending, none for the others, so that a second run finds nothing to do. Answers the number of
 * each transaction by the award's id. Locks the awards, then takes the pen: give it few at a time where others wait for
 * the village. The book is read by its numbers, hence `offset 0`, and not from its beginning.
 */
export async function releaseEach(
  tx: Tx,
  village: string,
  awardIds: string[],
  by: { actor: string; businessDate: string },
  now: Temporal.Instant,
): Promise<Map<string, number>> {
  const pending = await rowsOf<{
    id: string;
    householdId: string;
    points: number;
    honour: boolean;
    lots: string | null;
  }>(
    tx,
    sql`
    select a.id, a.household_id as "householdId", a.points, r.honour, t.frozen ->> 'lots:1' as lots
      from earning.award a
     cross join lateral (select honour from rules.rule where village = a.village and id = a.rule_id offset 0) r
     cross join lateral (
       select frozen from ledger.transaction where village = a.village and number = a.transaction_number offset 0) t
     where a.village = ${village} and a.id = any(${sql.param(awardIds)}::uuid[]) and a.state = 'pending'
     order by a.transaction_number
       for update of a`,
  );
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
  await tx.execute(sql`
    update earning.award a set state = 'posted', release_number = u.number
      from unnest(${sql.param(pending.map(award => award.id))}::uuid[], ${sql.param(numbers)}::bigint[]) u (id, number)
     where a.village = ${village} and a.id = u.id`);
  return new Map(pending.map((award, place) => [award.id, numbers[place]!]));
}
