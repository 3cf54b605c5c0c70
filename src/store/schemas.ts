import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { CostFen, goodsMax, Points } from './shapes.ts';

/** Stores, goods and prices on the wire. */

export const Store = Type.Object(
  {
    id: Id('The store'),
    name: Text(40, 'Name', '积分超市'),
    place: Nullable(Text(120, 'Where people find it', '村委会一楼')),
    createdAt: Instant('When it was opened'),
  },
  { title: 'Store' },
);
export const StoreCreate = Type.Object(
  {
    name: Text(40, 'Name; no other store of the village has it', '积分超市'),
    place: Type.Optional(Nullable(Text(120, 'Where people find it', '村委会一楼'))),
  },
  { title: 'StoreCreate', additionalProperties: false, examples: [{ name: '积分超市', place: '村委会一楼' }] },
);
export const StoreListQuery = Type.Object(PageQuery);
export const StorePage = PageOf(Store, 'StorePage');

const Sku = Type.String({
  pattern: '^[A-Za-z0-9._-]{1,20}$',
  maxLength: 20,
  description: 'The village’s own code of the goods; unique in it',
  examples: ['G001'],
});
const Barcode = Type.String({
  pattern: '^[0-9]{13}$',
  maxLength: 13,
  description: 'EAN-13 with its check digit',
  examples: ['2000000000015'],
});
const goodsFields = {
  name: Text(60, 'Name', '大米（5公斤）'),
  unit: Text(10, 'What one piece is', '袋'),
  category: Text(30, 'Where it stands on the shelf', '粮油副食'),
  isService: Type.Boolean({ description: 'A service, such as a haircut: it costs points and has no stock' }),
  minStock: Whole('Pieces the village wants to have on each shelf; 0 for a service'),
};
const NameEn = Text(80, 'Name in English', 'Rice, 5 kg');

export const Goods = Type.Object(
  {
    id: Id('The goods'),
    sku: Sku,
    ...goodsFields,
    nameEn: Nullable(NameEn),
    barcode: Nullable(Barcode),
    costFen: Nullable(CostFen),
    state: OneOf(['active', 'archived'], 'Whether they may be offered'),
    createdAt: Instant('When they were entered'),
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
export const GoodsParams = Type.Object({ village: VillageCode, goods: Id('The goods') });
export const GoodsListQuery = Type.Object({
  q: Type.Optional(Text(60, 'Part of a name, the beginning of an sku, or a whole barcode', '大米')),
  state: Type.Optional(OneOf(['active', 'archived'], 'Only those in this state')),
  ...PageQuery,
});
export const GoodsPage = PageOf(Goods, 'GoodsPage');

const priceList = {
  id: Id('The price list'),
  validFrom: Day('First day it holds'),
  itemCount: Whole('How many goods it names'),
  publishedBy: Id('Who published it'),
  publishedAt: Instant('When it was published'),
};
export const PriceListSummary = Type.Object(priceList, { title: 'PriceListSummary' });
export const PriceList = Type.Object(
  {
    ...priceList,
    items: Type.Array(
      Type.Object(
        {
          goodsId: Id('The goods'),
          sku: Sku,
          name: Text(60, 'Their name', '大米（5公斤）'),
          points: Points('Points of one piece'),
        },
        { title: 'PriceListItem' },
      ),
      { maxItems: goodsMax, description: 'By sku; goods that are not here are not offered' },
    ),
  },
  { title: 'PriceList' },
);
export const PriceListCreate = Type.Object(
  {
    validFrom: Day('First day it holds; after today, or for the first list the day the village opened or later'),
    items: Type.Array(
      Type.Object(
        { goodsId: Id('The goods'), points: Points('Points of one piece') },
        { title: 'PriceListCreateItem', additionalProperties: false },
      ),
      { minItems: 1, maxItems: goodsMax, description: 'What is offered, and for how many points' },
    ),
  },
  {
    title: 'PriceListCreate',
    additionalProperties: false,
    examples: [{ validFrom: '2031-01-01', items: [{ goodsId: exampleId, points: 39 }] }],
  },
);
export const PriceListParams = Type.Object({ village: VillageCode, priceList: Id('The price list') });
export const PriceListListQuery = Type.Object(PageQuery);
export const PriceListPage = PageOf(PriceListSummary, 'PriceListPage');
