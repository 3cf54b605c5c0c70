import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { GridNumber, IdLast4, PassbookNumber, Phone } from './shapes.ts';

export const MemberCreate = Type.Object(
  {
    name: Text(60, 'Name', '张小三'),
    phone: Type.Optional(Nullable(Phone)),
    idLast4: Type.Optional(Nullable(IdLast4)),
  },
  {
    title: 'MemberCreate',
    additionalProperties: false,
    examples: [{ name: '张小三', phone: '19900000963', idLast4: '166X' }],
  },
);

export const HouseholdCreate = Type.Object(
  {
    number: Type.Optional(PassbookNumber),
    grid: Nullable(GridNumber),
    address: Type.Optional(Nullable(Text(120, 'Where it lives', '第一组 8 号'))),
    members: Type.Array(MemberCreate, { minItems: 1, maxItems: 30, description: 'Its people; the first is the head' }),
  },
  {
    title: 'HouseholdCreate',
    additionalProperties: false,
    examples: [
      { grid: 1, address: '第一组 8 号', members: [{ name: '张小三', phone: '19900000963' }, { name: '李四' }] },
    ],
  },
);

const Member = Type.Object(
  {
    id: Id('The member'),
    name: Text(60, 'Name; masked (张*三) unless the caller needs it whole', '张*三'),
    phone: Nullable(
      Type.String({ maxLength: 20, description: 'Telephone; masked in the same way', examples: ['138****1234'] }),
    ),
    idLast4: Nullable(
      Type.String({ maxLength: 4, description: 'Only for those who see names whole', examples: ['166X'] }),
    ),
    isHead: Type.Boolean({ description: 'Whether the member speaks for the household' }),
    diedOn: Nullable(Day('When the member died')),
  },
  { title: 'Member' },
);

export const Household = Type.Object(
  {
    id: Id('The household'),
    number: PassbookNumber,
    village: VillageCode,
    grid: Nullable(GridNumber),
    address: Nullable(Type.String({ maxLength: 120, description: 'Only for those who see names whole' })),
    state: OneOf(['active', 'frozen', 'closed'], 'Whether it may earn and spend'),
    headMemberId: Id('The head'),
    headName: Text(60, 'Name of the head; masked unless the caller needs it whole', '张*三'),
    memberCount: Whole('People who live', { maximum: 1000 }),
    cardCount: Whole('Cards that work', { maximum: 1000 }),
    hasPin: Type.Boolean({ description: 'Whether a PIN is set' }),
    pinTriesUsed: Whole('Wrong PINs in a row', { maximum: 100 }),
    members: Type.Array(Member, { maxItems: 1000, description: 'Its people' }),
    createdAt: Instant('When it was enrolled'),
  },
  { title: 'Household' },
);

export const HouseholdListQuery = Type.Object({
  q: Type.Optional(Text(60, 'Beginning of a number; for those who see names, part of a name too', 'H00')),
  grid: Type.Optional(GridNumber),
  ...PageQuery,
});
export const HouseholdPage = PageOf(Household, 'HouseholdPage');

export const Points = Type.Object(
  {
    available: Sum('Spendable points'),
    pending: Sum('Awarded, and still on the notice board'),
    held: Sum('Set aside for reserved redemptions'),
    base: Sum('Given to every household; cannot be spent'),
    honour: Sum('Honour points: they only grow'),
    arrears: Sum('Owed since an award was taken back whose points were spent'),
    expiring: Type.Array(
      Type.Object({ points: Sum('Spendable points'), expiresOn: Day('Last day on which they can be spent') }),
      { maxItems: 200, description: 'What of the spendable points expires, the soonest first; the rest never does' },
    ),
    asOfNumber: Whole('Number of the last transaction in the book', { maximum: Number.MAX_SAFE_INTEGER }),
  },
  { title: 'Points' },
);

const card = {
  id: Id('The card'),
  householdId: Id('Its household'),
  state: OneOf(['active', 'revoked'], 'Whether it works'),
  issuedAt: Instant('When it was issued'),
  revokedAt: Nullable(Instant('When it was revoked')),
};

export const Card = Type.Object(card, { title: 'Card' });
export const CardIssued = Type.Object(
  {
    ...card,
    code: Nullable(
      Type.String({
        maxLength: 40,
        description: 'Text of the QR on the card. Shown this once: a replay has null',
        examples: ['PS1.0123456789ABCDEFGHJKMNPQRS'],
      }),
    ),
  },
  { title: 'CardIssued' },
);
export const CardList = Type.Object(
  { data: Type.Array(Card, { maxItems: 1000, description: 'The newest first' }) },
  { title: 'CardList' },
);
export const CardParams = Type.Object({ village: VillageCode, card: Id('The card') });

export const PinSet = Type.Object(
  {
    pin: Type.String({
      pattern: '^[0-9]{6}$',
      maxLength: 6,
      description: 'Six digits; not one digit six times, not a run',
      examples: ['402857'],
    }),
  },
  { title: 'PinSet', additionalProperties: false, examples: [{ pin: '402857' }] },
);
