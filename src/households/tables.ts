import { sql } from 'drizzle-orm';
import { date, integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';

const schema = pgSchema('households');

export const household = schema.table(
  'household',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    number: text().notNull(),
    numberKey: text().notNull().generatedAlwaysAs(sql`households.number_key(number)`),
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
    nameFolded: text().notNull().generatedAlwaysAs(sql`households.folded(name)`),
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

export const freeze = schema.table(
  'freeze',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    reason: text().notNull(),
    frozenBy: uuid().notNull(),
    frozenAt: instant().notNull(),
    frozenNumber: whole().notNull(),
    unfreezeReason: text(),
    unfrozenBy: uuid(),
    unfrozenAt: instant(),
    unfrozenNumber: whole(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const pinEvent = schema.table(
  'pin_event',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    householdId: uuid().notNull(),
    kind: text().$type<'set' | 'unlocked'>().notNull(),
    byUser: uuid().notNull(),
    at: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
