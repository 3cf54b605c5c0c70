import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { CostFen, DecisionNote } from '../store/shapes.ts';

/** Stock documents and what lies on a shelf, on the wire. */

const DocumentType = () => OneOf(['receipt', 'writeOff'], 'Goods that came in, or goods that are spoiled or lost');
const State = (description: string) => OneOf(['draft', 'posted', 'rejected'], description);
const Quantity = Whole('Pieces', { minimum: 1, maximum: 100_000 });
const linesMax = 100;

export const StockDocument = Type.Object(
  {
    id: Id('The document'),
    type: DocumentType(),
    storeId: Id('The store'),
    reason: Text(200, 'Where the goods come from, or why they go', '双凤粮油店 发票 00123'),
    state: State('A draft moves nothing'),
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('The goods'),
          sku: Type.String({ maxLength: 20, description: 'Their sku', examples: ['G001'] }),
          name: Text(60, 'Their name', '大米（5公斤）'),
          quantity: Quantity,
          costFen: Nullable(CostFen),
          expiresOn: Nullable(Day('Last day before they are too old')),
        },
        { title: 'StockDocumentLine' },
      ),
      { maxItems: linesMax, description: 'In the order of the paper' },
    ),
    draftedBy: Id('Who drafted it'),
    draftedAt: Instant('When it was drafted'),
    decidedBy: Nullable(Id('Who posted or rejected it: another person')),
    decidedAt: Nullable(Instant('When it was decided')),
    decisionNote: Nullable(DecisionNote),
    transactionNumber: Nullable(Whole('Its transaction in the book', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  },
  { title: 'StockDocument' },
);
export const StockDocumentCreate = Type.Object(
  {
    type: DocumentType(),
    storeId: Id('The store'),
    reason: Text(200, 'Where the goods come from, or why they go', '双凤粮油店 发票 00123'),
    lines: Type.Array(
      Type.Object(
        {
          goodsId: Id('The goods; no service'),
          quantity: Quantity,
          costFen: Type.Optional(Nullable(CostFen)),
          expiresOn: Type.Optional(Nullable(Day('When they expire; for a receipt after today'))),
        },
        { title: 'StockDocumentCreateLine', additionalProperties: false },
      ),
      { minItems: 1, maxItems: linesMax, description: 'What came or goes' },
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
export const StockDocumentParams = Type.Object({ village: VillageCode, stockDocument: Id('The document') });
export const StockDocumentListQuery = Type.Object({
  type: Type.Optional(DocumentType()),
  state: Type.Optional(State('Only those in this state')),
  ...PageQuery,
});
export const StockDocumentPage = PageOf(StockDocument, 'StockDocumentPage');

export const StockLevel = Type.Object(
  {
    goodsId: Id('The goods'),
    sku: Type.String({ maxLength: 20, description: 'Their sku', examples: ['G001'] }),
    name: Text(60, 'Their name', '大米（5公斤）'),
    unit: Text(10, 'What one piece is', '袋'),
    onShelf: Whole('Pieces that can be had', { maximum: Number.MAX_SAFE_INTEGER }),
    reserved: Whole('Pieces set aside for orders that wait', { maximum: Number.MAX_SAFE_INTEGER }),
    minStock: Whole('Pieces the village wants to have on the shelf'),
    low: Type.Boolean({ description: 'Fewer on the shelf than that' }),
  },
  { title: 'StockLevel' },
);
export const StockLevelListQuery = Type.Object({ storeId: Id('The store'), ...PageQuery });
export const StockLevelPage = PageOf(StockLevel, 'StockLevelPage');
