import { boolean, date, integer, jsonb, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';
import type { Lots } from '../ledger/transactions.ts';

const schema = pgSchema('households');

export const household = schema.table(
  'household',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    number: text().notNull(),
    grid: integer(),
    address: text(),
    headMemberId: uuid().notNull(),
    state: text().$type<'active' | 'frozen' | 'closed'>().notNull(),
    pinHash: text(),
    pinFailedAttempts: smallint().notNull(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const member = schema.table(
  'member',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    name: text().notNull(),
    phone: text(),
    idLast4: text(),
    createdAt: instant().notNull(),
    diedOn: date(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const card = schema.table(
  'card',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    codeHash: bytea().notNull(),
    issuedBy: uuid().notNull(),
    issuedAt: instant().notNull(),
    revokedBy: uuid(),
    revokedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

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

export const kin = schema.table(
  'kin',
  {
    village: text().notNull(),
    userId: uuid().notNull(),
    householdId: uuid().notNull(),
    relation: text().$type<'own' | 'kin'>().notNull(),
    declaredBy: uuid().notNull(),
    declaredAt: instant().notNull(),
    endedBy: uuid(),
    endedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.userId, table.householdId] })],
);

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

export type ImportState = 'received' | 'checking' | 'reported' | 'committing' | 'done' | 'failed';

export const rosterImport = schema.table(
  'roster_import',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    state: text().$type<ImportState>().notNull(),
    dryRun: boolean().notNull(),
    format: text().$type<'csv' | 'xlsx'>().notNull(),
    bytes: integer().notNull(),
    content: bytea(),
    encoding: text(),
    ignoredColumns: text().array().notNull(),
    attempts: integer().notNull(),
    rows: integer().notNull(),
    households: integer().notNull(),
    good: integer().notNull(),
    alreadyThere: integer().notNull(),
    mistakes: integer().notNull(),
    entered: integer().notNull(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    reportedAt: instant(),
    committedBy: uuid(),
    committedAt: instant(),
    endedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const rosterMistake = schema.table(
  'roster_mistake',
  {
    village: text().notNull(),
    importId: uuid().notNull(),
    row: integer().notNull(),
    columnName: text().notNull(),
    code: text().notNull(),
    facts: jsonb().$type<Record<string, string | number>>().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.importId, table.row, table.columnName, table.code] })],
);
