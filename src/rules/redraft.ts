import { and, eq, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import { one, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { type RuleDraft, readied, rowsFor } from './draft.ts';
import { getRuleBook, type RuleBookView } from './read.ts';
import { ruleBook } from './tables.ts';

interface RuleBookKey {
  village: string;
  ruleBookId: string;
}

/**
 * Puts another title and other rules in the place of a draft's. Whoever does it had a hand in the book and cannot adopt
 * it. With `revision`, only while the draft is still the one that was read.
 * @throws Refusal `not-found` | `wrong-state` | `rule-book-changed` (facts: `revision`), and whatever `readied` refuses
 */
export async function redraftRuleBook(
  tx: Tx,
  actor: Actor,
  key: RuleBookKey,
  said: { title: string; rules: RuleDraft[]; revision?: number | undefined },
  now: Temporal.Instant,
): Promise<RuleBookView> {
  const rules = readied(said);
  await lockDraft(tx, key, said.revision);
  await tx.execute(
    sql`select rules.redraft(${key.village}, ${key.ruleBookId}, ${actor.id}, ${said.title}, ${rowsFor(rules)}::jsonb)`,
  );
  return getRuleBook(tx, key.village, key.ruleBookId, dayOf(now));
}

/** Gives a draft up. It stays readable. @throws Refusal `not-found` | `wrong-state` */
export async function discardRuleBook(
  tx: Tx,
  actor: Actor,
  key: RuleBookKey,
  now: Temporal.Instant,
): Promise<RuleBookView> {
  await lockDraft(tx, key, undefined);
  await tx.execute(sql`select rules.discard(${key.village}, ${key.ruleBookId}, ${actor.id}, ${iso(now)})`);
  return getRuleBook(tx, key.village, key.ruleBookId, dayOf(now));
}

async function lockDraft(tx: Tx, key: RuleBookKey, revision: number | undefined): Promise<void> {
  refuseUnlessDraft(one(await tx.select().from(ruleBook).where(mine(key)).for('update')), revision);
}

/**
 * @param revision what the caller has read; undefined when it does not say
 * @throws Refusal `wrong-state` (facts: `state`, `allowedFrom`, `since`) | `rule-book-changed` (facts: `revision`)
 */
export function refuseUnlessDraft(book: typeof ruleBook.$inferSelect, revision: number | undefined): void {
  const { state, adoptedAt, discardedAt } = book;
  if (state !== 'draft') {
    throw new Refusal('wrong-state', { state, allowedFrom: ['draft'], since: adoptedAt ?? discardedAt });
  }
  if (revision !== undefined && revision !== book.revision) {
    throw new Refusal('rule-book-changed', { revision: book.revision });
  }
}

function mine({ village, ruleBookId }: RuleBookKey) {
  return and(eq(ruleBook.village, village), eq(ruleBook.id, ruleBookId));
}
