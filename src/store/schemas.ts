import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Search, Text, VillageCode, Whole } from '../http/shapes.ts';
import { goodsColumns } from './goods-list.ts';
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
  q: Type.Optional(Search(60, 'Search text: part of a name, the start of an SKU, or a complete barcode.', '大米')),
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

export const goodsFileMaxBytes = 2 * 1024 * 1024;
export const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** What is sent is the file itself. Its rows are looked at one by one, and not by a schema. */
export const GoodsListBody = {
  content: {
    'text/csv': {
      schema: Type.String({
        maxLength: goodsFileMaxBytes,
        description:
          'CSV text in UTF-8 or GB18030, separated by commas, semicolons or tabs. One of the first 20 rows names the columns, in English or Chinese; a name and a unit are required.',
        examples: ['货号,商品名称,规格,单位,条码,兑换积分\nG001,大米,5公斤,袋,2000000000015,39'],
      }),
    },
    [xlsxType]: {
      schema: Type.String({
        format: 'binary',
        maxLength: goodsFileMaxBytes,
        description: 'Excel workbook. The first visible sheet with column names within its first 20 rows is read.',
        examples: ['PK…'],
      }),
    },
  },
};
export const GoodsImportQuery = Type.Object(
  {
    dryRun: Type.Boolean({ default: true, description: 'Only check the file; create nothing.', examples: [true] }),
  },
  { additionalProperties: false },
);
export const GoodsImport = Type.Object(
  {
    dryRun: Type.Boolean({ description: 'Whether nothing was created.', examples: [true] }),
    encoding: Nullable(
      Type.String({ maxLength: 20, description: 'Character encoding detected in the file.', examples: ['utf-8'] }),
    ),
    sheet: Nullable(Text(60, 'Sheet of the workbook that was read; `null` for a CSV file.', '商品')),
    headerRow: Nullable(Whole('Row number of the column names.', { minimum: 1 })),
    columns: Type.Array(
      Type.Object({
        column: OneOf(goodsColumns, 'What the column means.'),
        heading: Text(60, 'Name of the column in the file.', '商品名称'),
      }),
      { maxItems: 50, description: 'Columns that were recognised, from left to right. Check these first.' },
    ),
    ignoredColumns: Type.Array(Text(60, 'Column name.', '备注'), {
      maxItems: 50,
      description: 'Columns that were not recognised and are ignored.',
    }),
    rows: Whole('Number of rows read.'),
    created: Whole('Number of goods created or, in a dry run, that would be created.'),
    alreadyThere: Whole('Number of goods that the catalogue has already. They are not changed.'),
    mistakes: Type.Array(
      Type.Object(
        {
          row: Whole('Row number as in the spreadsheet.', { minimum: 1 }),
          column: Nullable(Type.String({ maxLength: 40, description: 'Column of the error.', examples: ['barcode'] })),
          code: Type.String({ maxLength: 40, description: 'Code of the error.', examples: ['barcode-bad'] }),
          zh: Type.String({
            maxLength: 100,
            description: 'Message in Chinese.',
            examples: ['此货号已登记为另一商品。'],
          }),
          en: Type.String({
            maxLength: 100,
            description: 'Message in English.',
            examples: ['The SKU is registered for other goods.'],
          }),
        },
        { title: 'GoodsImportError' },
      ),
      { maxItems: 1_000, description: 'Errors, by row. A row with an error is not imported.' },
    ),
    items: Type.Array(
      Type.Object(
        {
          row: Whole('Row number as in the spreadsheet.', { minimum: 1 }),
          goodsId: Nullable(Id('ID of the goods; `null` if a dry run would create them.')),
          sku: Sku,
          name: goodsFields.name,
          points: Nullable(Points('Points per piece in the list, to be published as a price list.')),
        },
        { title: 'GoodsImportItem' },
      ),
      { maxItems: goodsMax, description: 'Goods without errors, by row.' },
    ),
  },
  { title: 'GoodsImport' },
);
