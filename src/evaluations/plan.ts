import { randomUUIDv7 } from 'node:crypto';
import { and, eq, ne } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { grantsOf } from '../identity/guard.ts';
import { malformed, Refusal, type Sentence } from '../refusals.ts';
import { getVillage } from '../villages/read.ts';
import { type RoundView, viewOf } from './read.ts';
import { refuseRules } from './refuse-rules.ts';
import { type Grade, type Item, round } from './tables.ts';

/** What a round is planned as. */
interface NewRound {
  /** YYYY-MM */
  month: string;
  title: string;
  items: Item[];
  /** Users who hold the role of a reviewer over the village. */
  judges: string[];
  grades: Grade[];
}

/** The most points that a sheet has in all. */
const sheetMaxScore = 1_000;

/**
 * Plans a round: nothing is scored before it is opened. A month may be planned when it is the next one, or one of the two
 * before this.
 * @throws Refusal `out-of-bounds` (facts: `field`, `min`, `max`) | `validation-failed` | `not-found` (facts: `field`: no
 *   such judge, or no such rule) | `second-person-required` (who plans a round judges it not) | `already-exists`
 *   | `rule-not-in-force`
 */
export async function planRound(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewRound,
  now: Temporal.Instant,
): Promise<RoundView> {
  const { month, title, items, judges } = input;
  const grades = input.grades.toSorted((a, b) => b.averageMin - a.averageMin);
  await refuseMonth(tx, village, month, now);
  refuseSheet(items, grades);
  if (judges.includes(actor.id)) throw new Refusal('second-person-required', { firstUserId: actor.id });
  for (const [index, judge] of judges.entries()) {
    const grants = await grantsOf(tx, judge, now);
    const reviews = grants.some(([role, prefix]) => role === 'reviewer' && village.startsWith(prefix));
    if (!reviews) throw new Refusal('not-found', { field: `judges/${index}` });
  }
  await refuseRules(tx, village, { month, grades: input.grades }, dayOf(now));
  const [other] = await tx
    .select({ id: round.id })
    .from(round)
    .where(
      and(eq(round.village, village), eq(round.month, month), eq(round.title, title), ne(round.state, 'cancelled')),
    );
  if (other !== undefined) throw new Refusal('already-exists', { field: 'title', existingId: other.id });
  const [row] = await tx
    .insert(round)
    .values({
      village,
      id: randomUUIDv7(),
      month,
      title,
      items,
      grades,
      judges,
      state: 'planned',
      households: 0,
      awarded: 0,
      createdBy: actor.id,
      createdAt: iso(now),
    })
    .returning();
  return viewOf(row!);
}

async function refuseMonth(tx: Tx, village: string, month: string, now: Temporal.Instant): Promise<void> {
  const { openedOn } = await getVillage(tx, village);
  const current = dayOf(now).toPlainYearMonth();
  const max = current.add({ months: 1 }).toString();
  const min = [current.subtract({ months: 2 }).toString(), openedOn.slice(0, 7)].sort()[1]!;
  if (month < min || month > max) throw new Refusal('out-of-bounds', { field: 'month', min, max });
}

function refuseSheet(items: Item[], grades: Grade[]): void {
  const full = items.reduce((sum, item) => sum + item.maxScore, 0);
  if (full > sheetMaxScore) throw new Refusal('out-of-bounds', { field: 'items', min: 1, max: sheetMaxScore });
  if (new Set(items.map(item => item.name)).size < items.length)
    throw twice('/items', { zh: '项目名称不能重复。', en: 'Each name may appear only once.' });
  if (new Set(grades.map(grade => grade.averageMin)).size < grades.length)
    throw twice('/grades', { zh: '各等级的最低平均分不能相同。', en: 'Each averageMin may appear only once.' });
  if (grades[0]!.averageMin > full) {
    throw new Refusal('out-of-bounds', { field: 'grades/averageMin', min: 0, max: full });
  }
}

function twice(pointer: string, detail: Sentence): Refusal {
  return malformed(pointer, 'uniqueItems', detail);
}
