import { boolean, date, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant, whole } from '../db/columns.ts';

const schema = pgSchema('store');

/** Calendar day, month or year in which one household may have so many pieces. */
export const limitPeriods = ['day', 'month', 'year'] as const;
export type LimitPer = (typeof limitPeriods)[number];

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
    limitQuantity: integer(),
    limitPer: text().$type<LimitPer>(),
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
    withdrawnBy: uuid(),
    withdrawnAt: instant(),
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
