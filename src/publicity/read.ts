import { and, asc, desc, eq, lt, lte, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type NoticeState, notice, noticeLine } from './tables.ts';

export type NoticeRow = typeof notice.$inferSelect;

export type NoticeView = Omit<NoticeRow, 'village'>;

/** @throws Refusal `not-found` */
export async function getNotice(db: Db, village: string, id: string): Promise<NoticeView> {
  return viewOf(
    one(
      await db
        .select()
        .from(notice)
        .where(and(eq(notice.village, village), eq(notice.id, id))),
    ),
  );
}

/** Notices, the newest first. A cursor of one list is none of the other. */
export async function listNotices(
  db: Db,
  list: 'notices' | 'publicNotices',
  village: string,
  query: { limit: number; cursor?: string | undefined; state?: NoticeState | undefined },
): Promise<Page<NoticeView>> {
  const { limit, cursor, state } = query;
  const filters = { list, village, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(notice)
    .where(
      and(
        eq(notice.village, village),
        state === undefined ? undefined : eq(notice.state, state),
        start && lt(notice.id, start[0]),
      ),
    )
    .orderBy(desc(notice.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(viewOf) };
}

/** Notices whose last day has ended and that are not closed, the oldest first. */
export async function listDue(db: Db, village: string, at: string): Promise<string[]> {
  const rows = await db
    .select({ id: notice.id })
    .from(notice)
    .where(and(eq(notice.village, village), eq(notice.state, 'running'), lte(notice.endsAt, at)))
    .orderBy(asc(notice.endsAt), asc(notice.id))
    .limit(100);
  return rows.map(row => row.id);
}

function viewOf({ village: _, ...row }: NoticeRow): NoticeView {
  return row;
}

type LineRow = typeof noticeLine.$inferSelect;

/** The line of an award. @throws Refusal `not-found` (it stands on no notice) */
export async function getLine(db: Db, village: string, awardId: string): Promise<LineRow> {
  const rows = await db
    .select()
    .from(noticeLine)
    .where(and(eq(noticeLine.village, village), eq(noticeLine.awardId, awardId)));
  return one(rows);
}

/** Objections that nobody has ruled on yet, and those of which an appeal is open. */
export async function listOpenCases(db: Db, village: string, awardId: string): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    db,
    sql`
    select id from publicity.objection where village = ${village} and award_id = ${awardId} and state = 'open'
    union all
    select objection_id from publicity.appeal where village = ${village} and award_id = ${awardId} and state = 'open'`,
  );
  return rows.map(row => row.id);
}
