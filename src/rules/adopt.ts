import { eq, max, sql } from 'drizzle-orm';
import { dayOf, iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { policyOn } from '../villages/policy.ts';
import { getVillage } from '../villages/read.ts';
import { refuseWording } from './draft.ts';
import { findingsOf } from './findings.ts';
import { getRuleBook, type Resolution, type RuleBookView } from './read.ts';
import { lockAllBooks, type RuleBookKey, refuseUnlessDraft } from './rule-book.ts';
import { ruleBook } from './tables.ts';

/**
 * Puts a draft in force from a day on, by the resolution of the village assembly. From then on the book never changes.
 * The first may reach back to the day the village opened; each further one starts after the one before it, tomorrow at the
 * earliest: which book holds on a day is never decided twice, and nothing that was filed today loses its book.
 * Source: the 2020 national notice on village points: a rule needs the assembly's resolution.
 * With `revision`, only while the draft is still the one that was read.
 * @throws Refusal `not-found` | `second-person-required` (facts: `firstUserId`) | `wrong-state` | `rule-book-changed` |
 *   `rule-wording-refused` | `rule-book-unsound` (facts: `findings`) | `out-of-bounds`
 */
export async function adoptRuleBook(
  tx: Tx,
  actor: Actor,
  key: RuleBookKey,
  input: { inForceFrom: string; resolution: Resolution; revision?: number | undefined },
  now: Temporal.Instant,
): Promise<RuleBookView> {
  const book = await lockAllBooks(tx, key);
  if ([book.createdBy, ...book.editedBy].includes(actor.id)) {
    throw new Refusal('second-person-required', { firstUserId: actor.id });
  }
  refuseUnlessDraft(book, input.revision);
  await refuseErrors(tx, key, input.inForceFrom, dayOf(now));
  refuseVotes(input.resolution);
  await refuseDates(tx, key.village, input, dayOf(now));
  const { heldOn, present, votesFor, votesAgainst, abstained } = input.resolution;
  await tx.execute(sql`
    select rules.adopt(${key.village}, ${key.ruleBookId}, ${actor.id}, ${iso(now)}, ${input.inForceFrom}, ${heldOn},
      ${present}, ${votesFor}, ${votesAgainst}, ${abstained})`);
  return getRuleBook(tx, key.village, key.ruleBookId, dayOf(now));
}

/**
 * Takes back an adopted book before its first day: the one before it goes on, and another may take its day.
 * @throws Refusal `not-found` | `wrong-state` (facts: `state` is draft, discarded, withdrawn or inForce; `since`)
 */
export async function withdrawRuleBook(
  tx: Tx,
  actor: Actor,
  key: RuleBookKey,
  now: Temporal.Instant,
): Promise<RuleBookView> {
  const { state, inForceFrom, discardedAt, withdrawnAt, createdAt } = await lockAllBooks(tx, key);
  if (inForceFrom === null) {
    throw new Refusal('wrong-state', {
      state,
      allowedFrom: ['adopted'],
      since: withdrawnAt ?? discardedAt ?? createdAt,
    });
  }
  const today = dayOf(now);
  if (inForceFrom <= today.toString()) throw new Refusal('wrong-state', { state: 'inForce', since: inForceFrom });
  await tx.execute(sql`select rules.withdraw(${key.village}, ${key.ruleBookId}, ${actor.id}, ${iso(now)})`);
  return getRuleBook(tx, key.village, key.ruleBookId, today);
}

/** The words that are refused grow: a draft that was taken in once is looked at again, by the policy of its first day. */
async function refuseErrors(
  tx: Tx,
  { village, ruleBookId }: { village: string; ruleBookId: string },
  inForceFrom: string,
  today: Temporal.PlainDate,
): Promise<void> {
  const book = await getRuleBook(tx, village, ruleBookId, today);
  refuseWording(book);
  const first = [inForceFrom, today.toString()].sort()[1]!;
  const policy = await policyOn(tx, village, Temporal.PlainDate.from(first));
  const errors = findingsOf(book, policy).filter(finding => finding.level === 'error');
  if (errors.length === 0) return;
  throw new Refusal('rule-book-unsound', { findings: errors.map(({ kind, ruleCode }) => ({ kind, ruleCode })) });
}

function refuseVotes({ present, votesFor, votesAgainst, abstained }: Resolution): void {
  const votes = votesFor + votesAgainst + abstained;
  if (votes > present) throw bounds('resolution/present', votes, 100_000);
  if (votesFor <= votesAgainst) throw bounds('resolution/votesFor', votesAgainst + 1, present);
}

async function refuseDates(
  tx: Tx,
  village: string,
  { inForceFrom, resolution }: { inForceFrom: string; resolution: Resolution },
  today: Temporal.PlainDate,
): Promise<void> {
  const { openedOn } = await getVillage(tx, village);
  const [last] = await tx
    .select({ inForceFrom: max(ruleBook.inForceFrom) })
    .from(ruleBook)
    .where(eq(ruleBook.village, village));
  const previous = last?.inForceFrom ?? null;
  const dayAfter = (day: Temporal.PlainDate) => day.add({ days: 1 }).toString();
  const earliest =
    previous === null ? openedOn : [dayAfter(Temporal.PlainDate.from(previous)), dayAfter(today)].sort()[1]!;
  // A slip in the year would shut out every later book until somebody withdraws it.
  const latest = today.add({ years: 1 }).toString();
  if (inForceFrom < earliest || inForceFrom > latest) throw bounds('inForceFrom', earliest, latest);
  const lastMeeting = [inForceFrom, today.toString()].sort()[0]!;
  if (resolution.heldOn > lastMeeting) throw bounds('resolution/heldOn', '2000-01-01', lastMeeting);
}

function bounds(field: string, min: number | string, max: number | string): Refusal {
  return new Refusal('out-of-bounds', { field, min, max });
}
