import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { malformed, Refusal } from '../refusals.ts';
import { getRuleBook, type RuleBookView } from './read.ts';
import { type RuleDraft, textsOf } from './rule-draft.ts';
import { refusedTermsIn } from './wording.ts';

/**
 * Saves a whole draft of a rule book, or a copy of another book's rules to go on from.
 * @throws Refusal `not-found` (the book to copy) | `validation-failed` (rules and a copy, or neither), and whatever
 *   `readied` refuses
 */
export async function draftRuleBook(
  tx: Tx,
  actor: Actor,
  village: string,
  input: { title: string; rules?: RuleDraft[] | undefined; copyOf?: string | undefined },
  now: Temporal.Instant,
): Promise<RuleBookView> {
  const rules = readied({ title: input.title, rules: await rulesFor(tx, village, input, dayOf(now)) });
  const id = randomUUIDv7();
  await tx.execute(
    sql`select rules.draft(${village}, ${id}, ${input.title}, ${actor.id}, ${iso(now)}, ${rowsFor(rules)}::jsonb)`,
  );
  return getRuleBook(tx, village, id, dayOf(now));
}

/**
 * Rules as they may stand in a draft: exclusions are made to hold both ways. Deductions may stand in it; nothing awards
 * them yet.
 * @throws Refusal `rule-wording-refused` (facts: `terms`, `codes`) | `already-exists` (a code twice) |
 *   `validation-failed` (what rules say of one another)
 */
export function readied(input: { title: string; rules: RuleDraft[] }): RuleDraft[] {
  refuseWording(input);
  refuseRepeatedCodes(input.rules);
  refuseInvalidRelations(input.rules);
  return bothWays(input.rules);
}

/** @throws Refusal `rule-wording-refused` (facts: `terms`, `codes`) */
export function refuseWording(input: { title: string; rules: RuleDraft[] }): void {
  const found = input.rules.map(draft => ({ code: draft.code, terms: textsOf(draft).flatMap(refusedTermsIn) }));
  const terms = new Set([...refusedTermsIn(input.title), ...found.flatMap(one => one.terms)]);
  if (terms.size === 0) return;
  const codes = found.filter(one => one.terms.length > 0).map(one => one.code);
  throw new Refusal('rule-wording-refused', { terms: [...terms], codes });
}

async function rulesFor(
  tx: Tx,
  village: string,
  { rules, copyOf }: { rules?: RuleDraft[] | undefined; copyOf?: string | undefined },
  today: Temporal.PlainDate,
): Promise<RuleDraft[]> {
  if ((rules === undefined) === (copyOf === undefined)) {
    throw malformed('/copyOf', 'relation', {
      zh: '细则条目和复制来源须填一项，且只能填一项。',
      en: 'Provide either rules or copyOf.',
    });
  }
  if (rules !== undefined) return rules;
  const copied = await getRuleBook(tx, village, copyOf!, today);
  return copied.rules.map(({ id: _, ruleBookId: __, ...draft }) => draft);
}

function refuseRepeatedCodes(rules: RuleDraft[]): void {
  const repeated = rules.findIndex((draft, index) => rules.findIndex(other => other.code === draft.code) < index);
  if (repeated >= 0) throw new Refusal('already-exists', { field: `rules/${repeated}/code`, existingId: null });
}

/**
 * Rules that exclude each other are in this book, and belong to the same holder: whose use counts against whose would
 * otherwise depend on which of them came first.
 */
function refuseInvalidRelations(rules: RuleDraft[]): void {
  const byCode = new Map(rules.map(draft => [draft.code, draft]));
  const scopeOfGroup = new Map<string, string>();
  rules.forEach((draft, index) => {
    if ((draft.capTimes === null) !== (draft.capPeriod === null)) {
      throw malformed(`/rules/${index}/capPeriod`, 'relation', {
        zh: '封顶次数和封顶周期须同时填写，或都不填。',
        en: 'Set capTimes and capPeriod together, or neither.',
      });
    }
    draft.excludes.forEach((code, place) => {
      const other = byCode.get(code);
      if (other === undefined || other === draft || other.capScope !== draft.capScope) {
        throw malformed(`/rules/${index}/excludes/${place}`, 'relation', {
          zh: '只能填本细则中封顶对象相同的另一条。',
          en: 'Name another rule of this book with the same capScope.',
        });
      }
    });
    const group = draft.highestOnlyGroup;
    if (group === null) return;
    if ((scopeOfGroup.get(group) ?? draft.capScope) !== draft.capScope) {
      throw malformed(`/rules/${index}/highestOnlyGroup`, 'relation', {
        zh: '同一就高计分组的各条，封顶对象须相同。',
        en: 'Rules of one group must have the same capScope.',
      });
    }
    scopeOfGroup.set(group, draft.capScope);
  });
}

function bothWays(rules: RuleDraft[]): RuleDraft[] {
  return rules.map(draft => {
    const back = rules.filter(other => other.excludes.includes(draft.code)).map(other => other.code);
    return { ...draft, excludes: [...new Set([...draft.excludes, ...back])].sort() };
  });
}

/** Rules as rows of their table, each under a new id, for the functions of the database that alone may write them. */
export function rowsFor(rules: RuleDraft[]): string {
  const name = (member: string) => member.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
  const rowOf = (row: object) =>
    Object.fromEntries(Object.entries(row).map(([member, value]) => [name(member), value]));
  return JSON.stringify(rules.map(draft => rowOf({ ...draft, id: randomUUIDv7() })));
}
