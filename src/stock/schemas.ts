import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { CostFen, DecisionNote } from '../store/shapes.ts';

/** Stock documents and what lies on a shelf, on the wire. */

const DocumentType = () =>
  OneOf(['receipt', 'writeOff'], 'Type of document: goods received, or goods written off as spoiled or lost.');
const State = (description: string) => OneOf(['draft', 'posted', 'rejected'], description);
const Reason = Text(200, 'Where the goods come from, or why they are written off.', '双凤粮油店 发票 00123');
const Quantity = Whole('Number of pieces.', { minimum: 1, maximum: 100_000 });
const linesMax = 100;

export const StockDocument = Type.Object(
  {
    id: Id('ID of the stock document.'),
    type: DocumentType(),
    storeId: Id('ID of the store.'),
    reason: Reason,
    state: State('State of the stock document. A draft does not change stock.'),
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods.'),
          sku: Type.String({ maxLength: 20, description: 'SKU of the goods.', examples: ['G001'] }),
          name: Text(60, 'Name of the goods.', '大米（5公斤）'),
          quantity: Quantity,
          costFen: Nullable(CostFen),
          expiresOn: Nullable(Day('Expiry date of the goods.')),
        },
        { title: 'StockDocumentLine' },
      ),
      { maxItems: linesMax, description: 'Lines, in the order of the paper document.' },
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
export const StockDocumentCreate = Type.Object(
  {
    type: DocumentType(),
    storeId: Id('ID of the store.'),
    reason: Reason,
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('ID of the goods. Services are not accepted.'),
          quantity: Quantity,
          costFen: Type.Optional(Nullable(CostFen)),
          expiresOn: Type.Optional(Nullable(Day('Expiry date of the goods. For a receipt it must be in the future.'))),
        },
        { title: 'StockDocumentCreateLine', additionalProperties: false },
      ),
      { minItems: 1, maxItems: linesMax, description: 'Goods received or written off.' },
    ),
  },
  {
    title: 'StockDocumentCreate',
    additionalProperties: false,
    examples: [
      {
        type: 'receipt',
        storeId: exampleId,
        reason: '双凤粮油店 发票 00123',
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
