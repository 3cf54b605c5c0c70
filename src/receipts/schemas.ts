import { type TSchema, Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { exampleId, Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

/** Receipts and their printing on the wire. */

export const RedemptionParams = Type.Object({ village: VillageCode, redemption: Id('ID of the redemption.') });
export const ReturnParams = Type.Object({ village: VillageCode, return: Id('ID of the return.') });
export const ReceiptQuery = Type.Object({
  columns: Type.Optional(
    OneOf(['32', '48'], 'Width of the paper in columns: `32` (the default) for rolls of 58 mm, `48` for 80 mm.'),
  ),
});

const Kind = <const T extends string, P extends Record<string, TSchema>>(kind: T, properties: P) =>
  Type.Object({ kind: Type.Literal(kind, { type: 'string', description: 'Kind of block.' }), ...properties });
const PrintedText = Type.String({ maxLength: 200, description: 'Text.', examples: ['积分超市'] });
const Receipt = Type.Object(
  {
    number: Type.String({ maxLength: 32, description: 'Number of the redemption.', examples: ['R-20261123-0042'] }),
    opNumber: Nullable(Type.String({ maxLength: 40, description: 'Number a kiosk printed while offline.' })),
    synced: Type.Boolean({ description: 'Whether the redemption is recorded in the book.' }),
    at: Instant('When what the receipt tells happened.'),
    columns: Whole('Width of the paper in columns: 32 or 48; wide characters take two.', { minimum: 32, maximum: 48 }),
    blocks: Type.Array(
      Type.Union([
        Kind('text', {
          align: OneOf(['left', 'center', 'right'], 'Alignment.'),
          size: Whole('Character size: `1` for normal, `2` for double.', { minimum: 1, maximum: 2 }),
          text: PrintedText,
        }),
        Kind('row', {
          cells: Type.Array(
            Type.Object({
              text: PrintedText,
              width: Whole('Width in columns.', { minimum: 1, maximum: 100 }),
              align: Type.Optional(OneOf(['left', 'right'], 'Alignment within the cell.')),
            }),
            { maxItems: 4, description: 'Cells, side by side.' },
          ),
        }),
        Kind('rule', {}),
        Kind('qr', { text: PrintedText }),
        Kind('feed', { lines: Whole('Number of empty lines.', { maximum: 20 }) }),
        Kind('cut', {}),
      ]),
      { maxItems: 80, description: 'Content blocks from top to bottom, for any printer or screen.' },
    ),
    text: Type.String({ maxLength: 8_000, description: 'The same content as lines of text.' }),
    speech: Type.String({
      maxLength: 200,
      description: 'Text to be read aloud.',
      examples: ['兑换成功，用去十五分，还剩二十分。'],
    }),
  },
  { title: 'Receipt' },
);
/** The same receipt for printers and screens, for printers of text, and to be kept or sent. */
export const receiptContent = {
  'application/json': { schema: Receipt },
  'text/plain': {
    schema: Type.String({
      maxLength: 16_000,
      description: 'Lines of at most as many columns as were asked for; wide characters take two.',
    }),
  },
  'application/pdf': {
    schema: Type.String({ maxLength: 2_147_483_647, description: 'One page, as wide as the paper.' }),
  },
};

const PrintJobStateOf = (description: string) => OneOf(['queued', 'printed', 'failed'], description);
const Reason = Text(100, 'Why printing failed.', '缺纸');
export const PrintJob = Type.Object(
  {
    id: Id('ID of the print job.'),
    storeId: Id('ID of the store.'),
    kioskId: Nullable(Id('ID of the kiosk that prints it; `null` for the counter of the store.')),
    redemptionId: Id('ID of the redemption.'),
    returnId: Nullable(Id('ID of the return, if the receipt is that of a return.')),
    copy: Type.Boolean({ description: 'Whether the same receipt was printed before. The paper then says `补打`.' }),
    state: PrintJobStateOf('State of the print job.'),
    reason: Nullable(Reason),
    queuedBy: Id('ID of the user or household that asked for it.'),
    queuedAt: Instant('When it was asked for.'),
    settledAt: Nullable(Instant('When it was printed or failed.')),
  },
  { title: 'PrintJob' },
);
export const PrintJobParams = Type.Object({ village: VillageCode, printJob: Id('ID of the print job.') });
export const PrintJobListQuery = Type.Object({
  state: Type.Optional(PrintJobStateOf('Return only print jobs in this state.')),
  ...PageQuery,
});
export const PrintJobPage = PageOf(PrintJob, 'PrintJobPage');
export const PrintJobCreate = Type.Object(
  {
    redemptionId: Id('ID of the redemption.'),
    returnId: Type.Optional(Id('ID of one of its returns, to print the receipt of that.')),
  },
  { title: 'PrintJobCreate', additionalProperties: false, examples: [{ redemptionId: exampleId }] },
);
export const PrintJobOutcome = Type.Object(
  { state: OneOf(['printed', 'failed'], 'What the printer said.'), reason: Type.Optional(Reason) },
  { title: 'PrintJobOutcome', additionalProperties: false, examples: [{ state: 'printed' }] },
);
