import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Id, Instant, Nullable, OneOf, Text, VillageCode, Whole } from '../http/shapes.ts';
import { columnNames } from './columns.ts';

const rosterMaxBytes = 20 * 1024 * 1024;

export const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** What is sent is the file itself. Its rows are validated by a job, and not by a schema. */
export const RosterBody = {
  content: {
    'text/csv': {
      schema: Type.String({
        maxLength: rosterMaxBytes,
        description:
          'CSV text in UTF-8 or GB18030, separated by commas, semicolons or tabs. One of the first 20 rows names the columns, in English or Chinese.',
        examples: [
          'number,grid_number,head_name,members,phone,id_last4\nH0001,1,刘仕兰,1,19900000963,3792\n户号,… 网格,户主姓名,人数,电话,身份证后四位',
        ],
      }),
    },
    [xlsxType]: {
      schema: Type.String({
        format: 'binary',
        maxLength: rosterMaxBytes,
        description:
          'Excel workbook. The first visible sheet with column names within its first 20 rows is read; formulas are read as the results saved with them.',
        examples: ['PK…'],
      }),
    },
  },
};

export const HouseholdImport = Type.Object(
  {
    id: Id('ID of the import.'),
    village: VillageCode,
    state: OneOf(['received', 'checking', 'reported', 'committing', 'done', 'failed'], 'State of the import.'),
    dryRun: Type.Boolean({ description: 'Whether the import waits to be committed after it has been checked.' }),
    format: OneOf(['csv', 'xlsx'], 'Format of the uploaded file.'),
    bytes: Whole('Size of the file in bytes.', { maximum: rosterMaxBytes }),
    encoding: Nullable(
      Type.String({ maxLength: 20, description: 'Character encoding detected in the file.', examples: ['utf-8'] }),
    ),
    sheet: Nullable(Text(60, 'Sheet of the workbook that was read; `null` for a CSV file.', '花名册')),
    headerRow: Nullable(
      Whole('Row number of the column names, the upper one where they take two rows.', { minimum: 1 }),
    ),
    columns: Type.Array(
      Type.Object({
        column: OneOf(columnNames, 'What the column means.'),
        heading: Text(60, 'Name of the column in the file.', '户主姓名'),
      }),
      {
        maxItems: 50,
        description:
          'Columns that were recognised, from left to right. Check these before committing. Of a whole ID number only the last four characters are kept; of several phone numbers, the first.',
      },
    ),
    ignoredColumns: Type.Array(Text(60, 'Column name.', 'is_five_guarantee'), {
      maxItems: 50,
      description: 'Columns that were not recognised and are ignored.',
    }),
    rows: Whole('Number of rows read so far.'),
    households: Whole('Number of households in those rows.'),
    good: Whole('Number of households that can be enrolled or, once the import has ended, that were enrolled.'),
    alreadyThere: Whole(
      'Number of households already registered with the same number and head. They are not changed, except for the differences chosen to be taken over.',
    ),
    mistakes: Whole('Number of errors found, with the differences of households already registered.'),
    entered: Whole('Number of households enrolled so far.'),
    takenOver: Whole('Number of differences taken over so far.'),
    createdBy: Id('ID of the user who uploaded the file.'),
    createdAt: Instant('When the file was uploaded.'),
    reportedAt: Nullable(Instant('When the check was finished.')),
    committedBy: Nullable(Id('ID of the user who committed the import.')),
    committedAt: Nullable(Instant('When the import was committed.')),
    endedAt: Nullable(Instant('When the import was finished or abandoned.')),
  },
  { title: 'HouseholdImport' },
);

const DifferenceKey = Type.String({
  pattern: '^[1-9][0-9]{0,6}/[a-z-]{1,40}$',
  maxLength: 48,
  description: 'Key of the difference, to choose it when the import is committed.',
  examples: ['12/phone-differs'],
});

export const HouseholdImportCommit = Type.Object(
  {
    takeOver: Type.Optional(
      Type.Union([
        Type.Array(DifferenceKey, { maxItems: 10_000, description: 'Differences to take over.' }),
        OneOf(['all'], 'Take over all differences.'),
      ]),
    ),
  },
  { title: 'HouseholdImportCommit', additionalProperties: false, examples: [{ takeOver: ['12/phone-differs'] }] },
);

/** A misspelt `dryRun` would otherwise be none. */
export const HouseholdImportQuery = Type.Object(
  {
    dryRun: Type.Boolean({
      default: true,
      description: 'Only check the file; enrol nothing until the import is committed.',
      examples: [true],
    }),
  },
  { additionalProperties: false },
);
export const HouseholdImportParams = Type.Object({ village: VillageCode, import: Id('ID of the import.') });
export const HouseholdImportListQuery = Type.Object(PageQuery);
export const HouseholdImportPage = PageOf(HouseholdImport, 'HouseholdImportPage');

export const HouseholdImportErrorListQuery = Type.Object(PageQuery);
export const HouseholdImportErrorPage = PageOf(
  Type.Object(
    {
      row: Whole('Row number as in the spreadsheet, where row 1 holds the column names.', { minimum: 1 }),
      column: Nullable(Type.String({ maxLength: 40, description: 'Column of the error.', examples: ['phone'] })),
      code: Type.String({ maxLength: 40, description: 'Code of the error.', examples: ['phone-bad'] }),
      zh: Type.String({ maxLength: 100, description: 'Message in Chinese.', examples: ['电话应为 5 至 20 位数字。'] }),
      en: Type.String({
        maxLength: 100,
        description: 'Message in English.',
        examples: ['A phone number has 5 to 20 digits.'],
      }),
      difference: Nullable(DifferenceKey),
      takenOver: Type.Boolean({ description: 'Whether the difference was taken over.', examples: [false] }),
    },
    { title: 'HouseholdImportError' },
  ),
  'HouseholdImportErrorPage',
);
