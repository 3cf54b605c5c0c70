import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import type { Tx } from '../db/database.ts';
import { inserting, insertingBeside } from '../db/insert-rows.ts';
import type { Actor } from '../http/route.ts';
import { lastDayOfMonth } from '../ledger/lots.ts';
import { type PostResult, post } from '../ledger/post.ts';
import { award as awardCommand, type Command } from '../ledger/transactions.ts';
import { Refusal } from '../refusals.ts';
import { kindOfLimit, limitsOf, resetsOn } from './caps.ts';
import type { Grounds } from './grounds.ts';
import { type AwardLine, type JudgedAward, judge, type Origin } from './judge.ts';
import { type AwardView, findStanding, type Standing, viewOf } from './read.ts';
import { type AwardRow, award as awardTable } from './tables.ts';

/** One line's answer. Of a list that is all or nothing, `undone` had been posted when another line was refused. */
export type AwardResult = { award: AwardView } | { refusal: Refusal } | 'undone';

/** An award that somebody asks for in a village. */
export interface Asked {
  actor: Actor;
  village: string;
  line: AwardLine;
  /** Set where it was entered by one person and decided by others; otherwise the caller enters it directly. */
  origin?: Origin;
}

/**
 * Awards a list of one village, in order, and answers each line: a cap used up by one refuses the next, and one line's
 * refusal harms no other. With `atomic` the book takes all or nothing; whether lines that were refused before it spoil the
 * list is the caller's to say, by throwing. The number of statements does not grow with the list. The awards' own rows are
 * written after the pen is taken, for they carry the number it gave; as they are fresh nobody can be waiting for them.
 *
 * A line is refused with whatever `judge` refuses, `own-household` where nobody else decides, or under the pen
 * `award-duplicate` | `rule-exclusive` (facts: `awardId`) | `cap-reached` (facts: `cap`, `used`, `limit`, `resetsOn`) |
 * `budget-exhausted` (facts: `used`, `limit`).
 */
export async function awardEach(
  tx: Tx,
  asked: Asked[],
  grounds: Map<string, Grounds>,
  options: { atomic: boolean; batchId: string | null },
  now: Temporal.Instant,
): Promise<AwardResult[]> {
  const entries = asked.map(one => entryOf(one, grounds.get(one.village)!, now));
  const judged = entries.filter(isJudged);
  const posted = await postAll(tx, judged, options.atomic);
  const rows = judged.flatMap(entry => {
    const result = posted.get(entry)!;
    return 'number' in result ? [rowOf(entry, result.number, options.batchId, now)] : [];
  });
  const refused = judged.filter(entry => posted.get(entry)!.status === 'refused');
  const made = judged.filter(entry => 'number' in posted.get(entry)!);
  const standing = [...made.map(standingOf), ...(await standingBeside(tx, refused))];
  const rowsById = new Map(rows.map(row => [row.id, row]));
  if (rows.length > 0) await tx.execute(insertAwards(rows));
  return entries.map(entry => {
    if (!isJudged(entry)) return entry;
    const result = posted.get(entry)!;
    if (result.status === 'undone') return 'undone' as const;
    if (result.status === 'refused') return { refusal: explain(entry, result, standing) };
    return { award: viewOf(rowsById.get(entry.id)!, entry.judged.rule.title, entry.actor) };
  });
}

/** An award that is still to be posted. */
interface AwardDraft {
  command: Command;
  row: AwardRow;
  result: AwardView;
}

/**
 * An award that a clerk asks for, drafted to be posted among those of others; what is written and answered has `number`
 * where the number will be that it gets.
 * @throws Refusal whatever `judge` refuses | `own-household`. What is refused under the pen, `awardEach` can explain.
 */
export function draftAward(asked: Asked, grounds: Grounds, number: number, now: Temporal.Instant): AwardDraft {
  const entry = judgedEntry(asked, grounds, now);
  const row = rowOf(entry, number, null, now);
  return { command: commandOf(entry), row, result: viewOf(row, entry.judged.rule.title, entry.actor) };
}

interface JudgedEntry extends Asked {
  id: string;
  occasion: string;
  judged: JudgedAward;
}

type Entry = JudgedEntry | { refusal: Refusal };

function isJudged(entry: Entry): entry is JudgedEntry {
  return 'judged' in entry;
}

function judgedEntry(asked: Asked, grounds: Grounds, now: Temporal.Instant): JudgedEntry {
  const id = randomUUIDv7();
  return { ...asked, id, occasion: asked.line.occasion ?? id, judged: judgeAsked(asked, grounds, now) };
}

function entryOf(asked: Asked, grounds: Grounds, now: Temporal.Instant): Entry {
  try {
    return judgedEntry(asked, grounds, now);
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error };
    throw error;
  }
}

/** What nobody else decides on is nothing for the own household or kin. Others have judged for themselves who decides. */
function judgeAsked({ actor, line, origin }: Asked, grounds: Grounds, now: Temporal.Instant): JudgedAward {
  if (origin === undefined && grounds.kin.has(`${actor.id} ${line.householdId}`)) throw new Refusal('own-household');
  return judge(line, grounds, now, origin);
}

/** Posts all that was judged, in its order. */
async function postAll(tx: Tx, entries: JudgedEntry[], atomic: boolean): Promise<Map<JudgedEntry, PostResult>> {
  if (entries.length === 0) return new Map();
  const results = await post(tx, entries[0]!.village, entries.map(commandOf), { atomic });
  return new Map(entries.map((entry, index) => [entry, results[index]!]));
}

function commandOf({ id, actor, line, judged, origin }: JudgedEntry): Command {
  const { rule, policy, points, businessDate, publicityDays } = judged;
  const { householdId, memberId, quantity } = line;
  return awardCommand(
    {
      actor: origin?.enteredBy ?? actor.id,
      approver: origin?.decidedBy.at(-1),
      occurredAt: judged.occurredAt,
      businessDate: businessDate.toString(),
    },
    {
      awardId: id,
      householdId,
      points,
      honour: rule.honour,
      pending: judged.pending,
      expiresOn: policy.expiryMonths === null ? null : lastDayOfMonth(businessDate, policy.expiryMonths),
      limits: limitsOf(
        rule,
        { householdId, memberId, occasion: line.occasion ?? null, businessDate, quantity, points },
        policy,
      ),
      frozen: {
        ruleCode: rule.code,
        ruleId: rule.id,
        ruleBookId: rule.ruleBookId,
        ruleBookTitle: rule.ruleBookTitle,
        unitPoints: String(rule.points),
        quantity: String(quantity),
        publicityDays: String(publicityDays),
        backEntry: String(judged.backEntry),
        ...(policy.issuingFund === null ? {} : { issuingFund: policy.issuingFund }),
        ...origin?.frozen,
      },
    },
  );
}

function rowOf(
  { id, village, actor, line, occasion, judged, origin }: JudgedEntry,
  transactionNumber: number,
  batchId: string | null,
  now: Temporal.Instant,
): AwardRow {
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
    createdBy: origin?.enteredBy ?? actor.id,
    createdAt: iso(now),
    transactionNumber,
    reversalNumber: null,
    claimId: origin?.claimId ?? null,
    roundId: origin?.roundId ?? null,
    decidedBy: origin?.decidedBy ?? [],
    releaseNumber: null,
  };
}

const insertAwards = inserting(awardTable, [
  'village',
  'ruleId',
  'ruleCode',
  'ruleBookId',
  'occurredAt',
  'businessDate',
  'backEntry',
  'note',
  'state',
  'batchId',
  'createdBy',
  'createdAt',
  'reversalNumber',
  'roundId',
  'decidedBy',
  'releaseNumber',
]);

/** The rows of drafts, completed by `posted (place, number)`, which is what became of them. */
export const insertPostedAwards = insertingBeside(awardTable, 'posted', {
  number: `replace(r.number, r."transactionNumber"::text, posted.number::text)`,
  transactionNumber: 'posted.number',
});

/** An award of this very list, whose row is not written yet. */
function standingOf({ id, line, occasion, judged: { rule } }: JudgedEntry): Standing {
  const { householdId, memberId } = line;
  return { id, householdId, memberId, occasion, ruleCode: rule.code, highestOnlyGroup: rule.highestOnlyGroup };
}

async function standingBeside(tx: Tx, refused: JudgedEntry[]): Promise<Standing[]> {
  if (refused.length === 0) return [];
  return findStanding(tx, refused[0]!.village, {
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
  if (code === 'budget-exhausted') return new Refusal(code, { limit: facts.limit, used: facts.used });
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
