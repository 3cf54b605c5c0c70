import { boolean, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';

const schema = pgSchema('store');

export const printJob = schema.table(
  'print_job',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    storeId: uuid().notNull(),
    /** Null: the counter of the store. */
    kioskId: uuid(),
    redemptionId: uuid().notNull(),
    /** The paper is of this return, and not of the redemption. */
    returnId: uuid(),
    copy: boolean().notNull(),
    state: text().$type<'queued' | 'printed' | 'failed'>().notNull(),
    reason: text(),
    queuedBy: uuid().notNull(),
    queuedAt: instant().notNull(),
    settledAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);
