import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { findingKinds } from './findings.ts';

const code = (description: string, example: string) =>
  Type.String({ pattern: '^[A-Z][A-Z0-9]{1,11}$', maxLength: 12, description, examples: [example] });

const Evidence = Type.String({
  pattern: '^[a-z][A-Za-z]{1,29}$',
  maxLength: 30,
  description: 'Kind of evidence.',
  examples: ['signIn'],
  'x-extensible-enum': [
    'photo',
    'signIn',
    'count',
    'weight',
    'panel',
    'visit',
    'record',
    'minutes',
    'leader',
    'beneficiary',
    'roster',
    'caseNo',
    'witness',
    'certificate',
    'official',
  ],
});

const ruleFields = {
  code: code(
    'Short code, unique within the rule book. Caps carry over to the rule with the same code in the next rule book.',
    'ENV03',
  ),
  category: Text(20, 'Category of the rule.', '环境卫生'),
  title: Text(60, 'What the rule rewards or deducts for, in Chinese.', '参加村组环境清扫'),
  titleEn: Nullable(
    Text(120, 'What the rule rewards or deducts for, in English.', 'Taking part in a village clean-up'),
  ),
  points: Whole('Points per unit. Positive for deductions, too.', { minimum: 1, maximum: 1000 }),
  direction: OneOf(['award', 'deduction'], 'Whether the rule awards or deducts points.'),
  unit: Text(20, 'Unit that is counted.', '人次'),
  capTimes: Nullable(Whole('Maximum number of units per period; `null` for no cap.', { minimum: 1, maximum: 10_000 })),
  capPeriod: Nullable(OneOf(['day', 'week', 'month', 'year', 'once'], 'Period of the cap, in Asia/Shanghai.')),
  capScope: OneOf(['household', 'member'], 'Whether the rule and its cap apply to the household or to each member.'),
  evidence: Type.Array(Evidence, {
    maxItems: 15,
    uniqueItems: true,
    description:
      'Kinds of evidence the rule accepts. A rule that accepts `count`, `weight`, `signIn` or `roster` can be awarded directly; any other requires a claim.',
  }),
  excludes: Type.Array(code('Code of a rule.', 'VOL02'), {
    maxItems: 20,
    uniqueItems: true,
    description: 'Codes of rules that cannot be awarded for the same occasion. Applies in both directions.',
  }),
  highestOnlyGroup: Nullable(code('Group of rules of which only one counts per occasion.', 'HON01')),
  honour: Type.Boolean({ description: 'Whether the rule also earns honour points.', examples: [true] }),
  publicity: OneOf(['required', 'exempt'], 'Whether points wait for public notice where the policy requires it.'),
};

const exampleRule = {
  code: 'ENV03',
  category: '环境卫生',
  title: '参加村组环境清扫',
  titleEn: 'Taking part in a village clean-up',
  points: 5,
  direction: 'award',
  unit: '人次',
  capTimes: 4,
  capPeriod: 'month',
  capScope: 'member',
  evidence: ['signIn'],
  excludes: [],
  highestOnlyGroup: null,
  honour: true,
  publicity: 'required',
};

const onBehalf = Type.Boolean({
  description: 'Whether staff may claim on behalf of a household. Defaults to `true`.',
  examples: [true],
});

const RuleDraft = Type.Object(
  { ...ruleFields, onBehalf: Type.Optional(onBehalf) },
  { title: 'RuleDraft', additionalProperties: false },
);

const DraftRules = Type.Array(RuleDraft, { minItems: 1, maxItems: 200, description: 'All rules of the rule book.' });
const Revision = (description: string) => Whole(description, { minimum: 1, maximum: 1_000_000 });
const Title = Text(60, 'Title of the rule book.', '封家湾社区积分细则（2026年版）');

export const RuleBookCreate = Type.Object(
  {
    title: Title,
    rules: Type.Optional(DraftRules),
    copyOf: Type.Optional(Id('ID of a rule book to copy, instead of `rules`.')),
  },
  {
    title: 'RuleBookCreate',
    additionalProperties: false,
    examples: [{ title: '封家湾社区积分细则（2026年版）', rules: [exampleRule] }],
  },
);

export const RuleBookUpdate = Type.Object(
  {
    title: Title,
    rules: DraftRules,
    revision: Type.Optional(Revision('Revision the caller has read. Refused if the draft has changed since.')),
  },
  {
    title: 'RuleBookUpdate',
    additionalProperties: false,
    examples: [{ title: '封家湾社区积分细则（2026年版）', rules: [exampleRule], revision: 1 }],
  },
);

const Rule = Type.Object(
  { id: Id('ID of the rule.'), ruleBookId: Id('ID of the rule book.'), ...ruleFields, onBehalf },
  { title: 'Rule' },
);

const Resolution = Type.Object(
  {
    heldOn: Day('Date of the meeting. Not after the first day in force.'),
    present: Whole('Number of people present.', { minimum: 1, maximum: 100_000 }),
    votesFor: Whole('Votes in favour. Must exceed the votes against.', { minimum: 1, maximum: 100_000 }),
    votesAgainst: Whole('Votes against.', { maximum: 100_000 }),
    abstained: Whole('Abstentions.', { maximum: 100_000 }),
  },
  { title: 'Resolution', additionalProperties: false, description: 'Resolution of the village assembly.' },
);

export const RuleBookAdopt = Type.Object(
  {
    inForceFrom: Day(
      'First day in force. The first rule book may reach back to the day the village opened; a later one starts after the previous one, tomorrow at the earliest.',
    ),
    resolution: Resolution,
    revision: Type.Optional(Revision('Revision the assembly has read. Refused if the draft has changed since.')),
  },
  {
    title: 'RuleBookAdopt',
    additionalProperties: false,
    examples: [
      {
        inForceFrom: '2026-11-23',
        resolution: { heldOn: '2026-11-20', present: 46, votesFor: 41, votesAgainst: 2, abstained: 3 },
      },
    ],
  },
);

const summary = {
  id: Id('ID of the rule book.'),
  village: VillageCode,
  title: Title,
  state: OneOf(
    ['draft', 'adopted', 'discarded', 'withdrawn'],
    'State of the rule book. An adopted one never changes, but can be withdrawn before its first day.',
  ),
  standing: OneOf(
    ['draft', 'discarded', 'withdrawn', 'adopted', 'inForce', 'superseded'],
    'Status as of today. An adopted rule book comes into force on its first day and is superseded by the next one.',
  ),
  revision: Revision('Revision number of the draft.'),
  ruleCount: Whole('Number of rules.', { maximum: 200 }),
  inForceFrom: Nullable(Day('First day in force.')),
  inForceTo: Nullable(Day('First day no longer in force; `null` until a later rule book is adopted.')),
  resolution: Nullable(Resolution),
  createdBy: Id('ID of the user who created the draft.'),
  createdAt: Instant('When the draft was created.'),
  editedBy: Type.Array(Id('ID of a person.'), {
    maxItems: 200,
    description: 'IDs of other users who have updated the draft.',
  }),
  adoptedBy: Nullable(Id('ID of the user who adopted the rule book.')),
  adoptedAt: Nullable(Instant('When the rule book was adopted.')),
  discardedBy: Nullable(Id('ID of the user who discarded the draft.')),
  discardedAt: Nullable(Instant('When the draft was discarded.')),
  intendedFrom: Nullable(Day('First day a withdrawn rule book was to be in force.')),
  withdrawnBy: Nullable(Id('ID of the user who withdrew the rule book.')),
  withdrawnAt: Nullable(Instant('When the rule book was withdrawn.')),
};

const Rules = (description: string) => Type.Array(Rule, { maxItems: 200, description });

const RuleBookSummary = Type.Object(summary, { title: 'RuleBookSummary' });
export const RuleBookPage = PageOf(RuleBookSummary, 'RuleBookPage');
export const RuleBook = Type.Object({ ...summary, rules: Rules('Rules, by code.') }, { title: 'RuleBook' });
export const RuleBookParams = Type.Object({ village: VillageCode, ruleBook: Id('ID of the rule book.') });
export const RuleBookListQuery = Type.Object(PageQuery);

export const RuleListQuery = Type.Object({ on: Type.Optional(Day('Date to look up. Defaults to today.')) });

const inForce = {
  id: Id('ID of the rule book.'),
  title: Title,
  inForceFrom: Day('First day in force.'),
  inForceTo: Nullable(Day('First day no longer in force; `null` until a later rule book is adopted.')),
};

export const RuleList = Type.Object(
  {
    on: Day('Date the rules are in force on.'),
    ruleBook: Nullable(
      Type.Object(inForce, {
        title: 'RuleBookInForce',
        description: 'Rule book in force; `null` before the first one.',
      }),
    ),
    data: Rules('Rules in force on that date, by code.'),
  },
  { title: 'RuleList' },
);

const sentences = {
  zh: Text(2000, 'Sentence in Chinese.', 'ENV03 参加村组环境清扫：分值由 5 改为 3；每月封顶由 4 次改为不封顶'),
  en: Text(
    2000,
    'Sentence in English.',
    'ENV03 Taking part in a village clean-up: points changed from 5 to 3; cap changed from 4 a month to none',
  ),
};

export const RuleBookFindings = Type.Object(
  {
    ruleBookId: Id('ID of the rule book.'),
    revision: Revision('Revision that was checked.'),
    errors: Whole('Number of findings that prevent adoption.', { maximum: 2000 }),
    warnings: Whole('Number of findings for the assembly to consider.', { maximum: 2000 }),
    data: Type.Array(
      Type.Object(
        {
          level: OneOf(['error', 'warning'], 'Whether the finding prevents adoption.'),
          kind: OneOf([...findingKinds], 'Kind of finding.'),
          ruleCode: Nullable(code('Code of the rule; `null` if the finding concerns the whole rule book.', 'ENV03')),
          ...sentences,
        },
        { title: 'RuleBookFinding' },
      ),
      { maxItems: 2000, description: 'Findings: errors first, then by rule.' },
    ),
  },
  { title: 'RuleBookFindings' },
);

export const RuleBookDiffQuery = Type.Object({
  against: Id('ID of the rule book to compare with, usually the previous one.'),
});
export const RuleBookDiff = Type.Object(
  {
    ruleBookId: Id('ID of the rule book.'),
    againstId: Id('ID of the rule book it is compared with.'),
    data: Type.Array(
      Type.Object(
        {
          code: code('Code of the rule.', 'ENV03'),
          kind: OneOf(['added', 'removed', 'changed'], 'What happened to the rule.'),
          fields: Type.Array(Type.String({ maxLength: 30, description: 'Field of the rule.', examples: ['points'] }), {
            maxItems: 20,
            description: 'Fields that changed. Empty if the rule was added or removed.',
          }),
          ...sentences,
        },
        { title: 'RuleDifference' },
      ),
      { maxItems: 400, description: 'Rules that differ, by code.' },
    ),
  },
  { title: 'RuleBookDiff' },
);
