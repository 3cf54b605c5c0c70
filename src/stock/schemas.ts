import { type TSchema, Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';
import { CostFen, DecisionNote } from '../store/shapes.ts';
import { countStates, documentTypes, type draftedTypes } from './tables.ts';

/** Stock documents and what lies on a shelf, on the wire. */

const DocumentType = () =>
  OneOf(
    [...documentTypes],
    'Type of document: goods received (`receipt`; with an invoice, `purchase`; given, `donation`), given out at an event (`issue`), moved to another store (`transfer`), spoiled or lost (`writeOff`), or found missing or in excess by a count.',
  );
const State = (description: string) => OneOf(['draft', 'posted', 'rejected'], description);
const Reason = Text(200, 'Where the goods come from or go to, or why they are written off.', '双凤粮油店 发票 00123');
const Quantity = Whole('Number of pieces.', { minimum: 1, maximum: 100_000 });
const linesMax = 100;
/** What two people count in one go, and therefore lines of a difference. */
export const countedMax = 200;
/** The most pieces of one kind that are counted. */
export const piecesMax = 1_000_000;

const Supplier = Text(60, 'Name of the supplier.', '双凤粮油店');
const InvoiceNumber = Text(40, 'Number of the invoice. The same invoice of a supplier is received once.', '00123');
const Donor = Text(60, 'Who gave the goods.', '爱心企业');
const DeclaredValueFen = Type.Integer({
  minimum: 0,
  maximum: 10_000_000_000,
  description: 'Value of all the goods that the donor declared, in fen.',
  examples: [50_000],
});
const Event = Text(60, 'Event at which the goods are given out.', '重阳节慰问');
const Receiver = Text(60, 'Who received the goods for the event.', '王建国');
const PhotoIds = Type.Array(Id('ID of a photo of the village.'), {
  maxItems: 6,
  uniqueItems: true,
  description: 'IDs of photos of the invoice, the goods or the damage, uploaded with `ofVillage`.',
});

export const StockDocument = Type.Object(
  {
    id: Id('ID of the stock document.'),
    type: DocumentType(),
    storeId: Id('ID of the store; of a transfer, the one the goods leave.'),
    reason: Reason,
    state: State('State of the stock document. A draft does not change stock.'),
    supplier: Nullable(Supplier),
    invoiceNumber: Nullable(InvoiceNumber),
    donor: Nullable(Donor),
    declaredValueFen: Nullable(DeclaredValueFen),
    event: Nullable(Event),
    receiver: Nullable(Receiver),
    toStoreId: Nullable(Id('ID of the store that a transfer brings the goods to.')),
    countId: Nullable(Id('ID of the count that found the difference.')),
    countedBy: Nullable(Id('ID of the first of the two who counted; the second drafted the document.')),
    photoIds: PhotoIds,
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          unit: Text(10, 'Unit of one piece.', '袋'),
          quantity: Whole('Number of pieces.', { minimum: 1, maximum: piecesMax }),
          costFen: Nullable(CostFen),
          expiresOn: Nullable(Day('Expiry date of the goods.')),
        },
        { title: 'StockDocumentLine' },
      ),
      { maxItems: countedMax, description: 'Lines, in the order of the paper document.' },
    ),
    draftedBy: Id('ID of the user who drafted the document.'),
    draftedAt: Instant('When the document was drafted.'),
    decidedBy: Nullable(Id('ID of the user who posted or rejected it, other than the drafter.')),
    decidedAt: Nullable(Instant('When the document was decided.')),
    decisionNote: Nullable(DecisionNote),
    transactionNumber: Nullable(
      Whole('Number of the document’s transaction in the book.', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    ),
  },
  { title: 'StockDocument' },
);

const goodsId = Id('ID of the goods. Services are not accepted.');
const ExpiresOn = Day('Expiry date of the goods. For goods received it must be in the future.');

/** A paper of one kind: what all say, and what it alone does. */
function paperOf<const T extends (typeof draftedTypes)[number], P extends Record<string, TSchema>, L extends TSchema>(
  type: T,
  description: string,
  line: L,
  properties: P,
) {
  return Type.Object(
    {
      type: Type.Literal(type, { description, examples: [type] }),
      storeId: Id('ID of the store; of a transfer, the one the goods leave.'),
      reason: Reason,
      ...properties,
      lines: Type.Array(line, { minItems: 1, maxItems: linesMax, description: 'Goods on the document.' }),
      photoIds: Type.Optional(PhotoIds),
    },
    { additionalProperties: false, description },
  );
}

const DraftLine = Type.Object(
  {
    goodsId,
    quantity: Quantity,
    costFen: Type.Optional(Nullable(CostFen)),
    expiresOn: Type.Optional(Nullable(ExpiresOn)),
  },
  { title: 'StockDocumentCreateLine', additionalProperties: false },
);
const PurchaseLine = Type.Object(
  { goodsId, quantity: Quantity, costFen: CostFen, expiresOn: Type.Optional(Nullable(ExpiresOn)) },
  { title: 'StockDocumentPurchaseLine', additionalProperties: false },
);

export const StockDocumentCreate = Type.Union(
  [
    paperOf('receipt', 'Goods received, as on the first day of a store.', DraftLine, {}),
    paperOf('purchase', 'Goods bought from a supplier, with what a piece cost.', PurchaseLine, {
      supplier: Supplier,
      invoiceNumber: InvoiceNumber,
    }),
    paperOf('donation', 'Goods that somebody gave to the village.', DraftLine, {
      donor: Donor,
      declaredValueFen: DeclaredValueFen,
    }),
    paperOf('issue', 'Goods given out at an event, for no points.', DraftLine, { event: Event, receiver: Receiver }),
    paperOf('transfer', 'Goods moved to another store of the village, such as a mobile one.', DraftLine, {
      toStoreId: Id('ID of the store the goods go to.'),
    }),
    paperOf('writeOff', 'Goods written off as spoiled or lost.', DraftLine, {}),
  ],
  {
    title: 'StockDocumentCreate',
    examples: [
      {
        type: 'receipt',
        storeId: exampleId,
        reason: '双凤粮油店 发票 00123',
        lines: [{ goodsId: exampleId, quantity: 40, costFen: 3510, expiresOn: '2031-06-30' }],
      },
      {
        type: 'purchase',
        storeId: exampleId,
        reason: '十一月进货',
        supplier: '双凤粮油店',
        invoiceNumber: '00123',
        lines: [{ goodsId: exampleId, quantity: 40, costFen: 3510, expiresOn: '2031-06-30' }],
      },
    ],
  },
);
export const StockDocumentUpdate = Type.Object(
  { reason: Type.Optional(Reason) },
  { title: 'StockDocumentUpdate', additionalProperties: false, examples: [{ reason: '双凤粮油店 发票 00132' }] },
);
export const StockDocumentParams = Type.Object({
  village: VillageCode,
  stockDocument: Id('ID of the stock document.'),
});
export const StockDocumentListQuery = Type.Object({
  type: Type.Optional(DocumentType()),
  state: Type.Optional(State('Return only stock documents in this state.')),
  ...PageQuery,
});
export const StockDocumentPage = PageOf(StockDocument, 'StockDocumentPage');

const StockLevel = Type.Object(
  {
    goodsId: Id('ID of the goods.'),
    sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
    name: Text(60, 'Name of the goods.', '大米（5公斤）'),
    unit: Text(10, 'Unit of one piece.', '袋'),
    onShelf: Whole('Number of pieces available.', { maximum: Number.MAX_SAFE_INTEGER }),
    reserved: Whole('Number of pieces held for waiting orders.', { maximum: Number.MAX_SAFE_INTEGER }),
    minStock: Whole('Minimum stock the village wants to keep.'),
    low: Type.Boolean({ description: 'Whether the available stock is below the minimum.' }),
  },
  { title: 'StockLevel' },
);
export const StockLevelListQuery = Type.Object({ storeId: Id('ID of the store.'), ...PageQuery });
export const StockLevelPage = PageOf(StockLevel, 'StockLevelPage');

const StockCountFields = {
  id: Id('ID of the count.'),
  storeId: Id('ID of the store.'),
  state: OneOf(
    [...countStates],
    'State of the count: `open` until two people have counted; then `agreed`, or `disagreed` if they found different numbers, or `stale` if goods moved meanwhile. The latter two count for nothing.',
  ),
  openedBy: Id('ID of the user who opened the count.'),
  openedAt: Instant('When the count was opened.'),
  firstBy: Nullable(Id('ID of the user who counted first.')),
  firstAt: Nullable(Instant('When the first figures were handed in.')),
  secondBy: Nullable(Id('ID of the user who counted second.')),
  secondAt: Nullable(Instant('When the second figures were handed in, which ended the count.')),
  goodsCount: Whole('Number of goods to count.'),
  documentIds: Type.Array(Id('ID of a stock document.'), {
    maxItems: 2,
    description: 'IDs of the stock documents drafted for what was found missing or in excess.',
  }),
};
const Counted = (description: string) => Whole(description, { maximum: piecesMax });
const StockCountSummary = Type.Object(StockCountFields, { title: 'StockCountSummary' });
export const StockCount = Type.Object(
  {
    ...StockCountFields,
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          unit: Text(10, 'Unit of one piece.', '袋'),
          result: Nullable(
            Type.Object(
              {
                first: Counted('Pieces the first person counted.'),
                second: Counted('Pieces the second person counted.'),
                book: Whole('Pieces the book had on the shelf.', { maximum: Number.MAX_SAFE_INTEGER }),
                difference: Nullable(Sum('Pieces counted less pieces in the book; `null` if the two disagree.')),
              },
              { title: 'StockCountResult', description: 'Figures; `null` until both people have counted.' },
            ),
          ),
        },
        { title: 'StockCountLine' },
      ),
      { maxItems: countedMax, description: 'Goods to count, by SKU.' },
    ),
  },
  { title: 'StockCount' },
);
export const StockCountCreate = Type.Object(
  {
    storeId: Id('ID of the store.'),
    goodsIds: Type.Optional(
      Type.Array(Id('ID of goods.'), {
        minItems: 1,
        maxItems: countedMax,
        uniqueItems: true,
        description: 'IDs of the goods to count. Defaults to all goods that ever lay on the store’s shelf.',
      }),
    ),
  },
  { title: 'StockCountCreate', additionalProperties: false, examples: [{ storeId: exampleId }] },
);
export const StockCountFigures = Type.Object(
  {
    figures: Type.Array(
      Type.Object(
        { goodsId: Id('ID of the goods.'), counted: Counted('Pieces counted on the shelf.') },
        { title: 'StockCountFigure', additionalProperties: false },
      ),
      { minItems: 1, maxItems: countedMax, description: 'One figure for each of the goods.' },
    ),
  },
  {
    title: 'StockCountFigures',
    additionalProperties: false,
    examples: [{ figures: [{ goodsId: exampleId, counted: 39 }] }],
  },
);
export const StockCountParams = Type.Object({ village: VillageCode, stockCount: Id('ID of the count.') });
export const StockCountListQuery = Type.Object({
  state: Type.Optional(OneOf([...countStates], 'Return only counts in this state.')),
  ...PageQuery,
});
export const StockCountPage = PageOf(StockCountSummary, 'StockCountPage');

const StockExpiry = Type.Object(
  {
    goodsId: Id('ID of the goods.'),
    sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
    name: Text(60, 'Name of the goods.', '大米（5公斤）'),
    unit: Text(10, 'Unit of one piece.', '袋'),
    expiresOn: Day('Expiry date.'),
    quantity: Whole('Number of pieces left that expire on that day.', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    expired: Type.Boolean({ description: 'Whether the expiry date has come.', examples: [false] }),
  },
  { title: 'StockExpiry' },
);
export const StockExpiryListQuery = Type.Object({
  storeId: Id('ID of the store.'),
  days: Type.Integer({
    minimum: 0,
    maximum: 366,
    default: 30,
    description: 'Return goods that expire within this many days.',
    examples: [30],
  }),
  ...PageQuery,
});
export const StockExpiryPage = PageOf(StockExpiry, 'StockExpiryPage');
