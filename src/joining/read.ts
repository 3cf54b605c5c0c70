import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { maskName, maskPhone } from '../households/masking.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, holds } from '../http/route.ts';
import { type Applicant, type JoinState, joinApplication } from './tables.ts';

export type JoinRow = typeof joinApplication.$inferSelect;

interface Duplicate {
  /** Which of the applicants, counted from 0. */
  place: number;
  householdId: string;
  memberId: string;
  /** `person`: the same name and end of the ID number; the others are only alike. */
  likeness: 'person' | 'phone' | 'nameAndGrid';
}

export interface JoinView extends JoinRow {
  duplicates: Duplicate[];
}

/** @throws Refusal `not-found` */
export async function getJoinApplication(db: Db, actor: Actor, village: string, id: string): Promise<JoinView> {
  const rows = await db
    .select()
    .from(joinApplication)
    .where(and(eq(joinApplication.village, village), eq(joinApplication.id, id)));
  const [view] = await viewsOf(db, actor, village, [one(rows)]);
  return view!;
}

/** Applications, the newest first. */
export async function listJoinApplications(
  db: Db,
  actor: Actor,
  village: string,
  query: { limit: number; cursor?: string | undefined; state?: JoinState | undefined },
): Promise<Page<JoinView>> {
  const { limit, cursor, state } = query;
  const filters = { list: 'joinApplications', village, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(joinApplication)
    .where(
      and(
        eq(joinApplication.village, village),
        state === undefined ? undefined : eq(joinApplication.state, state),
        start && lt(joinApplication.id, start[0]),
      ),
    )
    .orderBy(desc(joinApplication.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: await viewsOf(db, actor, village, listed.data) };
}

/** Members of other households that the applicants may be, the likeliest first. */
export async function duplicatesOf(db: Db, village: string, applicationId: string): Promise<Duplicate[]> {
  return (await duplicatesOfEach(db, village, [applicationId])).map(({ applicationId: _, ...duplicate }) => duplicate);
}

function duplicatesOfEach(db: Db, village: string, ids: string[]): Promise<(Duplicate & { applicationId: string })[]> {
  return rowsOf(
    db,
    sql`
    select a.id as "applicationId", d.place, d.household_id as "householdId", d.member_id as "memberId", d.likeness
      from unnest(${sql.param(ids)}::uuid[]) with ordinality a(id, nth)
     cross join lateral households.join_duplicates(${village}, a.id) with ordinality
           d(household_id, member_id, place, likeness, nth)
     order by a.nth, d.nth`,
  );
}

/** As this caller may see them. A kiosk, where anybody may stand, is told nothing of who is in the register. */
async function viewsOf(db: Db, actor: Actor, village: string, rows: JoinRow[]): Promise<JoinView[]> {
  const whole = holds(actor, village, ['villageAdmin', 'clerk']);
  const open = rows.filter(row => row.state === 'submitted' || row.state === 'returned').map(row => row.id);
  const found = actor.kind === 'kiosk' || open.length === 0 ? [] : await duplicatesOfEach(db, village, open);
  const byApplication = Map.groupBy(found, ({ applicationId }) => applicationId);
  return rows.map(row => ({
    ...row,
    ...(!whole && masked(row)),
    duplicates: (byApplication.get(row.id) ?? []).map(({ applicationId: _, ...duplicate }) => duplicate),
  }));
}

function masked(row: JoinRow): Partial<JoinRow> {
  return {
    address: null,
    phone: row.phone === null ? null : maskPhone(row.phone),
    members: row.members.map(maskedApplicant),
    consentBy: maskName(row.consentBy),
    question: null,
    answer: null,
    reason: null,
  };
}

function maskedApplicant({ name, phone, guardian, isMinor }: Applicant): Applicant {
  return {
    name: maskName(name),
    phone: phone === null ? null : maskPhone(phone),
    idLast4: null,
    isMinor,
    guardian: guardian === null ? null : maskName(guardian),
  };
}
