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

const Sort = OneOf(['-number', 'number'], 'Sort order: newest first, or in book order.');

export const Book = Type.Object(
  {
    number: BookNumber,
    headHash: Digest,
    accounts: Whole('Number of accounts in the book.', { maximum: 2_147_483_647 }),
  },
  { title: 'Book' },
);

export const Account = Type.Object(
  {
    number: AccountNumber,
    code: AccountCode,
    asset: AssetCode,
    floor: Nullable(Sum('Lowest balance the account may reach; `null` for sources and sinks.')),
    balance: Sum('Balance after the last entry.'),
    entries: Whole('Number of entries on the account.', { maximum: Number.MAX_SAFE_INTEGER }),
  },
  { title: 'Account' },
);
export const AccountPage = PageOf(Account, 'AccountPage');
export const AccountParams = Type.Object({ village: VillageCode, account: AccountNumber });
export const AccountListQuery = Type.Object({
  householdId: Type.Optional(Id('Return only accounts of this household.')),
  prefix: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9:-]+$',
      minLength: 1,
      maxLength: 150,
      description: 'Return only accounts whose code starts with this prefix.',
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
    seq: Whole('Sequence number of the entry on its account, without gaps.', { maximum: Number.MAX_SAFE_INTEGER }),
    transactionNumber: TransactionNumber,
    line: Whole('Line number within the transaction.', { minimum: 1, maximum: 32_767 }),
    kind: Kind,
    amount: Sum('Signed amount: positive if received, negative if paid out.'),
    balance: Sum('Account balance after the entry.'),
    counterAccountCode: AccountCode,
    businessDate: Day('Business date of the transaction.'),
    occurredAt: Instant('When the event happened.'),
    postedAt: Instant('When the transaction was posted.'),
    cause: Cause,
    memo: Nullable(Memo),
    ruleCode: Nullable(RuleCode),
  },
  { title: 'Entry' },
);
export const EntryPage = PageOf(Entry, 'EntryPage');
const entryPeriod = {
  axis: Type.Optional(
    OneOf(
      ['posted', 'occurred'],
      'Which timestamp `from` and `to` apply to: when the transaction was posted, or when the event happened.',
    ),
  ),
  from: Type.Optional(Instant('Start of the range, inclusive.')),
  to: Type.Optional(Instant('End of the range, exclusive.')),
};
export const EntryListQuery = Type.Object({ sort: Type.Optional(Sort), ...entryPeriod, ...PageQuery });
export const BalanceQuery = Type.Object({
  through: Type.Optional(BookNumber),
  postedAt: Type.Optional(Instant('Return the balance as the book stood at this instant.')),
  occurredAt: Type.Optional(
    Instant(
      'Return the balance of everything that had happened by this instant and counts for that day or an earlier one, whenever it was recorded.',
    ),
  ),
});
export const Balance = Type.Object(
  {
    accountNumber: AccountNumber,
    code: AccountCode,
    asset: AssetCode,
    balance: Sum('Balance of the account.'),
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
    amount: Whole('Amount transferred.', { minimum: 1, maximum: 10_000_000_000 }),
  },
  { title: 'Transfer' },
);
const transaction = {
  village: VillageCode,
  number: TransactionNumber,
  id: Id('ID of the transaction.'),
  kind: Kind,
  cause: Cause,
  businessDate: Day('Business date of the transaction.'),
  occurredAt: Instant('When the event happened. It can be before the business date.'),
  postedAt: Instant('When the transaction was posted. Never earlier than the previous transaction.'),
  actorId: Id('ID of the user or device that caused the transaction.'),
  approverId: Nullable(Id('ID of the second person who approved it, if any.')),
  reverses: Nullable(TransactionNumber),
  memo: Nullable(Memo),
  frozen: Type.Record(Type.String({ maxLength: 300 }), Type.String({ maxLength: 1000 }), {
    description: 'Terms the transaction was posted on: rule and rate, prices, use of limits.',
    examples: [{ ruleCode: 'A01', unitPoints: '5' }],
  }),
  transfers: Type.Array(Transfer, { maxItems: 32_767, description: 'Transfers of the transaction, in order.' }),
  leafHash: Digest,
  hash: Digest,
};
const Transaction = Type.Object(transaction, { title: 'Transaction' });
export const TransactionDetail = Type.Object(
  {
    ...transaction,
    balances: Type.Record(Type.String({ maxLength: 200 }), Sum('Balance after the transaction.'), {
      description: 'Balance of each account the transaction touched, keyed by account code and asset.',
      examples: [{ 'issued PTS': -5 }],
    }),
    reversedBy: Nullable(TransactionNumber),
  },
  { title: 'TransactionDetail' },
);
export const TransactionPage = PageOf(Transaction, 'TransactionPage');
export const TransactionListQuery = Type.Object({
  kind: Type.Optional(Kind),
  businessFrom: Type.Optional(Day('Start of the business date range, inclusive.')),
  businessTo: Type.Optional(Day('End of the business date range, exclusive.')),
  fromNumber: Type.Optional(TransactionNumber),
  sort: Type.Optional(Sort),
  ...PageQuery,
});
