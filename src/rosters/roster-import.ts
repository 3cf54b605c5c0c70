import { and, eq, lt, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { one, rowsOf, type Tx } from '../db/database.ts';
import type { Mistake } from './mistakes.ts';
import { type ImportRow, withoutContent } from './read.ts';
import { rosterImport } from './tables.ts';

/** The row of an import: how it is locked, moved from state to state, and given up; and the mistakes that it counts. */

export interface ImportKey {
  village: string;
  importId: string;
}

/** A job for each roster that was sent, and another when it is committed. */
export const importQueue = 'households.import';

/** What is written down of a roster that is nothing but mistakes. */
const mistakesMax = 10_000;

/** The import, but for its file, which no other job moves until the database transaction ends. @throws Refusal `not-found` */
export async function lockImport(tx: Tx, key: ImportKey): Promise<ImportRow> {
  return one(await tx.select(withoutContent).from(rosterImport).where(byKey(key)).for('update'));
}

export async function updateImport(
  tx: Tx,
  key: ImportKey,
  to: Partial<typeof rosterImport.$inferInsert>,
): Promise<void> {
  await tx.update(rosterImport).set(to).where(byKey(key));
}

/** Ends an import of which nothing comes, with the reason, and forgets its file. */
export async function failImport(
  tx: Tx,
  key: ImportKey,
  mistakes: Mistake[],
  now: Temporal.Instant,
): Promise<'failed'> {
  await recordMistakes(tx, key, mistakes);
  await updateImport(tx, key, { state: 'failed', content: null, endedAt: iso(now) });
  return 'failed';
}

/** Gives up those that were reported before an instant and that nobody committed, and forgets their files. */
export async function failUncommitted(tx: Tx, village: string, before: string, now: Temporal.Instant): Promise<void> {
  await tx
    .update(rosterImport)
    .set({ state: 'failed', content: null, endedAt: iso(now) })
    .where(
      and(eq(rosterImport.village, village), eq(rosterImport.state, 'reported'), lt(rosterImport.createdAt, before)),
    );
}

/** Mistakes that are written down already are not written again, nor counted. */
export async function recordMistakes(tx: Tx, { village, importId }: ImportKey, mistakes: Mistake[]): Promise<void> {
  const listed = JSON.stringify(mistakes.slice(0, mistakesMax));
  const written = await rowsOf(
    tx,
    sql`
    insert into households.roster_mistake (village, import_id, row, column_name, code, facts)
    select ${village}, ${importId}, m.row, m."column", m.code, m.facts
      from jsonb_to_recordset(${listed}::jsonb) m(row integer, "column" text, code text, facts jsonb)
    on conflict do nothing returning 1 as one`,
  );
  await tx
    .update(rosterImport)
    .set({ mistakes: sql`${rosterImport.mistakes} + ${written.length}` })
    .where(byKey({ village, importId }));
}

function byKey(key: ImportKey) {
  return and(eq(rosterImport.village, key.village), eq(rosterImport.id, key.importId));
}
