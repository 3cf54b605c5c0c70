import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import { type Db, rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { getVillage } from '../villages/read.ts';
import { cardSheetPdf } from './card-sheet-pdf.ts';
import { type CardView, digest, newCardCode, revokedTwice, viewOf } from './cards.ts';
import { maskName } from './masking.ts';
import { card, household, member } from './tables.ts';

/** A card that is asked for: of a household, and in place of which of its cards. */
interface CardWish {
  householdId: string;
  replacesCardId?: string | null | undefined;
}

/** What a sheet says, beside the codes. */
interface SheetPlan {
  villageName: string;
  cards: (CardWish & { number: string; headName: string })[];
}

/** A sheet that is printed, its cards not yet issued. */
interface PrintedSheet {
  cards: (CardWish & { id: string; codeHash: Buffer })[];
  /** Base64. */
  pdf: string;
}

export interface CardSheetView {
  cards: CardView[];
  pdf: string;
}

/** What is printed on the cards of these households. @throws Refusal `not-found` (facts: `field`) */
export async function planSheet(db: Db, village: string, wishes: readonly CardWish[]): Promise<SheetPlan> {
  const ids = wishes.map(wish => wish.householdId);
  const rows = await db
    .select({ id: household.id, number: household.number, headName: member.name })
    .from(household)
    .innerJoin(member, and(eq(member.village, household.village), eq(member.id, household.headMemberId)))
    .where(and(eq(household.village, village), inArray(household.id, ids)));
  const found = new Map(rows.map(row => [row.id, row]));
  const cards = wishes.map((wish, index) => {
    const row = found.get(wish.householdId);
    if (row === undefined) throw new Refusal('not-found', { field: `cards/${index}/householdId` });
    return { ...wish, number: row.number, headName: maskName(row.headName) };
  });
  return { villageName: (await getVillage(db, village)).name, cards };
}

/**
 * Makes codes and prints them. It takes a while, and so comes before the database transaction that issues the cards: until
 * that commits, the codes open nothing.
 */
export async function printSheet(plan: SheetPlan, now: Temporal.Instant): Promise<PrintedSheet> {
  const coded = plan.cards.map(one => ({ ...one, code: newCardCode() }));
  const pdf = await cardSheetPdf(plan.villageName, coded, now);
  const cards = coded.map(({ householdId, replacesCardId, code }) => ({
    householdId,
    replacesCardId,
    id: randomUUIDv7(),
    codeHash: digest(code),
  }));
  return { cards, pdf: pdf.toString('base64') };
}

/**
 * Issues the cards of a printed sheet, and revokes those they replace: all, or none.
 * @throws Refusal `not-found` | `wrong-state` (a card was revoked) | `household-not-active` | `own-household` (facts:
 *   `householdIds`)
 */
export async function issueSheet(
  tx: Tx,
  actor: Actor,
  village: string,
  sheet: PrintedSheet,
  now: Temporal.Instant,
): Promise<CardSheetView> {
  await holdAll(tx, village, sheet);
  await refuseOwn(tx, actor, village, sheet);
  await revokeReplaced(tx, actor, village, sheet, now);
  const { cards } = sheet;
  await tx.execute(sql`
    select households.issue_card(${village}, c.id, c.household, decode(c.digest, 'hex'), ${actor.id}, ${iso(now)})
      from unnest(${sql.param(cards.map(one => one.id))}::uuid[],
                  ${sql.param(cards.map(one => one.householdId))}::uuid[],
                  ${sql.param(cards.map(one => one.codeHash.toString('hex')))}::text[]) as c (id, household, digest)`);
  const issued = { issuedAt: iso(now), revokedAt: null };
  return { cards: cards.map(({ id, householdId }) => viewOf({ id, householdId, ...issued })), pdf: sheet.pdf };
}

async function holdAll(tx: Tx, village: string, { cards }: PrintedSheet): Promise<void> {
  const ids = cards.map(one => one.householdId);
  const rows = await tx
    .select({ id: household.id, state: household.state })
    .from(household)
    .where(and(eq(household.village, village), inArray(household.id, ids)))
    .orderBy(asc(household.id))
    .for('key share');
  const closed = new Set(rows.filter(row => row.state === 'closed').map(row => row.id));
  const index = ids.findIndex(id => closed.has(id));
  if (index >= 0) throw new Refusal('household-not-active', { state: 'closed', field: `cards/${index}/householdId` });
}

/** `issue_card` refuses them too, but cannot say which of two hundred it is. */
async function refuseOwn(tx: Tx, actor: Actor, village: string, { cards }: PrintedSheet): Promise<void> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    sql`
    select distinct id from unnest(${sql.param(cards.map(one => one.householdId))}::uuid[]) as u (id)
     where households.is_kin(${village}, ${actor.id}, id)`,
  );
  if (rows.length > 0) throw new Refusal('own-household', { householdIds: rows.map(row => row.id) });
}

async function revokeReplaced(tx: Tx, actor: Actor, village: string, sheet: PrintedSheet, now: Temporal.Instant) {
  const replaced = sheet.cards.map(one => one.replacesCardId ?? null);
  const ids = replaced.filter(id => id !== null);
  if (ids.length === 0) return;
  const amongIds = and(eq(card.village, village), inArray(card.id, ids));
  const rows = await tx.select().from(card).where(amongIds).orderBy(asc(card.id)).for('update');
  const found = new Map(rows.map(row => [row.id, row]));
  for (const [index, id] of replaced.entries()) {
    if (id === null) continue;
    const row = found.get(id);
    if (row?.householdId !== sheet.cards[index]!.householdId) {
      throw new Refusal('not-found', { field: `cards/${index}/replacesCardId` });
    }
    if (row.revokedAt !== null) throw revokedTwice(row.revokedAt);
  }
  await tx
    .update(card)
    .set({ revokedBy: actor.id, revokedAt: iso(now) })
    .where(amongIds);
}
