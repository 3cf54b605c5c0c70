import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { type PostResult, post } from '../ledger/post.ts';
import * as transactions from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { kindOfLimit, limitsOf, resetsOn } from './caps.ts';
import { groundsOf } from './grounds.ts';
import { type AwardLine, type JudgedAward, judge } from './judge.ts';
import { type AwardView, findStanding, type Standing, viewOf } from './read.ts';
import { award as awardTable } from './tables.ts';

/** One line's answer. Of a list that is all or nothing, `undone` had been posted when another line was refused. */
export type AwardResult = { award: AwardView } | { refusal: Refusal } | 'undone';

/**
 * Awards points to a household, at once.
 * @throws Refusal whatever `judge` refuses, or under the pen `award-duplicate` | `rule-exclusive` (facts: `awardId`) |
 *   `cap-reached` (facts: `cap`, `used`, `limit`, `resetsOn`)
 */
export async function award(
  tx: Tx,
  actor: Actor,
  village: string,
  line: AwardLine,
  now: Temporal.Instant,
): Promise<AwardView> {
  const [result] = await awardEach(tx, actor, village, [line], { atomic: false, batchId: null }, now);
  if (result === undefined || result === 'undone') throw new Error('one award has one answer');
  if ('refusal' in result) throw result.refusal;
  return result.award;
}

/**
 * Awards a list, in order, and answers each line: a cap used up by one refuses the next, and one line's refusal harms no
 * other. With `atomic` the book takes all or nothing; whether lines that were refused before it spoil the list is the
 * caller's to say, by throwing. The number of statements does not grow with the list.
 */
export async function awardEach(
  tx: Tx,
  actor: Actor,
  village: string,
  lines: AwardLine[],
  options: { atomic: boolean; batchId: string | null },
  now: Temporal.Instant,
): Promise<AwardResult[]> {
  const grounds = await groundsOf(tx, village, lines);
  const entries = lines.map(line => entryOf(line, () => judge(line, grounds, now)));
  const judged = entries.filter(isJudged);
  const posted = await postAll(tx, actor, village, judged, options.atomic);
  const rows = judged.flatMap((entry, index) => {
    const result = posted[index]!;
    return 'number' in result ? [rowOf(entry, result.number, { village, actor, batchId: options.batchId, now })] : [];
  });
  // After the pen is taken, for they carry the number it gave; fresh rows, so nobody can be waiting for them.
  if (rows.length > 0) await tx.insert(awardTable).values(rows);

  const results = new Map<Entry, PostResult>(judged.map((entry, index) => [entry, posted[index]!]));
  const refused = judged.filter(entry => results.get(entry)!.status === 'refused');
  const standing = await standingBeside(tx, village, refused);
  const rowsById = new Map(rows.map(row => [row.id, row]));
  return entries.map(entry => {
    if (!isJudged(entry)) return entry;
    const result = results.get(entry)!;
    if (result.status === 'undone') return 'undone';
    if (result.status === 'refused') return { refusal: explain(entry, result, standing) };
    return { award: viewOf(rowsById.get(entry.id)!, entry.judged.rule.title, actor) };
  });
}

interface JudgedEntry {
  id: string;
  line: AwardLine;
  occasion: string;
  judged: JudgedAward;
}

type Entry = JudgedEntry | { refusal: Refusal };

function isJudged(entry: Entry): entry is JudgedEntry {
  return 'judged' in entry;
}

function entryOf(line: AwardLine, judging: () => JudgedAward): Entry {
  const id = randomUUIDv7();
  try {
    return { id, line, occasion: line.occasion ?? id, judged: judging() };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error };
    throw error;
  }
}

async function postAll(
  tx: Tx,
  actor: Actor,
  village: string,
  entries: JudgedEntry[],
  atomic: boolean,
): Promise<PostResult[]> {
  if (entries.length === 0) return [];
  const commands = entries.map(({ id, line, occasion, judged }) => {
    const { rule, policy, points, businessDate } = judged;
    const { householdId, memberId, quantity } = line;
    return transactions.award(
      { actor: actor.id, occurredAt: judged.occurredAt, businessDate: businessDate.toString() },
      {
        awardId: id,
        householdId,
        points,
        honour: rule.honour,
        pending: judged.pending,
        limits: limitsOf(
          rule,
          { householdId, memberId, occasion, businessDate, quantity, points },
          policy.householdDayMaxPoints,
        ),
        frozen: {
          ruleCode: rule.code,
          ruleId: rule.id,
          ruleBookId: rule.ruleBookId,
          ruleBookTitle: rule.ruleBookTitle,
          unitPoints: String(rule.points),
          quantity: String(quantity),
          publicityDays: String(judged.pending ? policy.directAwardPublicityDays : 0),
          backEntry: String(judged.backEntry),
        },
      },
    );
  });
  return post(tx, village, commands, { atomic });
}

function rowOf(
  { id, line, occasion, judged }: JudgedEntry,
  transactionNumber: number,
  { village, actor, batchId, now }: { village: string; actor: Actor; batchId: string | null; now: Temporal.Instant },
): typeof awardTable.$inferSelect {
  const { rule, points, occurredAt, backEntry } = judged;
  const businessDate = judged.businessDate.toString();
  return {
    village,
    id,
    // The voucher number makes it unique; the date makes it a number that people can file.
    number: `A-${businessDate.replaceAll('-', '')}-${transactionNumber}`,
    householdId: line.householdId,
    memberId: line.memberId,
    ruleId: rule.id,
    ruleCode: rule.code,
    ruleBookId: rule.ruleBookId,
    quantity: line.quantity,
    points,
    occasion,
    occurredAt,
    businessDate,
    backEntry,
    note: line.note,
    // Publicity, which makes pending points spendable, posts them to `available` with their honour.
    state: judged.pending ? 'pending' : 'posted',
    batchId,
    createdBy: actor.id,
    createdAt: iso(now),
    transactionNumber,
    reversalNumber: null,
  };
}

async function standingBeside(tx: Tx, village: string, refused: JudgedEntry[]): Promise<Standing[]> {
  if (refused.length === 0) return [];
  return findStanding(tx, village, {
    householdIds: refused.map(entry => entry.line.householdId),
    occasions: refused.map(entry => entry.occasion),
  });
}

/** The ledger's refusal in the words of earning. */
function explain(
  entry: JudgedEntry,
  result: Extract<PostResult, { status: 'refused' }>,
  standing: Standing[],
): Refusal {
  const { code, facts } = result;
  if (code !== 'cap-reached' && code !== 'rule-exclusive') return new Refusal(code, facts);
  const { line, occasion, judged } = entry;
  const { rule, businessDate } = judged;
  const beside = standing.filter(one => one.householdId === line.householdId && one.occasion === occasion);
  const kind = kindOfLimit(facts.cap as string);
  if (kind === 'once') {
    const twin = beside.find(one => one.ruleCode === rule.code && one.memberId === line.memberId);
    return new Refusal('award-duplicate', { awardId: twin?.id ?? null });
  }
  if (kind === 'exclusion') {
    const rival = beside.find(
      one =>
        (rule.capScope === 'household' || one.memberId === line.memberId) &&
        (rule.excludes.includes(one.ruleCode) ||
          (rule.highestOnlyGroup !== null && one.highestOnlyGroup === rule.highestOnlyGroup)),
    );
    return new Refusal('rule-exclusive', { awardId: rival?.id ?? null });
  }
  return new Refusal('cap-reached', {
    cap: kind,
    used: facts.used,
    limit: facts.limit,
    resetsOn: resetsOn(kind === 'rule' ? rule.capPeriod! : 'day', businessDate),
  });
}
