import { bigint, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant } from '../db/columns.ts';

const schema = pgSchema('photos');

export const photo = schema.table(
  'photo',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid(),
    sha256: bytea().notNull(),
    bytes: integer().notNull(),
    width: integer().notNull(),
    height: integer().notNull(),
    /** 64-bit perceptual hashes, as PostgreSQL keeps them: signed. */
    views: bigint({ mode: 'bigint' }).array().notNull(),
    capturedAt: instant(),
    capturedLatitudeMicrodegrees: integer(),
    capturedLongitudeMicrodegrees: integer(),
    uploadedBy: uuid().notNull(),
    uploadedAt: instant().notNull(),
    removedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export type PhotoRow = typeof photo.$inferSelect;

export const photoUse = schema.table('use', {
  sha256: bytea().primaryKey(),
  village: text().notNull(),
  photoId: uuid().notNull(),
  claimId: uuid(),
  usedAt: instant().notNull(),
});
