import { and, eq, isNull, ne } from 'drizzle-orm';
import { cardHashAt } from '../households/cards.ts';
import { card, household } from '../households/tables.ts';
import type { Read } from './entry.ts';

interface CardEntry {
  /** The card's code, hashed for this kiosk. */
  id: string;
  householdId: string;
}

/** Cards that may be shown, by which a kiosk without a network finds the household. A card that was revoked is gone. */
export const cards: Read<CardEntry> = async (db, { village, kioskId }) => {
  const rows = await db
    .select({ codeHash: card.codeHash, householdId: card.householdId })
    .from(card)
    .innerJoin(household, and(eq(household.village, card.village), eq(household.id, card.householdId)))
    .where(and(eq(card.village, village), isNull(card.revokedAt), ne(household.state, 'closed')));
  return rows.map(({ codeHash, householdId }) => ({ id: cardHashAt(kioskId, codeHash), householdId }));
};
