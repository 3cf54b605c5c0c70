import { boolean, date, integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';
import type { Earned } from '../ledger/earned.ts';
import type { Lots } from '../ledger/transactions.ts';

const schema = pgSchema('households');

export const changeKinds = ['memberMove', 'split', 'merge', 'moveAway', 'moveIn', 'death', 'close', 'head'] as const;
export type ChangeKind = (typeof changeKinds)[number];
export type ChangeState = 'proposed' | 'approved' | 'rejected' | 'withdrawn';

export const change = schema.table(
  'change',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    kind: text().$type<ChangeKind>().notNull(),
    householdId: uuid().notNull(),
    toHouseholdId: uuid(),
    memberIds: uuid().array().notNull(),
    headMemberId: uuid(),
    diedOn: date(),
    newNumber: text(),
    newGrid: integer(),
    newAddress: text(),
    newHeadMemberId: uuid(),
    availablePoints: whole(),
    honourPoints: whole(),
    carried: boolean(),
    otherVillage: text(),
    closingNumber: whole(),
    closingHash: text(),
    lots: jsonb().$type<Lots>().notNull(),
    earned: jsonb().$type<Earned>().notNull(),
    arrears: text().$type<'carry' | 'waive'>(),
    arrearsPoints: whole(),
    reason: text().notNull(),
    state: text().$type<ChangeState>().notNull(),
    proposedBy: uuid().notNull(),
    proposedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    rejectionReason: text(),
    transactionNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
