import { type TSchema, Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { DecisionNote, goodsMax, Points } from '../store/shapes.ts';

/** Offers, quotes, redemptions, receipts and returns on the wire. */

const opening = {
  openNow: Type.Boolean({ description: 'Whether goods may be handed over now' }),
  nextExchangeAt: Nullable(Instant('When the store next opens; null when the village has named no day')),
};
const storeId = Id('The store');
const pointsMax = { minimum: 1, maximum: 1_000_000 };
const AskedLines = (minItems: number, description: string) =>
  Type.Array(
    Type.Object(
      { goodsId: Id('The goods'), quantity: Whole('Pieces', { minimum: 1, maximum: 100 }) },
      { title: 'OrderLine', additionalProperties: false },
    ),
    { minItems, maxItems: 20, description },
  );
const AskedHousehold = Type.Optional(
  Id('For whom: staff says it, unless a card does; a household in session orders for itself'),
);

export const OfferListQuery = Type.Object({
  storeId,
  householdId: Type.Optional(Id('Whose points to compare with; a household in session has its own')),
});
export const OfferList = Type.Object(
  {
    storeId,
    householdId: Nullable(Id('Whose points were compared')),
    available: Nullable(Sum('Its spendable points')),
    priceListId: Nullable(Id('The price list in force; null before the first')),
    businessDate: Day('The day the prices are of'),
    ...opening,
    data: Type.Array(
      Type.Object(
        {
          goodsId: Id('The goods'),
          sku: Type.String({ maxLength: 20, description: 'Their sku', examples: ['G001'] }),
          name: Text(60, 'Their name', '大米（5公斤）'),
          nameEn: Nullable(Text(80, 'Their name in English', 'Rice, 5 kg')),
          unit: Text(10, 'What one piece is', '袋'),
          category: Text(30, 'Where it stands on the shelf', '粮油副食'),
          isService: Type.Boolean({ description: 'A service has no stock' }),
          points: Points('Points of one piece'),
          onShelf: Nullable(Whole('Pieces that can be had; null for a service', { maximum: Number.MAX_SAFE_INTEGER })),
          affordable: Nullable(Type.Boolean({ description: 'Whether the household has the points for one' })),
          reason: Nullable(OneOf(['outOfStock', 'notEnoughPoints'], 'Why none can be had now')),
        },
        { title: 'Offer' },
      ),
      { maxItems: goodsMax, description: 'By category and sku' },
    ),
  },
  { title: 'OfferList' },
);

const OrderedLine = Type.Object(
  {
    goodsId: Id('The goods'),
    name: Text(60, 'Their name', '大米（5公斤）'),
    unit: Text(10, 'What one piece is', '袋'),
    isService: Type.Boolean({ description: 'A service has no stock' }),
    quantity: Whole('Pieces', { minimum: 1, maximum: 100 }),
    unitPoints: Points('Points of one piece, frozen'),
    points: Whole('Points of the line', pointsMax),
  },
  { title: 'RedemptionLine' },
);
const OrderedLines = Type.Array(OrderedLine, { maxItems: 20, description: 'What was ordered' });

export const RedemptionQuoteRequest = Type.Object(
  { storeId, householdId: AskedHousehold, lines: AskedLines(1, 'What is wanted; no goods twice') },
  {
    title: 'RedemptionQuoteRequest',
    additionalProperties: false,
    examples: [{ storeId: exampleId, householdId: exampleId, lines: [{ goodsId: exampleId, quantity: 1 }] }],
  },
);
export const RedemptionQuote = Type.Object(
  {
    storeId,
    householdId: Id('For whom'),
    businessDate: Day('The day the prices are of'),
    priceListId: Id('The price list in force'),
    lines: OrderedLines,
    points: Whole('Points of the whole', pointsMax),
    available: Sum('Spendable points of the household'),
    remaining: Sum('What would be left; below zero when the points do not reach'),
    ...opening,
  },
  { title: 'RedemptionQuote' },
);

export const RedemptionCreate = Type.Object(
  {
    storeId,
    householdId: AskedHousehold,
    lines: AskedLines(1, 'What is wanted; no goods twice'),
    priceListId: Type.Optional(Id('What the quote said; refused when another list is in force')),
    points: Type.Optional(Whole('What the quote said; refused when it costs something else', pointsMax)),
    handOver: Type.Boolean({ description: 'Hand over at once, instead of reserving' }),
    mode: OneOf(['counter', 'pickup'], 'Wait at the counter, or come for it on a later day'),
    cardCode: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9.]{1,40}$',
        maxLength: 40,
        description: 'Text of the card that was shown to the storekeeper; names or confirms the household',
        examples: ['PS1.0123456789ABCDEFGHJKMNPQRS'],
      }),
    ),
    occurredAt: Type.Optional(Instant('With `handOver`: when the goods left, for what is entered later')),
    opId: Type.Optional(Id('Made by the client; one redemption for ever')),
  },
  {
    title: 'RedemptionCreate',
    additionalProperties: false,
    examples: [
      {
        storeId: exampleId,
        householdId: exampleId,
        lines: [{ goodsId: exampleId, quantity: 1 }],
        handOver: true,
        mode: 'counter',
      },
    ],
  },
);

const RedemptionStateOf = (description: string) =>
  OneOf(['reserved', 'fulfilled', 'cancelled', 'expired', 'returned'], description);
const PickupCode = Type.String({
  pattern: '^[0-9]{8}$',
  maxLength: 8,
  description: 'Eight digits that find a waiting order',
  examples: ['40285713'],
});
const TransactionNumber = Whole('Number in the book', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const Redemption = Type.Object(
  {
    id: Id('The redemption'),
    number: Type.String({
      maxLength: 32,
      description: 'Business date, and number of its first transaction in the book',
      examples: ['R-20261123-0042'],
    }),
    householdId: Id('The household'),
    storeId,
    kioskId: Nullable(Id('The kiosk it was made at')),
    lines: OrderedLines,
    points: Whole('Points of the whole, frozen', pointsMax),
    priceListId: Id('The price list its prices are of'),
    mode: OneOf(['counter', 'pickup'], 'Wait at the counter, or come for it on a later day'),
    presented: OneOf(['card', 'cardAndPin', 'pin', 'slip'], 'What the household had shown'),
    state: RedemptionStateOf('Goes forward only'),
    since: Instant('Since when it is in that state'),
    pickupCode: Nullable(PickupCode),
    expiresAt: Nullable(Instant('When the reservation gives everything back; null when handed over at once')),
    handedOverAt: Nullable(Instant('When the goods left')),
    businessDate: Day('The day whose prices and limits count'),
    occurredAt: Instant('When it was ordered, or when the goods left'),
    backEntry: Type.Boolean({ description: 'Entered after the goods had left' }),
    opId: Nullable(Id('The client’s own id of it')),
    createdBy: Id('Who ordered: a user, or the household itself'),
    createdAt: Instant('When it was entered'),
    transactionNumbers: Type.Array(TransactionNumber, { maxItems: 5, description: 'Its transactions in the book' }),
  },
  { title: 'Redemption' },
);
export const RedemptionParams = Type.Object({ village: VillageCode, redemption: Id('The redemption') });
export const RedemptionListQuery = Type.Object({
  householdId: Type.Optional(Id('Only of this household')),
  state: Type.Optional(RedemptionStateOf('Only those in this state')),
  businessFrom: Type.Optional(Day('From this day')),
  businessTo: Type.Optional(Day('Before this day')),
  ...PageQuery,
});
export const RedemptionPage = PageOf(Redemption, 'RedemptionPage');
export const RedemptionFulfil = Type.Object(
  { pickupCode: Type.Optional(PickupCode) },
  { title: 'RedemptionFulfil', additionalProperties: false, examples: [{ pickupCode: '40285713' }] },
);
export const RedemptionByCode = Type.Object(
  { pickupCode: PickupCode },
  { title: 'RedemptionByCode', additionalProperties: false, examples: [{ pickupCode: '40285713' }] },
);

const Kind = <const T extends string, P extends Record<string, TSchema>>(kind: T, properties: P) =>
  Type.Object({ kind: Type.Literal(kind, { type: 'string', description: 'What is printed' }), ...properties });
const PrintedText = Type.String({ maxLength: 200, description: 'Text', examples: ['积分超市'] });
export const Receipt = Type.Object(
  {
    number: Type.String({ maxLength: 32, description: 'Number of the redemption', examples: ['R-20261123-0042'] }),
    opNumber: Nullable(Type.String({ maxLength: 40, description: 'Number a kiosk printed offline' })),
    synced: Type.Boolean({ description: 'Whether the book has it' }),
    columns: Whole('Columns of the paper; a wide character takes two', { minimum: 1, maximum: 100 }),
    blocks: Type.Array(
      Type.Union([
        Kind('text', {
          align: OneOf(['left', 'center', 'right'], 'Where it stands'),
          size: Whole('1, or 2 for twice as large', { minimum: 1, maximum: 2 }),
          text: PrintedText,
        }),
        Kind('row', {
          cells: Type.Array(
            Type.Object({
              text: PrintedText,
              width: Whole('Columns', { minimum: 1, maximum: 100 }),
              align: Type.Optional(OneOf(['left', 'right'], 'Where it stands in the cell')),
            }),
            { maxItems: 4, description: 'Side by side' },
          ),
        }),
        Kind('rule', {}),
        Kind('qr', { text: PrintedText }),
        Kind('feed', { lines: Whole('Empty lines', { maximum: 20 }) }),
        Kind('cut', {}),
      ]),
      { maxItems: 60, description: 'From top to bottom, for a printer or a screen of any kind' },
    ),
    text: Type.String({ maxLength: 8_000, description: 'The same as lines of text' }),
    speech: Type.String({
      maxLength: 200,
      description: 'To be read aloud',
      examples: ['兑换成功，用去十五分，还剩二十分。'],
    }),
  },
  { title: 'Receipt' },
);

const ReturnStateOf = (description: string) => OneOf(['proposed', 'approved', 'rejected'], description);
export const Return = Type.Object(
  {
    id: Id('The return'),
    redemptionId: Id('What was handed over'),
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('The goods'),
          name: Text(60, 'Their name', '大米（5公斤）'),
          quantity: Whole('Pieces', { minimum: 1, maximum: 100 }),
        },
        { title: 'ReturnLine' },
      ),
      { maxItems: 20, description: 'What comes back' },
    ),
    points: Whole('Points that go back, at the prices that were frozen', pointsMax),
    reason: Text(200, 'Why', '包装破损'),
    restock: Type.Boolean({ description: 'To the shelf, or away as spoiled' }),
    state: ReturnStateOf('Nothing moves before it is approved'),
    proposedBy: Id('Who proposed it'),
    proposedAt: Instant('When it was proposed'),
    decidedBy: Nullable(Id('Who decided: another person')),
    decidedAt: Nullable(Instant('When it was decided')),
    decisionNote: Nullable(DecisionNote),
    transactionNumber: Nullable(TransactionNumber),
  },
  { title: 'Return' },
);
export const ReturnCreate = Type.Object(
  {
    redemptionId: Id('What was handed over'),
    lines: Type.Optional(AskedLines(1, 'What comes back; all of it when absent')),
    reason: Text(200, 'Why', '包装破损'),
    restock: Type.Boolean({ description: 'To the shelf, or away as spoiled' }),
  },
  {
    title: 'ReturnCreate',
    additionalProperties: false,
    examples: [{ redemptionId: exampleId, reason: '包装破损', restock: false }],
  },
);
export const ReturnParams = Type.Object({ village: VillageCode, return: Id('The return') });
export const ReturnListQuery = Type.Object({
  redemptionId: Type.Optional(Id('Only of this redemption')),
  state: Type.Optional(ReturnStateOf('Only those in this state')),
  ...PageQuery,
});
export const ReturnPage = PageOf(Return, 'ReturnPage');
