import { boolean, date, integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';
import type { PolicySettings } from '../villages/policy-settings.ts';

const schema = pgSchema('claims');

export const claimStates = [
  'submitted',
  'inPanel',
  'awaitingSecond',
  'approved',
  'returned',
  'rejected',
  'withdrawn',
] as const;

export type ClaimState = (typeof claimStates)[number];

/** The looks at a claim, in their order. */
export const steps = ['firstReview', 'panel', 'second'] as const;

export type Step = (typeof steps)[number];

export type Verdict = 'pass' | 'return' | 'approve' | 'reject';

/** What supports it other than photos: a count, a sheet, a witness. */
export interface Evidence {
  kind: string;
  text: string;
}

export const claim = schema.table(
  'claim',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    memberId: uuid(),
    ruleId: uuid().notNull(),
    ruleCode: text().notNull(),
    unitPoints: integer().notNull(),
    quantity: integer().notNull(),
    customPoints: integer(),
    customReason: text(),
    occurredAt: instant().notNull(),
    businessDate: date().notNull(),
    place: text(),
    note: text(),
    occasion: text(),
    photoIds: uuid().array().notNull(),
    evidence: jsonb().$type<Evidence[]>().notNull(),
    onBehalf: boolean().notNull(),
    submittedBy: uuid().notNull(),
    submittedAt: instant().notNull(),
    reviewSteps: text().$type<PolicySettings['reviewSteps']>().notNull(),
    panelSize: integer().notNull(),
    secondFromPoints: integer().notNull(),
    round: integer().notNull(),
    state: text().$type<ClaimState>().notNull(),
    stateSince: instant().notNull(),
    takenBy: uuid(),
    takenUntil: instant(),
    passedBy: uuid(),
    agreedQuantity: integer(),
    agreedPoints: integer(),
    confirmedBy: uuid(),
    occasionKey: text(),
    holderId: uuid().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export type ClaimRow = typeof claim.$inferSelect;

export const decision = schema.table(
  'decision',
  {
    village: text().notNull(),
    claimId: uuid().notNull(),
    number: integer().notNull(),
    householdId: uuid().notNull(),
    submittedBy: uuid().notNull(),
    round: integer().notNull(),
    step: text().$type<Step>().notNull(),
    verdict: text().$type<Verdict>().notNull(),
    quantity: integer(),
    reason: text(),
    decidedBy: uuid().notNull(),
    decidedAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.claimId, table.number] })],
);

export type DecisionRow = typeof decision.$inferSelect;
