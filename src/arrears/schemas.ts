import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const BookNumber = (description: string) => Whole(description, { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Reason = Text(200, 'Reason for the proposal or decision.', '登记有误，本户无过错');
const Points = (description: string) => Whole(description, { minimum: 1, maximum: 1_000_000 });

export const ArrearsSettle = Type.Object(
  { points: Type.Optional(Points('Points to pay. Defaults to all that is owed, as far as the available points go.')) },
  { title: 'ArrearsSettle', additionalProperties: false, examples: [{ points: 5 }] },
);

export const ArrearsSettlement = Type.Object(
  {
    householdId: Id('ID of the household.'),
    points: Points('Points paid.'),
    arrears: Sum('Points still owed.'),
    available: Sum('Points left to spend.'),
    transactionNumber: BookNumber('Number of the transaction that paid them.'),
  },
  { title: 'ArrearsSettlement' },
);

export const ArrearsWaiverCreate = Type.Object(
  {
    householdId: Id('ID of the household that owes the points.'),
    points: Points('Points to waive, at most what the household owes.'),
    reason: Reason,
  },
  {
    title: 'ArrearsWaiverCreate',
    additionalProperties: false,
    examples: [{ householdId: exampleId, points: 20, reason: '登记有误，本户无过错' }],
  },
);

export const ArrearsWaiverReject = Type.Object(
  { reason: Reason },
  { title: 'ArrearsWaiverReject', additionalProperties: false, examples: [{ reason: '应由本户偿还' }] },
);

const waiverState = ['proposed', 'posted', 'rejected'] as const;

export const ArrearsWaiver = Type.Object(
  {
    id: Id('ID of the waiver.'),
    householdId: Id('ID of the household.'),
    points: Points('Points to waive.'),
    reason: Reason,
    state: OneOf([...waiverState], 'State of the waiver: pending approval, approved or rejected.'),
    proposedBy: Id('ID of the user who proposed it.'),
    proposedAt: Instant('When it was proposed.'),
    decidedBy: Nullable(Id('ID of the user who decided.')),
    decidedAt: Nullable(Instant('When it was decided.')),
    rejectionReason: Nullable(Reason),
    transactionNumber: Nullable(BookNumber('Number of the transaction that waived the points.')),
  },
  { title: 'ArrearsWaiver' },
);

export const ArrearsWaiverParams = Type.Object({ village: VillageCode, waiver: Id('ID of the waiver.') });
export const ArrearsWaiverPage = PageOf(ArrearsWaiver, 'ArrearsWaiverPage');
export const ArrearsWaiverListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only waivers for this household.')),
  state: Type.Optional(
    Type.Array(OneOf([...waiverState], 'State of the waiver.'), {
      maxItems: 3,
      description: 'Return only waivers in one of these states. Repeat the parameter for several.',
    }),
  ),
  ...PageQuery,
});
