import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, exampleId, Id, Instant, Nullable, OneOf, Sum, VillageCode, Whole } from '../http/shapes.ts';

export const BookNumber = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of a transaction; 0 is the empty book',
  examples: [18412],
});
const TransactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of the transaction in the village’s book',
  examples: [18412],
});
export const AccountNumber = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: 'Number of the account in the village’s book',
  examples: [4],
});
export const AccountCode = Type.String({
  maxLength: 150,
  description: 'Code of the account in the chart of accounts',
  examples: [`household:${exampleId}:available`],
});
export const AssetCode = Type.String({
  pattern: '^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$',
  maxLength: 40,
  description: 'What it is an amount of: points, honour, minutes, fen, or pieces of goods',
  examples: ['PTS'],
});
export const Digest = Type.String({
  maxLength: 64,
  description: 'SHA-256 in lower-case hex',
  examples: ['43f939b9badb65d01baeae866ec13ea32d2d4ea7024cb6a9724342afbe55ca61'],
});
export const Kind = Type.String({
  pattern: '^[A-Za-z]{1,40}$',
  maxLength: 40,
  description: 'Kind of business event',
  examples: ['award'],
  'x-extensible-enum': ['award', 'redemption', 'redemptionHold', 'redemptionFulfil', 'stockReceipt', 'reversal'],
});
export const Cause = Type.String({
  maxLength: 200,
  description: 'What it was posted for; unique in its kind, for ever',
  examples: [`award:${exampleId}`],
});
export const Memo = Type.String({ maxLength: 1000, description: 'Note; it names nobody', examples: ['第一组清扫'] });
export const RuleCode = Type.String({
  maxLength: 100,
  description: 'Code of the rule it was awarded by',
  examples: ['A01'],
});
const Sort = OneOf(['-number', 'number'], 'The newest first, or in the order of the book');

export const Book = Type.Object(
  {
    number: BookNumber,
    headHash: Digest,
    accounts: Whole('Accounts in the book', { maximum: 2_147_483_647 }),
  },
  { title: 'Book' },
);

export const Account = Type.Object(
  {
    number: AccountNumber,
    code: AccountCode,
    asset: AssetCode,
    floor: Nullable(Sum('The balance never falls below it; null for sources and sinks')),
    balance: Sum('Balance after the last entry'),
    entries: Whole('Entries so far', { maximum: Number.MAX_SAFE_INTEGER }),
  },
  { title: 'Account' },
);
export const AccountPage = PageOf(Account, 'AccountPage');
export const AccountParams = Type.Object({ village: VillageCode, account: AccountNumber });
export const AccountListQuery = Type.Object({
  householdId: Type.Optional(Id('Only accounts of this household')),
  prefix: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9:-]+$',
      minLength: 1,
      maxLength: 150,
      description: 'Beginning of the code',
      examples: ['shelf:'],
    }),
  ),
  asset: Type.Optional(AssetCode),
  ...PageQuery,
});

const Entry = Type.Object(
  {
    accountCode: AccountCode,
    asset: AssetCode,
    seq: Whole('Number of the entry on its account, without gaps', { maximum: Number.MAX_SAFE_INTEGER }),
    transactionNumber: TransactionNumber,
    line: Whole('Line of the transaction', { minimum: 1, maximum: 32_767 }),
    kind: Kind,
    amount: Sum('What came in; negative, what went out'),
    balance: Sum('Balance of the account after it'),
    counterAccountCode: AccountCode,
    businessDate: Day('The day it belongs to'),
    occurredAt: Instant('When it happened'),
    postedAt: Instant('When it was written'),
    cause: Cause,
    memo: Nullable(Memo),
    ruleCode: Nullable(RuleCode),
  },
  { title: 'Entry' },
);
export const EntryPage = PageOf(Entry, 'EntryPage');
const entryPeriod = {
  axis: Type.Optional(
    OneOf(['posted', 'occurred'], 'What `from` and `to` mean: when it was written, or when it happened'),
  ),
  from: Type.Optional(Instant('From this instant on')),
  to: Type.Optional(Instant('Up to this instant, and without it')),
};
export const EntryListQuery = Type.Object({ sort: Type.Optional(Sort), ...entryPeriod, ...PageQuery });
export const BalanceQuery = Type.Object({
  through: Type.Optional(BookNumber),
  postedAt: Type.Optional(Instant('As the book stood at this instant')),
  occurredAt: Type.Optional(Instant('As things had happened by this instant, whenever they were entered')),
});
export const Balance = Type.Object(
  {
    accountNumber: AccountNumber,
    code: AccountCode,
    asset: AssetCode,
    balance: Sum('What it had'),
    throughNumber: BookNumber,
  },
  { title: 'Balance' },
);
export const Purpose = OneOf(
  ['available', 'pending', 'held', 'base', 'honour', 'arrears'],
  'Which of the household’s accounts',
);
export const HouseholdEntryListQuery = Type.Object({
  account: Type.Optional(Purpose),
  sort: Type.Optional(Sort),
  ...entryPeriod,
  ...PageQuery,
});

const Transfer = Type.Object(
  {
    from: AccountCode,
    to: AccountCode,
    asset: AssetCode,
    amount: Whole('How much', { minimum: 1, maximum: 10_000_000_000 }),
  },
  { title: 'Transfer' },
);
const transaction = {
  village: VillageCode,
  number: TransactionNumber,
  id: Id('The transaction'),
  kind: Kind,
  cause: Cause,
  businessDate: Day('The day it belongs to'),
  occurredAt: Instant('When it happened'),
  postedAt: Instant('When it was written; never before the one before'),
  actorId: Id('User or device that did it'),
  approverId: Nullable(Id('The second person, where there was one')),
  reverses: Nullable(TransactionNumber),
  memo: Nullable(Memo),
  frozen: Type.Record(Type.String({ maxLength: 300 }), Type.String({ maxLength: 1000 }), {
    description: 'The terms it was posted on: rule and rate, prices, uses of limits',
    examples: [{ ruleCode: 'A01', unitPoints: '5' }],
  }),
  transfers: Type.Array(Transfer, { maxItems: 32_767, description: 'Its lines, in order' }),
  leafHash: Digest,
  hash: Digest,
};
export const Transaction = Type.Object(transaction, { title: 'Transaction' });
export const TransactionDetail = Type.Object(
  {
    ...transaction,
    balances: Type.Record(Type.String({ maxLength: 200 }), Sum('Balance after it'), {
      description: 'Of each account it touched, by code and asset',
      examples: [{ 'issued PTS': -5 }],
    }),
    reversedBy: Nullable(TransactionNumber),
  },
  { title: 'TransactionDetail' },
);
export const TransactionPage = PageOf(Transaction, 'TransactionPage');
export const TransactionParams = Type.Object({ village: VillageCode, transaction: TransactionNumber });
export const TransactionListQuery = Type.Object({
  kind: Type.Optional(Kind),
  businessFrom: Type.Optional(Day('First day')),
  businessTo: Type.Optional(Day('Day after the last')),
  fromNumber: Type.Optional(TransactionNumber),
  sort: Type.Optional(Sort),
  ...PageQuery,
});
