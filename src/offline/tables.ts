import { boolean, integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('offline');

/** What became of an operation, once and for ever. */
type Verdict = 'applied' | 'duplicate' | 'appliedWithException' | 'rejected';

/** What was amiss with goods that had been handed over already. */
export type Exception =
  | 'allowanceUnknown'
  | 'allowanceEnded'
  | 'allowanceExpired'
  | 'allowanceExceeded'
  | 'limitExceeded'
  | 'householdUnknown'
  | 'householdFrozen'
  | 'householdClosed'
  | 'cardUnknown'
  | 'cardRevoked'
  | 'priceStale'
  | 'stockShort'
  | 'clockDoubtful'
  | 'voidLate';

/** What the device is told of an operation, as it is kept. */
export interface Answer {
  opId: string | null;
  seq: number | null;
  verdict: Verdict;
  exceptions: Exception[];
  code: 'op-refused' | 'op-chain-broken' | null;
  redemptionId: string | null;
  transactionNumber: number | null;
}

export const chain = schema.table(
  'chain',
  {
    village: text().notNull(),
    kioskId: uuid().notNull(),
    ackedSeq: whole().notNull(),
    ackedHash: text(),
    ackedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.kioskId] })],
);

export const op = schema.table(
  'op',
  {
    village: text().notNull(),
    kioskId: uuid().notNull(),
    hash: text().notNull(),
    jws: text().notNull(),
    inChain: boolean().notNull(),
    seq: whole(),
    opId: uuid(),
    type: text(),
    happenedAt: instant(),
    verdict: text().$type<Verdict>().notNull(),
    answer: jsonb().$type<Answer>().notNull(),
    householdId: uuid(),
    redemptionId: uuid(),
    allowanceId: uuid(),
    paidPoints: integer().notNull().default(0),
    voidsOpId: uuid(),
    receivedAt: instant().notNull(),
    importedBy: uuid(),
  },
  table => [primaryKey({ columns: [table.village, table.kioskId, table.hash] })],
);

export type CaseKind = 'exception' | 'opRefused' | 'chainBroken' | 'deviceLost' | 'opsLost';
export type CaseDecision = 'noted' | 'booked' | 'writtenOff' | 'continued' | 'dismissed';

export const offlineCase = schema.table(
  'case',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    kioskId: uuid().notNull(),
    kind: text().$type<CaseKind>().notNull(),
    opHash: text(),
    householdId: uuid(),
    exceptions: text().array().$type<Exception[]>().notNull(),
    continueAt: whole(),
    openedAt: instant().notNull(),
    decision: text().$type<CaseDecision>(),
    note: text(),
    proposedBy: uuid(),
    proposedAt: instant(),
    resolvedBy: uuid(),
    resolvedAt: instant(),
    transactionNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
