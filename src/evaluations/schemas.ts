import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const Month = Type.String({
  pattern: '^2[0-9]{3}-(0[1-9]|1[0-2])$',
  maxLength: 7,
  description: 'Month the round evaluates.',
  examples: ['2026-11'],
});
const Title = Text(60, 'Title of the round, unique within its month.', '庭院评比');
const State = OneOf(['planned', 'open', 'closed', 'cancelled'], 'State of the round.');
const Outcome = OneOf(
  ['awarded', 'refused', 'noGrade', 'tooFewJudges', 'notSeen'],
  'Outcome for the household: awarded; award refused, with the code in `refusal`; below every grade; scored by fewer than two judges; or not seen by any judge.',
);
const Average = Type.Integer({
  minimum: 0,
  maximum: 100_000,
  description: 'Mean of the judges’ totals, in hundredths of a point, rounded half up.',
  examples: [9167],
});
const households = (description: string) => Whole(description, { maximum: 100_000 });

const Item = Type.Object(
  {
    name: Text(30, 'What the item evaluates.', '庭院整洁'),
    maxScore: Whole('Maximum score of the item.', { minimum: 1, maximum: 1000 }),
  },
  { title: 'EvaluationItem', additionalProperties: false },
);
const Items = Type.Array(Item, {
  minItems: 1,
  maxItems: 20,
  description: 'Items of the score sheet, worth at most 1,000 points in total.',
});

const Grade = Type.Object(
  {
    title: Text(30, 'Name of the grade.', '最清洁庭院'),
    averageMin: Whole('Lowest average score that earns the grade.', { maximum: 1000 }),
    ruleId: Id('ID of the rule the grade is awarded under. The rule must apply to whole households.'),
    quantity: Whole('Number of units of the rule.', { minimum: 1, maximum: 1000 }),
  },
  { title: 'EvaluationGrade', additionalProperties: false },
);
const Grades = Type.Array(Grade, {
  minItems: 1,
  maxItems: 10,
  description: 'Grades. A household receives the highest one it reaches.',
});

const exampleJudges = [7, 8, 9].map(digit => `${exampleId.slice(0, -1)}${digit}`);
const Judges = Type.Array(Id('ID of a reviewer.'), {
  minItems: 3,
  maxItems: 7,
  uniqueItems: true,
  description: 'IDs of the judges. None of them may have created the round or may close it.',
  examples: [exampleJudges],
});

export const RoundParams = Type.Object({ village: VillageCode, round: Id('ID of the round.') });

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
  id: Id('ID of the round.'),
  month: Month,
  title: Title,
  items: Items,
  grades: Grades,
  judges: Judges,
  state: State,
  households: households('Number of households that were active when the round was opened.'),
  awarded: households('Number of households that received an award when the round was closed.'),
  createdBy: Id('ID of the user who created the round.'),
  createdAt: Instant('When the round was created.'),
  openedBy: Nullable(Id('ID of the user who opened the round.')),
  openedAt: Nullable(Instant('When the round was opened.')),
  closedBy: Nullable(Id('ID of the user who closed the round.')),
  closedAt: Nullable(Instant('When the round was closed.')),
  cancelledBy: Nullable(Id('ID of the user who cancelled the round.')),
  cancelledAt: Nullable(Instant('When the round was cancelled.')),
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
          judgeId: Id('ID of the judge.'),
          scored: households('Number of households scored.'),
          notSeen: households('Number of households where nobody was at home.'),
          missing: households(
            'Number of households still to score, excluding the judge’s own household and relatives.',
          ),
        },
        { title: 'EvaluationProgress' },
      ),
      { maxItems: 7, description: 'Progress of each judge.' },
    ),
  },
  { title: 'EvaluationRoundWithProgress' },
);

const Scores = Type.Array(Whole('Score for one item.', { maximum: 1000 }), {
  minItems: 1,
  maxItems: 20,
  description: 'Scores for each item, in the order of the score sheet.',
  examples: [[55, 36]],
});

const SheetLine = Type.Object(
  {
    householdId: Id('ID of the household.'),
    householdNumber: Text(9, 'Household number, as printed on the passbook.', 'H0007'),
    grid: Nullable(Whole('Number of the household’s group or patrol grid.')),
    headName: Text(60, 'Name of the head of household, masked unless the judge may see it.', '张*三'),
    excluded: Type.Boolean({
      description: 'Whether this is the judge’s own household or a relative’s, which the judge may not score.',
      examples: [false],
    }),
    scores: Nullable(Scores),
    total: Nullable(Whole('Total score.', { maximum: 1000 })),
    notSeen: Type.Boolean({ description: 'Whether nobody was at home.', examples: [false] }),
    scoredAt: Nullable(Instant('When the judge last saved the scores.')),
  },
  { title: 'EvaluationSheetLine' },
);
export const SheetPage = PageOf(SheetLine, 'EvaluationSheetPage');
export const SheetQuery = Type.Object({
  missing: Type.Optional(Type.Boolean({ description: 'Return only households the judge has not scored yet.' })),
  ...PageQuery,
});

export const ScoresPut = Type.Object(
  {
    entries: Type.Array(
      Type.Object(
        {
          householdId: Id('ID of the household.'),
          scores: Type.Optional(Scores),
          notSeen: Type.Optional(
            Type.Literal(true, { description: 'Set if nobody was at home, instead of `scores`.' }),
          ),
        },
        { title: 'EvaluationEntry', additionalProperties: false },
      ),
      { minItems: 1, maxItems: 600, description: 'Scores to save. Each household may appear once.' },
    ),
  },
  {
    title: 'EvaluationScoresPut',
    additionalProperties: false,
    examples: [{ entries: [{ householdId: exampleId, scores: [55, 36] }] }],
  },
);

export const ScoresWritten = Type.Object(
  { written: Whole('Number of households whose scores were saved.', { maximum: 600 }) },
  { title: 'EvaluationScoresWritten' },
);

const Result = Type.Object(
  {
    householdId: Id('ID of the household.'),
    householdNumber: Text(9, 'Household number, as printed on the passbook.', 'H0007'),
    outcome: Outcome,
    judges: Whole('Number of judges whose scores counted.', { maximum: 7 }),
    averageHundredths: Nullable(Average),
    grade: Nullable(Text(30, 'Grade received.', '最清洁庭院')),
    awardId: Nullable(Id('ID of the award, which waits for the next public notice.')),
    refusal: Nullable(Type.String({ maxLength: 60, description: 'Code of the refusal.', examples: ['cap-reached'] })),
  },
  { title: 'EvaluationResult' },
);
export const ResultPage = PageOf(Result, 'EvaluationResultPage');
export const ResultListQuery = Type.Object({ outcome: Type.Optional(Outcome), ...PageQuery });
