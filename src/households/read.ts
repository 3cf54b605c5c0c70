import { and, asc, count, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, holds, seesWhole } from '../http/route.ts';
import { spendableBalances } from '../ledger/read.ts';
import { Refusal } from '../refusals.ts';
import { listGrids } from '../villages/read.ts';
import { folded, numberKey } from './folding.ts';
import { openFreezes } from './freezes.ts';
import { maskName, maskPhone } from './masking.ts';
import { card, household, member } from './tables.ts';

interface MemberView {
  id: string;
  name: string;
  phone: string | null;
  idLast4: string | null;
  isHead: boolean;
  diedOn: string | null;
}

export interface HouseholdView {
  id: string;
  number: string;
  village: string;
  grid: number | null;
  address: string | null;
  state: 'active' | 'frozen' | 'closed';
  /** Since when and by whom, while it is frozen, and why, for those who see the file whole. */
  frozen: { since: string; byUserId: string; reason: string | null } | null;
  headMemberId: string;
  headName: string;
  memberCount: number;
  cardCount: number;
  hasPin: boolean;
  pinTriesUsed: number;
  members: MemberView[];
  createdAt: string;
}

export type HouseholdRow = typeof household.$inferSelect;

/** @throws Refusal `not-found` */
export async function getHouseholdRow(db: Db, village: string, id: string): Promise<HouseholdRow> {
  return one(
    await db
      .select()
      .from(household)
      .where(and(eq(household.village, village), eq(household.id, id))),
  );
}

/** The household whose passbook bears this number, with or without its leading zeros, if there is one. */
export async function findHouseholdByNumber(
  db: Db,
  village: string,
  number: string,
): Promise<HouseholdRow | undefined> {
  const [row] = await db
    .select()
    .from(household)
    .where(and(eq(household.village, village), eq(household.numberKey, numberKey(number))));
  return row;
}

/** The household's file, masked unless the caller may see it whole. @throws Refusal `not-found` */
export async function getHousehold(db: Db, actor: Actor, village: string, id: string): Promise<HouseholdView> {
  const row = await getHouseholdRow(db, village, id);
  const [view] = await viewsOf(db, actor, village, [row]);
  return view!;
}

/** Households by number. `q` finds a number's beginning, or, for those who see names, a member's name. */
export async function listHouseholds(
  db: Db,
  actor: Actor,
  village: string,
  query: { limit: number; cursor?: string | undefined; q?: string | undefined; grid?: number | undefined },
): Promise<Page<HouseholdView>> {
  const filters = { list: 'households', village, q: query.q ?? null, grid: query.grid ?? null };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(household)
    .where(
      and(
        eq(household.village, village),
        query.grid === undefined ? undefined : eq(household.grid, query.grid),
        query.q === undefined ? undefined : matches(actor, village, query.q),
        start && gt(household.number, start[0]),
      ),
    )
    .orderBy(asc(household.number))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.number]);
  return { ...listed, data: await viewsOf(db, actor, village, listed.data) };
}

function matches(actor: Actor, village: string, q: string) {
  const term = folded(q);
  if (term === '') return sql`false`;
  const number = term.toUpperCase();
  const byNumber = sql`(starts_with(${household.number}, ${number}) or starts_with(${household.numberKey}, ${number}))`;
  if (!holds(actor, village, ['villageAdmin', 'clerk'])) return byNumber;
  return sql`(${byNumber} or exists (select from households.member m
    where m.village = ${village} and m.household_id = ${household.id} and position(${term} in m.name_folded) > 0))`;
}

async function viewsOf(
  db: Db,
  actor: Actor,
  village: string,
  rows: (typeof household.$inferSelect)[],
): Promise<HouseholdView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(row => row.id);
  const people = await db
    .select()
    .from(member)
    .where(
      and(
        eq(member.village, village),
        // The last head of a household that was merged is a member of another one.
        or(
          inArray(member.householdId, ids),
          inArray(
            member.id,
            rows.map(row => row.headMemberId),
          ),
        ),
      ),
    )
    .orderBy(asc(member.id));
  const cards = await db
    .select({ householdId: card.householdId, cards: count() })
    .from(card)
    .where(and(eq(card.village, village), inArray(card.householdId, ids), isNull(card.revokedAt)))
    .groupBy(card.householdId);
  const byHousehold = Map.groupBy(people, one => one.householdId);
  const names = new Map(people.map(one => [one.id, one.name]));
  const freezes = await openFreezes(db, village, rows);
  const cardCounts = new Map(cards.map(row => [row.householdId, row.cards]));
  return rows.map(row => {
    const whole = seesWhole(actor, village, row.id);
    const members = (byHousehold.get(row.id) ?? []).sort((a, b) => rankOf(row, a) - rankOf(row, b));
    const own = members.map(one => ({
      id: one.id,
      name: whole ? one.name : maskName(one.name),
      phone: one.phone === null || whole ? one.phone : maskPhone(one.phone),
      idLast4: whole ? one.idLast4 : null,
      isHead: one.id === row.headMemberId,
      diedOn: one.diedOn,
    }));
    const headName = names.get(row.headMemberId)!;
    const frozen = freezes.get(row.id);
    return {
      id: row.id,
      number: row.number,
      village,
      grid: row.grid,
      address: whole ? row.address : null,
      state: row.state,
      frozen: frozen === undefined ? null : { ...frozen, reason: whole ? frozen.reason : null },
      headMemberId: row.headMemberId,
      headName: whole ? headName : maskName(headName),
      memberCount: own.filter(one => one.diedOn === null).length,
      cardCount: cardCounts.get(row.id) ?? 0,
      hasPin: row.pinHash !== null,
      pinTriesUsed: row.pinFailedAttempts,
      members: own,
      createdAt: row.createdAt,
    };
  });
}

/** The head stands first. */
function rankOf(row: { headMemberId: string }, one: { id: string }): number {
  return one.id === row.headMemberId ? 0 : 1;
}

/** Households that neither closed nor are frozen, by number. */
export async function listActiveHouseholds(db: Db, village: string): Promise<string[]> {
  const rows = await db
    .select({ id: household.id })
    .from(household)
    .where(and(eq(household.village, village), eq(household.state, 'active')))
    .orderBy(asc(household.number));
  return rows.map(row => row.id);
}

/** A person of the register. @throws Refusal `not-found` */
export async function getMember(db: Db, village: string, id: string): Promise<typeof member.$inferSelect> {
  return one(
    await db
      .select()
      .from(member)
      .where(and(eq(member.village, village), eq(member.id, id))),
  );
}

/** A person with the household, masked unless the caller may see it whole. @throws Refusal `not-found` */
export async function getMemberView(
  db: Db,
  actor: Actor,
  village: string,
  id: string,
): Promise<MemberView & { householdId: string }> {
  const { householdId } = await getMember(db, village, id);
  const { members } = await getHousehold(db, actor, village, householdId);
  return { householdId, ...members.find(one => one.id === id)! };
}

export interface PointsView {
  available: number;
  /** Their last day has passed: they cannot be spent, and the next run takes them. */
  ended: number;
  pending: number;
  held: number;
  base: number;
  honour: number;
  /** What is owed, as a positive number. */
  arrears: number;
  expiring: { points: number; expiresOn: string }[];
  asOfNumber: number;
}

/** What a household has on a day: each point is counted once. @throws Refusal `not-found` */
export async function getPoints(db: Db, village: string, id: string, today: Temporal.PlainDate): Promise<PointsView> {
  await getHouseholdRow(db, village, id);
  return spendableBalances(db, village, id, today);
}

export async function hasGrid(db: Db, village: string, number: number): Promise<boolean> {
  return (await listGrids(db, village)).some(grid => grid.number === number);
}

/** @throws Refusal `not-found` when a village has not all of these households */
export async function refuseUnknownHouseholds(db: Db, village: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const known = await db
    .select({ id: household.id })
    .from(household)
    .where(and(eq(household.village, village), inArray(household.id, ids)));
  if (known.length < ids.length) throw new Refusal('not-found', { field: 'householdId' });
}
