import { Type } from 'typebox';
import { PassbookNumber } from '../households/shapes.ts';
import { exampleId, Id, Instant, OneOf, VillageCode } from '../http/shapes.ts';

const relation = OneOf(['own', 'kin'], 'The person’s own household, or that of kin');

export const KinParams = Type.Object({ village: VillageCode, user: Id('The person') });

export const KinSet = Type.Object(
  {
    entries: Type.Array(Type.Object({ householdId: Id('The household'), relation }, { additionalProperties: false }), {
      maxItems: 50,
      description: 'All of them: what is not named ends. One at most is the own household',
    }),
  },
  {
    title: 'KinSet',
    additionalProperties: false,
    examples: [{ entries: [{ householdId: exampleId, relation: 'own' }] }],
  },
);

export const Kin = Type.Object(
  {
    userId: Id('The person'),
    data: Type.Array(
      Type.Object({
        householdId: Id('The household'),
        householdNumber: PassbookNumber,
        relation,
        declaredBy: Id('Who said so'),
        declaredAt: Instant('When'),
      }),
      { maxItems: 1000, description: 'By the number of the household' },
    ),
  },
  { title: 'Kin' },
);
