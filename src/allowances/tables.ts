import { integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('offline');

export const allowance = schema.table(
  'allowance',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    kioskId: uuid().notNull(),
    householdId: uuid().notNull(),
    points: integer().notNull(),
    redemptions: smallint().notNull(),
    spentPoints: integer().notNull().default(0),
    spentRedemptions: smallint().notNull().default(0),
    notAfter: instant().notNull(),
    grantedAt: instant().notNull(),
    grantedNumber: whole().notNull(),
    endedAt: instant(),
    endedReason: text().$type<'renewed' | 'returned' | 'lapsed' | 'writtenOff'>(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
