import { randomUUIDv7 } from 'node:crypto';
import { iso } from '../calendar.ts';
import { rowsOf, type Tx } from '../db/database.ts';
import type { Actor } from '../http/route.ts';
import { lastDayOfMonth } from '../ledger/lots.ts';
import { knownCode, posting } from '../ledger/post.ts';
import { award as awardCommand, type Command } from '../ledger/transactions.ts';
import {
  type Draft,
  numberPlaceholder,
  type PostedRow,
  type PostingOperation,
  postingStatement,
} from '../posting/batch.ts';
import { Refusal } from '../refusals.ts';
import { type AwardView, insertAwards, type Unreversed, unreversed, viewOf } from './award-row.ts';
import { holderOf, kindOfLimit, limitsOf, occasionKey, resetsOn } from './caps.ts';
import type { AwardRow } from './tables.ts';
import {
  type AwardContext,
  type AwardLine,
  type Origin,
  type RuleInBook,
  readContexts,
  type ValidAward,
  validateAward,
} from './validate-award.ts';

/** One line's answer. Of a list that is all or nothing, `undone` had been posted when another line was refused. */
export type AwardResult = { award: AwardView } | { refusal: Refusal } | 'undone';

/** An award that somebody asks for in a village. */
export interface AwardInput {
  actor: Actor;
  village: string;
  line: AwardLine;
  /** Set where it was entered by one person and decided by others; otherwise the caller enters it directly. */
  origin?: Origin;
}

/**
 * Awards a list of one village, in order, and answers each line: a cap used up by one refuses the next, and one line's
 * refusal harms no other. With `atomic` the book takes all or nothing; whether lines that were refused before it spoil the
 * list is the caller's to say, by throwing. The number of statements does not grow with the list.
 *
 * A line is refused with whatever `validateAward` refuses, `own-household` where nobody else decides, or by the ledger
 * `award-duplicate` | `rule-exclusive` (facts: `awardId`) | `cap-reached` (facts: `cap`, `used`, `limit`, `resetsOn`) |
 * `budget-exhausted` (facts: `used`, `limit`).
 */
export async function awardEach(
  tx: Tx,
  inputs: AwardInput[],
  contexts: Map<string, AwardContext>,
  options: { atomic: boolean; batchId: string | null },
  now: Temporal.Instant,
): Promise<AwardResult[]> {
  const results: AwardResult[] = inputs.map(() => 'undone');
  const drafts: AwardDraft[] = [];
  const indexes: number[] = [];
  for (const [index, input] of inputs.entries()) {
    try {
      drafts.push(draftAward(input, contexts, now, options.batchId));
      indexes.push(index);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      results[index] = { refusal: error };
    }
  }
  if (drafts.length === 0) return results;
  const rows = drafts.map(draft => draft.row);
  const commands = drafts.map(draft => draft.command);
  const statement = postingStatement(posting(drafts[0]!.village, commands, options), insertAwards(rows), [], now);
  const posted = await rowsOf<PostedRow>(tx, statement);
  const question = unreversed(posted.flatMap(({ place, code }) => (code === null ? [] : [rows[place - 1]!])));
  const conflicts = question === undefined ? [] : await rowsOf<Unreversed>(tx, question);
  for (const { place, number, code, facts } of posted) {
    const draft = drafts[place - 1]!;
    const index = indexes[place - 1]!;
    if (code !== null) {
      results[index] = { refusal: explain(draft, new Refusal(knownCode(code), facts!), conflicts) };
    } else if (number !== null) {
      results[index] = { award: Object.assign(draft.result, numbersOf(draft.row, number)) };
    }
  }
  return results;
}

/** Requests for one award, many of which share a database transaction. Each is refused just like a line of a list. */
export const singleAwards: PostingOperation<AwardLine, Map<string, AwardContext>, AwardDraft, Unreversed> = {
  readContext: readContexts,
  draft: draftAward,
  insert: insertAwards,
  conflictsWith: ({ row }, refusal) => (isConflict(refusal) ? unreversed([row]) : undefined),
  explain,
};

/** An award that is valid but not yet posted. */
interface AwardDraft extends Draft<AwardRow, AwardView> {
  rule: RuleInBook;
  businessDate: Temporal.PlainDate;
}

/**
 * What nobody else decides on is nothing for the own household or kin. Others have seen for themselves who decides.
 * @throws Refusal whatever `validateAward` refuses | `own-household`
 */
function draftAward(
  input: AwardInput,
  contexts: Map<string, AwardContext>,
  now: Temporal.Instant,
  batchId: string | null = null,
): AwardDraft {
  const { actor, village, line, origin } = input;
  const context = contexts.get(village)!;
  if (origin === undefined && context.kin.has(`${actor.id} ${line.householdId}`)) throw new Refusal('own-household');
  const id = randomUUIDv7();
  const valid = validateAward(line, context, now, origin);
  const { rule, businessDate } = valid;
  const row = rowOf(id, input, valid, { batchId, createdAt: iso(now) });
  return {
    village,
    command: commandOf(id, input, valid),
    row,
    result: viewOf(row, rule.title, actor),
    rule,
    businessDate,
  };
}

function commandOf(id: string, { actor, line, origin }: AwardInput, valid: ValidAward): Command {
  const { rule, policy, points, businessDate, publicityDays } = valid;
  const { householdId, memberId = null, quantity } = line;
  return awardCommand(
    {
      actor: origin?.enteredBy ?? actor.id,
      approver: origin?.decidedBy.at(-1),
      occurredAt: valid.occurredAt,
      businessDate: businessDate.toString(),
    },
    {
      awardId: id,
      householdId,
      points,
      honour: rule.honour,
      pending: valid.pending,
      expiresOn: policy.expiryMonths === null ? null : lastDayOfMonth(businessDate, policy.expiryMonths),
      limits: limitsOf(
        rule,
        {
          householdId,
          memberId,
          occasion: line.occasion ?? null,
          businessDate,
          quantity,
          points,
          direct: origin === undefined,
        },
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
        backEntry: String(valid.backEntry),
        ...(policy.issuingFund === null ? {} : { issuingFund: policy.issuingFund }),
        ...origin?.frozen,
      },
    },
  );
}

/** The row, with a placeholder for its number. */
function rowOf(
  id: string,
  { village, actor, line, origin }: AwardInput,
  valid: ValidAward,
  made: Pick<AwardRow, 'batchId' | 'createdAt'>,
): AwardRow {
  const { rule, points, occurredAt, backEntry } = valid;
  const businessDate = valid.businessDate.toString();
  return {
    village,
    id,
    ...numbersOf({ businessDate }, numberPlaceholder),
    householdId: line.householdId,
    memberId: line.memberId ?? null,
    ruleId: rule.id,
    ruleCode: rule.code,
    ruleBookId: rule.ruleBookId,
    quantity: line.quantity,
    points,
    occasion: line.occasion ?? id,
    occasionKey: line.occasion === undefined ? id : occasionKey(line.occasion),
    holderId: holderOf(rule, line),
    occurredAt,
    businessDate,
    backEntry,
    note: line.note ?? null,
    // Publicity, which makes pending points spendable, posts them to `available` with their honour.
    state: valid.pending ? 'pending' : 'posted',
    createdBy: origin?.enteredBy ?? actor.id,
    ...made,
    reversalNumber: null,
    claimId: origin?.claimId ?? null,
    roundId: origin?.roundId ?? null,
    decidedBy: origin?.decidedBy ?? [],
    releaseNumber: null,
  };
}

/** The voucher number makes it unique; the date makes it a number that people can file. */
function numbersOf(
  { businessDate }: Pick<AwardRow, 'businessDate'>,
  transactionNumber: number,
): Pick<AwardRow, 'number' | 'transactionNumber'> {
  return { number: `A-${businessDate.replaceAll('-', '')}-${transactionNumber}`, transactionNumber };
}

/** Whether it is another award for the same occasion that the ledger refuses this one for. */
function isConflict({ facts }: Refusal): boolean {
  return typeof facts.cap === 'string' && ['once', 'exclusion'].includes(kindOfLimit(facts.cap));
}

/** What a refusal is explained by. */
type Unawarded = Pick<AwardDraft, 'rule' | 'businessDate'> & { row: Pick<AwardRow, 'holderId' | 'occasionKey'> };

/** The ledger's refusal in the words of earning. */
export function explain({ row, rule, businessDate }: Unawarded, refusal: Refusal, conflicts: Unreversed[]): Refusal {
  const { code, facts } = refusal;
  if (code === 'budget-exhausted') return new Refusal(code, { limit: facts.limit, used: facts.used });
  if (code !== 'cap-reached' && code !== 'rule-exclusive') return refusal;
  const { holderId, occasionKey } = row;
  const sameOccasion = conflicts.filter(one => one.holderId === holderId && one.occasionKey === occasionKey);
  const kind = kindOfLimit(facts.cap as string);
  if (kind === 'once') {
    const duplicate = sameOccasion.find(one => one.ruleCode === rule.code);
    return new Refusal('award-duplicate', { awardId: duplicate?.id ?? null });
  }
  if (kind === 'exclusion') {
    const excluding = sameOccasion.find(
      one =>
        rule.excludes.includes(one.ruleCode) ||
        (rule.highestOnlyGroup !== null && one.highestOnlyGroup === rule.highestOnlyGroup),
    );
    return new Refusal('rule-exclusive', { awardId: excluding?.id ?? null });
  }
  return new Refusal('cap-reached', {
    cap: kind,
    used: facts.used,
    limit: facts.limit,
    resetsOn: resetsOn(kind === 'rule' ? rule.capPeriod! : 'day', businessDate),
  });
}
