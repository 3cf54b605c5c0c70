import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import type { PgTable } from 'drizzle-orm/pg-core';

/**
 * What makes the statement that inserts rows, however many: they travel as one JSON text. With a parameter for each
 * member, a thousand rows would be a query of its own length, planned anew. Of `common`, rows that are alike in all of it
 * say it once: what a list has in common is most of its text.
 */
export function inserting<T extends PgTable>(
  table: T,
  common: readonly (keyof T['$inferSelect'] & string)[],
): (rows: T['$inferSelect'][]) => SQL {
  const columns = columnsOf(table);
  const own = columns.names.filter(name => !common.includes(name));
  const values = sql.raw(columns.names.map(name => `${own.includes(name) ? 'r' : 'c'}."${name}"`).join(', '));
  return rows => {
    const lists = [...Map.groupBy(rows, row => JSON.stringify(common.map(name => row[name]))).values()].map(alike => ({
      ...membersOf(alike[0]!, common),
      rows: alike.map(row => membersOf(row, own)),
    }));
    return sql`
    insert into ${table} (${columns.into})
    select ${values}
      from json_to_recordset(${JSON.stringify(lists)}::json) as c(rows json, ${columns.record(common)}),
           json_to_recordset(c.rows) as r(${columns.record(own)})`;
  };
}

/**
 * The same of rows that PostgreSQL completes: `beside` is a table of the same statement, whose `place` says to which row a
 * row of it belongs, and a row without one is left out. `completed` says what becomes of which column, of the row `r` and
 * of `beside`.
 */
export function insertingBeside<T extends PgTable>(
  table: T,
  beside: string,
  completed: Partial<Record<keyof T['$inferSelect'] & string, string>>,
): (rows: (T['$inferSelect'] & { place: number })[]) => SQL {
  const { names, into, record } = columnsOf(table);
  const said: Record<string, string | undefined> = completed;
  const values = sql.raw(names.map(name => said[name] ?? `r."${name}"`).join(', '));
  return rows => sql`
    insert into ${table} (${into})
    select ${values}
      from json_to_recordset(${JSON.stringify(rows)}::json) as r(place integer, ${record(names)})
      join ${sql.raw(beside)} on ${sql.raw(beside)}.place = r.place`;
}

function columnsOf(table: PgTable) {
  const columns = getTableColumns(table);
  const names = Object.keys(columns);
  return {
    names,
    into: sql.raw(names.map(toSnakeCase).join(', ')),
    record: (of: readonly string[]) => sql.raw(of.map(name => `"${name}" ${columns[name]!.getSQLType()}`).join(', ')),
  };
}

function membersOf(row: Record<string, unknown>, names: readonly string[]): object {
  const members: Record<string, unknown> = {};
  for (const name of names) members[name] = row[name];
  return members;
}
