import { integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('evaluations');

export type RoundState = 'planned' | 'open' | 'closed' | 'cancelled';
export type Outcome = 'awarded' | 'refused' | 'noGrade' | 'tooFewJudges' | 'notSeen';

/** A line of the sheet. */
export interface Item {
  name: string;
  maxScore: number;
}

/** What an average earns: the rule's points times the quantity. */
export interface Grade {
  title: string;
  /** Whole points of the sheet, so that rounding an average never lifts it over a threshold. */
  averageMin: number;
  ruleId: string;
  quantity: number;
}

export const round = schema.table(
  'round',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    month: text().notNull(),
    title: text().notNull(),
    items: jsonb().$type<Item[]>().notNull(),
    grades: jsonb().$type<Grade[]>().notNull(),
    judges: uuid().array().notNull(),
    state: text().$type<RoundState>().notNull(),
    households: integer().notNull(),
    awarded: integer().notNull(),
    createdBy: uuid().notNull(),
    createdAt: instant().notNull(),
    openedBy: uuid(),
    openedAt: instant(),
    closedBy: uuid(),
    closedAt: instant(),
    cancelledBy: uuid(),
    cancelledAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const entrant = schema.table(
  'entrant',
  {
    village: text().notNull(),
    roundId: uuid().notNull(),
    householdId: uuid().notNull(),
    outcome: text().$type<Outcome>(),
    judges: integer(),
    averageHundredths: integer(),
    grade: integer(),
    awardId: uuid(),
    refusal: text(),
  },
  table => [primaryKey({ columns: [table.village, table.roundId, table.householdId] })],
);

export const score = schema.table(
  'score',
  {
    village: text().notNull(),
    roundId: uuid().notNull(),
    householdId: uuid().notNull(),
    judgeId: uuid().notNull(),
    scores: integer().array(),
    total: integer(),
    scoredAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.roundId, table.householdId, table.judgeId] })],
);
