import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { findingKinds } from './findings.ts';

const code = (description: string, example: string) =>
  Type.String({ pattern: '^[A-Z][A-Z0-9]{1,11}$', maxLength: 12, description, examples: [example] });

const Evidence = Type.String({
  pattern: '^[a-z][A-Za-z]{1,29}$',
  maxLength: 30,
  description: 'A kind of evidence',
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
  code: code('Short name, one in a book; caps follow it from book to book', 'ENV03'),
  category: Text(20, 'Heading it stands under', '环境卫生'),
  title: Text(60, 'What is done, in Chinese', '参加村组环境清扫'),
  titleEn: Nullable(Text(120, 'What is done, in English', 'Taking part in a village clean-up')),
  points: Whole('Points for one unit; positive for a deduction too', { minimum: 1, maximum: 1000 }),
  direction: OneOf(['award', 'deduction'], 'Which way the points go'),
  unit: Text(20, 'What is counted', '人次'),
  capTimes: Nullable(Whole('Most units in a period; null: no cap', { minimum: 1, maximum: 10_000 })),
  capPeriod: Nullable(OneOf(['day', 'week', 'month', 'year', 'once'], 'Period of the cap, in Asia/Shanghai')),
  capScope: OneOf(['household', 'member'], 'Whom the item, and its cap, belongs to'),
  evidence: Type.Array(Evidence, { maxItems: 15, uniqueItems: true, description: 'What shows that it was done' }),
  excludes: Type.Array(code('Code of a rule', 'VOL02'), {
    maxItems: 20,
    uniqueItems: true,
    description: 'Rules that may not be awarded for the same occasion; holds both ways',
  }),
  highestOnlyGroup: Nullable(code('Of one group, one item counts for the same occasion', 'HON01')),
  honour: Type.Boolean({ description: 'Whether it earns honour points too', examples: [true] }),
  publicity: OneOf(
    ['required', 'exempt'],
    'Whether its points wait on the notice board, where the policy has them wait',
  ),
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
  description: 'Whether staff may claim it for a household; true unless told',
  examples: [true],
});

const RuleDraft = Type.Object(
  { ...ruleFields, onBehalf: Type.Optional(onBehalf) },
  { title: 'RuleDraft', additionalProperties: false },
);

const DraftRules = Type.Array(RuleDraft, { minItems: 1, maxItems: 200, description: 'Every rule of the book' });
const Revision = (description: string) => Whole(description, { minimum: 1, maximum: 1_000_000 });
const Title = Text(60, 'Title', '封家湾社区积分细则（2026年版）');

export const RuleBookCreate = Type.Object(
  {
    title: Title,
    rules: Type.Optional(DraftRules),
    copyOf: Type.Optional(Id('A book whose rules to begin with, instead of `rules`')),
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
    revision: Type.Optional(Revision('The one that was read: refused when the draft is another by now')),
  },
  {
    title: 'RuleBookUpdate',
    additionalProperties: false,
    examples: [{ title: '封家湾社区积分细则（2026年版）', rules: [exampleRule], revision: 1 }],
  },
);

export const Rule = Type.Object(
  { id: Id('The rule'), ruleBookId: Id('Its book'), ...ruleFields, onBehalf },
  { title: 'Rule' },
);

const Resolution = Type.Object(
  {
    heldOn: Day('The meeting; not after the first day in force'),
    present: Whole('Who was there', { minimum: 1, maximum: 100_000 }),
    votesFor: Whole('Votes for it: more than against', { minimum: 1, maximum: 100_000 }),
    votesAgainst: Whole('Votes against it', { maximum: 100_000 }),
    abstained: Whole('Abstentions', { maximum: 100_000 }),
  },
  { title: 'Resolution', additionalProperties: false, description: 'Resolution of the village assembly' },
);

export const RuleBookAdopt = Type.Object(
  {
    inForceFrom: Day('First day in force; after that of the book before'),
    resolution: Resolution,
    revision: Type.Optional(Revision('The one the assembly has read: refused when the draft is another by now')),
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
  id: Id('The book'),
  village: VillageCode,
  title: Title,
  state: OneOf(['draft', 'adopted', 'discarded'], 'An adopted book never changes'),
  standing: OneOf(
    ['draft', 'discarded', 'adopted', 'inForce', 'superseded'],
    'What it is today: an adopted book comes into force on its first day, and is superseded by the next',
  ),
  revision: Revision('Counts the revisions of the draft'),
  ruleCount: Whole('How many rules it has', { maximum: 200 }),
  inForceFrom: Nullable(Day('First day in force')),
  inForceTo: Nullable(Day('First day no more in force; null while no later book is adopted')),
  resolution: Nullable(Resolution),
  createdBy: Id('Who drafted it'),
  createdAt: Instant('When it was drafted'),
  editedBy: Type.Array(Id('A person'), { maxItems: 200, description: 'Who has revised the draft beside' }),
  adoptedBy: Nullable(Id('Who put it in force')),
  adoptedAt: Nullable(Instant('When it was put in force')),
  discardedBy: Nullable(Id('Who gave the draft up')),
  discardedAt: Nullable(Instant('When it was given up')),
};

const Rules = (description: string) => Type.Array(Rule, { maxItems: 200, description });

export const RuleBookSummary = Type.Object(summary, { title: 'RuleBookSummary' });
export const RuleBookPage = PageOf(RuleBookSummary, 'RuleBookPage');
export const RuleBook = Type.Object({ ...summary, rules: Rules('Its rules, by code') }, { title: 'RuleBook' });
export const RuleBookParams = Type.Object({ village: VillageCode, ruleBook: Id('The book') });
export const RuleBookListQuery = Type.Object(PageQuery);

export const RuleListQuery = Type.Object({ on: Type.Optional(Day('Day to look at; today unless told')) });

const inForce = {
  id: Id('The book'),
  title: Title,
  inForceFrom: Day('First day in force'),
  inForceTo: Nullable(Day('First day no more in force; null while no later book is adopted')),
};

export const RuleList = Type.Object(
  {
    on: Day('The day'),
    ruleBook: Nullable(
      Type.Object(inForce, { title: 'RuleBookInForce', description: 'The book in force; null before the first' }),
    ),
    data: Rules('Rules in force that day, by code'),
  },
  { title: 'RuleList' },
);

const sentences = {
  zh: Text(2000, 'In Chinese', 'ENV03 参加村组环境清扫：分值由 5 改为 3；每月封顶由 4 次改为不封顶'),
  en: Text(
    2000,
    'In English',
    'ENV03 Taking part in a village clean-up: points 5 become 3; cap 4 a month becomes none',
  ),
};

export const RuleBookFindings = Type.Object(
  {
    ruleBookId: Id('The book'),
    revision: Revision('The revision that was looked at'),
    errors: Whole('Findings that keep it from being adopted', { maximum: 2000 }),
    warnings: Whole('Findings for the assembly to weigh', { maximum: 2000 }),
    data: Type.Array(
      Type.Object(
        {
          level: OneOf(['error', 'warning'], 'Whether it keeps the book from being adopted'),
          kind: OneOf([...findingKinds], 'What was found'),
          ruleCode: Nullable(code('The rule it is about; null: the book', 'ENV03')),
          ...sentences,
        },
        { title: 'RuleBookFinding' },
      ),
      { maxItems: 2000, description: 'Errors first, then by rule' },
    ),
  },
  { title: 'RuleBookFindings' },
);

export const RuleBookDiffQuery = Type.Object({ against: Id('The book to compare with: the one before') });
export const RuleBookDiff = Type.Object(
  {
    ruleBookId: Id('The book'),
    againstId: Id('The one it is compared with'),
    data: Type.Array(
      Type.Object(
        {
          code: code('The rule', 'ENV03'),
          kind: OneOf(['added', 'removed', 'changed'], 'What happened to it'),
          fields: Type.Array(
            Type.String({ maxLength: 30, description: 'A member of the rule', examples: ['points'] }),
            {
              maxItems: 20,
              description: 'What changed of it; empty where it came or went as a whole',
            },
          ),
          ...sentences,
        },
        { title: 'RuleDifference' },
      ),
      { maxItems: 400, description: 'Rules that are not as they were, by code' },
    ),
  },
  { title: 'RuleBookDiff' },
);
