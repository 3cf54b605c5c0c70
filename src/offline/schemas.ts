import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Problem, Text, VillageCode, Whole } from '../http/shapes.ts';

const huge = { maximum: Number.MAX_SAFE_INTEGER };
const BookNumber = (description: string) => Whole(description, { minimum: 1, ...huge });
const KioskId = Id('ID of the kiosk.');
const AllowanceId = Id('ID of the allowance.');
const HeadSeq = Whole('Number of the last operation the device has signed; `0` before the first.', huge);
const ExampleJws = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImppZmVuLW9wK2p3cyJ9.eyJzZXEiOjF9.c2lnbmF0dXJl';
const Jws = (description: string) =>
  Type.String({ minLength: 1, maxLength: 16_384, pattern: '^[\\x21-\\x7e]+$', description, examples: [ExampleJws] });
const Hash = (description: string) =>
  Type.String({
    pattern: '^[A-Za-z0-9_-]{43}$',
    maxLength: 43,
    description,
    examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'],
  });

export const AllowanceBatch = Type.Object(
  {
    headSeq: HeadSeq,
    householdIds: Type.Array(Id('ID of a household.'), {
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      description: 'Households that use this kiosk.',
    }),
  },
  {
    title: 'AllowanceBatch',
    additionalProperties: false,
    examples: [{ headSeq: 0, householdIds: ['0193563d-1111-7000-8000-000000000007'] }],
  },
);

const Allowance = Type.Object(
  {
    allowanceId: AllowanceId,
    points: Whole('Points that can be spent without a network.', { minimum: 1, maximum: 1000 }),
    redemptions: Whole('Redemptions that can be made of them.', { minimum: 1, maximum: 20 }),
    notAfter: Instant('Until when they can be spent.'),
    jws: Jws('The same, signed by the server for this kiosk: a compact JWS of type `jifen-allowance+jws`.'),
  },
  { title: 'Allowance' },
);

export const AllowanceBatchResult = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          householdId: Id('ID of the household.'),
          allowance: Nullable(Allowance),
          problem: Nullable(Problem),
        },
        { title: 'AllowanceBatchLine' },
      ),
      { maxItems: 100, description: 'One result per household, in request order.' },
    ),
  },
  { title: 'AllowanceBatchResult' },
);

export const AllowanceParams = Type.Object({ allowance: AllowanceId });
export const AllowanceReturn = Type.Object(
  { headSeq: HeadSeq },
  { title: 'AllowanceReturn', additionalProperties: false, examples: [{ headSeq: 0 }] },
);
export const AllowanceReturned = Type.Object(
  {
    allowanceId: AllowanceId,
    householdId: Id('ID of the household.'),
    pointsReturned: Whole('Points that went back to the household.', { maximum: 1000 }),
  },
  { title: 'AllowanceReturned' },
);

export const OpUpload = Type.Object(
  {
    ops: Type.Array(Jws('An operation as the device signed it: a compact JWS of type `jifen-op+jws`.'), {
      minItems: 1,
      maxItems: 100,
      description: 'Signed operations, in any order.',
    }),
  },
  { title: 'OpUpload', additionalProperties: false, examples: [{ ops: [ExampleJws] }] },
);

const verdicts = ['applied', 'duplicate', 'appliedWithException', 'rejected'] as const;
const exceptions = [
  'allowanceUnknown',
  'allowanceEnded',
  'allowanceExpired',
  'allowanceExceeded',
  'limitExceeded',
  'householdUnknown',
  'householdFrozen',
  'householdClosed',
  'cardUnknown',
  'cardRevoked',
  'priceStale',
  'stockShort',
  'clockDoubtful',
  'voidLate',
] as const;
const Exceptions = Type.Array(OneOf([...exceptions], 'What was amiss.'), {
  maxItems: exceptions.length,
  description: 'What was amiss with goods that had been handed over. A case is open for them.',
});

const head = {
  ackedSeq: Whole('Number of the last operation taken. The device may delete operations up to it.', huge),
  ackedHash: Nullable(
    Hash('Hash of that operation, which the next one names; `null` where the next may name any after a loss.'),
  ),
};
export const OpHead = Type.Object(head, { title: 'OpHead' });
export const OpUploadResult = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          opId: Nullable(Id('ID of the operation; `null` if it was not signed by this device.')),
          seq: Nullable(Whole('Number of the operation.', { minimum: 1, ...huge })),
          verdict: OneOf([...verdicts], 'Verdict. It never changes: `duplicate` if it was given earlier.'),
          firstVerdict: OneOf([...verdicts], 'Verdict that was given first.'),
          exceptions: Exceptions,
          code: Nullable(
            OneOf(
              ['op-refused', 'op-chain-broken'],
              'Why it was rejected: nothing that can be posted or not signed by this device (`op-refused`), or it does not follow the operations before it (`op-chain-broken`). It is kept and a case is open.',
            ),
          ),
          redemptionId: Nullable(Id('ID of the redemption it made, or took back.')),
          transactionNumber: Nullable(BookNumber('Number of the transaction that posted it.')),
        },
        { title: 'OpResult' },
      ),
      { maxItems: 100, description: 'One result per operation, in request order.' },
    ),
    ...head,
  },
  { title: 'OpUploadResult' },
);

export const OfflineKioskParams = Type.Object({ village: VillageCode, kiosk: KioskId });
export const CaseParams = Type.Object({ village: VillageCode, case: Id('ID of the case.') });
const kinds = ['exception', 'opRefused', 'chainBroken', 'deviceLost', 'opsLost'] as const;
const decisions = ['noted', 'booked', 'writtenOff', 'continued', 'dismissed'] as const;
const Decision = OneOf(
  [...decisions],
  'Decision: take note (`noted`), or post the goods of a rejected redemption (`booked`); of a lost device, give back its allowances and retire it (`writtenOff`); of lost operations, go on after them (`continued`); or nothing was lost (`dismissed`).',
);
const Note = Text(200, 'What was found, and why it is decided so.', '已与店员核对，货品确已领走');
const ContinueAt = Whole('Number of the operation to go on with.', { minimum: 2, ...huge });

export const Case = Type.Object(
  {
    id: Id('ID of the case.'),
    kioskId: KioskId,
    kind: OneOf(
      [...kinds],
      'What it is about: goods handed over with an exception, a rejected operation (`opRefused`, `chainBroken`), a lost device or lost operations.',
    ),
    state: OneOf(['open', 'proposed', 'resolved'], 'State of the case.'),
    exceptions: Exceptions,
    opHash: Nullable(Hash('Hash of the operation it is about.')),
    jws: Nullable(Jws('The operation as the device signed it; `null` in lists and where there is none.')),
    householdId: Nullable(Id('ID of the household concerned.')),
    continueAt: Nullable(ContinueAt),
    openedAt: Instant('When the case was opened.'),
    decision: Nullable(Decision),
    note: Nullable(Note),
    proposedBy: Nullable(Id('ID of the user who proposed the decision.')),
    proposedAt: Nullable(Instant('When it was proposed.')),
    resolvedBy: Nullable(Id('ID of the second user, who agreed.')),
    resolvedAt: Nullable(Instant('When the case was resolved.')),
    transactionNumber: Nullable(BookNumber('Number of the transaction that posted what was `booked`.')),
  },
  { title: 'KioskCase' },
);
export const CasePage = PageOf(Case, 'KioskCasePage');
export const CaseListQuery = Type.Object({
  kioskId: Type.Optional(Id('Return only cases of this kiosk.')),
  open: Type.Optional(Type.Boolean({ description: 'Return only cases that are not resolved.', examples: [true] })),
  ...PageQuery,
});
export const CaseOpen = Type.Object(
  {
    kind: OneOf(['deviceLost', 'opsLost'], 'What is lost.'),
    continueAt: Type.Optional(ContinueAt),
    note: Note,
  },
  {
    title: 'KioskCaseOpen',
    additionalProperties: false,
    examples: [{ kind: 'deviceLost', note: '终端被洪水冲走' }],
  },
);
export const CaseResolve = Type.Object(
  { decision: Decision, note: Note },
  {
    title: 'KioskCaseResolve',
    additionalProperties: false,
    examples: [{ decision: 'noted', note: '已与店员核对，货品确已领走' }],
  },
);
