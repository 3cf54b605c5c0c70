import { pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('earning');

export const arrearsWaiver = schema.table(
  'arrears_waiver',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    points: whole().notNull(),
    reason: text().notNull(),
    state: text().$type<'proposed' | 'posted' | 'rejected'>().notNull(),
    proposedBy: uuid().notNull(),
    proposedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    rejectionReason: text(),
    transactionNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
