import { date, integer, jsonb, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant, whole } from '../db/columns.ts';
import type { Asset } from './accounts.ts';
import type { Lots } from './transactions.ts';

const schema = pgSchema('ledger');

export const book = schema.table('book', {
  village: text().primaryKey(),
  number: whole().notNull(),
  head: bytea().notNull(),
  accounts: integer().notNull(),
});

export const account = schema.table(
  'account',
  {
    village: text().notNull(),
    number: integer().notNull(),
    code: text().notNull(),
    asset: text().$type<Asset>().notNull(),
    floor: whole(),
    balance: whole().notNull(),
    entries: whole().notNull(),
    lots: jsonb().$type<Lots>().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.number] })],
);

export const transaction = schema.table(
  'transaction',
  {
    village: text().notNull(),
    number: whole().notNull(),
    id: uuid().notNull(),
    kind: text().notNull(),
    cause: text().notNull(),
    businessDate: date().notNull(),
    occurredAt: instant().notNull(),
    postedAt: instant().notNull(),
    actor: uuid().notNull(),
    approver: uuid(),
    reverses: whole(),
    memo: text(),
    frozen: jsonb().$type<Record<string, string>>().notNull(),
    leafHash: bytea().notNull(),
    hash: bytea().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.number] })],
);

export const transfer = schema.table(
  'transfer',
  {
    village: text().notNull(),
    number: whole().notNull(),
    line: smallint().notNull(),
    asset: text().$type<Asset>().notNull(),
    amount: whole().notNull(),
    fromAccount: integer().notNull(),
    toAccount: integer().notNull(),
    fromBalance: whole().notNull(),
    toBalance: whole().notNull(),
    fromSeq: whole().notNull(),
    toSeq: whole().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.number, table.line] })],
);
