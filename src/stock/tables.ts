import { date, integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('store');

export const stockDocument = schema.table(
  'stock_document',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    type: text().$type<'receipt' | 'writeOff'>().notNull(),
    storeId: uuid().notNull(),
    reason: text().notNull(),
    state: text().$type<'draft' | 'posted' | 'rejected'>().notNull(),
    draftedBy: uuid().notNull(),
    draftedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    decisionNote: text(),
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
