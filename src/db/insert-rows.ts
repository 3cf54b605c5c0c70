import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import type { PgTable } from 'drizzle-orm/pg-core';

/**
 * What makes the statement that inserts rows, however many: they travel as one JSON text. With a parameter for each
 * member, a thousand rows would be a query of its own length, planned anew.
 */
export function inserting<T extends PgTable>(table: T): (rows: T['$inferSelect'][]) => SQL {
  const { into, record } = shapeOf(table);
  return rows => sql`
    insert into ${table} (${into}) select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(${record})`;
}

/**
 * As `inserting`, of rows that PostgreSQL completes: `beside` is a table of the same statement, whose `place` says to which
 * row a row of it belongs, and a row without one is left out. `completed` says what becomes of which column, of the row
 * `r` and of `beside`.
 */
export function insertingBeside<T extends PgTable>(
  table: T,
  beside: string,
  completed: Partial<Record<keyof T['$inferSelect'], string>>,
): (rows: (T['$inferSelect'] & { place: number })[]) => SQL {
  const { names, into, record } = shapeOf(table);
  const values = names.map(name => (completed as Record<string, string>)[name] ?? `r."${name}"`).join(', ');
  return rows => sql`
    insert into ${table} (${into})
    select ${sql.raw(values)}
      from json_to_recordset(${JSON.stringify(rows)}::json) as r(place integer, ${record})
      join ${sql.raw(beside)} on ${sql.raw(beside)}.place = r.place`;
}

function shapeOf(table: PgTable) {
  const columns = Object.entries(getTableColumns(table));
  return {
    names: columns.map(([name]) => name),
    into: sql.raw(columns.map(([name]) => toSnakeCase(name)).join(', ')),
    record: sql.raw(columns.map(([name, column]) => `"${name}" ${column.getSQLType()}`).join(', ')),
  };
}
