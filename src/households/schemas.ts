import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import {
  Day,
  exampleId,
  Id,
  Instant,
  Name,
  Nullable,
  OneOf,
  Search,
  Sum,
  Text,
  VillageCode,
  Whole,
} from '../http/shapes.ts';
import { GridNumber, IdLast4, NumberConfirmed, PassbookNumber, Phone } from './shapes.ts';

export const MemberCreate = Type.Object(
  {
    name: Name('Full name.', '张小三'),
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
    numberConfirmed: NumberConfirmed,
    grid: Nullable(GridNumber),
    address: Type.Optional(Nullable(Text(120, 'Address of the household.', '第一组 8 号'))),
    members: Type.Array(MemberCreate, {
      minItems: 1,
      maxItems: 30,
      description: 'Members of the household. The first one is the head.',
    }),
  },
  {
    title: 'HouseholdCreate',
    additionalProperties: false,
    examples: [
      { grid: 1, address: '第一组 8 号', members: [{ name: '张小三', phone: '19900000963' }, { name: '李四' }] },
    ],
  },
);

const memberFields = {
  id: Id('ID of the member.'),
  name: Text(60, 'Name, masked (张*三) unless the caller’s role requires it.', '张*三'),
  phone: Nullable(
    Type.String({ maxLength: 20, description: 'Phone number, masked like the name.', examples: ['138****1234'] }),
  ),
  idLast4: Nullable(
    Type.String({
      maxLength: 4,
      description: 'Last four characters of the ID number; `null` for callers who see masked names.',
      examples: ['166X'],
    }),
  ),
  isHead: Type.Boolean({ description: 'Whether the member is the head of household.' }),
  diedOn: Nullable(Day('Date of death.')),
};

const Member = Type.Object(memberFields, { title: 'Member' });

/** A member by itself: within a household it goes without saying whose it is. */
export const HouseholdMember = Type.Object(
  { householdId: Id('ID of the household the member belongs to.'), ...memberFields },
  { title: 'HouseholdMember' },
);
export const MemberParams = Type.Object({ village: VillageCode, member: Id('ID of the member.') });

export const MemberUpdate = Type.Object(
  {
    name: Type.Optional(Name('Full name.', '张小三')),
    phone: Type.Optional(Nullable(Phone)),
    idLast4: Type.Optional(Nullable(IdLast4)),
  },
  { title: 'MemberUpdate', additionalProperties: false, examples: [{ phone: '19900000963' }] },
);

export const HouseholdUpdate = Type.Object(
  {
    number: Type.Optional(PassbookNumber),
    numberConfirmed: NumberConfirmed,
    grid: Type.Optional(Nullable(GridNumber)),
    address: Type.Optional(Nullable(Text(120, 'Address of the household.', '第一组 8 号'))),
  },
  { title: 'HouseholdUpdate', additionalProperties: false, examples: [{ grid: 1, address: '第一组 9 号' }] },
);

export const Household = Type.Object(
  {
    id: Id('ID of the household.'),
    number: PassbookNumber,
    village: VillageCode,
    grid: Nullable(GridNumber),
    address: Nullable(
      Type.String({
        maxLength: 120,
        description: 'Address of the household; `null` for callers who see masked names.',
      }),
    ),
    state: OneOf(
      ['active', 'frozen', 'closed'],
      'State of the household. Only an `active` household earns and spends points.',
    ),
    frozen: Nullable(
      Type.Object(
        {
          since: Instant('When the household was frozen.'),
          byUserId: Id('ID of the user who froze it.'),
          reason: Nullable(
            Text(200, 'Why it was frozen; `null` for callers who see masked names.', '户主去世，继承人待定'),
          ),
        },
        { title: 'HouseholdFrozen' },
      ),
    ),
    headMemberId: Id('ID of the head of household.'),
    headName: Text(60, 'Name of the head of household, masked unless the caller’s role requires it.', '张*三'),
    memberCount: Whole('Number of living members.', { maximum: 1000 }),
    cardCount: Whole('Number of active cards.', { maximum: 1000 }),
    hasPin: Type.Boolean({ description: 'Whether a PIN is set.' }),
    pinTriesUsed: Whole('Number of consecutive wrong PIN attempts.', { maximum: 100 }),
    members: Type.Array(Member, { maxItems: 1000, description: 'Members of the household.' }),
    createdAt: Instant('When the household was enrolled.'),
  },
  { title: 'Household' },
);

export const HouseholdFreeze = Type.Object(
  { reason: Text(200, 'Why the household is frozen. The household is told.', '户主去世，继承人待定') },
  { title: 'HouseholdFreeze', additionalProperties: false, examples: [{ reason: '户主去世，继承人待定' }] },
);
export const HouseholdFreezeList = Type.Object(
  {
    data: Type.Array(
      Type.Object(
        {
          id: Id('ID of the freeze.'),
          reason: Text(200, 'Why the household was frozen.', '户主去世，继承人待定'),
          frozenBy: Id('ID of the user who froze it.'),
          frozenAt: Instant('When it was frozen.'),
          unfreezeReason: Nullable(Text(200, 'Why it was unfrozen.', '继承人已定')),
          unfrozenBy: Nullable(Id('ID of the user who unfroze it.')),
          unfrozenAt: Nullable(Instant('When it was unfrozen.')),
        },
        { title: 'Freeze' },
      ),
      { maxItems: 50, description: 'Freezes, newest first.' },
    ),
  },
  { title: 'HouseholdFreezeList' },
);
export const HouseholdUnfreeze = Type.Object(
  { reason: Text(200, 'Why the household is unfrozen.', '继承人已定') },
  { title: 'HouseholdUnfreeze', additionalProperties: false, examples: [{ reason: '继承人已定' }] },
);

export const HouseholdListQuery = Type.Object({
  q: Type.Optional(
    Search(
      60,
      'Search text: the start of a household number or, for callers who see full names, part of a name.',
      'H00',
    ),
  ),
  grid: Type.Optional(GridNumber),
  ...PageQuery,
});
export const HouseholdPage = PageOf(Household, 'HouseholdPage');

export const Points = Type.Object(
  {
    available: Sum('Points that can be spent today.'),
    ended: Sum(
      'Points whose last day has passed. They cannot be spent, and the next expiry run takes them. An order placed by the last day is filled; what it gives back later has ended.',
    ),
    pending: Sum('Points awarded but still under public notice.'),
    held: Sum('Points held for reserved redemptions.'),
    base: Sum('Base points, given to every household. They cannot be spent.'),
    honour: Sum('Honour points. They are never spent.'),
    arrears: Sum(
      'Points owed because an award was reversed after its points had been spent. The next points that become available pay them.',
    ),
    expiring: Type.Array(
      Type.Object({ points: Sum('Spendable points.'), expiresOn: Day('Last day on which they can be spent.') }),
      { maxItems: 200, description: 'Spendable points that expire, soonest first. The remaining points never expire.' },
    ),
    asOfNumber: Whole('Number of the book’s last transaction.', { maximum: Number.MAX_SAFE_INTEGER }),
  },
  { title: 'Points' },
);

const card = {
  id: Id('ID of the card.'),
  householdId: Id('ID of the household.'),
  state: OneOf(['active', 'revoked'], 'State of the card.'),
  issuedAt: Instant('When the card was issued.'),
  revokedAt: Nullable(Instant('When the card was revoked.')),
};

export const Card = Type.Object(card, { title: 'Card' });
export const CardIssued = Type.Object(
  {
    ...card,
    code: Nullable(
      Type.String({
        maxLength: 40,
        description: 'Content of the card’s QR code. Returned only once; `null` in a replayed response.',
        examples: ['PS1.0123456789ABCDEFGHJKMNPQRS'],
      }),
    ),
  },
  { title: 'CardIssued' },
);
export const CardList = Type.Object(
  { data: Type.Array(Card, { maxItems: 1000, description: 'Cards, newest first.' }) },
  { title: 'CardList' },
);
export const CardSheetCreate = Type.Object(
  {
    cards: Type.Array(
      Type.Object(
        {
          householdId: Id('ID of the household.'),
          replacesCardId: Type.Optional(
            Nullable(Id('ID of the household’s card that the new card replaces. It is revoked.')),
          ),
        },
        { additionalProperties: false },
      ),
      {
        minItems: 1,
        maxItems: 200,
        description: 'Cards to issue, in the order in which they are printed. A household named twice gets two.',
      },
    ),
  },
  { title: 'CardSheetCreate', additionalProperties: false, examples: [{ cards: [{ householdId: exampleId }] }] },
);
export const CardSheet = Type.Object(
  {
    cards: Type.Array(Type.Object(card), { maxItems: 200, description: 'Issued cards, in the order of the sheet.' }),
    pdf: Nullable(
      Type.String({
        maxLength: 4_000_000,
        contentEncoding: 'base64',
        contentMediaType: 'application/pdf',
        description: 'The sheet. Returned only once; `null` in a replayed response.',
      }),
    ),
  },
  { title: 'CardSheet' },
);
export const CardParams = Type.Object({ village: VillageCode, card: Id('ID of the card.') });

export const PinSet = Type.Object(
  {
    pin: Type.String({
      pattern: '^[0-9]{6}$',
      maxLength: 6,
      description: 'Six digits. Neither one repeated digit nor a run such as 123456.',
      examples: ['402857'],
    }),
  },
  { title: 'PinSet', additionalProperties: false, examples: [{ pin: '402857' }] },
);

export const PinEventList = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        id: Id('ID of the event.'),
        kind: OneOf(['set', 'unlocked'], 'What was done.'),
        byUserId: Id('ID of the user who did it.'),
        at: Instant('When it was done.'),
      }),
      { maxItems: 50, description: 'Events, newest first.' },
    ),
  },
  { title: 'PinEventList' },
);
