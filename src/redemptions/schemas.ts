import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { DecisionNote, goodsMax, Points } from '../store/shapes.ts';

/** Offers, quotes, redemptions and returns on the wire. */

const opening = {
  openNow: Type.Boolean({ description: 'Whether goods can be handed over now.' }),
  nextExchangeAt: Nullable(Instant('When the store next opens; `null` if the village has set no exchange days.')),
};
const storeId = Id('ID of the store.');
const pointsMax = { minimum: 1, maximum: 1_000_000 };
const AskedLines = (minItems: number, description: string) =>
  Type.Array(
    Type.Object(
      { goodsId: Id('ID of the goods.'), quantity: Whole('Number of pieces.', { minimum: 1, maximum: 100 }) },
      { title: 'OrderLine', additionalProperties: false },
    ),
    { minItems, maxItems: 20, description },
  );
const AskedHousehold = Type.Optional(
  Id('ID of the household. Required for staff unless a card is presented; a household in session orders for itself.'),
);

export const OfferListQuery = Type.Object({
  storeId,
  householdId: Type.Optional(Id('ID of the household whose points are compared. A household in session uses its own.')),
});
export const OfferList = Type.Object(
  {
    storeId,
    householdId: Nullable(Id('ID of the household whose points were compared.')),
    available: Nullable(Sum('Spendable points of the household.')),
    priceListId: Nullable(Id('ID of the current price list; `null` before the first one.')),
    businessDate: Day('Business date of the prices.'),
    ...opening,
    data: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          nameEn: Nullable(Text(80, 'Name of the goods in English.', 'Rice, 5 kg')),
          unit: Text(10, 'Unit of one piece.', '袋'),
          category: Text(30, 'Category of the goods.', '粮油副食'),
          isService: Type.Boolean({ description: 'Whether this is a service, which has no stock.' }),
          points: Points('Points per piece.'),
          onShelf: Nullable(
            Whole('Number of pieces available; `null` for a service.', { maximum: Number.MAX_SAFE_INTEGER }),
          ),
          affordable: Nullable(Type.Boolean({ description: 'Whether the household has enough points for one.' })),
          reason: Nullable(OneOf(['outOfStock', 'notEnoughPoints'], 'Why the goods are not available now.')),
        },
        { title: 'Offer' },
      ),
      { maxItems: goodsMax, description: 'Offers, by category and SKU.' },
    ),
  },
  { title: 'OfferList' },
);

const OrderedLine = Type.Object(
  {
    goodsId: Id('ID of the goods.'),
    name: Text(60, 'Name of the goods.', '大米（5公斤）'),
    unit: Text(10, 'Unit of one piece.', '袋'),
    isService: Type.Boolean({ description: 'Whether this is a service, which has no stock.' }),
    quantity: Whole('Number of pieces.', { minimum: 1, maximum: 100 }),
    unitPoints: Points('Points per piece, fixed at the time of the order.'),
    points: Whole('Points for the line.', pointsMax),
  },
  { title: 'QuotedLine' },
);

export const RedemptionQuoteRequest = Type.Object(
  { storeId, householdId: AskedHousehold, lines: AskedLines(1, 'Goods to order. Each may appear once.') },
  {
    title: 'RedemptionQuoteRequest',
    additionalProperties: false,
    examples: [{ storeId: exampleId, householdId: exampleId, lines: [{ goodsId: exampleId, quantity: 1 }] }],
  },
);
export const RedemptionQuote = Type.Object(
  {
    storeId,
    householdId: Id('ID of the household.'),
    businessDate: Day('Business date of the prices.'),
    priceListId: Id('ID of the current price list.'),
    lines: Type.Array(OrderedLine, { maxItems: 20, description: 'Goods to be ordered.' }),
    points: Whole('Total points.', pointsMax),
    available: Sum('Spendable points of the household.'),
    remaining: Sum('Points left after the order. Negative if the household has too few.'),
    ...opening,
  },
  { title: 'RedemptionQuote' },
);

const exampleCard = 'PS1.0123456789ABCDEFGHJKMNPQRS';
/** What staff is shown at the counter; a household in session has shown it to the kiosk. */
const shown = {
  cardCode: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.]{1,40}$',
      maxLength: 40,
      description: 'Content of the card shown to the storekeeper. Identifies or confirms the household.',
      examples: [exampleCard],
    }),
  ),
  pin: Type.Optional(
    Type.String({
      pattern: '^[0-9]{6}$',
      maxLength: 6,
      description:
        'PIN that the household enters at the counter, with or without its card. Wrong attempts are counted.',
      examples: ['271828'],
    }),
  ),
  slip: Type.Optional(
    Type.Object(
      {
        photoId: Id('ID of an uploaded photo of the slip signed by the household. A photo can be used once.'),
        reason: Text(200, 'Why neither card nor PIN was shown.', '忘带卡，本人签字'),
      },
      {
        title: 'SlipPresented',
        additionalProperties: false,
        description: 'Signed slip, for a household without card and PIN. Listed for the supervision board.',
      },
    ),
  ),
};

const proxyFields = {
  name: Text(40, 'Name of the person who fetches the goods.', '李小红'),
  relation: Text(20, 'Relation to the household.', '女儿'),
};
const AskedProxy = Type.Optional(
  Type.Object(proxyFields, {
    title: 'ProxyNamed',
    additionalProperties: false,
    description:
      'Person who fetches the goods in place of the household, on showing what the household would show. One person may do so for a few households a day.',
  }),
);

export const RedemptionCreate = Type.Object(
  {
    storeId,
    householdId: AskedHousehold,
    lines: AskedLines(1, 'Goods to order. Each may appear once.'),
    priceListId: Type.Optional(Id('ID of the price list from the quote. Refused if another list is current.')),
    points: Type.Optional(Whole('Total points from the quote. Refused if the total has changed.', pointsMax)),
    handOver: Type.Boolean({ description: 'Hand the goods over at once instead of reserving them.' }),
    mode: OneOf(
      ['counter', 'pickup'],
      'Whether the household waits at the counter or picks the goods up on a later day.',
    ),
    ...shown,
    occurredAt: Type.Optional(
      Instant(
        'When the goods were handed over, if recorded later. Only with `handOver`. Without a slip, staff can only record on an exchange day. The transaction’s business date is that day if the points and goods were available then and have been since; otherwise it is the day of recording.',
      ),
    ),
    proxy: AskedProxy,
    opId: Type.Optional(Id('ID made by the client. The same ID never creates a second redemption.')),
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
        cardCode: exampleCard,
      },
    ],
  },
);

const RedemptionStateOf = (description: string) =>
  OneOf(['reserved', 'fulfilled', 'cancelled', 'expired', 'returned'], description);
const PresentedOf = (description: string) => OneOf(['card', 'cardAndPin', 'pin', 'pickupCode', 'slip'], description);
const PickupCode = Type.String({
  pattern: '^[0-9]{8}$',
  maxLength: 8,
  description: 'Eight-digit code that identifies a waiting order.',
  examples: ['40285713'],
});
const RedemptionNumber = Type.String({
  pattern: '^R-[0-9]{8}-[0-9]{4,15}$',
  maxLength: 32,
  description: 'Number of a redemption, as its QR code holds it.',
  examples: ['R-20261123-0042'],
});
const TransactionNumber = Whole('Number of a transaction in the book.', {
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
});

export const Redemption = Type.Object(
  {
    id: Id('ID of the redemption.'),
    number: Type.String({
      maxLength: 32,
      description: 'Human-readable number: the business date and the number of the redemption’s first transaction.',
      examples: ['R-20261123-0042'],
    }),
    householdId: Id('ID of the household.'),
    storeId,
    kioskId: Nullable(Id('ID of the kiosk the redemption was made at.')),
    lines: Type.Array(
      Type.Object(
        {
          ...OrderedLine.properties,
          returnedQuantity: Whole('Number of pieces that were returned.', { maximum: 100 }),
        },
        { title: 'RedemptionLine' },
      ),
      { maxItems: 20, description: 'Goods ordered.' },
    ),
    points: Whole('Total points, fixed at the time of the order.', pointsMax),
    returnedPoints: Whole(
      'Points given back for returned goods. Between `0` and `points` the redemption was returned in part and stays `fulfilled`.',
      { maximum: pointsMax.maximum },
    ),
    priceListId: Id('ID of the price list used.'),
    mode: OneOf(
      ['counter', 'pickup'],
      'Whether the household waits at the counter or picks the goods up on a later day.',
    ),
    presented: OneOf(['card', 'cardAndPin', 'pin', 'slip'], 'How the household identified itself with the order.'),
    state: RedemptionStateOf('State of the redemption. It never goes back to an earlier state.'),
    since: Instant('When the redemption entered its current state.'),
    pickupCode: Nullable(PickupCode),
    expiresAt: Nullable(
      Instant(
        'When the reservation expires and everything is given back; `null` if the goods were handed over at once.',
      ),
    ),
    handedOverAt: Nullable(Instant('When the goods were handed over.')),
    handOverPresented: Nullable(PresentedOf('How the household identified itself when the goods were handed over.')),
    slips: Type.Array(
      Type.Object(
        {
          step: OneOf(['order', 'handOver'], 'Whether the slip was shown with the order or at the hand-over.'),
          photoId: Id('ID of the photo of the slip.'),
          reason: Text(200, 'Why neither card nor PIN was shown.', '忘带卡，本人签字'),
          recordedBy: Id('ID of the user who recorded the slip.'),
          recordedAt: Instant('When the slip was recorded.'),
        },
        { title: 'Slip' },
      ),
      { maxItems: 2, description: 'Slips recorded in place of a card, PIN or pick-up code.' },
    ),
    proxy: Nullable(
      Type.Object(proxyFields, {
        title: 'Proxy',
        description: 'Person who fetched the goods in place of the household. The name is masked for some callers.',
      }),
    ),
    businessDate: Day('Business date whose prices and limits apply. That of the transactions can be later.'),
    occurredAt: Instant('When the order was placed, or when the goods were handed over.'),
    backEntry: Type.Boolean({
      description: 'Whether the redemption was recorded after the goods had been handed over.',
    }),
    opId: Nullable(Id('Client’s own ID of the redemption.')),
    createdBy: Id('ID of the user or household that placed the order.'),
    createdAt: Instant('When the redemption was recorded.'),
    transactionNumbers: Type.Array(TransactionNumber, {
      maxItems: 2_003,
      description: 'Numbers of the redemption’s transactions in the book.',
    }),
  },
  { title: 'Redemption' },
);
export const RedemptionParams = Type.Object({ village: VillageCode, redemption: Id('ID of the redemption.') });
export const RedemptionListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only redemptions of this household.')),
  state: Type.Optional(RedemptionStateOf('Return only redemptions in this state.')),
  presented: Type.Optional(
    PresentedOf('Return only redemptions for which this was shown, with the order or at the hand-over.'),
  ),
  businessFrom: Type.Optional(Day('Start of the business date range, inclusive.')),
  businessTo: Type.Optional(Day('End of the business date range, exclusive.')),
  ...PageQuery,
});
export const RedemptionPage = PageOf(Redemption, 'RedemptionPage');
export const RedemptionFulfil = Type.Object(
  { pickupCode: Type.Optional(PickupCode), ...shown, proxy: AskedProxy },
  { title: 'RedemptionFulfil', additionalProperties: false, examples: [{ pickupCode: '40285713' }] },
);
export const RedemptionByCode = Type.Object(
  { pickupCode: Type.Optional(PickupCode), number: Type.Optional(RedemptionNumber) },
  {
    title: 'RedemptionByCode',
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    examples: [{ number: 'R-20261123-0042' }],
  },
);

const ReturnStateOf = (description: string) => OneOf(['proposed', 'approved', 'rejected'], description);
export const Return = Type.Object(
  {
    id: Id('ID of the return.'),
    redemptionId: Id('ID of the redemption the goods came from.'),
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          quantity: Whole('Number of pieces.', { minimum: 1, maximum: 100 }),
        },
        { title: 'ReturnLine' },
      ),
      { maxItems: 20, description: 'Goods returned.' },
    ),
    points: Whole('Points given back, at the prices of the redemption.', pointsMax),
    reason: Text(200, 'Reason for the return.', '包装破损'),
    restock: Type.Boolean({
      description: 'Whether the goods go back on the shelf (`true`) or are written off (`false`).',
    }),
    state: ReturnStateOf('State of the return. Nothing is posted until it is approved.'),
    proposedBy: Id('ID of the user who proposed the return.'),
    proposedAt: Instant('When the return was proposed.'),
    decidedBy: Nullable(Id('ID of the user who decided, other than the proposer.')),
    decidedAt: Nullable(Instant('When the return was decided.')),
    decisionNote: Nullable(DecisionNote),
    transactionNumber: Nullable(TransactionNumber),
  },
  { title: 'Return' },
);
export const ReturnCreate = Type.Object(
  {
    redemptionId: Id('ID of the redemption the goods came from.'),
    lines: Type.Optional(AskedLines(1, 'Goods returned. Defaults to all that has not been returned yet.')),
    reason: Text(200, 'Reason for the return.', '包装破损'),
    restock: Type.Boolean({
      description: 'Whether the goods go back on the shelf (`true`) or are written off (`false`).',
    }),
  },
  {
    title: 'ReturnCreate',
    additionalProperties: false,
    examples: [{ redemptionId: exampleId, reason: '包装破损', restock: false }],
  },
);
export const ReturnParams = Type.Object({ village: VillageCode, return: Id('ID of the return.') });
export const ReturnListQuery = Type.Object({
  redemptionId: Type.Optional(Id('Return only returns of this redemption.')),
  state: Type.Optional(ReturnStateOf('Return only returns in this state.')),
  ...PageQuery,
});
export const ReturnPage = PageOf(Return, 'ReturnPage');
