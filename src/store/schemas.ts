import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { CostFen, goodsMax, Points } from './shapes.ts';
import { limitPeriods } from './tables.ts';

/** Stores, goods and prices on the wire. */

const StoreName = Text(40, 'Name of the store, unique in the village.', '积分超市');
const Place = Text(120, 'Where to find the store.', '村委会一楼');

export const Store = Type.Object(
  {
    id: Id('ID of the store.'),
    name: Text(40, 'Name of the store.', '积分超市'),
    place: Nullable(Place),
    createdAt: Instant('When the store was created.'),
  },
  { title: 'Store' },
);
export const StoreCreate = Type.Object(
  {
    name: StoreName,
    place: Type.Optional(Nullable(Place)),
  },
  { title: 'StoreCreate', additionalProperties: false, examples: [{ name: '积分超市', place: '村委会一楼' }] },
);
export const StoreUpdate = Type.Object(
  {
    name: Type.Optional(StoreName),
    place: Type.Optional(Nullable(Place)),
  },
  { title: 'StoreUpdate', additionalProperties: false, examples: [{ place: '村委会一楼' }] },
);
export const StoreParams = Type.Object({ village: VillageCode, store: Id('ID of the store.') });
export const StoreListQuery = Type.Object(PageQuery);
export const StorePage = PageOf(Store, 'StorePage');

const Sku = Type.String({
  pattern: '^[A-Za-z0-9._-]{1,20}$',
  maxLength: 20,
  description: 'SKU: the village’s own code for the goods, unique in the village.',
  examples: ['G001'],
});
const Barcode = Type.String({
  pattern: '^(?:[0-9]{8}|[0-9]{12,14})$',
  maxLength: 14,
  description:
    'Barcode of 8, 12, 13 or 14 digits (EAN-8, UPC-A, EAN-13, ITF-14), the last of which is its check digit.',
  examples: ['2000000000015'],
});
const goodsFields = {
  name: Text(60, 'Name of the goods.', '大米（5公斤）'),
  unit: Text(10, 'Unit of one piece.', '袋'),
  category: Text(30, 'Category of the goods.', '粮油副食'),
  isService: Type.Boolean({
    description: 'Whether this is a service, such as a haircut, which costs points but has no stock.',
  }),
  minStock: Whole('Minimum stock the village wants to keep at each store; `0` for a service.'),
};
const LimitQuantity = Whole(
  'Most pieces that one household may have in each period `limitPer`; `null` for no limit. What it returns counts.',
  { minimum: 1, maximum: 1_000 },
);
const LimitPer = OneOf([...limitPeriods], 'Calendar period of `limitQuantity`, in Asia/Shanghai.');
const NameEn = Text(80, 'Name of the goods in English.', 'Rice, 5 kg');

export const Goods = Type.Object(
  {
    id: Id('ID of the goods.'),
    sku: Sku,
    ...goodsFields,
    nameEn: Nullable(NameEn),
    barcode: Nullable(Barcode),
    costFen: Nullable(CostFen),
    limitQuantity: Nullable(LimitQuantity),
    limitPer: Nullable(LimitPer),
    state: OneOf(['active', 'archived'], 'State of the goods. Only `active` goods can be offered.'),
    createdAt: Instant('When the goods were created.'),
  },
  { title: 'Goods' },
);
export const GoodsCreate = Type.Object(
  {
    sku: Sku,
    ...goodsFields,
    nameEn: Type.Optional(Nullable(NameEn)),
    barcode: Type.Optional(Nullable(Barcode)),
    costFen: Type.Optional(Nullable(CostFen)),
    limitQuantity: Type.Optional(Nullable(LimitQuantity)),
    limitPer: Type.Optional(Nullable(LimitPer)),
  },
  {
    title: 'GoodsCreate',
    additionalProperties: false,
    examples: [
      {
        sku: 'G001',
        name: '大米（5公斤）',
        nameEn: 'Rice, 5 kg',
        unit: '袋',
        barcode: '2000000000015',
        category: '粮油副食',
        isService: false,
        minStock: 20,
        costFen: 3510,
      },
    ],
  },
);
export const GoodsUpdate = Type.Object(
  {
    sku: Type.Optional(Sku),
    name: Type.Optional(goodsFields.name),
    nameEn: Type.Optional(Nullable(NameEn)),
    unit: Type.Optional(goodsFields.unit),
    barcode: Type.Optional(Nullable(Barcode)),
    category: Type.Optional(goodsFields.category),
    minStock: Type.Optional(goodsFields.minStock),
    costFen: Type.Optional(Nullable(CostFen)),
    limitQuantity: Type.Optional(Nullable(LimitQuantity)),
    limitPer: Type.Optional(Nullable(LimitPer)),
  },
  { title: 'GoodsUpdate', additionalProperties: false, examples: [{ barcode: '2000000000015', minStock: 20 }] },
);
export const GoodsParams = Type.Object({ village: VillageCode, goods: Id('ID of the goods.') });
export const GoodsListQuery = Type.Object({
  q: Type.Optional(Text(60, 'Search text: part of a name, the start of an SKU, or a complete barcode.', '大米')),
  state: Type.Optional(OneOf(['active', 'archived'], 'Return only goods in this state.')),
  ...PageQuery,
});
export const GoodsPage = PageOf(Goods, 'GoodsPage');

const priceList = {
  id: Id('ID of the price list.'),
  validFrom: Day('First day the price list is valid.'),
  itemCount: Whole('Number of goods in the price list.'),
  publishedBy: Id('ID of the user who published the price list.'),
  publishedAt: Instant('When the price list was published.'),
  state: OneOf(['published', 'withdrawn'], 'State of the price list. A `withdrawn` price list never takes effect.'),
  withdrawnBy: Nullable(Id('ID of the user who withdrew the price list.')),
  withdrawnAt: Nullable(Instant('When the price list was withdrawn.')),
};
const PriceListSummary = Type.Object(priceList, { title: 'PriceListSummary' });
export const PriceList = Type.Object(
  {
    ...priceList,
    items: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          sku: Sku,
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          points: Points('Points per piece.'),
        },
        { title: 'PriceListItem' },
      ),
      { maxItems: goodsMax, description: 'Items, by SKU. Goods not listed are not offered.' },
    ),
  },
  { title: 'PriceList' },
);
export const PriceListCreate = Type.Object(
  {
    validFrom: Day(
      'First day the price list is valid. Must be in the future; for the first price list, on or after the day the village was opened.',
    ),
    items: Type.Array(
      Type.Object(
        { goodsId: Id('ID of the goods.'), points: Points('Points per piece.') },
        { title: 'PriceListCreateItem', additionalProperties: false },
      ),
      { minItems: 1, maxItems: goodsMax, description: 'Goods to offer and their points.' },
    ),
  },
  {
    title: 'PriceListCreate',
    additionalProperties: false,
    examples: [{ validFrom: '2031-01-01', items: [{ goodsId: exampleId, points: 39 }] }],
  },
);
export const PriceListParams = Type.Object({ village: VillageCode, priceList: Id('ID of the price list.') });
export const PriceListListQuery = Type.Object(PageQuery);
export const PriceListPage = PageOf(PriceListSummary, 'PriceListPage');
