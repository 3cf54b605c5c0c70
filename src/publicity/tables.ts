import { boolean, date, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('publicity');

export type NoticeState = 'running' | 'closed';
export type ObjectionState = 'open' | 'withdrawn' | 'dismissed' | 'upheld';
export type AppealState = 'open' | 'dismissed' | 'upheld';

export const notice = schema.table(
  'notice',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    number: text().notNull(),
    publishedBy: uuid().notNull(),
    publishedAt: instant().notNull(),
    startsOn: date().notNull(),
    days: integer().notNull(),
    endsAt: instant().notNull(),
    lineCount: integer().notNull(),
    state: text().$type<NoticeState>().notNull(),
    closedAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const noticeLine = schema.table(
  'line',
  {
    village: text().notNull(),
    awardId: uuid().notNull(),
    noticeId: uuid().notNull(),
    place: integer().notNull(),
    enteredBy: uuid().notNull(),
    decidedBy: uuid().array().notNull(),
    publishedBy: uuid().notNull(),
    struckBy: uuid(),
    struckByKin: boolean(),
    struckAt: instant(),
    strikeReason: text(),
  },
  table => [primaryKey({ columns: [table.village, table.awardId] })],
);

export const objection = schema.table(
  'objection',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    awardId: uuid().notNull(),
    reason: text().notNull(),
    objectorId: uuid().notNull(),
    objectorHouseholdId: uuid(),
    lodgedBy: uuid().notNull(),
    lodgedAt: instant().notNull(),
    state: text().$type<ObjectionState>().notNull(),
    withdrawnAt: instant(),
    ruledBy: uuid(),
    ruledByKin: boolean(),
    ruledAt: instant(),
    ruling: text(),
    hands: uuid().array(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const appeal = schema.table(
  'appeal',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    objectionId: uuid().notNull(),
    awardId: uuid().notNull(),
    against: text().$type<'dismissed' | 'upheld'>().notNull(),
    reason: text().notNull(),
    lodgedBy: uuid().notNull(),
    lodgedAt: instant().notNull(),
    state: text().$type<AppealState>().notNull(),
    heardBy: uuid(),
    heardByKin: boolean(),
    heardAt: instant(),
    ruling: text(),
    hands: uuid().array(),
    newAwardId: uuid(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
