import { integer, pgSchema, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';

const schema = pgSchema('audit');

export const checkpoint = schema.table(
  'checkpoint',
  {
    village: text().notNull(),
    size: whole().notNull(),
    name: text().notNull(),
    root: bytea().notNull(),
    publicKey: bytea().notNull(),
    note: text().notNull(),
    madeAt: instant().notNull(),
    number: integer().notNull(),
    previousSize: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.size] })],
);

export const subtree = schema.table(
  'subtree',
  {
    village: text().notNull(),
    start: whole().notNull(),
    root: bytea().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.start] })],
);
