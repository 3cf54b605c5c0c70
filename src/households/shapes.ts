import { Type } from 'typebox';
import { Id, VillageCode } from '../http/shapes.ts';

/** Shapes that the parts built on the register say as it does. */

export const Phone = Type.String({
  pattern: '^[0-9+-]{5,20}$',
  maxLength: 20,
  description: 'Phone number.',
  examples: ['19900000963'],
});
export const IdLast4 = Type.String({
  pattern: '^[0-9]{3}[0-9X]$',
  maxLength: 4,
  description: 'Last four characters of the ID number. The last one may be X.',
  examples: ['166X'],
});
export const PassbookNumber = Type.String({
  pattern: '^[A-Z]?[0-9]{1,8}$',
  maxLength: 9,
  description:
    'Household number, as printed on the passbook. Leading zeros do not count: `0051` and `51` are one number.',
  examples: ['H0007'],
});
export const NumberConfirmed = Type.Optional(
  Type.Boolean({
    description:
      'Whether the number was checked again, although it is far from the village’s other numbers, or differs from one in the letter only.',
    examples: [true],
  }),
);
export const GridNumber = Type.Integer({
  minimum: 1,
  maximum: 999,
  description: 'Number of the group or patrol grid.',
  examples: [1],
});
export const HouseholdParams = Type.Object({ village: VillageCode, household: Id('ID of the household.') });
