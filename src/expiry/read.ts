import { and, asc, desc, eq, gt, isNotNull, lt, sql } from 'drizzle-orm';
import { dayOf } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { household } from '../households/tables.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { expiryLine, type RunKind, type RunState, run } from './tables.ts';

type RunRow = typeof run.$inferSelect;

export interface RunView extends Omit<RunRow, 'village'> {
  /** Of a year end. */
  year: number | null;
  /** Days on which people are reminded, 60, 30 and 7 days before it is due; none before it was announced. */
  reminders: string[];
}

const reminderDays = [60, 30, 7];

/** A household is told of what was announced. @throws Refusal `not-found` */
export async function getRun(db: Db, actor: Actor, village: string, id: string): Promise<RunView> {
  const rows = await db
    .select()
    .from(run)
    .where(and(eq(run.village, village), eq(run.id, id), visibleTo(actor)));
  return viewOf(one(rows));
}

/** Runs, the newest first. */
export async function listRuns(
  db: Db,
  actor: Actor,
  village: string,
  query: { limit: number; cursor?: string | undefined; kind?: RunKind | undefined; state?: RunState | undefined },
): Promise<Page<RunView>> {
  const { limit, cursor, kind, state } = query;
  const filters = { list: 'expiryRuns', village, kind, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(run)
    .where(
      and(
        eq(run.village, village),
        visibleTo(actor),
        kind === undefined ? undefined : eq(run.kind, kind),
        state === undefined ? undefined : eq(run.state, state),
        start && lt(run.id, start[0]),
      ),
    )
    .orderBy(desc(run.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(viewOf) };
}

interface LineView {
  householdId: string;
  householdNumber: string;
  /** What it had when the run was previewed, and what of it the run would take and leave. */
  available: number;
  expiring: number;
  kept: number;
  /** What was taken; null while it has not come to this household. */
  taken: number | null;
  transactionNumber: number | null;
}

/** Lines of a run by the number of the household; of a household, its own. @throws Refusal `not-found` */
export async function listLines(
  db: Db,
  actor: Actor,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined; householdId?: string | undefined },
): Promise<Page<LineView>> {
  await getRun(db, actor, village, id);
  const { limit, cursor } = query;
  const own = actor.kind === 'household' ? actor.householdId! : undefined;
  const filters = { list: 'expiryLines', village, id, own, householdId: query.householdId };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select({
      householdId: expiryLine.householdId,
      householdNumber: household.number,
      available: expiryLine.available,
      expiring: expiryLine.expiring,
      kept: sql<number>`${expiryLine.available} - ${expiryLine.expiring}`.mapWith(Number),
      taken: expiryLine.taken,
      transactionNumber: expiryLine.transactionNumber,
    })
    .from(expiryLine)
    .innerJoin(household, and(eq(household.village, expiryLine.village), eq(household.id, expiryLine.householdId)))
    .where(
      and(
        eq(expiryLine.village, village),
        eq(expiryLine.runId, id),
        own === undefined ? undefined : eq(expiryLine.householdId, own),
        query.householdId === undefined ? undefined : eq(expiryLine.householdId, query.householdId),
        start && gt(household.number, start[0]),
      ),
    )
    .orderBy(asc(household.number))
    .limit(limit + 1);
  return page(rows, limit, filters, row => [row.householdNumber]);
}

/** Runs that were agreed to and are not at their end. */
export async function listPosting(db: Db, village: string): Promise<string[]> {
  const rows = await db
    .select({ id: run.id })
    .from(run)
    .where(and(eq(run.village, village), eq(run.state, 'posting')))
    .orderBy(run.id)
    .limit(100);
  return rows.map(row => row.id);
}

export function viewOf({ village: _village, ...row }: RunRow): RunView {
  return {
    ...row,
    year: row.kind === 'yearEnd' ? Number(row.throughOn.slice(0, 4)) : null,
    reminders: remindersOf(row),
  };
}

/** What nobody has announced may still change, and is not for everybody. */
function visibleTo(actor: Actor) {
  return actor.kind === 'household' ? isNotNull(run.announcedAt) : undefined;
}

function remindersOf({ announcedAt, dueOn }: Pick<RunRow, 'announcedAt' | 'dueOn'>): string[] {
  if (announcedAt === null || dueOn === null) return [];
  const from = dayOf(Temporal.Instant.from(announcedAt)).toString();
  return reminderDays
    .map(days => Temporal.PlainDate.from(dueOn).subtract({ days }).toString())
    .filter(day => day >= from);
}
