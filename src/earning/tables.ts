import { boolean, date, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('earning');

export type AwardState = 'pending' | 'posted' | 'reversed';

export const award = schema.table(
  'award',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    number: text().notNull(),
    householdId: uuid().notNull(),
    memberId: uuid(),
    ruleId: uuid().notNull(),
    ruleCode: text().notNull(),
    ruleBookId: uuid().notNull(),
    quantity: integer().notNull(),
    points: integer().notNull(),
    occasion: text().notNull(),
    occurredAt: instant().notNull(),
    businessDate: date().notNull(),
    backEntry: boolean().notNull(),
    note: text(),
    state: text().$type<AwardState>().notNull(),
    batchId: uuid(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    transactionNumber: whole().notNull(),
    reversalNumber: whole(),
    claimId: uuid(),
    roundId: uuid(),
    decidedBy: uuid().array().notNull(),
    releaseNumber: whole(),
    occasionKey: text().notNull(),
    holderId: uuid().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export type AwardRow = typeof award.$inferSelect;

export const reversal = schema.table(
  'reversal',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    awardId: uuid().notNull(),
    reason: text().notNull(),
    state: text().$type<'proposed' | 'posted' | 'rejected'>().notNull(),
    proposedBy: uuid().notNull(),
    proposedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    rejectionReason: text(),
    reversalNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
