import { createHash, createHmac, randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { holdHousehold } from './household.ts';
import { getHouseholdRow } from './read.ts';
import { card, household } from './tables.ts';

export interface CardView {
  id: string;
  householdId: string;
  state: 'active' | 'revoked';
  issuedAt: string;
  revokedAt: string | null;
}

/** Crockford's base32: no I, L, O or U, so that a code read aloud or typed is not mistaken. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `PS1.` and 26 characters: 130 random bits. This text is what the QR on the card holds. */
export function newCardCode(): string {
  return `PS1.${Array.from(randomBytes(26), byte => alphabet[byte & 31]).join('')}`;
}

/**
 * Issues a card. Its code is in this answer and nowhere else: only a digest is kept.
 * @throws Refusal `not-found` | `household-not-active` | `own-household`
 */
export async function issueCard(
  tx: Tx,
  actor: Actor,
  key: { village: string; householdId: string },
  now: Temporal.Instant,
): Promise<CardView & { code: string }> {
  const { state } = await holdHousehold(tx, key.village, key.householdId);
  if (state === 'closed') throw new Refusal('household-not-active', { state });
  const code = newCardCode();
  const made = { id: randomUUIDv7(), householdId: key.householdId, issuedAt: iso(now), revokedAt: null };
  await tx.execute(sql`
    select households.issue_card(${key.village}, ${made.id}, ${made.householdId}, ${digest(code)}, ${actor.id},
                                 ${made.issuedAt})`);
  return { ...viewOf(made), code };
}

/** Makes a lost card worthless; the balance stays. @throws Refusal `not-found` | `own-household` | `wrong-state` */
export async function revokeCard(
  tx: Tx,
  actor: Actor,
  key: { village: string; cardId: string },
  now: Temporal.Instant,
): Promise<CardView> {
  const byKey = and(eq(card.village, key.village), eq(card.id, key.cardId));
  const row = one(await tx.select().from(card).where(byKey).for('update'));
  await tx.execute(sql`select households.refuse_kin(${key.village}, ${actor.id}, ${row.householdId})`);
  if (row.revokedAt !== null) throw revokedTwice(row.revokedAt);
  const [revoked] = await tx
    .update(card)
    .set({ revokedBy: actor.id, revokedAt: iso(now) })
    .where(byKey)
    .returning();
  return viewOf(revoked!);
}

export function revokedTwice(since: string): Refusal {
  return new Refusal('wrong-state', { state: 'revoked', since });
}

/**
 * Revokes a card and issues another one to its household, or does neither.
 * @throws Refusal `not-found` | `household-not-active` | `own-household` | `wrong-state`
 */
export async function replaceCard(
  tx: Tx,
  actor: Actor,
  key: { village: string; cardId: string },
  now: Temporal.Instant,
): Promise<CardView & { code: string }> {
  const { householdId } = await revokeCard(tx, actor, key, now);
  return issueCard(tx, actor, { village: key.village, householdId }, now);
}

/** Cards of a household, the newest first. */
export async function listCards(db: Db, key: { village: string; householdId: string }): Promise<CardView[]> {
  await getHouseholdRow(db, key.village, key.householdId);
  const rows = await db
    .select()
    .from(card)
    .where(and(eq(card.village, key.village), eq(card.householdId, key.householdId)))
    .orderBy(card.issuedAt, card.id);
  return rows.map(viewOf).reverse();
}

/** The household that a card's code belongs to. @throws Refusal `card-unknown` | `card-revoked` */
export async function householdOfCard(db: Db, village: string, code: string): Promise<typeof household.$inferSelect> {
  const [row] = await db
    .select({ household, revokedAt: card.revokedAt })
    .from(card)
    .innerJoin(household, and(eq(household.village, card.village), eq(household.id, card.householdId)))
    .where(and(eq(card.village, village), eq(card.codeHash, digest(code))));
  if (row === undefined) throw new Refusal('card-unknown');
  if (row.revokedAt !== null) throw new Refusal('card-revoked');
  return row.household;
}

/**
 * How a kiosk knows a card without its code: by the code's digest, hashed once more with the kiosk as salt. A code has 130
 * random bits, which nobody guesses, salted or not. But what is kept here never leaves, and the lists of two kiosks, or of one
 * and this database, cannot be laid side by side: a list on a stolen device says which hashes it has, and nothing else.
 * `codeHash` is SHA-256; answers 43 characters of base64url.
 */
export function cardHashAt(kioskId: string, codeHash: Buffer): string {
  return createHmac('sha256', kioskId).update(codeHash).digest('base64url');
}

/** A card by its id, whatever has become of it. */
export async function findCard(
  db: Db,
  village: string,
  id: string,
): Promise<{ householdId: string; revokedAt: string | null } | undefined> {
  const [row] = await db
    .select({ householdId: card.householdId, revokedAt: card.revokedAt })
    .from(card)
    .where(and(eq(card.village, village), eq(card.id, id)));
  return row;
}

export function digest(code: string): Buffer {
  return createHash('sha256').update(code.toUpperCase()).digest();
}

export function viewOf(row: Omit<CardView, 'state'>): CardView {
  const { id, householdId, issuedAt, revokedAt } = row;
  return { id, householdId, state: revokedAt === null ? 'active' : 'revoked', issuedAt, revokedAt };
}
