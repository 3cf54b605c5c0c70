import { and, asc, desc, eq, inArray, isNotNull, lt, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { maskName } from '../households/masking.ts';
import { household } from '../households/tables.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, seesWhole } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { inForceTo } from '../rules/read.ts';
import { rule, ruleBook } from '../rules/tables.ts';
import { entrant, type Outcome, type RoundState, round } from './tables.ts';

export type RoundRow = typeof round.$inferSelect;

export type RoundView = Omit<RoundRow, 'village'>;

/** How far a judge has come: of the households that he or she may score, how many have figures or were not seen. */
interface JudgeProgress {
  judgeId: string;
  scored: number;
  notSeen: number;
  missing: number;
}

export interface Figures {
  householdId: string;
  /** Frozen or closed since the round was opened: nobody needs to score it any more. */
  active: boolean;
  /** What each judge gave; a total of null: not seen. */
  figures: { judgeId: string; total: number | null }[];
}

/** @throws Refusal `not-found` */
export async function getRoundRow(db: Db, village: string, id: string): Promise<RoundRow> {
  return one(
    await db
      .select()
      .from(round)
      .where(and(eq(round.village, village), eq(round.id, id))),
  );
}

/** A round with how far its judges have come; nobody's figures. @throws Refusal `not-found` */
export async function getRound(
  db: Db,
  village: string,
  id: string,
): Promise<RoundView & { progress: JudgeProgress[] }> {
  const row = await getRoundRow(db, village, id);
  const figures = await listFigures(db, village, id);
  return { ...viewOf(row), progress: progressOf(row, figures, await listKin(db, village, row.judges)) };
}

/** Rounds, the newest first. */
export async function listRounds(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined; month?: string | undefined; state?: RoundState | undefined },
): Promise<Page<RoundView>> {
  const { limit, cursor, month, state } = query;
  const filters = { list: 'evaluationRounds', village, month, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(round)
    .where(
      and(
        eq(round.village, village),
        month === undefined ? undefined : eq(round.month, month),
        state === undefined ? undefined : eq(round.state, state),
        start && lt(round.id, start[0]),
      ),
    )
    .orderBy(desc(round.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(viewOf) };
}

interface SheetLine {
  householdId: string;
  householdNumber: string;
  grid: number | null;
  headName: string;
  /** The judge's own household or kin, which the judge leaves alone. */
  excluded: boolean;
  scores: number[] | null;
  total: number | null;
  notSeen: boolean;
  scoredAt: string | null;
}

/** Where households without a group stand: behind all others. */
const noGrid = 2_147_483_647;

/**
 * A judge's own sheet, in the order of a walk: by group, then number.
 * @throws Refusal `not-found` | `forbidden` (no judge of this round) | `cursor-mismatch`
 */
export async function listSheet(
  db: Db,
  actor: Actor,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined; missing?: boolean | undefined },
): Promise<Page<SheetLine>> {
  const { judges } = await getRoundRow(db, village, id);
  if (!judges.includes(actor.id)) throw new Refusal('forbidden', { reason: 'notAJudge' });
  const { limit, cursor, missing } = query;
  const filters = { list: 'evaluationSheet', village, id, judge: actor.id, missing };
  const start = after<[number, string]>(cursor, filters);
  const rows = await rowsOf<SheetLine>(
    db,
    sql`
    select h.id as "householdId", h.number as "householdNumber", h.grid, m.name as "headName",
           k.user_id is not null as excluded, s.scores, s.total, s.judge_id is not null and s.scores is null as "notSeen",
           to_char(s.scored_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "scoredAt"
      from evaluations.entrant e
      join households.household h on h.village = e.village and h.id = e.household_id
      join households.member m on m.village = h.village and m.id = h.head_member_id
      left join evaluations.score s on s.village = e.village and s.round_id = e.round_id
           and s.household_id = e.household_id and s.judge_id = ${actor.id}
      left join households.kin k on k.village = e.village and k.user_id = ${actor.id}
           and k.household_id = e.household_id and k.ended_at is null
     where e.village = ${village} and e.round_id = ${id}
       and ${missing === true ? sql`s.judge_id is null and k.user_id is null and h.state = 'active'` : sql`true`}
       and ${start === undefined ? sql`true` : sql`(coalesce(h.grid, ${noGrid}), h.number) > (${start[0]}::integer, ${start[1]})`}
     order by coalesce(h.grid, ${noGrid}), h.number
     limit ${limit + 1}`,
  );
  const listed = page(rows, limit, filters, row => [row.grid ?? noGrid, row.householdNumber]);
  const shown = (row: SheetLine) =>
    seesWhole(actor, village, row.householdId) ? row.headName : maskName(row.headName);
  return { ...listed, data: listed.data.map(row => ({ ...row, headName: shown(row) })) };
}

interface ResultView {
  householdId: string;
  householdNumber: string;
  outcome: Outcome;
  /** How many judges counted. */
  judges: number;
  averageHundredths: number | null;
  grade: string | null;
  awardId: string | null;
  refusal: string | null;
}

/**
 * What became of each household, by its number; nothing before the round is closed. A household sees its own.
 * @throws Refusal `not-found` | `cursor-mismatch`
 */
export async function listResults(
  db: Db,
  actor: Actor,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined; outcome?: Outcome | undefined },
): Promise<Page<ResultView>> {
  const { grades } = await getRoundRow(db, village, id);
  const { limit, cursor, outcome } = query;
  const own = actor.kind === 'household' ? actor.householdId! : undefined;
  const filters = { list: 'evaluationResults', village, id, own, outcome };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select({ entrant, householdNumber: household.number })
    .from(entrant)
    .innerJoin(household, and(eq(household.village, entrant.village), eq(household.id, entrant.householdId)))
    .where(
      and(
        eq(entrant.village, village),
        eq(entrant.roundId, id),
        isNotNull(entrant.outcome),
        own === undefined ? undefined : eq(entrant.householdId, own),
        outcome === undefined ? undefined : eq(entrant.outcome, outcome),
        start && sql`${household.number} > ${start[0]}`,
      ),
    )
    .orderBy(asc(household.number))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.householdNumber]);
  return {
    ...listed,
    data: listed.data.map(({ entrant: { village: _, roundId: __, ...row }, householdNumber }) => ({
      ...row,
      householdNumber,
      outcome: row.outcome!,
      judges: row.judges!,
      grade: row.grade === null ? null : grades[row.grade]!.title,
    })),
  };
}

/** What every judge gave every household, in the order in which awards are posted: by group, then number. */
export async function listFigures(db: Db, village: string, id: string): Promise<Figures[]> {
  return rowsOf<Figures>(
    db,
    sql`
    select e.household_id as "householdId", h.state = 'active' as active, s.figures
      from evaluations.entrant e
      join households.household h on h.village = e.village and h.id = e.household_id
     cross join lateral (
       select coalesce(json_agg(json_build_object('judgeId', judge_id, 'total', total)), '[]') as figures
         from evaluations.score
        where village = e.village and round_id = e.round_id and household_id = e.household_id) s
     where e.village = ${village} and e.round_id = ${id}
     order by h.grid nulls last, h.number`,
  );
}

/** Households that these people must keep out of, each as `<user> <household>`. */
export async function listKin(db: Db, village: string, userIds: string[]): Promise<Set<string>> {
  const rows = await rowsOf<{ pair: string }>(
    db,
    sql`
    select user_id || ' ' || household_id as pair
      from households.kin
     where village = ${village} and user_id = any(${sql.param(userIds)}::uuid[]) and ended_at is null`,
  );
  return new Set(rows.map(row => row.pair));
}

export async function listEntrantIds(db: Db, village: string, id: string): Promise<Set<string>> {
  const rows = await db
    .select({ id: entrant.householdId })
    .from(entrant)
    .where(and(eq(entrant.village, village), eq(entrant.roundId, id)));
  return new Set(rows.map(row => row.id));
}

/** What a round asks of rules, by their ids: whom they belong to, whether they give or take, what, how often and when. */
export async function listRules(db: Db, village: string, ids: string[]) {
  const rows = await db
    .select({
      id: rule.id,
      direction: rule.direction,
      capScope: rule.capScope,
      capTimes: rule.capTimes,
      points: rule.points,
      inForceFrom: ruleBook.inForceFrom,
      inForceTo,
    })
    .from(rule)
    .innerJoin(ruleBook, and(eq(ruleBook.village, rule.village), eq(ruleBook.id, rule.ruleBookId)))
    .where(and(eq(rule.village, village), inArray(rule.id, ids)));
  return new Map(rows.map(row => [row.id, row]));
}

export function progressOf(row: RoundRow, figures: Figures[], kin: Set<string>): JudgeProgress[] {
  return row.judges.map(judgeId => {
    const progress = { judgeId, scored: 0, notSeen: 0, missing: 0 };
    for (const { householdId, active, figures: given } of figures) {
      const own = given.find(figure => figure.judgeId === judgeId);
      if (own !== undefined) progress[own.total === null ? 'notSeen' : 'scored'] += 1;
      else if (active && !kin.has(`${judgeId} ${householdId}`)) progress.missing += 1;
    }
    return progress;
  });
}

export function viewOf({ village: _, ...row }: RoundRow): RoundView {
  return row;
}
