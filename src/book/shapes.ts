import { Type } from 'typebox';
import { exampleId, OneOf, VillageCode } from '../http/shapes.ts';

/** Shapes of the book that checkpoints and exports say as it does. */

export const BookNumber = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Transaction number; `0` stands for the empty book.',
  examples: [18412],
});
export const TransactionNumber = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of the transaction in the village’s book.',
  examples: [18412],
});
export const AccountNumber = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: 'Number of the account in the village’s book.',
  examples: [4],
});
export const AccountCode = Type.String({
  maxLength: 150,
  description: 'Code of the account in the chart of accounts.',
  examples: [`household:${exampleId}:available`],
});
export const AssetCode = Type.String({
  pattern: '^(PTS|HON|MIN|CNY|SKU:[0-9a-f-]{36})$',
  maxLength: 40,
  description:
    'Asset of the amount: spendable points (`PTS`), honour points (`HON`), service minutes (`MIN`), fen (`CNY`) or pieces of goods (`SKU:…`).',
  examples: ['PTS'],
});
export const Digest = Type.String({
  maxLength: 64,
  description: 'SHA-256 digest in lowercase hex.',
  examples: ['43f939b9badb65d01baeae866ec13ea32d2d4ea7024cb6a9724342afbe55ca61'],
});
export const Kind = Type.String({
  pattern: '^[A-Za-z]{1,40}$',
  maxLength: 40,
  description: 'Type of business event.',
  examples: ['award'],
  'x-extensible-enum': ['award', 'redemption', 'redemptionHold', 'redemptionFulfil', 'stockReceipt', 'reversal'],
});
export const Cause = Type.String({
  maxLength: 200,
  description: 'Reference to what the transaction was posted for. Unique within its kind, permanently.',
  examples: [`award:${exampleId}`],
});
export const Memo = Type.String({
  maxLength: 1000,
  description: 'Free-text note. Contains no personal names.',
  examples: ['第一组清扫'],
});
export const RuleCode = Type.String({
  maxLength: 100,
  description: 'Code of the rule the points were awarded under.',
  examples: ['A01'],
});
export const Purpose = OneOf(
  ['available', 'pending', 'held', 'base', 'honour', 'arrears'],
  'Which of the household’s accounts to read.',
);
export const TransactionParams = Type.Object({ village: VillageCode, transaction: TransactionNumber });
