import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { readied, rowsFor } from './draft.ts';
import { getRuleBook, type RuleBookView } from './read.ts';
import { lockDraft, type RuleBookKey } from './rule-book.ts';
import type { RuleDraft } from './rule-draft.ts';

/**
 * Puts another title and other rules in the place of a draft's. Whoever does it had a hand in the book and cannot adopt
 * it. With `revision`, only while the draft is still the one that was read.
 * @throws Refusal `not-found` | `wrong-state` | `rule-book-changed` (facts: `revision`), and whatever `readied` refuses
 */
export async function redraftRuleBook(
  tx: Tx,
  actor: Actor,
  key: RuleBookKey,
  input: { title: string; rules: RuleDraft[]; revision?: number | undefined },
  now: Temporal.Instant,
): Promise<RuleBookView> {
  const rules = readied(input);
  await lockDraft(tx, key, input.revision);
  await tx.execute(
    sql`select rules.redraft(${key.village}, ${key.ruleBookId}, ${actor.id}, ${input.title}, ${rowsFor(rules)}::jsonb)`,
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
