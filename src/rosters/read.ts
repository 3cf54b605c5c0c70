import { and, desc, eq, getTableColumns, inArray, lt, sql } from 'drizzle-orm';
import { type Db, one, rowsOf } from '../db/database.ts';
import { after, type Page, page } from '../http/paging.ts';
import { differenceKey, type Mistake, takeable, wordsOf } from './mistakes.ts';
import { rosterImport } from './tables.ts';

/** All columns of an import but the file, which nobody asks for in passing. */
const { content: _, ...columns } = getTableColumns(rosterImport);
export const withoutContent = columns;

export type ImportRow = Omit<typeof rosterImport.$inferSelect, 'content'>;
export type ImportView = Omit<ImportRow, 'attempts'>;

/** @throws Refusal `not-found` */
export async function getImport(db: Db, village: string, id: string): Promise<ImportView> {
  const rows = await db
    .select(withoutContent)
    .from(rosterImport)
    .where(and(eq(rosterImport.village, village), eq(rosterImport.id, id)));
  return one(rows);
}

/** Imports, the newest first. */
export async function listImports(
  db: Db,
  village: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<ImportView>> {
  const filters = { list: 'rosterImports', village };
  const start = after<[string]>(query.cursor, filters);
  const rows = await db
    .select(withoutContent)
    .from(rosterImport)
    .where(and(eq(rosterImport.village, village), start && lt(rosterImport.id, start[0])))
    .orderBy(desc(rosterImport.id))
    .limit(query.limit + 1);
  return page(rows, query.limit, filters, row => [row.id]);
}

interface MistakeView {
  row: number;
  column: string | null;
  code: string;
  zh: string;
  en: string;
  difference: string | null;
  takenOver: boolean;
}

/** What is wrong with an import, by row. @throws Refusal `not-found` */
export async function listMistakes(
  db: Db,
  village: string,
  id: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<MistakeView>> {
  await getImport(db, village, id);
  const filters = { list: 'rosterMistakes', village, id };
  const start = after<[number, string, string]>(query.cursor, filters);
  const rows = await rowsOf<Mistake & { takenOver: boolean }>(
    db,
    sql`
    select row, column_name as "column", code, facts, taken_over as "takenOver" from households.roster_mistake
     where village = ${village} and import_id = ${id}
       ${start && sql`and (row, column_name, code) > (${start[0]}, ${start[1]}, ${start[2]})`}
     order by row, column_name, code limit ${query.limit + 1}`,
  );
  const listed = page(rows, query.limit, filters, ({ row, column, code }) => [row, column, code]);
  return { ...listed, data: listed.data.map(mistakeView) };
}

function mistakeView({ row, column, code, facts, takenOver }: Mistake & { takenOver: boolean }): MistakeView {
  const difference = takeable.has(code) ? differenceKey({ row, code }) : null;
  return { row, column: column || null, code, ...wordsOf({ code, facts }), difference, takenOver };
}

/** The file, a piece at a time: as one text it would take its size three times over. */
export async function readContent(db: Db, village: string, id: string, bytes: number): Promise<Buffer> {
  const file = Buffer.alloc(bytes);
  const step = 1024 * 1024;
  for (let from = 0; from < bytes; from += step) {
    const [piece] = await rowsOf<{ piece: Buffer | null }>(
      db,
      sql`
      select substring(content from ${from + 1}::integer for ${step}::integer) as piece from households.roster_import
       where village = ${village} and id = ${id}`,
    );
    piece?.piece?.copy(file, from);
  }
  return file;
}

/** Rows in which the report has found something. */
export async function mistakenRows(db: Db, village: string, id: string): Promise<Set<number>> {
  const rows = await rowsOf<{ row: number }>(
    db,
    sql`select distinct row from households.roster_mistake where village = ${village} and import_id = ${id}`,
  );
  return new Set(rows.map(({ row }) => row));
}

/** Imports that a job has begun on, or should have, and that are not at their end. */
export async function listUnfinished(db: Db, village: string): Promise<string[]> {
  const rows = await db
    .select({ id: rosterImport.id })
    .from(rosterImport)
    .where(and(eq(rosterImport.village, village), inArray(rosterImport.state, ['received', 'checking', 'committing'])))
    .orderBy(rosterImport.id)
    .limit(100);
  return rows.map(row => row.id);
}
