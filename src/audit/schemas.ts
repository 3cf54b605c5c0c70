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
  from: Type.Optional(Day('Start of the period, inclusive. Defaults to the first day of the current month.')),
  to: Type.Optional(Day('End of the period, exclusive. Defaults to the first day of the month after `from`.')),
};

export const StatementQuery = Type.Object({
  account: Type.Optional(Purpose),
  ...period,
  format: Type.Optional(
    OneOf(['json', 'csv', 'pdf'], 'Format of the statement: JSON data, a CSV table, or a printable document.'),
  ),
  throughNumber: Type.Optional(BookNumber),
});

const StatementEntry = Type.Object(
  {
    transactionNumber: BookNumber,
    line: Whole('Line number within the transaction.', { minimum: 1, maximum: 32_767 }),
    businessDate: Day('Business date of the transaction.'),
    occurredAt: Instant('When the event happened.'),
    postedAt: Instant('When the transaction was posted.'),
    kind: Kind,
    counterAccountCode: AccountCode,
    amount: Sum('Signed amount: positive if received, negative if paid out.'),
    balance: Sum('Running balance: the opening balance plus all amounts so far, in order of business date.'),
    cause: Cause,
    memo: Nullable(Memo),
    ruleCode: Nullable(RuleCode),
  },
  { title: 'StatementEntry' },
);

const Statement = Type.Object(
  {
    village: VillageCode,
    villageName: Text(60, 'Name of the village.', '封家湾社区'),
    householdId: Id('ID of the household.'),
    householdNumber: Text(9, 'Household number, as printed on the passbook.', 'H0007'),
    headName: Text(60, 'Masked name of the head of household.', '张*三'),
    account: Purpose,
    accountNumber: AccountNumber,
    accountCode: AccountCode,
    asset: AssetCode,
    from: Day('Start of the period, inclusive.'),
    to: Day('End of the period, exclusive.'),
    throughNumber: BookNumber,
    throughHash: Digest,
    throughPostedAt: Nullable(Instant('When the transaction `throughNumber` was posted.')),
    opening: Sum('Balance before the first day.'),
    received: Sum('Total received.'),
    spent: Sum('Total paid out.'),
    closing: Sum('Balance after the last day.'),
    entryCount: Whole('Number of entries.', { maximum: 5_000 }),
    freezes: Type.Array(
      Type.Object(
        {
          frozenOn: Day('Day on which the household was frozen.'),
          reason: Text(200, 'Why it was frozen.', '户主去世，继承人待定'),
          unfrozenOn: Nullable(Day('Day on which it was unfrozen.')),
        },
        { title: 'StatementFreeze' },
      ),
      {
        maxItems: 1_000,
        description:
          'When the household was frozen within the period. Only what was recorded before `throughNumber` was posted.',
      },
    ),
    entries: Type.Array(StatementEntry, {
      maxItems: 5_000,
      description: 'Entries ordered by business date, then in book order.',
    }),
  },
  { title: 'Statement' },
);

/** Text that is sent as it is read. */
function File(description: string) {
  return { schema: Type.String({ description, maxLength: 2_147_483_647 }) };
}

export const StatementAnswer = {
  description: 'The statement.',
  content: {
    'application/json': { schema: Statement },
    'text/csv': File('RFC 4180, UTF-8 with a byte order mark.'),
    'application/pdf': File('An A4 document.'),
  },
};

export const JournalQuery = Type.Object({
  ...period,
  format: Type.Optional(
    OneOf(
      ['csv', 'jsonl', 'hledger', 'canonical'],
      'Format of the journal: a CSV table, one JSON object per line, a plain-text accounting journal, or the canonical texts that are hashed.',
    ),
  ),
});
export const JournalAnswer = {
  description: 'The journal.',
  content: {
    'text/csv': File('One transfer per row. RFC 4180, UTF-8 with a byte order mark.'),
    'application/jsonl': File('One transaction per line, in RFC 8785 form.'),
    'text/plain': File('An hledger journal, or canonical texts, each followed by an empty line.'),
  },
};

const movement = {
  asset: AssetCode,
  opening: Sum('Balance before the first day.'),
  in: Sum('Total received.'),
  out: Sum('Total paid out.'),
  closing: Sum('Balance after the last day.'),
};
const TrialBalanceRow = Type.Object(
  {
    account: Type.String({
      maxLength: 150,
      description: 'Code of the account, or the common part of a class of accounts.',
      examples: ['household:available'],
    }),
    accounts: Whole('Number of accounts in the row.', { maximum: 2_147_483_647 }),
    ...movement,
  },
  { title: 'TrialBalanceRow' },
);
export const TrialBalanceQuery = Type.Object({
  ...period,
  detail: Type.Optional(
    OneOf(['class', 'account'], 'Level of detail: households as a whole and goods by location, or every account.'),
  ),
  ...PageQuery,
  limit: Type.Integer({
    minimum: 1,
    maximum: 200,
    default: 200,
    description: 'Maximum number of rows to return.',
    examples: [200],
  }),
});
export const TrialBalance = Type.Object(
  {
    from: Day('Start of the period, inclusive.'),
    to: Day('End of the period, exclusive.'),
    throughNumber: BookNumber,
    data: Type.Array(TrialBalanceRow, { maxItems: 200, description: 'Rows on this page.' }),
    totals: Type.Array(Type.Object(movement, { title: 'AssetMovement' }), {
      maxItems: 100_000,
      description: 'Totals of each asset over all accounts; openings and closings sum to 0.',
    }),
    nextCursor: Nullable(
      Type.String({ maxLength: 500, description: 'Cursor of the next page; `null` on the last page.' }),
    ),
    hasMore: Type.Boolean({ description: 'Whether another page follows.' }),
  },
  { title: 'TrialBalance' },
);
