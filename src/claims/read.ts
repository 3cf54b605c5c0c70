import { and, asc, desc, eq, inArray, isNull, lt, lte, ne, or, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one } from '../db/database.ts';
import { award } from '../earning/tables.ts';
import { household } from '../households/tables.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, holds } from '../http/route.ts';
import { photo } from '../photos/tables.ts';
import { Refusal } from '../refusals.ts';
import { rule } from '../rules/tables.ts';
import type { ClaimKey } from './claim.ts';
import { type ClaimRow, type ClaimState, claim, type DecisionRow, decision, type Step } from './tables.ts';

/** A decision as this caller may see it: households are not told who decided. */
type DecisionView = Pick<DecisionRow, 'round' | 'step' | 'verdict' | 'quantity' | 'reason' | 'decidedAt'> & {
  decidedBy: string | null;
};

/** A claim as this caller may see it. What people wrote may name people: null for those who see names masked. */
export type ClaimView = Omit<ClaimRow, Kept | 'evidence'> & {
  ruleTitle: string;
  points: number;
  evidence: { kind: string; text: string | null }[];
  awardId: string | null;
  decisions: DecisionView[];
};

/** What the rules of review go by. */
type Kept = 'village' | 'unitPoints' | 'reviewSteps' | 'panelSize' | 'secondFromPoints' | 'passedBy' | 'confirmedBy';

/** The state in which a claim waits for each step. */
const waiting: Record<Step, ClaimState> = {
  firstReview: 'submitted',
  panel: 'inPanel',
  second: 'awaitingSecond',
};

/** @throws Refusal `not-found` (another household's too, for a household) */
export async function getClaim(db: Db, actor: Actor, village: string, id: string): Promise<ClaimView> {
  return one(await listByIds(db, actor, village, [id]));
}

/** Claims by their ids, in no order. A household is shown its own. */
export async function listByIds(db: Db, actor: Actor, village: string, ids: string[]): Promise<ClaimView[]> {
  const rows = await selectClaims(db).where(and(eq(claim.village, village), inArray(claim.id, ids), own(actor)));
  return viewsOf(db, actor, village, rows);
}

/**
 * Claims, the newest first. A household sees its own.
 * @throws Refusal `not-found` (a household asking for another one's) | `cursor-mismatch`
 */
export async function listClaims(
  db: Db,
  actor: Actor,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    householdId?: string | undefined;
    ruleId?: string | undefined;
    state?: ClaimState[] | undefined;
  },
): Promise<Page<ClaimView>> {
  const { limit, cursor, householdId, ruleId, state } = query;
  if (actor.kind === 'household' && (householdId ?? actor.householdId) !== actor.householdId) {
    throw new Refusal('not-found');
  }
  const filters = { list: 'claims', village, of: actor.householdId, householdId, ruleId, state };
  const start = after<[string]>(cursor, filters);
  const rows = await selectClaims(db)
    .where(
      and(
        eq(claim.village, village),
        own(actor),
        householdId === undefined ? undefined : eq(claim.householdId, householdId),
        ruleId === undefined ? undefined : eq(claim.ruleId, ruleId),
        state === undefined ? undefined : inArray(claim.state, state),
        start && lt(claim.id, start[0]),
      ),
    )
    .orderBy(desc(claim.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.claim.id]);
  return { ...listed, data: await viewsOf(db, actor, village, listed.data) };
}

/**
 * What waits for one step, the oldest first: nothing that this person must keep out of or has had a say in, and nothing
 * that another one is looking at.
 * @throws Refusal `cursor-mismatch`
 */
export async function listQueue(
  db: Db,
  actor: Actor,
  village: string,
  query: { step: Step; grid?: number | undefined; limit: number; cursor?: string | undefined },
  now: Temporal.Instant,
): Promise<Page<ClaimView>> {
  const { step, grid, limit, cursor } = query;
  const filters = { list: 'claimQueue', village, of: actor.id, step, grid };
  const start = after<[string]>(cursor, filters);
  const rows = await selectClaims(db)
    .where(
      and(
        eq(claim.village, village),
        eq(claim.state, waiting[step]),
        ne(claim.submittedBy, actor.id),
        or(isNull(claim.takenUntil), lte(claim.takenUntil, iso(now)), eq(claim.takenBy, actor.id)),
        sql`not households.is_kin(${village}, ${actor.id}, claim.household_id)`,
        // By the claim's key, hence `offset 0`: else all that this person ever decided is read.
        sql`not exists (select from (select * from claims.decision
                                      where village = claim.village and claim_id = claim.id offset 0) d
                         where d.decided_by = ${actor.id} and (d.round = claim.round or d.step <> ${step}))`,
        grid === undefined
          ? undefined
          : sql`exists (select from ${household} h
                         where h.village = claim.village and h.id = claim.household_id and h.grid = ${grid})`,
        start && sql`claim.id > ${start[0]}`,
      ),
    )
    .orderBy(asc(claim.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.claim.id]);
  return { ...listed, data: await viewsOf(db, actor, village, listed.data) };
}

/** @throws Refusal `not-found` */
export async function getClaimRow(db: Db, { village, claimId }: ClaimKey): Promise<ClaimRow> {
  return one(await listClaimRows(db, village, [claimId]));
}

export async function listClaimRows(db: Db, village: string, ids: string[]): Promise<ClaimRow[]> {
  return db
    .select()
    .from(claim)
    .where(and(eq(claim.village, village), inArray(claim.id, ids)));
}

/** Decisions of claims, each claim's in their order. */
export async function listDecisions(db: Db, village: string, claimIds: string[]): Promise<DecisionRow[]> {
  return db
    .select()
    .from(decision)
    .where(and(eq(decision.village, village), inArray(decision.claimId, claimIds)))
    .orderBy(asc(decision.claimId), asc(decision.number));
}

/** The open claim for the same rule and occasion, by whom the rule pays. */
export async function findOpenDuplicate(
  db: Db,
  village: string,
  of: { holderId: string; ruleCode: string; occasionKey: string },
): Promise<string | undefined> {
  const [row] = await db
    .select({ id: claim.id })
    .from(claim)
    .where(
      and(
        eq(claim.village, village),
        eq(claim.holderId, of.holderId),
        eq(claim.occasionKey, of.occasionKey),
        eq(claim.ruleCode, of.ruleCode),
        inArray(claim.state, ['submitted', 'inPanel', 'awaitingSecond', 'returned']),
      ),
    );
  return row?.id;
}

/** SHA-256 of photos in hex, in the order in which they are named. */
export async function digestsOf(db: Db, village: string, photoIds: string[]): Promise<string[]> {
  const rows = await db
    .select({ id: photo.id, sha256: photo.sha256 })
    .from(photo)
    .where(and(eq(photo.village, village), inArray(photo.id, photoIds)));
  const digests = new Map(rows.map(row => [row.id, row.sha256.toString('hex')]));
  return photoIds.map(id => digests.get(id)!);
}

type Joined = { claim: ClaimRow; ruleTitle: string; awardId: string | null };

/**
 * What a claim is listed with is found by its key, for each row: joined, a young village, of which PostgreSQL knows no statistics, would be read whole.
 */
function selectClaims(db: Db) {
  return db
    .select({
      claim,
      ruleTitle: sql<string>`(select title from ${rule} where village = claim.village and id = claim.rule_id)`,
      awardId: sql<string | null>`(select id from ${award} where village = claim.village and claim_id = claim.id)`,
    })
    .from(claim);
}

/** Nothing for staff; for a household, that it is its own. */
function own(actor: Actor) {
  return actor.kind === 'household' ? eq(claim.householdId, actor.householdId!) : undefined;
}

async function viewsOf(db: Db, actor: Actor, village: string, rows: Joined[]): Promise<ClaimView[]> {
  const ids = rows.map(row => row.claim.id);
  const decisions = Map.groupBy(await listDecisions(db, village, ids), row => row.claimId);
  return rows.map(row => viewOf(row, decisions.get(row.claim.id) ?? [], actor));
}

function viewOf({ claim: row, ruleTitle, awardId }: Joined, decisions: DecisionRow[], actor: Actor): ClaimView {
  const { village, unitPoints, reviewSteps, panelSize, secondFromPoints, passedBy, confirmedBy, ...shown } = row;
  const seen = <T>(text: T): T | null => (readsText(actor, village, row) ? text : null);
  const person = <T>(id: T): T | null => (actor.kind === 'household' ? null : id);
  return {
    ...shown,
    ruleTitle,
    points: row.customPoints ?? unitPoints * row.quantity,
    customReason: seen(row.customReason),
    place: seen(row.place),
    note: seen(row.note),
    evidence: row.evidence.map(({ kind, text }) => ({ kind, text: seen(text) })),
    takenBy: person(row.takenBy),
    takenUntil: person(row.takenUntil),
    awardId,
    decisions: decisions.map(({ round, step, verdict, quantity, reason, decidedBy, decidedAt }) => ({
      round,
      step,
      verdict,
      quantity,
      reason: seen(reason),
      decidedBy: person(decidedBy),
      decidedAt,
    })),
  };
}

/**
 * Who reads what people wrote: the household and those who work on claims, for they must decide on it. One level up,
 * where a second person is needed, before and after their word too.
 */
function readsText(actor: Actor, village: string, row: ClaimRow): boolean {
  if (actor.kind === 'household') return actor.householdId === row.householdId;
  if (holds(actor, village, ['villageAdmin', 'clerk', 'reviewer'])) return true;
  return needsSecond(row) && holds(actor, village, ['supervisor']);
}

/** Whether somebody one level up confirms it, as far as can be known: the panel may still agree to fewer units. */
function needsSecond(row: ClaimRow): boolean {
  const points = row.agreedPoints ?? row.customPoints ?? row.unitPoints * row.quantity;
  return row.state === 'awaitingSecond' || row.customPoints !== null || points >= (row.secondFromPoints ?? Infinity);
}
