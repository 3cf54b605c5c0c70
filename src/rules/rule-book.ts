import { and, asc, eq } from 'drizzle-orm';
import { one, type Tx } from '../db/database.ts';
import { Refusal } from '../refusals.ts';
import { ruleBook } from './tables.ts';

/** The row of a rule book: how it is locked. It is written by functions of the database alone. */

type RuleBookRow = typeof ruleBook.$inferSelect;

export interface RuleBookKey {
  village: string;
  ruleBookId: string;
}

/**
 * Locks a draft, as its reader knows it.
 * @param revision what the caller has read; undefined when it does not say
 * @throws Refusal `not-found` | `wrong-state` (facts: `state`, `allowedFrom`, `since`) | `rule-book-changed` (facts:
 *   `revision`)
 */
export async function lockDraft(tx: Tx, key: RuleBookKey, revision: number | undefined): Promise<void> {
  refuseUnlessDraft(one(await tx.select().from(ruleBook).where(byKey(key)).for('update')), revision);
}

/**
 * Locks every book of the village, for an adoption: two at once would each see the other as not yet made. Answers this one.
 * @throws Refusal `not-found`
 */
export async function lockAllBooks(tx: Tx, key: RuleBookKey): Promise<RuleBookRow> {
  await tx
    .select({ id: ruleBook.id })
    .from(ruleBook)
    .where(eq(ruleBook.village, key.village))
    .orderBy(asc(ruleBook.id))
    .for('update');
  return one(await tx.select().from(ruleBook).where(byKey(key)));
}

/**
 * @param revision what the caller has read; undefined when it does not say
 * @throws Refusal `wrong-state` (facts: `state`, `allowedFrom`, `since`) | `rule-book-changed` (facts: `revision`)
 */
export function refuseUnlessDraft(book: RuleBookRow, revision: number | undefined): void {
  const { state, adoptedAt, discardedAt, withdrawnAt } = book;
  if (state !== 'draft') {
    throw new Refusal('wrong-state', { state, allowedFrom: ['draft'], since: withdrawnAt ?? adoptedAt ?? discardedAt });
  }
  if (revision !== undefined && revision !== book.revision) {
    throw new Refusal('rule-book-changed', { revision: book.revision });
  }
}

function byKey({ village, ruleBookId }: RuleBookKey) {
  return and(eq(ruleBook.village, village), eq(ruleBook.id, ruleBookId));
}
