import { Type } from 'typebox';
import {
  AccountCode,
  AccountNumber,
  AssetCode,
  BookNumber,
  Cause,
  Digest,
  Kind,
  Memo,
  Purpose,
  RuleCode,
} from '../book/shapes.ts';
import { PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Sum, Text, VillageCode, Whole } from '../http/shapes.ts';

const period = {
  from: Type.Optional(Day('First day; the current month’s unless told')),
  to: Type.Optional(Day('Day after the last; the month of the first day ends before it unless told')),
};

export const StatementQuery = Type.Object({
  account: Type.Optional(Purpose),
  ...period,
  format: Type.Optional(OneOf(['json', 'csv', 'pdf'], 'Data, a table for spreadsheets, or a document to print')),
  throughNumber: Type.Optional(BookNumber),
});

const StatementEntry = Type.Object(
  {
    transactionNumber: BookNumber,
    line: Whole('Line of the transaction', { minimum: 1, maximum: 32_767 }),
    businessDate: Day('The day it belongs to'),
    occurredAt: Instant('When it happened'),
    postedAt: Instant('When it was written'),
    kind: Kind,
    counterAccountCode: AccountCode,
    amount: Sum('What came in; negative, what went out'),
    balance: Sum('Opening and all amounts so far, by business day'),
    cause: Cause,
    memo: Nullable(Memo),
    ruleCode: Nullable(RuleCode),
  },
  { title: 'StatementEntry' },
);

export const Statement = Type.Object(
  {
    village: VillageCode,
    villageName: Text(60, 'Name of the village', '封家湾社区'),
    householdId: Id('The household'),
    householdNumber: Text(9, 'Number on the passbook', 'H0007'),
    headName: Text(60, 'Name of the head, masked', '张*三'),
    account: Purpose,
    accountNumber: AccountNumber,
    accountCode: AccountCode,
    asset: AssetCode,
    from: Day('First day'),
    to: Day('Day after the last'),
    throughNumber: BookNumber,
    throughHash: Digest,
    throughPostedAt: Nullable(Instant('When that transaction was posted')),
    opening: Sum('Balance before the first day'),
    received: Sum('What came in'),
    spent: Sum('What went out'),
    closing: Sum('Balance after the last day'),
    entryCount: Whole('Entries', { maximum: 5_000 }),
    entries: Type.Array(StatementEntry, {
      maxItems: 5_000,
      description: 'By business day, then in the order of the book',
    }),
  },
  { title: 'Statement' },
);

/** Text that is sent as it is read. */
function File(description: string) {
  return { schema: Type.String({ description, maxLength: 2_147_483_647 }) };
}

export const StatementAnswer = {
  description: 'The statement',
  content: {
    'application/json': { schema: Statement },
    'text/csv': File('RFC 4180, UTF-8 with BOM'),
    'application/pdf': File('A4'),
  },
};

export const JournalQuery = Type.Object({
  ...period,
  format: Type.Optional(
    OneOf(
      ['csv', 'jsonl', 'hledger', 'canonical'],
      'A table for spreadsheets, one JSON object a line, a plain-text journal, or the texts that are hashed',
    ),
  ),
});
export const JournalAnswer = {
  description: 'The journal',
  content: {
    'text/csv': File('One transfer a row; RFC 4180, UTF-8 with BOM'),
    'application/jsonl': File('One transaction a line, in the form of RFC 8785'),
    'text/plain': File('For hledger, or canonical texts with an empty line after each'),
  },
};

const movement = {
  asset: AssetCode,
  opening: Sum('Balance before the first day'),
  in: Sum('What came in'),
  out: Sum('What went out'),
  closing: Sum('Balance after the last day'),
};
const TrialBalanceRow = Type.Object(
  {
    account: Type.String({
      maxLength: 150,
      description: 'Code of the account, or what a class of accounts has in common',
      examples: ['household:available'],
    }),
    accounts: Whole('How many accounts', { maximum: 2_147_483_647 }),
    ...movement,
  },
  { title: 'TrialBalanceRow' },
);
export const TrialBalanceQuery = Type.Object({
  ...period,
  detail: Type.Optional(OneOf(['class', 'account'], 'Households together and goods by place, or every account')),
  ...PageQuery,
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 200, description: 'Rows a page', examples: [200] }),
});
export const TrialBalance = Type.Object(
  {
    from: Day('First day'),
    to: Day('Day after the last'),
    throughNumber: BookNumber,
    data: Type.Array(TrialBalanceRow, { maxItems: 200, description: 'Rows of this page' }),
    totals: Type.Array(Type.Object(movement, { title: 'AssetMovement' }), {
      maxItems: 100_000,
      description: 'All accounts of each asset together: openings and closings come to 0',
    }),
    nextCursor: Nullable(Type.String({ maxLength: 500, description: 'Hand it in for the next page' })),
    hasMore: Type.Boolean({ description: 'Whether there is a next page' }),
  },
  { title: 'TrialBalance' },
);
