import { and, desc, eq, lt } from 'drizzle-orm';
import type { Db } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { type Actor, seesWhole } from '../http/route.ts';
import type { SubjectKind } from './subjects.ts';
import { correction } from './tables.ts';

/** How what names a person is shown to those who do not see it whole; null: not at all. */
type Mask = (value: string) => string | null;

/** Fields that name a person, by subject and field, and how each is masked. */
export type Masks = Partial<Record<`${SubjectKind}.${string}`, Mask>>;

interface CorrectionView {
  id: string;
  subject: SubjectKind;
  subjectId: string;
  householdId: string | null;
  version: number;
  field: string;
  from: string | null;
  to: string | null;
  byUserId: string;
  at: string;
}

/** Corrections, the newest first; a household sees those of its own file. */
export async function listCorrections(
  db: Db,
  actor: Actor,
  village: string,
  query: {
    limit: number;
    cursor?: string | undefined;
    subject?: SubjectKind | undefined;
    subjectId?: string | undefined;
    householdId?: string | undefined;
  },
  masks: Masks,
): Promise<Page<CorrectionView>> {
  const { subject, subjectId, householdId } = query;
  const own = actor.kind === 'household' ? actor.householdId! : undefined;
  const filters = { list: 'corrections', village, subject, subjectId, householdId, own };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select()
    .from(correction)
    .where(
      and(
        eq(correction.village, village),
        own === undefined ? undefined : eq(correction.householdId, own),
        subject === undefined ? undefined : eq(correction.subject, subject),
        subjectId === undefined ? undefined : eq(correction.subjectId, subjectId),
        householdId === undefined ? undefined : eq(correction.householdId, householdId),
        start && lt(correction.id, start[0]),
      ),
    )
    .orderBy(desc(correction.id))
    .limit(query.limit + 1);
  const listed = page(rows, query.limit, filters, row => [row.id]);
  return { ...listed, data: listed.data.map(row => viewOf(row, actor, masks)) };
}

function viewOf(row: typeof correction.$inferSelect, actor: Actor, masks: Masks): CorrectionView {
  const { village: _, oldValue, newValue, byUser, ...known } = row;
  const mask = masks[`${row.subject}.${row.field}`];
  const isWhole = mask === undefined || seesWhole(actor, row.village, row.householdId ?? '');
  const shown = (value: string | null) => (value === null || isWhole ? value : mask(value));
  return { ...known, from: shown(oldValue), to: shown(newValue), byUserId: byUser };
}
