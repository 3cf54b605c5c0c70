import { type Static, Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { changeKinds } from './tables.ts';

const Kind = OneOf([...changeKinds], 'What changes');
const State = OneOf(['proposed', 'approved', 'rejected', 'withdrawn'], 'How far it has come');
const Reason = Text(
  500,
  'Why, and what paper says so: who signed, what the panel minuted',
  '分家协议 2026-11-20，双方签字',
);
const household = { householdId: Id('The household that changes'), reason: Reason };
const HeadAfterwards = Type.Optional(Id('Who is its head afterwards, where it is somebody else than now'));
const PassbookNumber = Type.String({
  pattern: '^[A-Z]?[0-9]{1,8}$',
  maxLength: 9,
  description: 'Number on the passbook',
  examples: ['H0107'],
});
const Grid = Type.Integer({ minimum: 1, maximum: 999, description: 'Group or patrol area', examples: [1] });
const Points = (what: string) =>
  Type.Optional(
    Whole(`${what} that go along, as both sides signed; without it, as many as come to the members who leave`, {
      maximum: Number.MAX_SAFE_INTEGER,
    }),
  );
const transactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of a transaction in a book',
  examples: [18412],
});

function kindOf<const K extends (typeof changeKinds)[number], P extends Parameters<typeof Type.Object>[0]>(
  kind: K,
  description: string,
  properties: P,
) {
  return Type.Object(
    { kind: Type.Literal(kind, { description, examples: [kind] }), ...household, ...properties },
    { additionalProperties: false, description },
  );
}

export const HouseholdChangeCreate = Type.Union(
  [
    kindOf('memberMove', 'A member goes to another household of the village; no points move', {
      memberId: Id('Who moves'),
      toHouseholdId: Id('Where to'),
      headMemberId: HeadAfterwards,
    }),
    kindOf('split', 'Members leave and make a household of their own', {
      memberIds: Type.Array(Id('A member'), {
        minItems: 1,
        maxItems: 30,
        uniqueItems: true,
        description: 'Who leaves',
      }),
      newHousehold: Type.Object(
        {
          number: Type.Optional(PassbookNumber),
          grid: Nullable(Grid),
          address: Type.Optional(Nullable(Text(120, 'Where it lives', '第一组 9 号'))),
          headMemberId: Id('Its head, one of those who leave'),
        },
        { additionalProperties: false, description: 'What they make; without a number it gets the next one' },
      ),
      headMemberId: HeadAfterwards,
      availablePoints: Points('Spendable points'),
      honourPoints: Points('Honour points'),
    }),
    kindOf('merge', 'All of a household joins another one, which stays', { toHouseholdId: Id('The one that stays') }),
    kindOf('moveAway', 'A household goes to another village', {
      toVillage: VillageCode,
      carry: Type.Boolean({
        description: 'Whether its points and honour go along, as both villages agree; points that do not lapse',
        examples: [true],
      }),
    }),
    kindOf('moveIn', 'Points and honour that a household brings from the village where it was closed', {
      fromVillage: VillageCode,
      transactionNumber,
    }),
    kindOf('death', 'A member has died', {
      memberId: Id('Who has died'),
      diedOn: Day('When'),
      headMemberId: HeadAfterwards,
      heirHouseholdId: Type.Optional(Id('After the last member: who takes on what is left, within a year')),
      lapse: Type.Optional(
        Type.Boolean({
          description: 'After the last member: nobody takes it on, what is left lapses',
          examples: [true],
        }),
      ),
    }),
    kindOf('close', 'An empty household ends', {}),
    kindOf('head', 'Another member speaks for the household', { headMemberId: Id('The new head') }),
  ],
  {
    title: 'HouseholdChangeCreate',
    examples: [
      { kind: 'merge', householdId: exampleId, toHouseholdId: exampleId.replace(/7$/, '8'), reason: '父母随子女同住' },
      { kind: 'head', householdId: exampleId, headMemberId: exampleId, reason: '户主外出务工' },
    ],
  },
);
export type NewChange = Static<typeof HouseholdChangeCreate>;

export const HouseholdChange = Type.Object(
  {
    id: Id('The change'),
    kind: Kind,
    householdId: Id('The household that changes'),
    toHouseholdId: Nullable(
      Id('The other one: where a member goes, what a split has made, what stays of a merger, who inherits'),
    ),
    memberIds: Type.Array(Id('A member'), { maxItems: 1000, description: 'Who moves, leaves or has died' }),
    headMemberId: Nullable(Id('The head that it has afterwards, where it gets another one')),
    diedOn: Nullable(Day('When the member died')),
    newHousehold: Nullable(
      Type.Object(
        {
          number: Nullable(PassbookNumber),
          grid: Nullable(Grid),
          address: Nullable(Type.String({ maxLength: 120, description: 'Only for those who see names whole' })),
          headMemberId: Id('Its head'),
        },
        { description: 'What a split makes' },
      ),
    ),
    availablePoints: Nullable(Sum('Spendable points that a split or a move from another village brings')),
    honourPoints: Nullable(Sum('Honour points that it brings')),
    carried: Nullable(Type.Boolean({ description: 'Of a household that ends: whether its points go along, or lapse' })),
    otherVillage: Nullable(VillageCode),
    closingNumber: Nullable(transactionNumber),
    reason: Nullable(
      Type.String({ maxLength: 500, description: 'Why; only for those who see names whole, or decide' }),
    ),
    state: State,
    proposedBy: Id('Who proposed it'),
    proposedAt: Instant('When'),
    decidedBy: Nullable(Id('Who decided, or withdrew it')),
    decidedAt: Nullable(Instant('When')),
    rejectionReason: Nullable(Type.String({ maxLength: 500, description: 'Why not; as `reason`' })),
    transactionNumber: Nullable(transactionNumber),
  },
  { title: 'HouseholdChange' },
);
export const HouseholdChangePage = PageOf(HouseholdChange, 'HouseholdChangePage');
export const HouseholdChangeListQuery = Type.Object({
  householdId: Type.Optional(Id('Only changes of this household, or to it')),
  kind: Type.Optional(Kind),
  state: Type.Optional(State),
  ...PageQuery,
});
export const HouseholdChangeParams = Type.Object({ village: VillageCode, change: Id('The change') });
export const HouseholdChangeReject = Type.Object(
  { reason: Text(500, 'Why not', '双方未签字') },
  { title: 'HouseholdChangeReject', additionalProperties: false, examples: [{ reason: '双方未签字' }] },
);
