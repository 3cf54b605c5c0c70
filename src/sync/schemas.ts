import { type TSchema, Type } from 'typebox';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, Whole } from '../http/shapes.ts';
import { goodsMax, Points } from '../store/shapes.ts';

/** What a kiosk keeps of its village, on the wire. */

const CardHash = Type.String({
  pattern: '^[A-Za-z0-9_-]{43}$',
  maxLength: 43,
  description: 'The card’s code, hashed for this kiosk.',
  examples: ['n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'],
});

const PolicyId = Type.String({
  maxLength: 10,
  description: 'First day of the policy, or `default`.',
  examples: ['2026-01-01'],
});

const TimeOfDay = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  maxLength: 5,
  description: 'Time of day in Asia/Shanghai.',
  examples: ['09:00'],
});

const HouseholdEntry = Type.Object(
  {
    id: Id('ID of the household.'),
    number: Text(9, 'Household number.', 'H0007'),
    headName: Text(60, 'Name of the head of household, masked.', '张*三'),
    state: OneOf(['active', 'frozen'], 'State of the household. Closed households are not included.'),
    hasPin: Type.Boolean({ description: 'Whether the household has a PIN.' }),
  },
  { title: 'KioskHousehold' },
);

const CardEntry = Type.Object(
  { id: CardHash, householdId: Id('ID of the household.') },
  { title: 'KioskCard', description: 'A card that has not been revoked.' },
);

const GoodsEntry = Type.Object(
  {
    id: Id('ID of the goods.'),
    sku: Text(20, 'SKU of the goods.', 'G001'),
    name: Text(60, 'Name of the goods.', '大米（5公斤）'),
    nameEn: Nullable(Text(80, 'Name of the goods in English.', 'Rice, 5 kg')),
    unit: Text(10, 'Unit of one piece.', '袋'),
    barcode: Nullable(Text(14, 'Barcode of the goods.', '2000000000015')),
    category: Text(30, 'Category of the goods.', '粮油副食'),
    isService: Type.Boolean({ description: 'Whether this is a service, which has no stock.' }),
  },
  { title: 'KioskGoods', description: 'Goods that are not archived.' },
);

const PriceListEntry = Type.Object(
  {
    id: Id('ID of the price list.'),
    validFrom: Day('First day the price list is valid.'),
    items: Type.Array(
      Type.Object({ goodsId: Id('ID of the goods.'), points: Points('Price of one piece in points.') }),
      { maxItems: goodsMax, description: 'Prices. Goods that are not included are not offered.' },
    ),
  },
  {
    title: 'KioskPriceList',
    description:
      'A price list, today’s or a later one. The one with the latest first day that is not in the future is in force.',
  },
);

const PolicyEntry = Type.Object(
  {
    id: PolicyId,
    validFrom: Nullable(Day('First day the policy is valid; `null` for the defaults.')),
    exchangeDays: Type.Array(
      Type.Object({
        weekday: Nullable(Whole('Day of the week, from `1` (Monday) to `7` (Sunday).', { minimum: 1, maximum: 7 })),
        dayOfMonth: Nullable(Whole('Day of the month.', { minimum: 1, maximum: 31 })),
        opens: TimeOfDay,
        closes: TimeOfDay,
      }),
      { maxItems: 40, description: 'Opening times of the stores.' },
    ),
    exchangeDayMaxVisits: Nullable(
      Whole('Maximum redemptions per day in the whole village; `null` for no limit.', { minimum: 1, maximum: 100_000 }),
    ),
    redemptionsPerDay: Whole('Maximum redemptions per household and day.', { minimum: 1, maximum: 50 }),
    pinAbovePoints: Whole('Redemptions of more points than this require the PIN.', { maximum: 100_000 }),
    reservationMinutes: Whole('Minutes a reservation at the counter is held.', { minimum: 1, maximum: 1440 }),
    pickupDays: Whole('Days a reservation for pick-up is held.', { minimum: 1, maximum: 60 }),
  },
  {
    title: 'KioskPolicy',
    description:
      'Exchange days and limits, today’s or later ones. The policy with the latest first day that is not in the future is in force.',
  },
);

const StockEntry = Type.Object(
  { id: Id('ID of the goods.'), onShelf: Sum('Pieces on the shelf that are not reserved.') },
  { title: 'KioskStock', description: 'Stock of the kiosk’s own store.' },
);

const PickupEntry = Type.Object(
  {
    id: Id('ID of the redemption.'),
    householdId: Id('ID of the household.'),
    points: Whole('Points held for the order.', { maximum: Number.MAX_SAFE_INTEGER }),
    expiresAt: Nullable(Instant('When the reservation expires.')),
    lines: Type.Array(
      Type.Object({
        goodsId: Id('ID of the goods.'),
        quantity: Whole('Number of pieces.', { minimum: 1 }),
      }),
      { maxItems: 100, description: 'Goods of the order.' },
    ),
  },
  { title: 'KioskPickup', description: 'A redemption that waits at the kiosk’s own store.' },
);

const entriesMax = 50_000;
const all = <T extends TSchema>(item: T, description: string) =>
  Type.Array(item, { maxItems: entriesMax, description });

const KioskCollections = Type.Object(
  {
    households: all(HouseholdEntry, 'Households.'),
    cards: all(CardEntry, 'Cards.'),
    goods: all(GoodsEntry, 'Goods.'),
    priceLists: all(PriceListEntry, 'Price lists.'),
    policies: all(PolicyEntry, 'Policies.'),
    stock: all(StockEntry, 'Stock levels.'),
    pickups: all(PickupEntry, 'Redemptions that wait.'),
  },
  { title: 'KioskCollections' },
);

const gone = <T extends TSchema>(id: T, description: string) => Type.Array(id, { maxItems: entriesMax, description });

const KioskDeletions = Type.Object(
  {
    households: gone(Id('ID of the household.'), 'Closed households.'),
    cards: gone(CardHash, 'Revoked cards.'),
    goods: gone(Id('ID of the goods.'), 'Archived goods.'),
    priceLists: gone(Id('ID of the price list.'), 'Price lists that were withdrawn or are no longer in force.'),
    policies: gone(PolicyId, 'Policies that are no longer in force.'),
    stock: gone(Id('ID of the goods.'), 'Goods without a stock level.'),
    pickups: gone(Id('ID of the redemption.'), 'Redemptions that no longer wait.'),
  },
  { title: 'KioskDeletions' },
);

const Cursor = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Names the state of the village that the kiosk has. Send it to `kioskChangesGet`.',
  examples: ['WyIwMTkzNTYzZCIsMV0'],
});

export const KioskSnapshot = Type.Object(
  {
    cursor: Cursor,
    takenAt: Instant('When the village was last seen to have changed.'),
    cardSalt: Text(60, 'Key with which card codes are hashed.', '0193563d-1111-7000-8000-000000000007'),
    collections: KioskCollections,
  },
  { title: 'KioskSnapshot' },
);

export const KioskChangesQuery = Type.Object({
  cursor: Type.String({
    minLength: 1,
    maxLength: 500,
    description: 'Cursor of the snapshot or of the changes that were applied last.',
  }),
});

export const KioskChanges = Type.Object(
  { cursor: Cursor, collections: KioskCollections, deleted: KioskDeletions },
  { title: 'KioskChanges' },
);
