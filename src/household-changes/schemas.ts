import { type Static, Type } from 'typebox';
import { GridNumber, NumberConfirmed, PassbookNumber } from '../households/shapes.ts';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { changeKinds } from './tables.ts';

const Kind = OneOf([...changeKinds], 'Kind of change.');
const State = OneOf(['proposed', 'approved', 'rejected', 'withdrawn'], 'State of the change.');
const Reason = Text(
  500,
  'Reason for the change and the document that supports it, such as who signed or what the panel minuted.',
  '分家协议 2026-11-20，双方签字',
);
const household = { householdId: Id('ID of the household that changes.'), reason: Reason };
const HeadAfterwards = Type.Optional(
  Id('ID of the member who becomes head of household. Required if the current head does not stay.'),
);
const Points = (what: string) =>
  Type.Optional(
    Whole(`${what} that move along, as both sides agreed. Defaults to the share of the members who leave.`, {
      maximum: Number.MAX_SAFE_INTEGER,
    }),
  );
const arrearsEnd =
  'What becomes of points the household owes: the household that takes it over owes them (`carry`), or they are waived (`waive`). Required if it has arrears.';
const Arrears = Type.Optional(OneOf(['carry', 'waive'], arrearsEnd));
const ArrearsWaived = Type.Optional(
  OneOf(['waive'], 'What becomes of points the household owes: they are waived. Required if it has arrears.'),
);
const transactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of a transaction in a village’s book.',
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
    kindOf('memberMove', 'A member moves to another household of the village. No points move.', {
      memberId: Id('ID of the member who moves.'),
      toHouseholdId: Id('ID of the household the member joins.'),
      headMemberId: HeadAfterwards,
    }),
    kindOf('split', 'Members leave and form a household of their own.', {
      memberIds: Type.Array(Id('ID of a member.'), {
        minItems: 1,
        maxItems: 30,
        uniqueItems: true,
        description: 'IDs of the members who leave.',
      }),
      newHousehold: Type.Object(
        {
          number: Type.Optional(PassbookNumber),
          numberConfirmed: NumberConfirmed,
          grid: Nullable(GridNumber),
          address: Type.Optional(Nullable(Text(120, 'Address of the household.', '第一组 9 号'))),
          headMemberId: Id('ID of the head of household, one of the members who leave.'),
        },
        {
          additionalProperties: false,
          description: 'The household they form. Without a number it gets the next free one.',
        },
      ),
      headMemberId: HeadAfterwards,
      availablePoints: Points('Spendable points'),
      honourPoints: Points('Honour points'),
      arrearsPoints: Points('Arrears'),
    }),
    kindOf('merge', 'The whole household joins another one, which continues.', {
      toHouseholdId: Id('ID of the household that continues.'),
      arrears: Arrears,
    }),
    kindOf('moveAway', 'The household moves to another village.', {
      toVillage: VillageCode,
      carry: Type.Boolean({
        description:
          'Whether the household’s points and honour points move with it, as both villages agreed; otherwise its spendable points lapse.',
        examples: [true],
      }),
      arrears: ArrearsWaived,
    }),
    kindOf('moveIn', 'Points and honour points that a household brings from the village it left.', {
      fromVillage: VillageCode,
      transactionNumber,
    }),
    kindOf('death', 'A member has died.', {
      memberId: Id('ID of the member who died.'),
      diedOn: Day('Date of death.'),
      headMemberId: HeadAfterwards,
      heirHouseholdId: Type.Optional(
        Id('If no member is left: ID of the household that inherits. Possible for one year after the death.'),
      ),
      lapse: Type.Optional(
        Type.Boolean({
          description: 'If no member is left: set if nobody inherits and what is left lapses.',
          examples: [true],
        }),
      ),
      arrears: Arrears,
    }),
    kindOf('close', 'A household without members is closed.', { arrears: ArrearsWaived }),
    kindOf('head', 'Another member becomes head of household.', {
      headMemberId: Id('ID of the new head of household.'),
    }),
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
    id: Id('ID of the change.'),
    kind: Kind,
    householdId: Id('ID of the household that changes.'),
    toHouseholdId: Nullable(
      Id('ID of the other household: the one a member joins, a split forms, a merger continues, or that inherits.'),
    ),
    memberIds: Type.Array(Id('ID of a member.'), {
      maxItems: 1000,
      description: 'IDs of the members who move, leave or have died.',
    }),
    headMemberId: Nullable(Id('ID of the member who becomes head of household, if the head changes.')),
    diedOn: Nullable(Day('Date of death.')),
    newHousehold: Nullable(
      Type.Object(
        {
          number: Nullable(PassbookNumber),
          grid: Nullable(GridNumber),
          address: Nullable(
            Type.String({
              maxLength: 120,
              description: 'Address of the household; `null` for callers who see masked names.',
            }),
          ),
          headMemberId: Id('ID of the head of household.'),
        },
        { description: 'Household that a split forms.' },
      ),
    ),
    availablePoints: Nullable(Sum('Spendable points moved by a split or from another village.')),
    honourPoints: Nullable(Sum('Honour points moved by a split or from another village.')),
    arrears: Nullable(
      OneOf(['carry', 'waive'], 'For a household that ends: whether points it owes are carried over or waived.'),
    ),
    arrearsPoints: Nullable(Sum('Arrears moved by a split.')),
    carried: Nullable(
      Type.Boolean({
        description: 'For a household that ends: whether its points move with it (`true`) or lapse (`false`).',
      }),
    ),
    otherVillage: Nullable(VillageCode),
    closingNumber: Nullable(transactionNumber),
    reason: Nullable(
      Type.String({
        maxLength: 500,
        description: 'Reason for the change; `null` for callers who neither see full names nor decide.',
      }),
    ),
    state: State,
    proposedBy: Id('ID of the user who proposed the change.'),
    proposedAt: Instant('When the change was proposed.'),
    decidedBy: Nullable(Id('ID of the user who decided on or withdrew the change.')),
    decidedAt: Nullable(Instant('When the change was decided or withdrawn.')),
    rejectionReason: Nullable(
      Type.String({
        maxLength: 500,
        description: 'Reason for the rejection; `null` under the same conditions as `reason`.',
      }),
    ),
    transactionNumber: Nullable(transactionNumber),
  },
  { title: 'HouseholdChange' },
);
export const HouseholdChangePage = PageOf(HouseholdChange, 'HouseholdChangePage');
export const HouseholdChangeListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only changes this household is a party to.')),
  kind: Type.Optional(Kind),
  state: Type.Optional(State),
  ...PageQuery,
});
export const HouseholdChangeParams = Type.Object({ village: VillageCode, change: Id('ID of the change.') });
export const HouseholdChangeReject = Type.Object(
  { reason: Text(500, 'Reason for the rejection.', '双方未签字') },
  { title: 'HouseholdChangeReject', additionalProperties: false, examples: [{ reason: '双方未签字' }] },
);
