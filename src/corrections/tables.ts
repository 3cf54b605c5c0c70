import { integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';
import type { SubjectKind } from './subjects.ts';

const schema = pgSchema('corrections');

export const correction = schema.table(
  'correction',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    subject: text().$type<SubjectKind>().notNull(),
    subjectId: text().notNull(),
    version: integer().notNull(),
    householdId: uuid(),
    field: text().notNull(),
    oldValue: text(),
    newValue: text(),
    byUser: uuid().notNull(),
    at: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
