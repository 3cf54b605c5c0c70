import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import {
  Day,
  exampleId,
  Id,
  Instant,
  Note,
  Nullable,
  OneOf,
  Problem,
  Text,
  VillageCode,
  Whole,
} from '../http/shapes.ts';

const Occasion = Type.String({
  pattern: '^\\S{1,80}$',
  minLength: 1,
  maxLength: 80,
  description:
    'Event the award is for. A household, or a member if the rule applies to members, can earn from a rule only once per occasion. Occasions that differ only in case, width, dashes, invisible characters or look-alike letters are the same. No spaces or personal names.',
  examples: ['village-cleaning-2026-11-23'],
});

const line = {
  ruleId: Id('ID of the rule.'),
  householdId: Id('ID of the household.'),
  memberId: Type.Optional(Nullable(Id('ID of the member who did it. Required if the rule applies to members.'))),
  quantity: Whole('Number of units of the rule.', { minimum: 1, maximum: 1000 }),
  occurredAt: Type.Optional(
    Instant(
      'When it happened. Defaults to now. A clock up to five minutes ahead is tolerated; anything later is refused.',
    ),
  ),
  occasion: Type.Optional(Occasion),
  note: Type.Optional(Nullable(Note(200, 'Free-text note.', '清扫公厕周边'))),
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
    ref: Type.Optional(Nullable(Text(64, 'Caller’s reference for the item, echoed in its result.', '1'))),
    ...line,
  },
  { title: 'AwardBatchItem', additionalProperties: false },
);

export const AwardBatch = Type.Object(
  {
    mode: OneOf(
      ['atomic', 'perItem'],
      'Whether items succeed or fail together (`atomic`) or each on its own (`perItem`).',
    ),
    businessDate: Type.Optional(
      Day('Business date of items that have no `occurredAt`. Cannot be combined with the batch’s `occurredAt`.'),
    ),
    occurredAt: Type.Optional(Instant('When items that have no `occurredAt` of their own happened.')),
    occasion: Type.Optional(Occasion),
    items: Type.Array(AwardBatchItem, {
      minItems: 1,
      maxItems: 1000,
      description: 'Awards to make, processed in this order.',
    }),
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
    id: Id('ID of the award.'),
    number: Type.String({ maxLength: 30, description: 'Human-readable number.', examples: ['A-20261123-18412'] }),
    householdId: Id('ID of the household.'),
    memberId: Nullable(Id('ID of the member who did it.')),
    ruleId: Id('ID of the rule version that applied.'),
    ruleCode: Type.String({ maxLength: 12, description: 'Code of the rule.', examples: ['ENV03'] }),
    ruleTitle: Text(60, 'Title of the rule.', '参加村组环境清扫'),
    ruleBookId: Id('ID of the rule book the rule belongs to.'),
    quantity: Whole('Number of units of the rule.', { minimum: 1, maximum: 1000 }),
    points: Whole('Total points.', { minimum: 1 }),
    occasion: Type.String({
      maxLength: 80,
      description: 'Event the award is for. Defaults to the award’s own ID.',
      examples: ['village-cleaning-2026-11-23'],
    }),
    occurredAt: Instant('When it happened.'),
    businessDate: Day('Business date of the award.'),
    backEntry: Type.Boolean({
      description: 'Whether the award was recorded later than its business date.',
      examples: [false],
    }),
    note: Nullable(Note(200, 'Free-text note; `null` for callers who see masked names.', '清扫公厕周边')),
    state: OneOf(
      [...awardState],
      'State of the award: `pending` public notice, `posted` and spendable, or `reversed`.',
    ),
    batchId: Nullable(Id('ID of the batch the award was created in.')),
    createdBy: Id('ID of the user who recorded the award.'),
    createdAt: Instant('When the award was recorded.'),
    transactionNumber: BookNumber('Number of the transaction that posted the award.'),
    reversalNumber: Nullable(BookNumber('Number of the transaction that reversed the award.')),
    claimId: Nullable(Id('ID of the claim the award resulted from.')),
    roundId: Nullable(Id('ID of the evaluation round the award resulted from.')),
    decidedBy: Type.Array(Id('ID of a person.'), {
      maxItems: 20,
      description: 'IDs of the people who decided on the award, in order. Empty if a clerk recorded it directly.',
    }),
    releaseNumber: Nullable(
      BookNumber('Number of the transaction that made the points spendable after public notice.'),
    ),
  },
  { title: 'Award' },
);

export const AwardParams = Type.Object({ village: VillageCode, award: Id('ID of the award.') });
export const AwardPage = PageOf(Award, 'AwardPage');
export const AwardListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only awards to this household.')),
  state: Type.Optional(
    Type.Array(OneOf([...awardState], 'State of the award.'), {
      maxItems: 3,
      description: 'Return only awards in one of these states. Repeat the parameter for several.',
    }),
  ),
  businessFrom: Type.Optional(Day('Start of the business date range, inclusive.')),
  businessTo: Type.Optional(Day('End of the business date range, exclusive.')),
  ...PageQuery,
});

export const AwardBatchResult = Type.Object(
  {
    batchId: Id('ID of the batch.'),
    succeeded: Whole('Number of items that were awarded.', { maximum: 1000 }),
    refused: Whole('Number of items that were refused.', { maximum: 1000 }),
    results: Type.Array(
      Type.Object(
        {
          index: Whole('Zero-based position of the item in the request.', { maximum: 999 }),
          ref: Nullable(Text(64, 'Caller’s reference for the item.', '1')),
          status: Type.Integer({
            minimum: 201,
            maximum: 599,
            description: 'HTTP status the item would have received as a single request.',
            examples: [201],
          }),
          award: Nullable(Award),
          problem: Nullable(Problem),
        },
        { title: 'AwardBatchLine' },
      ),
      { maxItems: 1000, description: 'One result per item, in request order.' },
    ),
  },
  { title: 'AwardBatchResult' },
);

const Reason = Text(200, 'Reason for the proposal or decision.', '登记错户');

export const ReversalCreate = Type.Object(
  { awardId: Id('ID of the award to reverse.'), reason: Reason },
  { title: 'ReversalCreate', additionalProperties: false, examples: [{ awardId: exampleId, reason: '登记错户' }] },
);

export const ReversalReject = Type.Object(
  { reason: Reason },
  { title: 'ReversalReject', additionalProperties: false, examples: [{ reason: '核对无误' }] },
);

const reversalState = ['proposed', 'posted', 'rejected'] as const;

export const Reversal = Type.Object(
  {
    id: Id('ID of the reversal.'),
    awardId: Id('ID of the award.'),
    awardNumber: Type.String({ maxLength: 30, description: 'Number of the award.', examples: ['A-20261123-18412'] }),
    householdId: Id('ID of the household the award went to.'),
    reason: Reason,
    state: OneOf([...reversalState], 'State of the reversal: pending approval, approved or rejected.'),
    proposedBy: Id('ID of the user who proposed it.'),
    proposedAt: Instant('When it was proposed.'),
    decidedBy: Nullable(Id('ID of the user who decided.')),
    decidedAt: Nullable(Instant('When it was decided.')),
    rejectionReason: Nullable(Reason),
    reversalNumber: Nullable(BookNumber('Number of the transaction that reversed the award.')),
  },
  { title: 'Reversal' },
);

export const ReversalParams = Type.Object({ village: VillageCode, reversal: Id('ID of the reversal.') });
export const ReversalPage = PageOf(Reversal, 'ReversalPage');
export const ReversalListQuery = Type.Object({
  state: Type.Optional(
    Type.Array(OneOf([...reversalState], 'State of the reversal.'), {
      maxItems: 3,
      description: 'Return only reversals in one of these states. Repeat the parameter for several.',
    }),
  ),
  ...PageQuery,
});

export const BasePoints = Type.Object(
  {
    period: Type.String({
      pattern: '^(once|2[0-9]{3}(-[0-9]{2})?)$',
      maxLength: 7,
      description: 'Month or year the points are for, or `once`.',
      examples: ['2026-11'],
    }),
    points: Whole('Points per household.'),
    households: Whole('Number of active households.'),
    given: Whole('Number of households that received the points with this call.'),
    already: Whole('Number of households that already had them.'),
  },
  { title: 'BasePoints' },
);
