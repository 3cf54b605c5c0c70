import { boolean, date, integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';
import type { PolicySettings } from './policy-settings.ts';

const schema = pgSchema('villages');

export const division = schema.table('division', {
  code: text().primaryKey(),
  level: text().$type<'province' | 'city' | 'county' | 'town' | 'village'>().notNull(),
  parentCode: text(),
  name: text().notNull(),
  kind: text().notNull(),
  provisional: boolean().notNull(),
  households: integer(),
});

export const village = schema.table('village', {
  village: text().primaryKey(),
  openedOn: date().notNull(),
  openedBy: uuid().notNull(),
  createdAt: instant().notNull(),
});

export const grid = schema.table(
  'grid',
  { village: text().notNull(), number: integer().notNull(), name: text().notNull() },
  table => [primaryKey({ columns: [table.village, table.number] })],
);

export const policy = schema.table(
  'policy',
  {
    village: text().notNull(),
    validFrom: date().notNull(),
    policy: jsonb().$type<PolicySettings>().notNull(),
    setBy: uuid().notNull(),
    setAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.validFrom] })],
);
