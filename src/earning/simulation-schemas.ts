import { Type } from 'typebox';
import { Day, Id, Nullable, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

export const SimulationParams = Type.Object({ village: VillageCode, ruleBook: Id('The book to try') });

export const SimulationRequest = Type.Object(
  { from: Day('First day of the awards'), to: Day('The day after the last one: three months at most') },
  { title: 'SimulationRequest', additionalProperties: false, examples: [{ from: '2026-11-01', to: '2026-12-01' }] },
);

const sums = {
  awards: Whole('Awards that were made'),
  pointsThen: Sum('What they came to'),
  pointsNow: Sum('What they would have come to'),
  refused: Type.Object(
    {
      notInBook: Whole('The book has no rule of that code'),
      deduction: Whole('It takes points for it'),
      memberMissing: Whole('The rule belongs to a member, and none was named'),
      cap: Whole('The cap of the rule was reached'),
      householdDay: Whole('The household had its points of the day'),
      exclusion: Whole('An exclusive rule already applied'),
      budget: Whole('The year’s budget was used up'),
    },
    { title: 'SimulatedRefusals', description: 'Awards that would not have been made, by their reason' },
  ),
};

const HouseholdChange = Type.Object(
  {
    household: Text(32, 'The end of its number', '***07'),
    pointsThen: Sum('What it was given'),
    pointsNow: Sum('What it would have been given'),
  },
  { title: 'SimulatedHousehold' },
);

export const Simulation = Type.Object(
  {
    ruleBookId: Id('The book that was tried'),
    from: Day('First day'),
    to: Day('The day after the last one'),
    total: Type.Object(sums, { title: 'SimulatedTotal' }),
    rules: Type.Array(
      Type.Object(
        {
          code: Text(12, 'The rule', 'ENV03'),
          title: Nullable(Text(60, 'Its title in the book; null where it is not in it', '参加村组环境清扫')),
          ...sums,
        },
        { title: 'SimulatedRule' },
      ),
      { maxItems: 2000, description: 'By code: all rules of the book, and those that were used and are not in it' },
    ),
    gaining: Whole('Households that would have had more'),
    losing: Whole('Households that would have had less'),
    unchanged: Whole('Households that would have had as much'),
    gainingMost: Type.Array(HouseholdChange, { maxItems: 10, description: 'Those that gain most, the most first' }),
    losingMost: Type.Array(HouseholdChange, { maxItems: 10, description: 'Those that lose most, the most first' }),
  },
  { title: 'Simulation' },
);
