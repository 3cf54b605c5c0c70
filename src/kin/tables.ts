import { pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('households');

export const kin = schema.table(
  'kin',
  {
    village: text().notNull(),
    userId: uuid().notNull(),
    householdId: uuid().notNull(),
    relation: text().$type<'own' | 'kin'>().notNull(),
    declaredBy: uuid().notNull(),
    declaredAt: instant().notNull(),
    endedBy: uuid(),
    endedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.userId, table.householdId] })],
);
