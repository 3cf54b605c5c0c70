import { and, desc, eq, lt, or, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { award } from '../earning/tables.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { type AppealState, appeal, type ObjectionState, objection } from './tables.ts';

type ObjectionRow = typeof objection.$inferSelect;
export type AppealRow = typeof appeal.$inferSelect;

/** Who objects is told to nobody, but for `mine` to whoever asks about an own one. */
export interface ObjectionView
  extends Pick<
    ObjectionRow,
    'id' | 'awardId' | 'reason' | 'lodgedAt' | 'state' | 'withdrawnAt' | 'ruledBy' | 'ruledAt' | 'ruling'
  > {
  awardNumber: string;
  householdId: string;
  mine: boolean;
}

export interface AppealView
  extends Pick<
    AppealRow,
    | 'id'
    | 'objectionId'
    | 'awardId'
    | 'against'
    | 'reason'
    | 'lodgedAt'
    | 'state'
    | 'heardBy'
    | 'heardAt'
    | 'ruling'
    | 'newAwardId'
  > {
  awardNumber: string;
  householdId: string;
  mine: boolean;
}

interface CaseQuery<State> {
  limit: number;
  cursor?: string | undefined;
  awardId?: string | undefined;
  state?: State | undefined;
}

/** @throws Refusal `not-found` (for a household: neither its own nor about its award) */
export async function getObjection(db: Db, actor: Actor, village: string, id: string): Promise<ObjectionView> {
  const rows = await selectObjections(db).where(
    and(eq(objection.village, village), eq(objection.id, id), visibleTo(actor)),
  );
  return objectionViewOf(one(rows), actor);
}

/** Objections, the newest first. A household sees its own and those about its awards. */
export async function listObjections(
  db: Db,
  actor: Actor,
  village: string,
  query: CaseQuery<ObjectionState>,
): Promise<Page<ObjectionView>> {
  const { limit, cursor, awardId, state } = query;
  const filters = { list: 'objections', village, of: actor.householdId, awardId, state };
  const start = after<[string]>(cursor, filters);
  const rows = await selectObjections(db)
    .where(
      and(
        eq(objection.village, village),
        visibleTo(actor),
        awardId === undefined ? undefined : eq(objection.awardId, awardId),
        state === undefined ? undefined : eq(objection.state, state),
        start && lt(objection.id, start[0]),
      ),
    )
    .orderBy(desc(objection.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.objection.id]);
  return { ...listed, data: listed.data.map(row => objectionViewOf(row, actor)) };
}

/** @throws Refusal `not-found` (for a household: neither its own nor about its award) */
export async function getAppeal(db: Db, actor: Actor, village: string, id: string): Promise<AppealView> {
  const rows = await selectAppeals(db).where(and(eq(appeal.village, village), eq(appeal.id, id), visibleTo(actor)));
  return appealViewOf(one(rows), actor);
}

/** Appeals, the newest first. A household sees its own and those about its awards. */
export async function listAppeals(
  db: Db,
  actor: Actor,
  village: string,
  query: CaseQuery<AppealState>,
): Promise<Page<AppealView>> {
  const { limit, cursor, awardId, state } = query;
  const filters = { list: 'appeals', village, of: actor.householdId, awardId, state };
  const start = after<[string]>(cursor, filters);
  const rows = await selectAppeals(db)
    .where(
      and(
        eq(appeal.village, village),
        visibleTo(actor),
        awardId === undefined ? undefined : eq(appeal.awardId, awardId),
        state === undefined ? undefined : eq(appeal.state, state),
        start && lt(appeal.id, start[0]),
      ),
    )
    .orderBy(desc(appeal.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.appeal.id]);
  return { ...listed, data: listed.data.map(row => appealViewOf(row, actor)) };
}

/** Whether it was this caller who objected, at a kiosk or through somebody who entered it. */
export function isOwn(row: Pick<ObjectionRow, 'objectorId' | 'lodgedBy'>, actor: Actor): boolean {
  return row.objectorId === actor.id || row.lodgedBy === actor.id;
}

/** The objection as it is in the table, with the household of its award. @throws Refusal `not-found` */
export async function getObjectionRow(
  db: Db,
  village: string,
  id: string,
): Promise<ObjectionRow & { householdId: string }> {
  const found = one(await selectObjections(db).where(and(eq(objection.village, village), eq(objection.id, id))));
  return { ...found.objection, householdId: found.householdId };
}

/** @throws Refusal `not-found` */
export async function getAppealRow(db: Db, village: string, id: string): Promise<AppealRow> {
  const found = one(await selectAppeals(db).where(and(eq(appeal.village, village), eq(appeal.id, id))));
  return found.appeal;
}

function selectObjections(db: Db) {
  return db
    .select({ objection, householdId: award.householdId, awardNumber: award.number })
    .from(objection)
    .innerJoin(award, and(eq(award.village, objection.village), eq(award.id, objection.awardId)));
}

function selectAppeals(db: Db) {
  return db
    .select({ appeal, objection, householdId: award.householdId, awardNumber: award.number })
    .from(appeal)
    .innerJoin(objection, and(eq(objection.village, appeal.village), eq(objection.id, appeal.objectionId)))
    .innerJoin(award, and(eq(award.village, appeal.village), eq(award.id, appeal.awardId)));
}

/** Everything, for staff. Both selections join the objection and the award. */
function visibleTo(actor: Actor) {
  return actor.kind === 'household'
    ? or(eq(award.householdId, actor.householdId!), eq(objection.objectorId, actor.householdId!))
    : undefined;
}

function objectionViewOf(
  row: { objection: ObjectionRow; householdId: string; awardNumber: string },
  actor: Actor,
): ObjectionView {
  const { id, awardId, reason, lodgedAt, state, withdrawnAt, ruledBy, ruledAt, ruling } = row.objection;
  const { householdId, awardNumber } = row;
  const mine = isOwn(row.objection, actor);
  return {
    id,
    awardId,
    awardNumber,
    householdId,
    reason,
    lodgedAt,
    mine,
    state,
    withdrawnAt,
    ruledBy,
    ruledAt,
    ruling,
  };
}

function appealViewOf(
  row: { appeal: AppealRow; objection: ObjectionRow; householdId: string; awardNumber: string },
  actor: Actor,
): AppealView {
  const { id, objectionId, awardId, against, reason, lodgedAt, state, heardBy, heardAt, ruling, newAwardId } =
    row.appeal;
  const { householdId, awardNumber } = row;
  const mine =
    row.appeal.lodgedBy === actor.id ||
    (against === 'dismissed' ? isOwn(row.objection, actor) : householdId === actor.id);
  return {
    id,
    objectionId,
    awardId,
    awardNumber,
    householdId,
    against,
    reason,
    lodgedAt,
    mine,
    state,
    heardBy,
    heardAt,
    ruling,
    newAwardId,
  };
}

/** Whether it was this ruling that took the award back, and not two people, or an appeal, before it. */
export async function tookBack(db: Db, village: string, ruled: ObjectionRow): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    select 1 as one
      from earning.award a
      join ledger.transaction t on t.village = a.village and t.number = a.reversal_number
     where a.village = ${village} and a.id = ${ruled.awardId} and t.actor = ${ruled.ruledBy}
       and t.occurred_at = ${ruled.ruledAt}`,
  );
  return rows.length > 0;
}

/** Who has ruled on objections to an award. */
export async function listRulers(db: Db, village: string, awardId: string): Promise<string[]> {
  const rows = await db
    .select({ ruledBy: objection.ruledBy })
    .from(objection)
    .where(and(eq(objection.village, village), eq(objection.awardId, awardId)));
  return rows.flatMap(row => row.ruledBy ?? []);
}
