import { boolean, date, integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('store');

export const store = schema.table(
  'store',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    name: text().notNull(),
    place: text(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const goods = schema.table(
  'goods',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    sku: text().notNull(),
    name: text().notNull(),
    nameEn: text(),
    unit: text().notNull(),
    barcode: text(),
    category: text().notNull(),
    isService: boolean().notNull(),
    minStock: integer().notNull(),
    costFen: whole(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    archivedBy: uuid(),
    archivedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const priceList = schema.table(
  'price_list',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    validFrom: date().notNull(),
    isFirst: boolean().notNull(),
    publishedBy: uuid().notNull(),
    publishedAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const price = schema.table(
  'price',
  {
    village: text().notNull(),
    priceListId: uuid().notNull(),
    goodsId: uuid().notNull(),
    points: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.priceListId, table.goodsId] })],
);

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

export type RedemptionState = 'reserved' | 'fulfilled' | 'cancelled' | 'expired' | 'returned';

export const redemption = schema.table(
  'redemption',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    storeId: uuid().notNull(),
    kioskId: uuid(),
    priceListId: uuid().notNull(),
    points: integer().notNull(),
    mode: text().$type<'counter' | 'pickup'>().notNull(),
    presented: text().$type<'card' | 'cardAndPin' | 'pin' | 'slip'>().notNull(),
    state: text().$type<RedemptionState>().notNull(),
    since: instant().notNull(),
    pickupCode: text(),
    expiresAt: instant(),
    handedOverAt: instant(),
    handedOverBy: uuid(),
    businessDate: date().notNull(),
    occurredAt: instant().notNull(),
    backEntry: boolean().notNull(),
    opId: uuid(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const redemptionLine = schema.table(
  'redemption_line',
  {
    village: text().notNull(),
    redemptionId: uuid().notNull(),
    line: smallint().notNull(),
    goodsId: uuid().notNull(),
    quantity: integer().notNull(),
    unitPoints: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.redemptionId, table.line] })],
);

export const returned = schema.table(
  'return',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    redemptionId: uuid().notNull(),
    reason: text().notNull(),
    restock: boolean().notNull(),
    points: integer().notNull(),
    state: text().$type<'proposed' | 'approved' | 'rejected'>().notNull(),
    proposedBy: uuid().notNull(),
    proposedAt: instant().notNull(),
    decidedBy: uuid(),
    decidedAt: instant(),
    decisionNote: text(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const returnLine = schema.table(
  'return_line',
  {
    village: text().notNull(),
    returnId: uuid().notNull(),
    goodsId: uuid().notNull(),
    quantity: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.returnId, table.goodsId] })],
);
