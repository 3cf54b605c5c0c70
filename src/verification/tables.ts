import { boolean, integer, jsonb, pgSchema, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';
import type { Soundness } from './findings.ts';

const schema = pgSchema('audit');

export const verification = schema.table(
  'verification',
  {
    village: text().notNull(),
    checkedAt: instant().notNull(),
    number: whole().notNull(),
    sound: boolean().notNull(),
    headHash: bytea().notNull(),
    rootHash: bytea().notNull(),
    checks: jsonb().$type<Soundness['checks']>().notNull(),
    checkpoints: integer().notNull().default(0),
  },
  table => [primaryKey({ columns: [table.village, table.checkedAt] })],
);
