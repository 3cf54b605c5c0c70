import { Type } from 'typebox';
import { Text, Whole } from '../http/shapes.ts';

/** Shapes that stock and redemptions say as the store does. */

export const CostFen = Type.Integer({
  minimum: 0,
  maximum: 10_000_000_000,
  description: 'Cost per piece, in fen.',
  examples: [3510],
});
/** Goods of one price list, or of one offer. */
export const goodsMax = 2_000;
export const Points = (description: string) => Whole(description, { minimum: 1, maximum: 100_000 });

export const DecisionNote = Text(200, 'Reason for the decision.', '数量与送货单不符');
export const Rejection = Type.Object(
  { note: DecisionNote },
  { title: 'Rejection', additionalProperties: false, examples: [{ note: '数量与送货单不符' }] },
);
