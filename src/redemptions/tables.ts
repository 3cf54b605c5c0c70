import { sql } from 'drizzle-orm';
import { boolean, date, integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('store');

export type RedemptionState = 'reserved' | 'fulfilled' | 'cancelled' | 'expired' | 'returned';

/** What a household shows with its order. */
export type Presented = 'card' | 'cardAndPin' | 'pin' | 'slip';

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
    presented: text().$type<Presented>().notNull(),
    state: text().$type<RedemptionState>().notNull(),
    since: instant().notNull(),
    pickupCode: text(),
    expiresAt: instant(),
    handedOverAt: instant(),
    handedOverBy: uuid(),
    /** What it showed when the goods left. */
    handOverPresented: text().$type<Presented | 'pickupCode'>(),
    /** Wrong pick-up codes so far. */
    codeTries: smallint().notNull(),
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
    /** What the goods were called, and counted in, when they were ordered. */
    name: text().notNull(),
    unit: text().notNull(),
    quantity: integer().notNull(),
    unitPoints: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.redemptionId, table.line] })],
);

export const slip = schema.table(
  'slip',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    redemptionId: uuid().notNull(),
    step: text().$type<'order' | 'handOver'>().notNull(),
    photoId: uuid().notNull(),
    reason: text().notNull(),
    recordedBy: uuid().notNull(),
    recordedAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const proxyPickup = schema.table(
  'proxy_pickup',
  {
    village: text().notNull(),
    redemptionId: uuid().notNull(),
    householdId: uuid().notNull(),
    name: text().notNull(),
    nameFolded: text().notNull().generatedAlwaysAs(sql`households.folded(name)`),
    relation: text().notNull(),
    fetchedOn: date().notNull(),
    recordedBy: uuid().notNull(),
    recordedAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.redemptionId] })],
);

export const codeTry = schema.table(
  'code_try',
  {
    village: text().notNull(),
    userId: uuid().notNull(),
    since: instant().notNull(),
    tries: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.userId] })],
);

export const pinTry = schema.table(
  'pin_try',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    userId: uuid().notNull(),
    householdId: uuid().notNull(),
    triedAt: instant().notNull(),
    wasRight: boolean().notNull().default(false),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
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
