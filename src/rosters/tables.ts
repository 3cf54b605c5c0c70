import { boolean, integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant } from '../db/columns.ts';
import type { Header } from './columns.ts';

const schema = pgSchema('households');

type ImportState = 'received' | 'checking' | 'reported' | 'committing' | 'done' | 'failed';

export const rosterImport = schema.table(
  'roster_import',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    state: text().$type<ImportState>().notNull(),
    dryRun: boolean().notNull(),
    format: text().$type<'csv' | 'xlsx'>().notNull(),
    bytes: integer().notNull(),
    content: bytea(),
    encoding: text(),
    sheet: text(),
    headerRow: integer(),
    columns: jsonb().$type<Header['understood']>().notNull(),
    ignoredColumns: text().array().notNull(),
    attempts: integer().notNull(),
    rows: integer().notNull(),
    households: integer().notNull(),
    good: integer().notNull(),
    alreadyThere: integer().notNull(),
    mistakes: integer().notNull(),
    entered: integer().notNull(),
    takenOver: integer().notNull(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    reportedAt: instant(),
    committedBy: uuid(),
    committedAt: instant(),
    endedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const rosterMistake = schema.table(
  'roster_mistake',
  {
    village: text().notNull(),
    importId: uuid().notNull(),
    row: integer().notNull(),
    columnName: text().notNull(),
    code: text().notNull(),
    facts: jsonb().$type<Record<string, string | number>>().notNull(),
    chosen: boolean().notNull(),
    takenOver: boolean().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.importId, table.row, table.columnName, table.code] })],
);
