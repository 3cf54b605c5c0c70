import { date, integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('store');

/** What people draft, and what a count drafts by itself. */
export const draftedTypes = ['receipt', 'purchase', 'donation', 'issue', 'transfer', 'writeOff'] as const;
export const documentTypes = [...draftedTypes, 'countShortage', 'countSurplus'] as const;
export type DocumentType = (typeof documentTypes)[number];

export const stockDocument = schema.table(
  'stock_document',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    type: text().$type<DocumentType>().notNull(),
    storeId: uuid().notNull(),
    reason: text().notNull(),
    state: text().$type<'draft' | 'posted' | 'rejected'>().notNull(),
    draftedBy: uuid().notNull(),
    draftedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    decisionNote: text(),
    supplier: text(),
    invoiceNumber: text(),
    donor: text(),
    declaredValueFen: whole(),
    event: text(),
    receiver: text(),
    toStoreId: uuid(),
    countId: uuid(),
    countedBy: uuid(),
    photoIds: uuid().array().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const stockLine = schema.table(
  'stock_line',
  {
    village: text().notNull(),
    documentId: uuid().notNull(),
    line: smallint().notNull(),
    goodsId: uuid().notNull(),
    quantity: integer().notNull(),
    costFen: whole(),
    expiresOn: date(),
  },
  table => [primaryKey({ columns: [table.village, table.documentId, table.line] })],
);

export const countStates = ['open', 'agreed', 'disagreed', 'stale'] as const;

export const stockCount = schema.table(
  'stock_count',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    storeId: uuid().notNull(),
    state: text().$type<(typeof countStates)[number]>().notNull(),
    openedBy: uuid().notNull(),
    openedAt: instant().notNull(),
    firstBy: uuid(),
    firstAt: instant(),
    secondBy: uuid(),
    secondAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const stockCountLine = schema.table(
  'stock_count_line',
  {
    village: text().notNull(),
    countId: uuid().notNull(),
    line: smallint().notNull(),
    goodsId: uuid().notNull(),
    book: integer().notNull(),
    firstCounted: integer(),
    secondCounted: integer(),
  },
  table => [primaryKey({ columns: [table.village, table.countId, table.line] })],
);
