import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const Month = Type.String({
  pattern: '^2[0-9]{3}-(0[1-9]|1[0-2])$',
  maxLength: 7,
  description: 'The month it judges',
  examples: ['2026-11'],
});
const Title = Text(60, 'What it is called; once a month', '庭院评比');
const State = OneOf(['planned', 'open', 'closed', 'cancelled'], 'How far it has come');
const Outcome = OneOf(
  ['awarded', 'refused', 'noGrade', 'tooFewJudges', 'notSeen'],
  'Awarded; refused its award, for the reason in `refusal`; below every grade; seen by fewer than two judges that count; seen by none',
);
const Average = Type.Integer({
  minimum: 0,
  maximum: 100_000,
  description: 'Mean of the judges’ totals in hundredths of a point, rounded half up',
  examples: [9167],
});
const households = (description: string) => Whole(description, { maximum: 100_000 });

const Item = Type.Object(
  {
    name: Text(30, 'What is looked at', '庭院整洁'),
    maxScore: Whole('The most points for it', { minimum: 1, maximum: 1000 }),
  },
  { title: 'EvaluationItem', additionalProperties: false },
);
const Items = Type.Array(Item, { minItems: 1, maxItems: 20, description: 'The sheet, of at most 1,000 points in all' });

const Grade = Type.Object(
  {
    title: Text(30, 'What it is called', '最清洁庭院'),
    averageMin: Whole('The lowest average that earns it, in points of the sheet', { maximum: 1000 }),
    ruleId: Id('The rule it is awarded under, of a whole household'),
    quantity: Whole('Units of the rule', { minimum: 1, maximum: 1000 }),
  },
  { title: 'EvaluationGrade', additionalProperties: false },
);
const Grades = Type.Array(Grade, {
  minItems: 1,
  maxItems: 10,
  description: 'A household earns the highest it reaches',
});

const exampleJudges = [7, 8, 9].map(digit => `${exampleId.slice(0, -1)}${digit}`);
const Judges = Type.Array(Id('A reviewer'), {
  minItems: 3,
  maxItems: 7,
  uniqueItems: true,
  description: 'Who walks the courtyards; none of them planned the round or closes it',
  examples: [exampleJudges],
});

export const RoundParams = Type.Object({ village: VillageCode, round: Id('The round') });

export const RoundCreate = Type.Object(
  { month: Month, title: Title, items: Items, judges: Judges, grades: Grades },
  {
    title: 'EvaluationRoundCreate',
    additionalProperties: false,
    examples: [
      {
        month: '2026-11',
        title: '庭院评比',
        items: [
          { name: '庭院整洁', maxScore: 60 },
          { name: '室内卫生', maxScore: 40 },
        ],
        judges: exampleJudges,
        grades: [{ title: '最清洁庭院', averageMin: 90, ruleId: exampleId, quantity: 1 }],
      },
    ],
  },
);

const round = {
  id: Id('The round'),
  month: Month,
  title: Title,
  items: Items,
  grades: Grades,
  judges: Judges,
  state: State,
  households: households('Households in it: those that were active when it was opened'),
  awarded: households('Households that closing awarded'),
  createdBy: Id('Who planned it'),
  createdAt: Instant('When'),
  openedBy: Nullable(Id('Who opened it')),
  openedAt: Nullable(Instant('When')),
  closedBy: Nullable(Id('The second person')),
  closedAt: Nullable(Instant('When')),
  cancelledBy: Nullable(Id('Who cancelled it')),
  cancelledAt: Nullable(Instant('When')),
};

export const Round = Type.Object(round, { title: 'EvaluationRound' });
export const RoundPage = PageOf(Round, 'EvaluationRoundPage');
export const RoundListQuery = Type.Object({
  month: Type.Optional(Month),
  state: Type.Optional(State),
  ...PageQuery,
});

export const RoundWithProgress = Type.Object(
  {
    ...round,
    progress: Type.Array(
      Type.Object(
        {
          judgeId: Id('The judge'),
          scored: households('Households with figures'),
          notSeen: households('Households where nobody was at home'),
          missing: households('Households still to be looked at, without own and kin'),
        },
        { title: 'EvaluationProgress' },
      ),
      { maxItems: 7, description: 'How far each judge has come' },
    ),
  },
  { title: 'EvaluationRoundWithProgress' },
);

const Scores = Type.Array(Whole('Points for an item', { maximum: 1000 }), {
  minItems: 1,
  maxItems: 20,
  description: 'Points for each item, in the order of the sheet',
  examples: [[55, 36]],
});

const SheetLine = Type.Object(
  {
    householdId: Id('The household'),
    householdNumber: Text(9, 'Number on the passbook', 'H0007'),
    grid: Nullable(Whole('Its group')),
    headName: Text(60, 'Name of its head, masked unless the judge may see it', '张*三'),
    excluded: Type.Boolean({ description: 'The judge’s own household or kin: not to be scored', examples: [false] }),
    scores: Nullable(Scores),
    total: Nullable(Whole('Points in all', { maximum: 1000 })),
    notSeen: Type.Boolean({ description: 'Nobody was at home', examples: [false] }),
    scoredAt: Nullable(Instant('When the judge last said so')),
  },
  { title: 'EvaluationSheetLine' },
);
export const SheetPage = PageOf(SheetLine, 'EvaluationSheetPage');
export const SheetQuery = Type.Object({
  missing: Type.Optional(Type.Boolean({ description: 'Only households that the judge has still to look at' })),
  ...PageQuery,
});

export const ScoresPut = Type.Object(
  {
    entries: Type.Array(
      Type.Object(
        {
          householdId: Id('The household'),
          scores: Type.Optional(Scores),
          notSeen: Type.Optional(Type.Literal(true, { description: 'Nobody was at home; instead of figures' })),
        },
        { title: 'EvaluationEntry', additionalProperties: false },
      ),
      { minItems: 1, maxItems: 600, description: 'Each household once' },
    ),
  },
  {
    title: 'EvaluationScoresPut',
    additionalProperties: false,
    examples: [{ entries: [{ householdId: exampleId, scores: [55, 36] }] }],
  },
);

export const ScoresWritten = Type.Object(
  { written: Whole('Households whose figures were written', { maximum: 600 }) },
  { title: 'EvaluationScoresWritten' },
);

const Result = Type.Object(
  {
    householdId: Id('The household'),
    householdNumber: Text(9, 'Number on the passbook', 'H0007'),
    outcome: Outcome,
    judges: Whole('How many judges counted', { maximum: 7 }),
    averageHundredths: Nullable(Average),
    grade: Nullable(Text(30, 'The grade', '最清洁庭院')),
    awardId: Nullable(Id('The award, which waits for the next notice')),
    refusal: Nullable(Type.String({ maxLength: 60, description: 'Code of the refusal', examples: ['cap-reached'] })),
  },
  { title: 'EvaluationResult' },
);
export const ResultPage = PageOf(Result, 'EvaluationResultPage');
export const ResultListQuery = Type.Object({ outcome: Type.Optional(Outcome), ...PageQuery });
