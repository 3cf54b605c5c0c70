import { pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';

const schema = pgSchema('kiosks');

export const syncVersion = schema.table(
  'sync_version',
  {
    village: text().notNull(),
    kioskId: uuid().notNull(),
    version: whole().notNull(),
    tag: bytea().notNull(),
    takenAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.kioskId, table.version] })],
);

export const syncEntry = schema.table(
  'sync_entry',
  {
    village: text().notNull(),
    kioskId: uuid().notNull(),
    collection: text().notNull(),
    id: text().notNull(),
    digest: bytea(),
    version: whole().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.kioskId, table.collection, table.id] })],
);
