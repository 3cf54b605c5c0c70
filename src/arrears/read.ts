import { and, desc, eq, inArray, lt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { arrearsWaiver } from './tables.ts';

type WaiverRow = typeof arrearsWaiver.$inferSelect;

export type WaiverView = Omit<WaiverRow, 'village'>;

/** @throws Refusal `not-found` (another household's too, for a household) */
export async function getWaiver(db: Db, actor: Actor, village: string, id: string): Promise<WaiverView> {
  const { village: _, ...view } = one(
    await db
      .select()
      .from(arrearsWaiver)
      .where(and(eq(arrearsWaiver.village, village), eq(arrearsWaiver.id, id), own(actor))),
  );
  return view;
}

/** Waivers, the newest first. A household sees its own. */
export async function listWaivers(
  db: Db,
  actor: Actor,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    householdId?: string | undefined;
    state?: WaiverRow['state'][] | undefined;
  },
): Promise<Page<WaiverView>> {
  const { limit, cursor, householdId, state } = query;
  const filters = { list: 'arrearsWaivers', village, of: actor.householdId, householdId, state };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(arrearsWaiver)
    .where(
      and(
        eq(arrearsWaiver.village, village),
        own(actor),
        householdId === undefined ? undefined : eq(arrearsWaiver.householdId, householdId),
        state === undefined ? undefined : inArray(arrearsWaiver.state, state),
        start && lt(arrearsWaiver.id, start[0]),
      ),
    )
    .orderBy(desc(arrearsWaiver.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(({ village: _, ...view }) => view) };
}

/** The waiver of a household that nobody has decided on. */
export async function findOpenWaiver(db: Db, village: string, householdId: string): Promise<WaiverRow | undefined> {
  const [row] = await db
    .select()
    .from(arrearsWaiver)
    .where(
      and(
        eq(arrearsWaiver.village, village),
        eq(arrearsWaiver.householdId, householdId),
        eq(arrearsWaiver.state, 'proposed'),
      ),
    );
  return row;
}

/** Nothing for staff; for a household, that it is its own. */
function own(actor: Actor) {
  return actor.kind === 'household' ? eq(arrearsWaiver.householdId, actor.householdId!) : undefined;
}
