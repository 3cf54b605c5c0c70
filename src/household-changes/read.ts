import { and, desc, eq, inArray, isNotNull, lt, or, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, holds, seesWhole } from '../http/route.ts';
import { abroad } from '../ledger/accounts.ts';
import { earnedOf } from '../ledger/earned.ts';
import { lotsOf } from '../ledger/lots.ts';
import type { Lots } from '../ledger/transactions.ts';
import { type Change, type Closing, leavingMembersOf } from './change.ts';
import { type ChangeKind, type ChangeState, change } from './tables.ts';

type ChangeRow = typeof change.$inferSelect;

type Told = Omit<ChangeRow, 'village' | 'lots' | 'earned' | 'closingHash' | `new${string}`>;

/** Free text may name people, and says where they live: null for those who see names masked, unless they decide. */
export interface ChangeView extends Omit<Told, 'reason'> {
  reason: string | null;
  newHousehold: { number: string | null; grid: number | null; address: string | null; headMemberId: string } | null;
}

/** @throws Refusal `not-found` (of other households too, for a household) */
export async function getChange(db: Db, actor: Actor, village: string, id: string): Promise<ChangeView> {
  const rows = await db
    .select()
    .from(change)
    .where(and(eq(change.village, village), eq(change.id, id), visibleTo(actor)));
  return changeViewOf(one(rows), actor);
}

/** Changes, the newest first. A household sees its own: those it is one side of. */
export async function listChanges(
  db: Db,
  actor: Actor,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    householdId?: string | undefined;
    kind?: ChangeKind | undefined;
    state?: ChangeState | undefined;
  },
): Promise<Page<ChangeView>> {
  const { limit, cursor, householdId, kind, state } = query;
  const filters = { list: 'householdChanges', village, of: actor.householdId, householdId, kind, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(change)
    .where(
      and(
        eq(change.village, village),
        visibleTo(actor),
        householdId === undefined ? undefined : sideOf(householdId),
        kind === undefined ? undefined : eq(change.kind, kind),
        state === undefined ? undefined : eq(change.state, state),
        start && lt(change.id, start[0]),
      ),
    )
    .orderBy(desc(change.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(row => changeViewOf(row, actor)) };
}

function changeViewOf(row: ChangeRow, actor: Actor): ChangeView {
  const { village, lots: _lots, earned: _earned, closingHash: _hash, ...shown } = row;
  const { newNumber, newGrid, newAddress, newHeadMemberId, ...told } = shown;
  const whole = seesWhole(actor, village, row.householdId);
  // Nobody decides on what they may not read.
  const reads = whole || holds(actor, village, ['supervisor']);
  const made = { number: newNumber, grid: newGrid, address: whole ? newAddress : null };
  return {
    ...told,
    reason: reads ? row.reason : null,
    rejectionReason: reads ? row.rejectionReason : null,
    newHousehold: newHeadMemberId === null ? null : { ...made, headMemberId: newHeadMemberId },
  };
}

function visibleTo(actor: Actor) {
  return actor.kind === 'household' ? sideOf(actor.householdId!) : undefined;
}

function sideOf(householdId: string) {
  return or(eq(change.householdId, householdId), eq(change.toHouseholdId, householdId));
}

/**
 * The household that has taken on all of a closed one, by merger or inheritance, and of that one if it was closed too;
 * the household itself while nobody has.
 */
export async function successorOf(db: Db, village: string, householdId: string): Promise<string> {
  const [next] = await db
    .select({ id: change.toHouseholdId })
    .from(change)
    .where(
      and(
        eq(change.village, village),
        eq(change.householdId, householdId),
        eq(change.state, 'approved'),
        inArray(change.kind, ['merge', 'death']),
        isNotNull(change.toHouseholdId),
      ),
    );
  return next === undefined ? householdId : successorOf(db, village, next.id!);
}

/** Claims and appeals that nobody has decided. */
export type OpenCases = { openClaims: number; openAppeals: number };

/**
 * The open cases that a change would leave behind, for they are awarded to the household, and to the member in it, that they
 * name: all of a household that ends, those for members who leave otherwise. What somebody did who has died is still awarded.
 */
export async function openCasesOf(db: Db, change: Change, ends: boolean): Promise<OpenCases> {
  const members = change.kind === 'death' ? [] : leavingMembersOf(change);
  if (!ends && members.length === 0) return { openClaims: 0, openAppeals: 0 };
  const { village, householdId } = change;
  const whose = sql`of.village = ${village} and of.household_id = ${householdId}
    and (${ends} or of.member_id = any(${sql.param(members)}::uuid[]))`;
  const [row] = await rowsOf<OpenCases>(
    db,
    sql`
    select (select count(*)::integer from claims.claim of
             where ${whose} and of.state in ('submitted', 'inPanel', 'awaitingSecond', 'returned')) as "openClaims",
           (select count(*)::integer from earning.award of
              join publicity.appeal a on a.village = of.village and a.award_id = of.id
             where ${whose} and a.state = 'open') as "openAppeals"`,
  );
  return row!;
}

/**
 * Reads a closing transaction in the book where it stands, for the village it names; `db` sees that book.
 * @throws Refusal `not-found`: there is none of that number which goes to `to`
 */
export async function getClosing(db: Db, from: { village: string; number: number }, to: string): Promise<Closing> {
  const { hash, available, honour, lots, earned } = one(
    await rowsOf<{ hash: string; available: number; honour: number; lots: string | null; earned: string | null }>(
      db,
      sql`
      select encode(t.hash, 'hex') as hash, l.available, l.honour, l.lots, t.frozen ->> 'earned' as earned
        from ledger.transaction t
       cross join lateral (
         select coalesce(sum(x.amount) filter (where x.asset = 'PTS'), 0)::bigint as available,
                coalesce(sum(x.amount) filter (where x.asset = 'HON'), 0)::bigint as honour,
                string_agg(t.frozen ->> ('lots:' || x.line), ',' order by x.line) as lots
           from ledger.transfer x
           join ledger.account a on a.village = x.village and a.number = x.to_account
          where x.village = t.village and x.number = t.number and a.code = ${abroad(to)}) l
       where t.village = ${from.village} and t.number = ${from.number} and t.kind = 'householdMoveOut'
         and t.frozen ->> 'toVillage' = ${to} and l.available + l.honour > 0`,
    ),
  );
  return {
    ...from,
    hash,
    available: Number(available),
    honour: Number(honour),
    lots: sumOf(lots),
    earned: earnedOf(earned),
  };
}

/** A day may stand in several lines. */
function sumOf(lots: string | null): Lots {
  const sums: Lots = {};
  for (const part of lots?.split(',') ?? []) {
    for (const [day, points] of Object.entries(lotsOf(part))) sums[day] = (sums[day] ?? 0) + points;
  }
  return sums;
}
