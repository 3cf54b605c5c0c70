import { randomUUIDv7 } from 'node:crypto';
import { and, eq, ne } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { getVillage } from '../villages/read.ts';
import { dueOf, holdingsOf, type Rule } from './holdings.ts';
import { type RunView, viewOf } from './read.ts';
import { insertLines } from './run.ts';
import { type RunKind, run } from './tables.ts';

/** A year end names its year; a run of lots the last day of the latest lots it takes. */
interface NewRun {
  kind: RunKind;
  year?: number | undefined;
  throughOn?: string | undefined;
}

/** How long before its last day a run of lots may be previewed. */
const daysAhead = 366;

/**
 * Finds out what each household keeps and loses. Nothing moves.
 * @throws Refusal `validation-failed` | `out-of-bounds` (the year) | `business-date-refused` | `feature-off` (points are
 *   carried over) | `year-end-done` (facts: `runId`) | `already-exists` (facts: `existingId`)
 */
export async function preview(
  tx: Tx,
  actor: Actor,
  village: string,
  input: NewRun,
  now: Temporal.Instant,
): Promise<RunView> {
  const throughOn = await lastDayOf(tx, village, input, now);
  const rule = await ruleOf(tx, village, input.kind, throughOn);
  await refuseSecond(tx, village, input.kind, throughOn);
  const { bookNumber, holdings } = await holdingsOf(tx, village, rule);
  const id = randomUUIDv7();
  const lines = holdings.map(({ householdId, available, ...rest }) => ({
    householdId,
    available,
    expiring: dueOf(rule, { householdId, available, ...rest }),
  }));
  const total = (of: 'available' | 'expiring') => lines.reduce((sum, line) => sum + line[of], 0);
  const [row] = await tx
    .insert(run)
    .values({
      village,
      id,
      kind: input.kind,
      ...rule,
      bookNumber,
      households: lines.length,
      available: total('available'),
      expiring: total('expiring'),
      state: 'previewed',
      previewedBy: actor.id,
      previewedAt: iso(now),
      settled: 0,
      taken: 0,
    })
    .returning();
  await insertLines(tx, { village, runId: id }, lines);
  return viewOf(row!);
}

/**
 * What a run of this kind takes: a year end what the policy of its last day says.
 * @throws Refusal `feature-off` (facts: `feature`)
 */
export async function ruleOf(tx: Tx, village: string, kind: RunKind, throughOn: string): Promise<Rule> {
  if (kind === 'lots') return { rule: 'lots', throughOn, capPoints: null };
  const { yearEnd, yearEndCapPoints } = await policyOn(tx, village, Temporal.PlainDate.from(throughOn));
  if (yearEnd === 'carry') throw new Refusal('feature-off', { feature: 'yearEnd' });
  return { rule: yearEnd, throughOn, capPoints: yearEnd === 'cap' ? yearEndCapPoints : null };
}

async function lastDayOf(tx: Tx, village: string, input: NewRun, now: Temporal.Instant): Promise<string> {
  const named = input.kind === 'yearEnd' ? input.year : input.throughOn;
  const other = input.kind === 'yearEnd' ? input.throughOn : input.year;
  if (named === undefined || other !== undefined) {
    const pointer = input.kind === 'yearEnd' ? '/year' : '/throughOn';
    const detail =
      input.kind === 'yearEnd'
        ? { zh: '年终处理须填年度，不填截至日期。', en: 'A year-end run needs year, and no throughOn.' }
        : { zh: '到期清零须填截至日期，不填年度。', en: 'A run of dated points needs throughOn, and no year.' };
    throw malformed(pointer, 'required', detail);
  }
  const { openedOn } = await getVillage(tx, village);
  if (typeof named === 'number') {
    const [min, max] = [Number(openedOn.slice(0, 4)), dayOf(now).year];
    if (named < min || named > max) throw new Refusal('out-of-bounds', { field: 'year', min, max });
    return `${named}-12-31`;
  }
  const latest = dayOf(now).add({ days: daysAhead }).toString();
  if (named < openedOn || named > latest) throw new Refusal('business-date-refused', { earliest: openedOn, latest });
  return named;
}

/** Once for each year, and for each last day of lots. */
async function refuseSecond(tx: Tx, village: string, kind: RunKind, throughOn: string): Promise<void> {
  const [other] = await tx
    .select({ id: run.id, state: run.state })
    .from(run)
    .where(and(eq(run.village, village), eq(run.kind, kind), eq(run.throughOn, throughOn), ne(run.state, 'cancelled')));
  if (other === undefined) return;
  if (kind === 'yearEnd' && (other.state === 'posting' || other.state === 'posted')) {
    throw new Refusal('year-end-done', { runId: other.id });
  }
  throw new Refusal('already-exists', { field: kind === 'yearEnd' ? 'year' : 'throughOn', existingId: other.id });
}
