import { bigint, boolean, integer, pgSchema, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant } from '../db/columns.ts';
import type { Role } from '../http/route.ts';

const schema = pgSchema('identity');

export const user = schema.table('user', {
  id: uuid().primaryKey(),
  login: text().notNull(),
  name: text().notNull(),
  passwordHash: text().notNull(),
  state: text().$type<'active' | 'disabled'>().notNull(),
  createdBy: uuid(),
  createdAt: instant().notNull(),
  /** Until when a password that somebody else has chosen can be exchanged for an own one; null for an own one. */
  oneTimeUntil: instant(),
  disabledBy: uuid(),
  disabledAs: text().$type<Role>(),
});

export const secondFactor = schema.table('second_factor', {
  userId: uuid().primaryKey(),
  sealedSecret: bytea(),
  nextSealedSecret: bytea(),
  lastStep: bigint({ mode: 'number' }).notNull().default(0),
  setAt: instant(),
});

export const recoveryCode = schema.table(
  'recovery_code',
  { userId: uuid().notNull(), hash: bytea().notNull(), usedAt: instant() },
  table => [primaryKey({ columns: [table.userId, table.hash] })],
);

export const userEvent = schema.table('user_event', {
  id: uuid().primaryKey(),
  userId: uuid().notNull(),
  kind: text()
    .$type<
      | 'passwordChanged'
      | 'passwordReset'
      | 'secondFactorSet'
      | 'secondFactorReset'
      | 'recoveryCodeUsed'
      | 'disabled'
      | 'enabled'
      | 'nameCorrected'
    >()
    .notNull(),
  byUser: uuid().notNull(),
  at: instant().notNull(),
  /** Of a corrected name: what it was, and what it is since. */
  oldName: text(),
  newName: text(),
});

/** Wrong passwords by the name that was typed, whether anybody has that name or not, and by where it was typed. */
export const signIn = schema.table(
  'sign_in',
  {
    login: text().notNull(),
    address: text().notNull(),
    failedAttempts: integer().notNull(),
    lockedUntil: instant(),
    triedAt: instant().notNull(),
    succeededAt: instant(),
  },
  table => [primaryKey({ columns: [table.login, table.address] })],
);

export const grant = schema.table('grant', {
  id: uuid().primaryKey(),
  userId: uuid().notNull(),
  role: text().$type<Role>().notNull(),
  prefix: text().notNull(),
  grantedBy: uuid(),
  grantedAt: instant().notNull(),
  until: instant(),
  endedBy: uuid(),
  endedAt: instant(),
  proposed: boolean().notNull().default(false),
  confirmedBy: uuid(),
  confirmedAt: instant(),
});

export const session = schema.table('session', {
  id: uuid().primaryKey(),
  kind: text().$type<'staff' | 'kiosk' | 'household'>().notNull(),
  subject: uuid().notNull(),
  village: text(),
  device: uuid(),
  refreshHash: bytea(),
  successorHash: bytea(),
  successorNonce: bytea(),
  createdAt: instant().notNull(),
  usedAt: instant().notNull(),
  idleSeconds: integer().notNull(),
  expiresAt: instant().notNull(),
  endedAt: instant(),
  endedReason: text(),
});

export const spentProof = schema.table(
  'spent_proof',
  { thumbprint: text().notNull(), jti: text().notNull(), expiresAt: instant().notNull() },
  table => [primaryKey({ columns: [table.thumbprint, table.jti] })],
);

export const spentRefresh = schema.table('spent_refresh', {
  hash: bytea().primaryKey(),
  sessionId: uuid().notNull(),
});
