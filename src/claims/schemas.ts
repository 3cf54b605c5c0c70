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
import { claimStates, steps } from './tables.ts';

const Occasion = Type.String({
  pattern: '^\\S{1,80}$',
  minLength: 1,
  maxLength: 80,
  description:
    'Event the claim is for. A household, or a member if the rule applies to members, can claim a rule only once per occasion. Occasions that differ only in case, width, dashes, invisible characters or look-alike letters are the same. No spaces or personal names.',
  examples: ['village-cleaning-2026-11-23'],
});

const kind = Type.String({
  pattern: '^[a-z][A-Za-z]{1,29}$',
  maxLength: 30,
  description: 'Kind of evidence, as named in the rule.',
  examples: ['count'],
});

const evidence = Type.Array(
  Type.Object(
    { kind, text: Text(200, 'What the evidence says, or where it is kept.', '签到表第 3 行') },
    { title: 'ClaimEvidence', additionalProperties: false },
  ),
  { maxItems: 10, description: 'Evidence other than photos.' },
);

const photoIds = Type.Array(Id('ID of a photo of the household.'), {
  maxItems: 9,
  uniqueItems: true,
  description: 'IDs of photos that support the claim. None may have been used before.',
});

const Quantity = Whole('Number of units of the rule.', { minimum: 1, maximum: 1000 });
const ClaimNote = Note(200, 'Free-text note.', '清扫公厕周边');
const Ref = Text(64, 'Caller’s reference for the item, echoed in its result.', '1');

const claimFields = {
  ruleId: Id('ID of the rule.'),
  householdId: Id('ID of the household. A household may name only itself.'),
  memberId: Type.Optional(Nullable(Id('ID of the member who did it. Required if the rule applies to members.'))),
  quantity: Quantity,
  occurredAt: Type.Optional(
    Instant(
      'When it happened. Defaults to now. A clock up to five minutes ahead is tolerated; anything later is refused.',
    ),
  ),
  place: Type.Optional(Nullable(Text(100, 'Where it happened.', '二组公厕'))),
  note: Type.Optional(Nullable(ClaimNote)),
  occasion: Type.Optional(Occasion),
  photoIds: Type.Optional(photoIds),
  evidence: Type.Optional(evidence),
  custom: Type.Optional(
    Nullable(
      Type.Object(
        {
          points: Whole('Total points, instead of those of the rule.', { minimum: 1, maximum: 1000 }),
          reason: Text(200, 'Reason for the custom points.', '细则没有对应事项'),
        },
        {
          title: 'CustomPoints',
          additionalProperties: false,
          description: 'Custom points. Only staff may set them, and they require a second approval one level up.',
        },
      ),
    ),
  ),
};

const exampleClaim = {
  ruleId: exampleId,
  householdId: exampleId,
  memberId: null,
  quantity: 1,
  occasion: 'village-cleaning-2026-11-23',
  place: '二组公厕',
  note: '清扫公厕周边',
  evidence: [{ kind: 'signIn', text: '签到表第 3 行' }],
};

export const ClaimCreate = Type.Object(claimFields, {
  title: 'ClaimCreate',
  additionalProperties: false,
  examples: [exampleClaim],
});

export const ClaimBatch = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        { ref: Type.Optional(Nullable(Ref)), ...claimFields },
        { title: 'ClaimBatchItem', additionalProperties: false },
      ),
      { minItems: 1, maxItems: 200, description: 'Claims to file. Processed in this order, each on its own.' },
    ),
  },
  { title: 'ClaimBatch', additionalProperties: false, examples: [{ items: [{ ref: '1', ...exampleClaim }] }] },
);

export const ClaimResubmit = Type.Object(
  {
    quantity: Type.Optional(Quantity),
    note: Type.Optional(Nullable(ClaimNote)),
    photoIds: Type.Optional(photoIds),
    evidence: Type.Optional(evidence),
  },
  {
    title: 'ClaimResubmit',
    additionalProperties: false,
    description: 'Fields to change. Photos and evidence are added to those already there.',
    examples: [{ quantity: 1, note: '已补拍', evidence: [{ kind: 'witness', text: '组长在场' }] }],
  },
);

const Reason = Text(200, 'Reason for the decision.', '照片看不出清扫的地点');

export const ClaimPass = Type.Object(
  { quantity: Type.Optional(Quantity) },
  {
    title: 'ClaimPass',
    additionalProperties: false,
    description: 'Lower number of units than claimed, if fewer were confirmed.',
    examples: [{ quantity: 1 }],
  },
);

export const ClaimReturn = Type.Object(
  { question: Text(200, 'Question for the household.', '清扫的是哪一段路？') },
  { title: 'ClaimReturn', additionalProperties: false, examples: [{ question: '清扫的是哪一段路？' }] },
);

export const ClaimReject = Type.Object(
  { reason: Reason },
  { title: 'ClaimReject', additionalProperties: false, examples: [{ reason: '照片看不出清扫的地点' }] },
);

export const ClaimVote = Type.Object(
  {
    verdict: OneOf(['approve', 'reject'], 'Vote in favour or against.'),
    quantity: Type.Optional(Quantity),
    reason: Type.Optional(Nullable(Text(200, 'Reason for the vote. Required when rejecting.', '未按要求清运'))),
  },
  { title: 'ClaimVote', additionalProperties: false, examples: [{ verdict: 'approve', quantity: 1 }] },
);

export const ClaimDecisionBatch = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          ref: Type.Optional(Nullable(Ref)),
          claimId: Id('ID of the claim.'),
          step: OneOf([...steps], 'Step the decision is for. If the claim is at another step, the item has no effect.'),
          verdict: OneOf(
            ['pass', 'approve', 'reject'],
            'Decision: `pass` in first review, `approve` in later steps, or `reject`.',
          ),
          quantity: Type.Optional(Quantity),
          reason: Type.Optional(
            Nullable(Text(200, 'Reason for the decision. Required when rejecting.', '未按要求清运')),
          ),
        },
        { title: 'ClaimDecisionBatchItem', additionalProperties: false },
      ),
      { minItems: 1, maxItems: 200, description: 'Decisions to make. Processed in this order, each on its own.' },
    ),
  },
  {
    title: 'ClaimDecisionBatch',
    additionalProperties: false,
    examples: [{ items: [{ ref: '1', claimId: exampleId, step: 'panel', verdict: 'approve', quantity: 1 }] }],
  },
);

const ClaimDecision = Type.Object(
  {
    round: Whole('Review round: `1`, or `2` after the claim was returned and resubmitted.', { minimum: 1, maximum: 2 }),
    step: OneOf([...steps], 'Review step: first review, panel, or second approval one level up.'),
    verdict: OneOf(['pass', 'return', 'approve', 'reject'], 'Decision made at this step.'),
    quantity: Nullable(Whole('Number of units approved.', { minimum: 1, maximum: 1000 })),
    reason: Nullable(
      Text(
        200,
        'Reason for the decision, or the question asked; `null` for callers who see masked names.',
        '清扫的是哪一段路？',
      ),
    ),
    decidedBy: Nullable(Id('ID of the person who decided; `null` for a household.')),
    decidedAt: Instant('When the decision was made.'),
  },
  { title: 'ClaimDecision' },
);

export const Claim = Type.Object(
  {
    id: Id('ID of the claim.'),
    householdId: Id('ID of the household.'),
    memberId: Nullable(Id('ID of the member who did it.')),
    ruleId: Id('ID of the rule version that applied.'),
    ruleCode: Type.String({ maxLength: 12, description: 'Code of the rule.', examples: ['ENV03'] }),
    ruleTitle: Text(60, 'Title of the rule.', '参加村组环境清扫'),
    quantity: Whole('Number of units claimed.', { minimum: 1, maximum: 1000 }),
    points: Whole('Total points claimed.', { minimum: 1 }),
    customPoints: Nullable(Whole('Custom points set by staff.', { minimum: 1, maximum: 1000 })),
    customReason: Nullable(
      Text(200, 'Reason for the custom points; `null` for callers who see masked names.', '细则没有对应事项'),
    ),
    occurredAt: Instant('When it happened.'),
    businessDate: Day('Business date of the claim.'),
    place: Nullable(Text(100, 'Where it happened; `null` for callers who see masked names.', '二组公厕')),
    note: Nullable(Note(200, 'Free-text note; `null` for callers who see masked names.', '清扫公厕周边')),
    occasion: Nullable(
      Type.String({ maxLength: 80, description: 'Event the claim is for.', examples: ['village-cleaning-2026-11-23'] }),
    ),
    photoIds: Type.Array(Id('ID of a photo.'), { maxItems: 9, description: 'IDs of photos that support the claim.' }),
    evidence: Type.Array(
      Type.Object(
        {
          kind,
          text: Nullable(
            Text(200, 'What the evidence says; `null` for callers who see masked names.', '签到表第 3 行'),
          ),
        },
        { title: 'ClaimEvidenceSeen' },
      ),
      { maxItems: 20, description: 'Evidence other than photos.' },
    ),
    onBehalf: Type.Boolean({ description: 'Whether staff filed the claim for the household.', examples: [false] }),
    submittedBy: Id('ID of the household, or of the user who filed on its behalf.'),
    submittedAt: Instant('When the claim was filed.'),
    round: Whole('Review round: `1`, or `2` after the claim was returned and resubmitted.', { minimum: 1, maximum: 2 }),
    state: OneOf([...claimStates], 'State of the claim.'),
    stateSince: Instant('When the claim entered its current state.'),
    takenBy: Nullable(Id('ID of the reviewer who has taken the claim; `null` for a household.')),
    takenUntil: Nullable(Instant('When the reviewer’s reservation of the claim ends.')),
    agreedQuantity: Nullable(Whole('Number of units approved.', { minimum: 1, maximum: 1000 })),
    agreedPoints: Nullable(Whole('Points approved.', { minimum: 1 })),
    awardId: Nullable(Id('ID of the award the claim resulted in.')),
    decisions: Type.Array(ClaimDecision, { maxItems: 12, description: 'Decisions on the claim, in order.' }),
  },
  { title: 'Claim' },
);

export const ClaimParams = Type.Object({ village: VillageCode, claim: Id('ID of the claim.') });
export const ClaimPage = PageOf(Claim, 'ClaimPage');
export const ClaimListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only claims of this household.')),
  ruleId: Type.Optional(Id('Return only claims under this rule.')),
  state: Type.Optional(
    Type.Array(OneOf([...claimStates], 'State of the claim.'), {
      maxItems: 7,
      description: 'Return only claims in one of these states. Repeat the parameter for several.',
    }),
  ),
  ...PageQuery,
});
export const ClaimQueueQuery = Type.Object({
  step: OneOf([...steps], 'Review step to list claims for.'),
  grid: Type.Optional(Whole('Return only claims from households of this group.', { minimum: 1, maximum: 1000 })),
  ...PageQuery,
});

export const ClaimBatchResult = Type.Object(
  {
    succeeded: Whole('Number of items that succeeded.', { maximum: 200 }),
    refused: Whole('Number of items that were refused.', { maximum: 200 }),
    results: Type.Array(
      Type.Object(
        {
          index: Whole('Zero-based position of the item in the request.', { maximum: 199 }),
          ref: Nullable(Ref),
          status: Type.Integer({
            minimum: 200,
            maximum: 599,
            description: 'HTTP status the item would have received as a single request.',
            examples: [201],
          }),
          claim: Nullable(Claim),
          problem: Nullable(Problem),
        },
        { title: 'ClaimBatchLine' },
      ),
      { maxItems: 200, description: 'One result per item, in request order.' },
    ),
  },
  { title: 'ClaimBatchResult' },
);
