import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';

const rosterMaxBytes = 20 * 1024 * 1024;

export const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** What is sent is the file itself. Its rows are judged by a job, and not by a schema. */
export const RosterBody = {
  content: {
    'text/csv': {
      schema: Type.String({
        maxLength: rosterMaxBytes,
        description:
          'UTF-8 or GB18030; commas, semicolons or tabs; the first row names the columns, in English or Chinese',
        examples: [
          'number,grid_number,head_name,members,phone,id_last4\nH0001,1,刘仕兰,1,19900000963,3792\n户号,… 网格,户主姓名,人数,电话,身份证后四位',
        ],
      }),
    },
    [xlsxType]: {
      schema: Type.String({
        format: 'binary',
        maxLength: rosterMaxBytes,
        description: 'A workbook; the first sheet is read, formulas are text',
        examples: ['PK…'],
      }),
    },
  },
};

export const HouseholdImport = Type.Object(
  {
    id: Id('The import'),
    village: VillageCode,
    state: OneOf(['received', 'checking', 'reported', 'committing', 'done', 'failed'], 'How far it has come'),
    dryRun: Type.Boolean({ description: 'Whether it waits, once reported, to be committed' }),
    format: OneOf(['csv', 'xlsx'], 'What was sent'),
    bytes: Whole('Size of the file', { maximum: rosterMaxBytes }),
    encoding: Nullable(Type.String({ maxLength: 20, description: 'Of the text, as it was read', examples: ['utf-8'] })),
    ignoredColumns: Type.Array(Text(60, 'A column', 'is_five_guarantee'), {
      maxItems: 50,
      description: 'Columns that nothing was taken from',
    }),
    rows: Whole('Rows read so far'),
    households: Whole('Households in them'),
    good: Whole('Households that may be entered; in the end, those that were'),
    alreadyThere: Whole('Households in the register already, with this number and this head: nothing changes for them'),
    mistakes: Whole('Mistakes that were found'),
    entered: Whole('Households entered so far'),
    createdBy: Id('Who sent it'),
    createdAt: Instant('When it was sent'),
    reportedAt: Nullable(Instant('When it was checked')),
    committedBy: Nullable(Id('Who had it entered')),
    committedAt: Nullable(Instant('When that was asked for')),
    endedAt: Nullable(Instant('When it was done, or given up')),
  },
  { title: 'HouseholdImport' },
);

/** A misspelt `dryRun` would otherwise be none. */
export const HouseholdImportQuery = Type.Object(
  { dryRun: Type.Boolean({ default: true, description: 'Report only, until it is committed', examples: [true] }) },
  { additionalProperties: false },
);
export const HouseholdImportParams = Type.Object({ village: VillageCode, import: Id('The import') });
export const HouseholdImportListQuery = Type.Object(PageQuery);
export const HouseholdImportPage = PageOf(HouseholdImport, 'HouseholdImportPage');

export const HouseholdImportErrorListQuery = Type.Object(PageQuery);
export const HouseholdImportErrorPage = PageOf(
  Type.Object(
    {
      row: Whole('Row, as the spreadsheet counts: 1 names the columns', { minimum: 1 }),
      column: Nullable(Type.String({ maxLength: 40, description: 'Column', examples: ['phone'] })),
      code: Type.String({ maxLength: 40, description: 'What is wrong', examples: ['phone-bad'] }),
      zh: Type.String({ maxLength: 100, description: 'In Chinese', examples: ['电话应为 5 至 20 位数字。'] }),
      en: Type.String({ maxLength: 100, description: 'In English', examples: ['A telephone has 5 to 20 digits.'] }),
    },
    { title: 'HouseholdImportError' },
  ),
  'HouseholdImportErrorPage',
);
