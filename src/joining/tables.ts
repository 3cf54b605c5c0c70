import { integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('households');

/** A person in an application to join. */
export interface Applicant {
  name: string;
  phone: string | null;
  idLast4: string | null;
  /** Under 14: somebody else consents. */
  isMinor: boolean;
  guardian: string | null;
}

export type JoinState = 'submitted' | 'returned' | 'approved' | 'rejected' | 'withdrawn';

export const joinApplication = schema.table(
  'join_application',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    state: text().$type<JoinState>().notNull(),
    channel: text().$type<'kiosk' | 'staff'>().notNull(),
    grid: integer(),
    address: text(),
    phone: text(),
    members: jsonb().$type<Applicant[]>().notNull(),
    consentBy: text().notNull(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    question: text(),
    returnedBy: uuid(),
    returnedAt: instant(),
    answer: text(),
    resubmittedBy: uuid(),
    resubmittedAt: instant(),
    editedBy: uuid().array().notNull().default([]),
    decidedBy: uuid(),
    decidedAt: instant(),
    reason: text(),
    householdId: uuid(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
