import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso, startOf } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { type AwardResult, awardEach } from '../earning/award.ts';
import { readContexts, refuseUnlessInForce } from '../earning/validate-award.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { averageOf, gradeOf, judgesNeeded } from './grade.ts';
import {
  type Figures,
  getRoundRow,
  listFigures,
  listKin,
  progressOf,
  type RoundRow,
  type RoundView,
  viewOf,
} from './read.ts';
import { awardDayOf } from './refuse-rules.ts';
import { lockRound, type RoundKey } from './round.ts';
import type { Outcome } from './tables.ts';

/** A command costs a fifth of a millisecond, and a statement ends after five seconds. */
const awardsAtOnce = 1_000;

/** What becomes of a household. */
interface Graded {
  householdId: string;
  outcome: Outcome;
  judges: number;
  averageHundredths: number | null;
  grade: number | null;
  awardId: string | null;
  refusal: string | null;
  /** Who gave the figures that count. */
  scoredBy: string[];
}

/**
 * Closes a round: averages the judges' totals for each household, and awards what its grade earns, all in this database
 * transaction. The awards were entered by who planned the round and decided by the judges who scored the household, and
 * by the closer; they wait for the next notice. What a judge of its own kin gave does not count, and below two judges a
 * household is not graded. A household that is refused its award, for a cap for instance, keeps its grade and the reason.
 * @throws Refusal `not-found` | `wrong-state` | `second-person-required` (facts: `firstUserId`; who planned or judged it)
 *   | `sheet-incomplete` (facts: `judges`: how many households each still lacks) | `own-household` (facts:
 *   `householdIds`: the closer's own or kin, which would be awarded) | `rule-not-in-force` (a grade's, on the day it was opened)
 */
export async function closeRound(tx: Tx, actor: Actor, key: RoundKey, now: Temporal.Instant): Promise<RoundView> {
  const { village, roundId } = key;
  const row = await lockRound(tx, key, ['open']);
  if (row.createdBy === actor.id || row.judges.includes(actor.id)) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }
  const figures = await listFigures(tx, village, roundId);
  const kin = await listKin(tx, village, [...row.judges, actor.id]);
  refuseIncomplete(row, figures, kin);
  const graded = figures.map(one => gradedBy(row, one, kin));
  const own = graded.filter(one => one.grade !== null && kin.has(`${actor.id} ${one.householdId}`));
  if (own.length > 0) throw new Refusal('own-household', { householdIds: own.map(one => one.householdId) });
  await awardGrades(tx, actor, row, graded, now);
  const outcomes = JSON.stringify(graded.map(({ scoredBy: _, ...outcome }) => outcome));
  await tx.execute(sql`select evaluations.close_round(${village}, ${roundId}, ${actor.id}, ${iso(now)}, ${outcomes})`);
  return viewOf(await getRoundRow(tx, village, roundId));
}

function refuseIncomplete(row: RoundRow, figures: Figures[], kin: Set<string>): void {
  const lacking = progressOf(row, figures, kin).filter(judge => judge.missing > 0);
  if (lacking.length === 0) return;
  throw new Refusal('sheet-incomplete', { judges: lacking.map(({ judgeId, missing }) => ({ judgeId, missing })) });
}

function gradedBy(row: RoundRow, { householdId, figures }: Figures, kin: Set<string>): Graded {
  const counted = figures.filter(({ judgeId, total }) => total !== null && !kin.has(`${judgeId} ${householdId}`));
  const totals = counted.map(figure => figure.total!);
  const none = { averageHundredths: null, grade: null, awardId: null, refusal: null };
  const scoredBy = row.judges.filter(judge => counted.some(figure => figure.judgeId === judge));
  const base = { householdId, judges: totals.length, scoredBy, ...none };
  if (totals.length === 0) return { ...base, outcome: 'notSeen' };
  if (totals.length < judgesNeeded) return { ...base, outcome: 'tooFewJudges' };
  const grade = gradeOf(row.grades, totals);
  return { ...base, outcome: grade === null ? 'noGrade' : 'awarded', averageHundredths: averageOf(totals), grade };
}

/** Awards what was graded, and writes into each what became of it. */
async function awardGrades(
  tx: Tx,
  actor: Actor,
  row: RoundRow,
  graded: Graded[],
  now: Temporal.Instant,
): Promise<void> {
  const { village, id: roundId, month, createdBy, grades } = row;
  const occurredAt = iso(momentOf(month, now));
  const winners = graded.filter(one => one.grade !== null);
  const inputs = winners.map(({ householdId, grade, scoredBy, averageHundredths }) => ({
    actor,
    village,
    line: {
      ruleId: grades[grade!]!.ruleId,
      householdId,
      memberId: null,
      quantity: grades[grade!]!.quantity,
      occurredAt,
      occasion: `round:${month}:${roundId}`,
      note: null,
    },
    origin: {
      roundId,
      enteredBy: createdBy,
      decidedBy: [...scoredBy, actor.id],
      frozen: { round: roundId, averageHundredths: String(averageHundredths), judges: String(scoredBy.length) },
    },
  }));
  // Once for all of them: it locks the households, which must not be waited for with the book locked.
  const contexts = await readContexts(tx, inputs);
  // By the book under which it was opened: one that came into force since would refuse every award for good.
  const openedOn = awardDayOf(month, dayOf(Temporal.Instant.from(row.openedAt!))).toString();
  for (const { line } of inputs) {
    const rule = contexts.get(village)?.rules.get(line.ruleId);
    if (rule !== undefined) refuseUnlessInForce(rule, openedOn);
  }
  const options = { atomic: false, batchId: randomUUIDv7() };
  for (let from = 0; from < inputs.length; from += awardsAtOnce) {
    const part = inputs.slice(from, from + awardsAtOnce);
    const results = await awardEach(tx, part, contexts, options, now);
    results.forEach((result, index) => {
      Object.assign(winners[from + index]!, becameOf(result));
    });
  }
}

function becameOf(result: AwardResult): Pick<Graded, 'outcome' | 'awardId' | 'refusal'> {
  if (result === 'undone') throw new Error('a batch that is not atomic rolls nothing back');
  if ('award' in result) return { outcome: 'awarded', awardId: result.award.id, refusal: null };
  return { outcome: 'refused', awardId: null, refusal: result.refusal.code };
}

/** When the awards count: now, or on the last day of a month that is over. */
function momentOf(month: string, now: Temporal.Instant): Temporal.Instant {
  const day = awardDayOf(month, dayOf(now));
  return day.equals(dayOf(now)) ? now : startOf(day);
}
