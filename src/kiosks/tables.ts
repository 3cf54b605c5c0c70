import { integer, jsonb, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant } from '../db/columns.ts';
import type { PublicKey } from '../identity/proofs.ts';

/** How the village wants a kiosk to be. */
export interface KioskSettings {
  /** Larger text, fewer choices, slower speech, and more time. */
  elderMode: boolean;
  /** Those a household can choose from; the first one is shown. */
  languages: ('zh-CN' | 'en')[];
  speech: boolean;
  /** Of the printer's paper. */
  receiptColumns: 32 | 48;
}

/** What a device says of itself. */
export interface Heartbeat {
  /** Operations that it has not handed in yet. */
  queueDepth: number;
  oldestOpAt: string | null;
  /** Our time minus its own. */
  clockOffsetMs: number;
  printer: 'ready' | 'paperLow' | 'paperOut' | 'offline' | 'none';
  /** Whether the browser has promised to keep what the device stores. */
  storagePersisted: boolean;
}

const schema = pgSchema('kiosks');

export const pairing = schema.table('pairing', {
  deviceCodeHash: bytea().primaryKey(),
  userCode: text().notNull(),
  appVersion: text().notNull(),
  model: text().notNull(),
  serial: text().notNull(),
  state: text().$type<'pending' | 'approved' | 'denied'>().notNull(),
  createdAt: instant().notNull(),
  expiresAt: instant().notNull(),
  village: text(),
  kioskId: uuid(),
  decidedBy: uuid(),
  decidedAt: instant(),
  sessionId: uuid(),
  publicKey: jsonb().$type<PublicKey>().notNull(),
  thumbprint: text().notNull(),
});

export const pairingTry = schema.table('pairing_try', {
  address: text().primaryKey(),
  since: instant().notNull(),
  tries: integer().notNull(),
});

export const kiosk = schema.table(
  'kiosk',
  {
    village: text().notNull(),
    id: uuid().notNull(),
    code: text().notNull(),
    name: text().notNull(),
    storeId: uuid().notNull(),
    state: text().$type<'active' | 'suspended' | 'retired'>().notNull(),
    stateReason: text().$type<'unknownCards' | 'wrongPins' | 'cloned'>(),
    stateSince: instant().notNull(),
    appVersion: text().notNull(),
    model: text().notNull(),
    serial: text().notNull(),
    pairedBy: uuid().notNull(),
    pairedAt: instant().notNull(),
    seenAt: instant(),
    unknownCards: integer().notNull(),
    unknownCardsSince: instant(),
    wrongPins: integer().notNull().default(0),
    wrongPinsSince: instant(),
    /** Null for retired devices that were paired before there were keys. */
    publicKey: jsonb().$type<PublicKey>(),
    thumbprint: text(),
    settings: jsonb()
      .$type<KioskSettings>()
      .notNull()
      .default({ elderMode: true, languages: ['zh-CN', 'en'], speech: true, receiptColumns: 32 }),
    heartbeat: jsonb().$type<Heartbeat>(),
    heartbeatAt: instant(),
  },
  table => [primaryKey({ columns: [table.village, table.id] })],
);

export const unknownNumber = schema.table(
  'unknown_number',
  {
    village: text().notNull(),
    number: text().notNull(),
    failedAttempts: integer().notNull(),
  },
  table => [primaryKey({ columns: [table.village, table.number] })],
);
