import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import type { PgTable } from 'drizzle-orm/pg-core';

/**
 * What makes the statement that inserts rows, however many: they travel as one JSON text. With a parameter for each
 * member, a thousand rows would be a query of its own length, planned anew.
 */
export function inserting<T extends PgTable>(table: T): (rows: T['$inferSelect'][]) => SQL {
  const columns = Object.entries(getTableColumns(table));
  const into = columns.map(([name]) => toSnakeCase(name)).join(', ');
  const record = columns.map(([name, column]) => `"${name}" ${column.getSQLType()}`).join(', ');
  return rows => sql`
    insert into ${table} (${sql.raw(into)})
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(${sql.raw(record)})`;
}
