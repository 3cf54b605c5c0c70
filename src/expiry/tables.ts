import { date, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('expiry');

export type RunKind = 'yearEnd' | 'lots';
export type RunState = 'previewed' | 'announced' | 'posting' | 'posted' | 'cancelled';

export const run = schema.table(
  'run',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    kind: text().$type<RunKind>().notNull(),
    throughOn: date().notNull(),
    rule: text().$type<'clear' | 'cap' | 'lots'>().notNull(),
    capPoints: integer(),
    bookNumber: whole().notNull(),
    households: integer().notNull(),
    available: whole().notNull(),
    expiring: whole().notNull(),
    state: text().$type<RunState>().notNull(),
    previewedBy: uuid().notNull(),
    previewedAt: instant().notNull(),
    announcedBy: uuid(),
    announcedAt: instant(),
    dueOn: date(),
    approvedBy: uuid(),
    approvedAt: instant(),
    cancelledBy: uuid(),
    cancelledAt: instant(),
    settled: integer().notNull(),
    taken: whole().notNull(),
    postedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const expiryLine = schema.table(
  'line',
  {
    village: text().notNull(),
    runId: uuid().notNull(),
    householdId: uuid().notNull(),
    available: whole().notNull(),
    expiring: whole().notNull(),
    taken: whole(),
    transactionNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.runId, table.householdId] })],
);
