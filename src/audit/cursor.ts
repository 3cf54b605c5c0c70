import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db/database.ts';

const rowsAtOnce = 500;

/**
 * Rows of a query, some hundred at a time, through a cursor of the database transaction: a book of any size is read in
 * the memory of one batch. One at a time for each database transaction.
 */
export async function* batchesOf<T>(db: Db, query: SQL): AsyncGenerator<T[]> {
  await db.execute(sql`declare batches no scroll cursor for ${query}`);
  for (;;) {
    const rows = await rowsOf<T>(db, sql`fetch ${sql.raw(String(rowsAtOnce))} from batches`);
    if (rows.length > 0) yield rows;
    if (rows.length < rowsAtOnce) break;
  }
  await db.execute(sql`close batches`);
}
