import { Type } from 'typebox';
import { PageOf, PageQuery } from '../http/paging.ts';
import { Day, Id, Instant, Nullable, OneOf, Sum, VillageCode, Whole } from '../http/shapes.ts';
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
  TransactionNumber,
} from './shapes.ts';

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
export const TransactionListQuery = Type.Object({
  kind: Type.Optional(Kind),
  businessFrom: Type.Optional(Day('First day')),
  businessTo: Type.Optional(Day('Day after the last')),
  fromNumber: Type.Optional(TransactionNumber),
  sort: Type.Optional(Sort),
  ...PageQuery,
});
