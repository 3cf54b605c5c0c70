import { and, asc, eq, gt } from 'drizzle-orm';
import { type Db, one } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { printJob } from './tables.ts';

export type PrintJobView = Omit<typeof printJob.$inferSelect, 'village'>;

/** A kiosk has jobs of its own, and knows of no others. @throws Refusal `not-found` */
export function refuseForeign(actor: Actor, job: { kioskId: string | null }): void {
  if (actor.kind === 'kiosk' && job.kioskId !== actor.kioskId) throw new Refusal('not-found');
}

/** @throws Refusal `not-found` */
export async function getPrintJob(db: Db, actor: Actor, village: string, id: string): Promise<PrintJobView> {
  const job = one(
    await db
      .select()
      .from(printJob)
      .where(and(eq(printJob.village, village), eq(printJob.id, id))),
  );
  refuseForeign(actor, job);
  return viewOf(job);
}

/** Print jobs, the oldest first, as they are to be printed; a kiosk's own only. */
export async function listPrintJobs(
  db: Db,
  actor: Actor,
  village: string,
  query: { limit: number; cursor?: string | undefined; state?: PrintJobView['state'] | undefined },
): Promise<Page<PrintJobView>> {
  const { limit, cursor, state } = query;
  const kioskId = actor.kind === 'kiosk' ? actor.kioskId! : undefined;
  const filters = { list: 'printJobs', village, state, kioskId };
  const start = after<[string]>(cursor, filters);
  const rows = await db
    .select()
    .from(printJob)
    .where(
      and(
        eq(printJob.village, village),
        state === undefined ? undefined : eq(printJob.state, state),
        kioskId === undefined ? undefined : eq(printJob.kioskId, kioskId),
        start && gt(printJob.id, start[0]),
      ),
    )
    .orderBy(asc(printJob.id))
    .limit(limit + 1);
  const listed = page(rows, limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(viewOf) };
}

export function viewOf({ village: _, ...job }: typeof printJob.$inferSelect): PrintJobView {
  return job;
}
