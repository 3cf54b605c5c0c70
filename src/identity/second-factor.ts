// Verification codes of an authenticator app (TOTP, RFC 6238), and the recovery codes that stand in for a lost phone.

import { createHash, randomBytes } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import { iso } from '../calendar.ts';
import type { Db, Tx } from '../db/database.ts';
import type { Role } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import type { Sealer } from './sealing.ts';
import { recoveryCode, secondFactor } from './tables.ts';
import { recordUserEvent } from './user-events.ts';

/** Roles that a password alone does not open: they appoint, decide one level up, or read every book. */
const compulsoryFor: readonly Role[] = ['platformAdmin', 'supervisor', 'villageAdmin', 'auditor'];

const periodSeconds = 30;
const recoveryCodes = 10;
/** Crockford's base32, as on cards. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export interface NewSecret {
  /** Base32. */
  secret: string;
  /** Of the scheme `otpauth`, as a QR code for an authenticator app holds it. */
  uri: string;
}

export interface NewRecoveryCodes {
  recoveryCodes: string[];
}

/** Whether one of these roles asks for a second factor, whatever villages say. */
export function isSecondFactorCompulsory(roles: readonly Role[]): boolean {
  return roles.some(role => compulsoryFor.includes(role));
}

/** A secret as authenticator apps take it: 160 random bits in base32. */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** The code of six digits that a secret gives at an instant. */
export function totpCode(secret: string, at: Temporal.Instant): string {
  return totpOf(secret).generate({ timestamp: at.epochMilliseconds });
}

export async function hasSecondFactor(db: Db, userId: string): Promise<boolean> {
  const [row] = await db
    .select({ setAt: secondFactor.setAt })
    .from(secondFactor)
    .where(eq(secondFactor.userId, userId));
  return row !== undefined && row.setAt !== null;
}

/**
 * Hands out a secret for an authenticator app; it counts once `confirmSecondFactor` has seen its first code. Whoever has a
 * second factor already shows a code of it.
 * @throws Refusal `second-factor-required` | `second-factor-wrong`
 */
export async function prepareSecondFactor(
  tx: Tx,
  sealer: Sealer,
  person: { id: string; login: string; issuer: string },
  code: string | undefined,
  now: Temporal.Instant,
): Promise<NewSecret> {
  if (await hasSecondFactor(tx, person.id)) await takeCode(tx, sealer, person.id, code, now);
  const secret = newTotpSecret();
  const nextSealedSecret = sealer.seal(secret, person.id);
  await tx
    .insert(secondFactor)
    .values({ userId: person.id, nextSealedSecret })
    .onConflictDoUpdate({ target: secondFactor.userId, set: { nextSealedSecret } });
  return { secret, uri: totpOf(secret, { issuer: person.issuer, label: person.login }).toString() };
}

/**
 * Puts the secret that was handed out last in force. Answers new recovery codes, which are kept as digests only; older ones
 * are worth nothing from now on.
 * @throws Refusal `wrong-state`: none was handed out | `second-factor-wrong`
 */
export async function confirmSecondFactor(
  tx: Tx,
  sealer: Sealer,
  userId: string,
  code: string,
  now: Temporal.Instant,
): Promise<NewRecoveryCodes> {
  const [row] = await tx.select().from(secondFactor).where(eq(secondFactor.userId, userId)).for('update');
  if (row === undefined || row.nextSealedSecret === null) throw new Refusal('wrong-state', { state: 'noSecondFactor' });
  const step = stepOf(sealer.open(row.nextSealedSecret, userId), code, now);
  if (step === null) throw new Refusal('second-factor-wrong');
  await tx
    .update(secondFactor)
    .set({ sealedSecret: row.nextSealedSecret, nextSealedSecret: null, lastStep: step, setAt: iso(now) })
    .where(eq(secondFactor.userId, userId));
  await recordUserEvent(tx, { userId, kind: 'secondFactorSet', by: userId }, now);
  return { recoveryCodes: await renewRecoveryCodes(tx, userId) };
}

/** Puts a secret in force that is known elsewhere: for villages that are made by a program. */
export async function setSecondFactor(
  tx: Tx,
  sealer: Sealer,
  person: { id: string; secret: string },
  now: Temporal.Instant,
): Promise<void> {
  const sealedSecret = sealer.seal(person.secret, person.id);
  await tx.insert(secondFactor).values({ userId: person.id, sealedSecret, setAt: iso(now) });
  await recordUserEvent(tx, { userId: person.id, kind: 'secondFactorSet', by: person.id }, now);
}

/** Forgets a second factor and its recovery codes: the phone is lost. */
export async function forgetSecondFactor(tx: Tx, userId: string): Promise<void> {
  await tx.delete(recoveryCode).where(eq(recoveryCode.userId, userId));
  await tx.delete(secondFactor).where(eq(secondFactor.userId, userId));
}

/**
 * Takes a code of a person who has a second factor: six digits, each set of them once, or a recovery code. Whoever calls
 * has counted the try, for six digits can be guessed.
 * @throws Refusal `second-factor-required` | `second-factor-wrong`
 */
export async function takeCode(
  tx: Tx,
  sealer: Sealer,
  userId: string,
  code: string | undefined,
  now: Temporal.Instant,
): Promise<void> {
  if (code === undefined) throw new Refusal('second-factor-required');
  const [row] = await tx.select().from(secondFactor).where(eq(secondFactor.userId, userId)).for('update');
  if (row === undefined || row.sealedSecret === null) throw new Error('no second factor to take a code of');
  if (!/^[0-9]{6}$/.test(code)) return takeRecoveryCode(tx, userId, code, now);
  const step = stepOf(sealer.open(row.sealedSecret, userId), code, now);
  if (step === null || step <= row.lastStep) throw new Refusal('second-factor-wrong');
  await tx.update(secondFactor).set({ lastStep: step }).where(eq(secondFactor.userId, userId));
}

async function takeRecoveryCode(tx: Tx, userId: string, code: string, now: Temporal.Instant): Promise<void> {
  const taken = await tx
    .update(recoveryCode)
    .set({ usedAt: iso(now) })
    .where(and(eq(recoveryCode.userId, userId), eq(recoveryCode.hash, digest(code)), isNull(recoveryCode.usedAt)))
    .returning({ userId: recoveryCode.userId });
  if (taken.length === 0) throw new Refusal('second-factor-wrong');
  await recordUserEvent(tx, { userId, kind: 'recoveryCodeUsed', by: userId }, now);
}

async function renewRecoveryCodes(tx: Tx, userId: string): Promise<string[]> {
  const codes = Array.from({ length: recoveryCodes }, newRecoveryCode);
  await tx.delete(recoveryCode).where(eq(recoveryCode.userId, userId));
  await tx.insert(recoveryCode).values(codes.map(code => ({ userId, hash: digest(code) })));
  return codes;
}

/** 80 random bits, in four groups of four characters: too many to guess, so that a plain digest keeps them. */
function newRecoveryCode(): string {
  const characters = Array.from(randomBytes(16), byte => alphabet[byte & 31]).join('');
  return characters.replace(/(.{4})(?=.)/g, '$1-');
}

function digest(code: string): Buffer {
  return createHash('sha256').update(code.toUpperCase().replaceAll('-', '')).digest();
}

/** Period that a code belongs to, of the one before this until the one after; null when it belongs to none. */
function stepOf(secret: string, code: string, now: Temporal.Instant): number | null {
  const timestamp = now.epochMilliseconds;
  const delta = totpOf(secret).validate({ token: code, timestamp, window: 1 });
  return delta === null ? null : Math.floor(timestamp / 1000 / periodSeconds) + delta;
}

/** What every authenticator app knows: SHA-1, six digits, 30 seconds. */
function totpOf(secret: string, named: { issuer?: string; label?: string } = {}): TOTP {
  return new TOTP({ secret: Secret.fromBase32(secret), algorithm: 'SHA1', digits: 6, period: periodSeconds, ...named });
}
