import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { listEntrantIds, listKin } from './read.ts';
import { lockRoundShared, type RoundKey, refuseUnlessIn } from './round.ts';
import type { Item } from './tables.ts';

/** Either a figure for each item of the sheet, or that nobody was at home. */
interface Entry {
  householdId: string;
  scores?: number[] | undefined;
  notSeen?: true | undefined;
}

/**
 * Writes a judge's figures, all or none; what the judge had given the same households before is replaced.
 * @throws Refusal `not-found` (also of a household that is not in the round; facts: `field`) | `forbidden` (no judge of
 *   this round) | `wrong-state` | `validation-failed` | `out-of-bounds` | `own-household` (facts: `householdIds`)
 */
export async function giveScores(
  tx: Tx,
  actor: Actor,
  key: RoundKey,
  entries: Entry[],
  now: Temporal.Instant,
): Promise<{ written: number }> {
  const { village, roundId } = key;
  const row = await lockRoundShared(tx, key);
  if (!row.judges.includes(actor.id)) throw new Refusal('forbidden', { reason: 'notAJudge' });
  refuseUnlessIn(row, ['open']);
  refuseFigures(entries, row.items);
  const entrants = await listEntrantIds(tx, village, roundId);
  const stranger = entries.findIndex(entry => !entrants.has(entry.householdId));
  if (stranger !== -1) throw new Refusal('not-found', { field: `entries/${stranger}/householdId` });
  const kin = await listKin(tx, village, [actor.id]);
  const own = entries.map(entry => entry.householdId).filter(id => kin.has(`${actor.id} ${id}`));
  if (own.length > 0) throw new Refusal('own-household', { householdIds: own });
  const rows = entries.map(({ householdId, scores }) => ({ householdId, scores: scores ?? null }));
  const [done] = await rowsOf<{ written: number }>(
    tx,
    sql`
    select evaluations.give_scores(${village}, ${roundId}, ${actor.id}, ${iso(now)}, ${JSON.stringify(rows)}) as written`,
  );
  return done!;
}

function refuseFigures(entries: Entry[], items: Item[]): void {
  const seen = new Set<string>();
  for (const [index, { householdId, scores, notSeen }] of entries.entries()) {
    const pointer = `/entries/${index}`;
    if (seen.has(householdId))
      throw malformed(`${pointer}/householdId`, 'uniqueItems', {
        zh: '同一户只能评分一次。',
        en: 'A household may appear only once.',
      });
    seen.add(householdId);
    if ((scores === undefined) === (notSeen === undefined)) {
      throw malformed(pointer, 'oneOf', {
        zh: '评分和未查看须填一项，且只能填一项。',
        en: 'Provide either scores or notSeen.',
      });
    }
    if (scores === undefined) continue;
    if (scores.length !== items.length) {
      throw malformed(`${pointer}/scores`, 'minItems', {
        zh: `共 ${items.length} 个项目，每个项目须填一个分数。`,
        en: `One score is required for each of the ${items.length} items.`,
      });
    }
    const beyond = scores.findIndex((score, place) => score > items[place]!.maxScore);
    if (beyond === -1) continue;
    const field = `entries/${index}/scores/${beyond}`;
    throw new Refusal('out-of-bounds', { field, min: 0, max: items[beyond]!.maxScore });
  }
}
