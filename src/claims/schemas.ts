import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Problem, Text, VillageCode, Whole } from '../http/shapes.ts';
import { claimStates, steps } from './tables.ts';

const Occasion = Type.String({
  pattern: '^\\S{1,80}$',
  minLength: 1,
  maxLength: 80,
  description: 'The event it is for: with rule, household and member it is claimed once. Without blanks or names',
  examples: ['village-cleaning-2026-11-23'],
});

const kind = Type.String({
  pattern: '^[a-z][A-Za-z]{1,29}$',
  maxLength: 30,
  description: 'A kind of evidence, as rules name them',
  examples: ['count'],
});

const evidence = Type.Array(
  Type.Object(
    { kind, text: Text(200, 'What it says, or where it is', '签到表第 3 行') },
    { title: 'ClaimEvidence', additionalProperties: false },
  ),
  { maxItems: 10, description: 'What shows it beside photos' },
);

const photoIds = Type.Array(Id('A photo of the household'), {
  maxItems: 9,
  uniqueItems: true,
  description: 'Photos that show it; none that was used before',
});

const Quantity = Whole('Units of the rule', { minimum: 1, maximum: 1000 });
const Note = Text(200, 'Remark', '清扫公厕周边');
const Ref = Text(64, 'The caller’s own name for the line, given back with its answer', '1');

const claimFields = {
  ruleId: Id('The rule'),
  householdId: Id('The household; for a household, its own'),
  memberId: Type.Optional(Nullable(Id('Who did it; required where the rule belongs to a member'))),
  quantity: Quantity,
  occurredAt: Type.Optional(Instant('When it happened; now unless told, never later')),
  place: Type.Optional(Nullable(Text(100, 'Where', '二组公厕'))),
  note: Type.Optional(Nullable(Note)),
  occasion: Type.Optional(Occasion),
  photoIds: Type.Optional(photoIds),
  evidence: Type.Optional(evidence),
  custom: Type.Optional(
    Nullable(
      Type.Object(
        {
          points: Whole('Points in all, instead of the rule’s', { minimum: 1, maximum: 1000 }),
          reason: Text(200, 'Why', '细则没有对应事项'),
        },
        {
          title: 'CustomPoints',
          additionalProperties: false,
          description: 'Points by hand, by staff only: a second person one level up decides',
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
      { minItems: 1, maxItems: 200, description: 'Judged in this order, each by itself' },
    ),
  },
  { title: 'ClaimBatch', additionalProperties: false, examples: [{ items: [{ ref: '1', ...exampleClaim }] }] },
);

export const ClaimResubmit = Type.Object(
  {
    quantity: Type.Optional(Quantity),
    note: Type.Optional(Nullable(Note)),
    photoIds: Type.Optional(photoIds),
    evidence: Type.Optional(evidence),
  },
  {
    title: 'ClaimResubmit',
    additionalProperties: false,
    description: 'What is now otherwise; photos and evidence are added to those that are there',
    examples: [{ quantity: 1, note: '已补拍', evidence: [{ kind: 'witness', text: '组长在场' }] }],
  },
);

const Reason = Text(200, 'Why', '照片看不出清扫的地点');

export const ClaimPass = Type.Object(
  { quantity: Type.Optional(Quantity) },
  {
    title: 'ClaimPass',
    additionalProperties: false,
    description: 'Fewer units than were claimed, where that is what was seen',
    examples: [{ quantity: 1 }],
  },
);

export const ClaimReturn = Type.Object(
  { question: Text(200, 'What is asked', '清扫的是哪一段路？') },
  { title: 'ClaimReturn', additionalProperties: false, examples: [{ question: '清扫的是哪一段路？' }] },
);

export const ClaimReject = Type.Object(
  { reason: Reason },
  { title: 'ClaimReject', additionalProperties: false, examples: [{ reason: '照片看不出清扫的地点' }] },
);

export const ClaimVote = Type.Object(
  {
    verdict: OneOf(['approve', 'reject'], 'Yes or no'),
    quantity: Type.Optional(Quantity),
    reason: Type.Optional(Nullable(Text(200, 'Why; required with a no', '未按要求清运'))),
  },
  { title: 'ClaimVote', additionalProperties: false, examples: [{ verdict: 'approve', quantity: 1 }] },
);

export const ClaimDecisionBatch = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          ref: Type.Optional(Nullable(Ref)),
          claimId: Id('The claim'),
          step: OneOf([...steps], 'The step that the caller decides: nothing happens when the claim stands at another'),
          verdict: OneOf(['pass', 'approve', 'reject'], '`pass` in the first review, `approve` afterwards'),
          quantity: Type.Optional(Quantity),
          reason: Type.Optional(Nullable(Text(200, 'Why; required with a no', '未按要求清运'))),
        },
        { title: 'ClaimDecisionBatchItem', additionalProperties: false },
      ),
      { minItems: 1, maxItems: 200, description: 'Decided in this order, each by itself' },
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
    round: Whole('1, and 2 after it was sent back', { minimum: 1, maximum: 2 }),
    step: OneOf([...steps], 'First review, panel, or second person one level up'),
    verdict: OneOf(['pass', 'return', 'approve', 'reject'], 'What was decided'),
    quantity: Nullable(Whole('Units that were granted', { minimum: 1, maximum: 1000 })),
    reason: Nullable(Text(200, 'Why, or what was asked; null for those who see names masked', '清扫的是哪一段路？')),
    decidedBy: Nullable(Id('Who decided; null for a household')),
    decidedAt: Instant('When'),
  },
  { title: 'ClaimDecision' },
);

export const Claim = Type.Object(
  {
    id: Id('The claim'),
    householdId: Id('The household'),
    memberId: Nullable(Id('Who did it')),
    ruleId: Id('The rule, as it stood in its book'),
    ruleCode: Type.String({ maxLength: 12, description: 'Its code', examples: ['ENV03'] }),
    ruleTitle: Text(60, 'Its title', '参加村组环境清扫'),
    quantity: Whole('Units that are claimed', { minimum: 1, maximum: 1000 }),
    points: Whole('Points in all, as claimed', { minimum: 1 }),
    customPoints: Nullable(Whole('Points by hand', { minimum: 1, maximum: 1000 })),
    customReason: Nullable(Text(200, 'Why; null for those who see names masked', '细则没有对应事项')),
    occurredAt: Instant('When it happened'),
    businessDate: Day('The day it counts for'),
    place: Nullable(Text(100, 'Where; null for those who see names masked', '二组公厕')),
    note: Nullable(Text(200, 'Remark; null for those who see names masked', '清扫公厕周边')),
    occasion: Nullable(
      Type.String({ maxLength: 80, description: 'The event it is for', examples: ['village-cleaning-2026-11-23'] }),
    ),
    photoIds: Type.Array(Id('A photo'), { maxItems: 9, description: 'Photos that show it' }),
    evidence: Type.Array(
      Type.Object(
        { kind, text: Nullable(Text(200, 'What it says; null for those who see names masked', '签到表第 3 行')) },
        { title: 'ClaimEvidenceSeen' },
      ),
      { maxItems: 20, description: 'What shows it beside photos' },
    ),
    onBehalf: Type.Boolean({ description: 'Filed by staff for the household', examples: [false] }),
    submittedBy: Id('The household, or who filed it for it'),
    submittedAt: Instant('When it was filed'),
    round: Whole('1, and 2 after it was sent back', { minimum: 1, maximum: 2 }),
    state: OneOf([...claimStates], 'Where it stands'),
    stateSince: Instant('Since when'),
    takenBy: Nullable(Id('Who looks at it now; null for a household')),
    takenUntil: Nullable(Instant('Until when nobody else may')),
    agreedQuantity: Nullable(Whole('Units that were granted', { minimum: 1, maximum: 1000 })),
    agreedPoints: Nullable(Whole('Points that were granted', { minimum: 1 })),
    awardId: Nullable(Id('The award it was answered with')),
    decisions: Type.Array(ClaimDecision, { maxItems: 12, description: 'In their order' }),
  },
  { title: 'Claim' },
);

export const ClaimParams = Type.Object({ village: VillageCode, claim: Id('The claim') });
export const ClaimPage = PageOf(Claim, 'ClaimPage');
export const ClaimListQuery = Type.Object({
  householdId: Type.Optional(Id('Of this household')),
  ruleId: Type.Optional(Id('Of this rule')),
  state: Type.Optional(
    Type.Array(OneOf([...claimStates], 'State'), { maxItems: 7, description: 'In one of these states; repeat for or' }),
  ),
  ...PageQuery,
});
export const ClaimQueueQuery = Type.Object({
  step: OneOf([...steps], 'What is to be done'),
  grid: Type.Optional(Whole('Households of this group', { minimum: 1, maximum: 1000 })),
  ...PageQuery,
});

export const ClaimBatchResult = Type.Object(
  {
    succeeded: Whole('Lines that took effect', { maximum: 200 }),
    refused: Whole('Lines that did not', { maximum: 200 }),
    results: Type.Array(
      Type.Object(
        {
          index: Whole('Place of the line, from 0', { maximum: 199 }),
          ref: Nullable(Ref),
          status: Type.Integer({
            minimum: 200,
            maximum: 599,
            description: 'HTTP status it would have had alone',
            examples: [201],
          }),
          claim: Nullable(Claim),
          problem: Nullable(Problem),
        },
        { title: 'ClaimBatchLine' },
      ),
      { maxItems: 200, description: 'One for each line, in order' },
    ),
  },
  { title: 'ClaimBatchResult' },
);
