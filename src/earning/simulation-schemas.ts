import { Type } from 'typebox';
import { Day, Id, Nullable, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

export const SimulationParams = Type.Object({ village: VillageCode, ruleBook: Id('ID of the rule book to simulate.') });

export const SimulationRequest = Type.Object(
  {
    from: Day('Start of the business date range, inclusive.'),
    to: Day('End of the business date range, exclusive. At most three months after `from`.'),
  },
  { title: 'SimulationRequest', additionalProperties: false, examples: [{ from: '2026-11-01', to: '2026-12-01' }] },
);

const sums = {
  awards: Whole('Number of awards made.'),
  pointsThen: Sum('Points actually awarded.'),
  pointsNow: Sum('Points that would have been awarded.'),
  refused: Type.Object(
    {
      notInBook: Whole('The rule book has no rule with that code.'),
      deduction: Whole('The rule is a deduction.'),
      memberMissing: Whole('The rule applies to members, and the award names none.'),
      cap: Whole('The cap of the rule was reached.'),
      householdDay: Whole('The household had reached its daily maximum.'),
      exclusion: Whole('A mutually exclusive rule had already applied.'),
      budget: Whole('The year’s budget was used up.'),
    },
    { title: 'SimulatedRefusals', description: 'Awards that would not have been made, by reason.' },
  ),
};

const HouseholdChange = Type.Object(
  {
    household: Text(32, 'Masked household number, showing only its end.', '***07'),
    pointsThen: Sum('Points the household received.'),
    pointsNow: Sum('Points the household would have received.'),
  },
  { title: 'SimulatedHousehold' },
);

export const Simulation = Type.Object(
  {
    ruleBookId: Id('ID of the simulated rule book.'),
    from: Day('Start of the business date range, inclusive.'),
    to: Day('End of the business date range, exclusive.'),
    total: Type.Object(sums, { title: 'SimulatedTotal' }),
    rules: Type.Array(
      Type.Object(
        {
          code: Text(12, 'Code of the rule.', 'ENV03'),
          title: Nullable(
            Text(60, 'Title of the rule in the book; `null` if the book does not have it.', '参加村组环境清扫'),
          ),
          ...sums,
        },
        { title: 'SimulatedRule' },
      ),
      {
        maxItems: 2000,
        description:
          'Results per rule, in order of code: every rule of the book, and every other rule that was awarded.',
      },
    ),
    gaining: Whole('Number of households that would have received more.'),
    losing: Whole('Number of households that would have received less.'),
    unchanged: Whole('Number of households that would have received the same.'),
    gainingMost: Type.Array(HouseholdChange, {
      maxItems: 10,
      description: 'Households that gain the most, largest gain first.',
    }),
    losingMost: Type.Array(HouseholdChange, {
      maxItems: 10,
      description: 'Households that lose the most, largest loss first.',
    }),
  },
  { title: 'Simulation' },
);
