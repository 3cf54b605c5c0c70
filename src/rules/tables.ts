import { boolean, date, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('rules');

export const ruleBook = schema.table(
  'rule_book',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    title: text().notNull(),
    state: text().$type<'draft' | 'adopted' | 'discarded' | 'withdrawn'>().notNull(),
    revision: integer().notNull().default(1),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    editedBy: uuid().array().notNull().default([]),
    inForceFrom: date(),
    heldOn: date(),
    present: integer(),
    votesFor: integer(),
    votesAgainst: integer(),
    abstained: integer(),
    adoptedBy: uuid(),
    adoptedAt: instant(),
    discardedBy: uuid(),
    discardedAt: instant(),
    intendedFrom: date(),
    withdrawnBy: uuid(),
    withdrawnAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const rule = schema.table(
  'rule',
  {
    village: text().notNull(),
    ruleBookId: uuid().notNull(),
    id: uuid().notNull(),
    code: text().notNull(),
    category: text().notNull(),
    title: text().notNull(),
    titleEn: text(),
    points: integer().notNull(),
    direction: text().$type<'award' | 'deduction'>().notNull(),
    unit: text().notNull(),
    capTimes: integer(),
    capPeriod: text().$type<CapPeriod>(),
    capScope: text().$type<'household' | 'member'>().notNull(),
    evidence: text().array().notNull(),
    excludes: text().array().notNull(),
    highestOnlyGroup: text(),
    honour: boolean().notNull(),
    publicity: text().$type<'required' | 'exempt'>().notNull(),
    onBehalf: boolean().notNull().default(true),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export type CapPeriod = 'day' | 'week' | 'month' | 'year' | 'once';
