import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Problem, Text, VillageCode, Whole } from '../http/shapes.ts';

const Occasion = Type.String({
  pattern: '^\\S{1,80}$',
  minLength: 1,
  maxLength: 80,
  description: 'The event it is for: with rule, household and member it pays once. Without blanks, and without names',
  examples: ['village-cleaning-2026-11-23'],
});

const line = {
  ruleId: Id('The rule'),
  householdId: Id('The household'),
  memberId: Type.Optional(Nullable(Id('Who did it; required where the rule belongs to a member'))),
  quantity: Whole('Units of the rule', { minimum: 1, maximum: 1000 }),
  occurredAt: Type.Optional(Instant('When it happened; now unless told, never later')),
  occasion: Type.Optional(Occasion),
  note: Type.Optional(Nullable(Text(200, 'Remark', '清扫公厕周边'))),
};

const exampleLine = {
  ruleId: exampleId,
  householdId: exampleId,
  memberId: null,
  quantity: 1,
  occasion: 'village-cleaning-2026-11-23',
  note: '清扫公厕周边',
};

export const AwardCreate = Type.Object(line, {
  title: 'AwardCreate',
  additionalProperties: false,
  examples: [exampleLine],
});

const AwardBatchItem = Type.Object(
  {
    ref: Type.Optional(Nullable(Text(64, 'The caller’s own name for the line, given back with its answer', '1'))),
    ...line,
  },
  { title: 'AwardBatchItem', additionalProperties: false },
);

export const AwardBatch = Type.Object(
  {
    mode: OneOf(['atomic', 'perItem'], 'All or nothing, or each line by itself'),
    businessDate: Type.Optional(Day('Of lines that do not say when they happened; instead of `occurredAt`')),
    occurredAt: Type.Optional(Instant('Of lines that do not say when they happened')),
    occasion: Type.Optional(Occasion),
    items: Type.Array(AwardBatchItem, { minItems: 1, maxItems: 1000, description: 'Judged in this order' }),
  },
  {
    title: 'AwardBatch',
    additionalProperties: false,
    examples: [{ mode: 'perItem', businessDate: '2026-11-23', items: [{ ref: '1', ...exampleLine }] }],
  },
);

const BookNumber = (description: string) => Whole(description, { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

const awardState = ['pending', 'posted', 'reversed'] as const;

export const Award = Type.Object(
  {
    id: Id('The award'),
    number: Type.String({ maxLength: 30, description: 'For people', examples: ['A-20261123-18412'] }),
    householdId: Id('The household'),
    memberId: Nullable(Id('Who did it')),
    ruleId: Id('The rule, as it stood in its book'),
    ruleCode: Type.String({ maxLength: 12, description: 'Its code', examples: ['ENV03'] }),
    ruleTitle: Text(60, 'Its title', '参加村组环境清扫'),
    ruleBookId: Id('Its book'),
    quantity: Whole('Units of the rule', { minimum: 1, maximum: 1000 }),
    points: Whole('Points in all', { minimum: 1 }),
    occasion: Type.String({
      maxLength: 80,
      description: 'The event it is for; its own id when none was told',
      examples: ['village-cleaning-2026-11-23'],
    }),
    occurredAt: Instant('When it happened'),
    businessDate: Day('The day it counts for'),
    backEntry: Type.Boolean({ description: 'Entered on a later day than it counts for', examples: [false] }),
    note: Nullable(Text(200, 'Remark; null for those who see names masked', '清扫公厕周边')),
    state: OneOf([...awardState], 'On the notice board, spendable, or taken back'),
    batchId: Nullable(Id('The sheet it came with')),
    createdBy: Id('Who entered it'),
    createdAt: Instant('When it was entered'),
    transactionNumber: BookNumber('Its transaction in the book'),
    reversalNumber: Nullable(BookNumber('The transaction that took it back')),
    claimId: Nullable(Id('The claim it answers')),
    roundId: Nullable(Id('The evaluation round it comes from')),
    decidedBy: Type.Array(Id('A person'), {
      maxItems: 20,
      description: 'Who decided on it, in order; nobody where a clerk entered it directly',
    }),
    releaseNumber: Nullable(BookNumber('The transaction that made it spendable after its publicity')),
  },
  { title: 'Award' },
);

export const AwardParams = Type.Object({ village: VillageCode, award: Id('The award') });
export const AwardPage = PageOf(Award, 'AwardPage');
export const AwardListQuery = Type.Object({
  householdId: Type.Optional(Id('Of this household')),
  state: Type.Optional(
    Type.Array(OneOf([...awardState], 'State'), { maxItems: 3, description: 'In one of these states; repeat for or' }),
  ),
  businessFrom: Type.Optional(Day('From this day on')),
  businessTo: Type.Optional(Day('Up to the day before this one')),
  ...PageQuery,
});

export const AwardBatchResult = Type.Object(
  {
    batchId: Id('The sheet'),
    succeeded: Whole('Lines that were awarded', { maximum: 1000 }),
    refused: Whole('Lines that were not', { maximum: 1000 }),
    results: Type.Array(
      Type.Object(
        {
          index: Whole('Place of the line, from 0', { maximum: 999 }),
          ref: Nullable(Text(64, 'The caller’s own name for it', '1')),
          status: Type.Integer({
            minimum: 201,
            maximum: 599,
            description: 'HTTP status it would have had alone',
            examples: [201],
          }),
          award: Nullable(Award),
          problem: Nullable(Problem),
        },
        { title: 'AwardBatchLine' },
      ),
      { maxItems: 1000, description: 'One for each line, in order' },
    ),
  },
  { title: 'AwardBatchResult' },
);

const Reason = Text(200, 'Why', '登记错户');

export const ReversalCreate = Type.Object(
  { awardId: Id('The award'), reason: Reason },
  { title: 'ReversalCreate', additionalProperties: false, examples: [{ awardId: exampleId, reason: '登记错户' }] },
);

export const ReversalReject = Type.Object(
  { reason: Reason },
  { title: 'ReversalReject', additionalProperties: false, examples: [{ reason: '核对无误' }] },
);

const reversalState = ['proposed', 'posted', 'rejected'] as const;

export const Reversal = Type.Object(
  {
    id: Id('The reversal'),
    awardId: Id('The award'),
    awardNumber: Type.String({ maxLength: 30, description: 'Its number', examples: ['A-20261123-18412'] }),
    householdId: Id('Its household'),
    reason: Reason,
    state: OneOf([...reversalState], 'Waiting for a second person, done, or refused by one'),
    proposedBy: Id('Who proposed it'),
    proposedAt: Instant('When it was proposed'),
    decidedBy: Nullable(Id('Who decided it')),
    decidedAt: Nullable(Instant('When it was decided')),
    rejectionReason: Nullable(Reason),
    reversalNumber: Nullable(BookNumber('Its transaction in the book')),
  },
  { title: 'Reversal' },
);

export const ReversalParams = Type.Object({ village: VillageCode, reversal: Id('The reversal') });
export const ReversalPage = PageOf(Reversal, 'ReversalPage');
export const ReversalListQuery = Type.Object({
  state: Type.Optional(
    Type.Array(OneOf([...reversalState], 'State'), { maxItems: 3, description: 'In one of these; repeat for or' }),
  ),
  ...PageQuery,
});

export const BasePoints = Type.Object(
  {
    period: Type.String({
      pattern: '^(once|2[0-9]{3}(-[0-9]{2})?)$',
      maxLength: 7,
      description: 'The month, the year, or `once`',
      examples: ['2026-11'],
    }),
    points: Whole('Points of one household'),
    households: Whole('Active households'),
    given: Whole('Households that were given them now'),
    already: Whole('Households that had them before'),
  },
  { title: 'BasePoints' },
);
