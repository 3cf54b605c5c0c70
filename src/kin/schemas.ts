import { Type } from 'typebox';
import { PassbookNumber } from '../households/shapes.ts';
import { exampleId, Id, Instant, OneOf, VillageCode } from '../http/shapes.ts';

const relation = OneOf(['own', 'kin'], 'Whether it is the user’s own household or a relative’s.');

export const KinParams = Type.Object({ village: VillageCode, user: Id('ID of the user.') });

export const KinSet = Type.Object(
  {
    entries: Type.Array(
      Type.Object({ householdId: Id('ID of the household.'), relation }, { additionalProperties: false }),
      {
        maxItems: 50,
        description:
          'The complete declaration; entries not listed are removed. At most one may be the user’s own household.',
      },
    ),
  },
  {
    title: 'KinSet',
    additionalProperties: false,
    examples: [{ entries: [{ householdId: exampleId, relation: 'own' }] }],
  },
);

export const Kin = Type.Object(
  {
    userId: Id('ID of the user.'),
    data: Type.Array(
      Type.Object({
        householdId: Id('ID of the household.'),
        householdNumber: PassbookNumber,
        relation,
        declaredBy: Id('ID of the user who declared it.'),
        declaredAt: Instant('When it was declared.'),
      }),
      { maxItems: 1000, description: 'Declared households, by household number.' },
    ),
  },
  { title: 'Kin' },
);
