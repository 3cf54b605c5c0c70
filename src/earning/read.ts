import { and, desc, eq, gte, inArray, lt, ne, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { rule } from '../rules/tables.ts';
import { type AwardView, viewOf } from './award-row.ts';
import { type AwardRow, type AwardState, award, reversal } from './tables.ts';

/** @throws Refusal `not-found` (another household's too, for a household) */
export async function getAward(db: Db, actor: Actor, village: string, id: string): Promise<AwardView> {
  const found = one(await selectAwards(db).where(and(eq(award.village, village), eq(award.id, id), own(actor))));
  return viewOf(found.award, found.ruleTitle, actor);
}

/**
 * Awards by their place in the book, the newest first. A household sees its own.
 * @throws Refusal `not-found` (a household asking for another one's) | `cursor-mismatch`
 */
export async function listAwards(
  db: Db,
  actor: Actor,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    householdId?: string | undefined;
    state?: AwardState[] | undefined;
    businessFrom?: string | undefined;
    businessTo?: string | undefined;
  },
): Promise<Page<AwardView>> {
  const { limit, cursor, householdId, state, businessFrom, businessTo } = query;
  if (actor.kind === 'household' && (householdId ?? actor.householdId) !== actor.householdId) {
    throw new Refusal('not-found');
  }
  const filters = { list: 'awards', village, of: actor.householdId, householdId, state, businessFrom, businessTo };
  const start = after<[number]>(cursor, filters);
  const rows = await selectAwards(db)
    .where(
      and(
        eq(award.village, village),
        own(actor),
        householdId === undefined ? undefined : eq(award.householdId, householdId),
        state === undefined ? undefined : inArray(award.state, state),
        businessFrom === undefined ? undefined : gte(award.businessDate, businessFrom),
        businessTo === undefined ? undefined : lt(award.businessDate, businessTo),
        start && lt(award.transactionNumber, start[0]),
      ),
    )
    .orderBy(desc(award.transactionNumber))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.award.transactionNumber]);
  return { ...listed, data: listed.data.map(row => viewOf(row.award, row.ruleTitle, actor)) };
}

type ReversalRow = typeof reversal.$inferSelect;

export type ReversalView = Omit<ReversalRow, 'village'> & { householdId: string; awardNumber: string };

/** @throws Refusal `not-found` (another household's too, for a household) */
export async function getReversal(db: Db, actor: Actor, village: string, id: string): Promise<ReversalView> {
  return reversalViewOf(
    one(await selectReversals(db).where(and(eq(reversal.village, village), eq(reversal.id, id), own(actor)))),
  );
}

/** Reversals, the newest first. A household sees those of its own awards. */
export async function listReversals(
  db: Db,
  actor: Actor,
  village: string,
  query: { limit: number; cursor?: string | undefined; state?: ReversalRow['state'][] | undefined },
): Promise<Page<ReversalView>> {
  const { limit, cursor, state } = query;
  const filters = { list: 'reversals', village, of: actor.householdId, state };
  const start = after<[string]>(cursor, filters);
  const rows = await selectReversals(db)
    .where(
      and(
        eq(reversal.village, village),
        own(actor),
        state === undefined ? undefined : inArray(reversal.state, state),
        start && lt(reversal.id, start[0]),
      ),
    )
    .orderBy(desc(reversal.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.reversal.id]);
  return { ...listed, data: listed.data.map(reversalViewOf) };
}

/** The reversal of an award that is proposed or posted. */
export async function findOpenReversal(db: Db, village: string, awardId: string): Promise<ReversalRow | undefined> {
  const [row] = await db
    .select()
    .from(reversal)
    .where(and(eq(reversal.village, village), eq(reversal.awardId, awardId), ne(reversal.state, 'rejected')));
  return row;
}

/** Honour that an award has brought: with itself, or when its publicity ended. */
export async function honourOf(
  db: Db,
  { village, transactionNumber, releaseNumber }: Pick<AwardRow, 'village' | 'transactionNumber' | 'releaseNumber'>,
): Promise<number> {
  const { honour } = one(
    await rowsOf<{ honour: number }>(
      db,
      sql`
      select coalesce(sum(amount), 0)::bigint as honour from ledger.transfer
       where village = ${village} and number in (${transactionNumber}, ${releaseNumber}) and asset = 'HON'`,
    ),
  );
  return Number(honour);
}

function selectAwards(db: Db) {
  return db
    .select({ award, ruleTitle: rule.title })
    .from(award)
    .innerJoin(rule, and(eq(rule.village, award.village), eq(rule.id, award.ruleId)));
}

function selectReversals(db: Db) {
  return db
    .select({ reversal, householdId: award.householdId, awardNumber: award.number })
    .from(reversal)
    .innerJoin(award, and(eq(award.village, reversal.village), eq(award.id, reversal.awardId)));
}

/** Nothing for staff; for a household, that it is its own. */
function own(actor: Actor) {
  return actor.kind === 'household' ? eq(award.householdId, actor.householdId!) : undefined;
}

function reversalViewOf(row: { reversal: ReversalRow; householdId: string; awardNumber: string }): ReversalView {
  const { village: _, ...rest } = row.reversal;
  return { ...rest, householdId: row.householdId, awardNumber: row.awardNumber };
}
